// SPDX-License-Identifier: Apache-2.0
// H2Padding: frames on their way in, with one fault of peers mended. Text in Huffman's code is filled up
// with ones to a whole byte. RFC 7541 section 5.2 has a decoder refuse more than that; some encoders add
// a byte of ones where nothing was left to fill, nginx takes it, and nghttp2 ends the connection. Exactly
// this byte is taken out here; any longer padding stays the error that it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::http {

class H2Padding {
public:
    // `skip`: bytes before the first frame (the preface of a client).
    explicit H2Padding(std::uint32_t skip) : skip_(skip) {}

    // Gives what is to be read to `feed` (bool(std::string_view)), in order. What is not whole yet is
    // kept for the next call. False: feed() said so.
    template <class Feed>
    bool pass(std::string_view bytes, Feed&& feed) {
        std::string_view part;
        for (next(bytes); take(part);)
            if (!feed(part)) return false;
        return true;
    }
    // A head has begun and is not whole.
    [[nodiscard]] bool holds() const { return !held_.empty(); }

private:
    void next(std::string_view bytes);
    bool take(std::string_view& part);
    bool mend(std::string_view frames);

    std::uint32_t skip_;        // bytes that pass unseen: the preface, bodies
    std::string held_;          // the beginning of a frame
    std::string joined_;
    std::string mended_, block_;
    std::string_view rest_;
};

}  // namespace weir::http
