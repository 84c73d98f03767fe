// SPDX-License-Identifier: Apache-2.0
// Bodies in another charset: tables of single bytes, or to and from UTF-8. Text comes in pieces of any
// size; a letter of UTF-8 may be cut by them.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>

#include "parser/ir/charset.hpp"
#include "runtime/http/body.hpp"

namespace weir::http {

// One direction of a map.
class Recoding {
public:
    Recoding(const ir::CharsetMap& map, bool backwards);
    Recoding(const Recoding&) = delete;
    Recoding& operator=(const Recoding&) = delete;
    [[nodiscard]] const std::string& from() const { return from_; }
    [[nodiscard]] const std::string& to() const { return to_; }
    // Every byte becomes one byte.
    [[nodiscard]] bool keeps_length() const { return kind_ == Kind::bytes; }

    // The beginning of a letter whose end has not come yet.
    struct State {
        char held[4] = {};
        std::uint8_t count = 0;
    };
    // Most bytes that so many become.
    [[nodiscard]] std::size_t most(std::size_t bytes) const { return keeps_length() ? bytes : (bytes + 4) * 10; }
    // Converts into `out` (room for most()); returns how many bytes that are. `last`: no letter goes on.
    std::size_t convert(std::string_view text, char* out, State& state, bool last) const;

private:
    enum class Kind : std::uint8_t { bytes, to_utf8, from_utf8 };
    char* from_letter(std::string_view letter, char* out) const;

    std::string from_, to_;
    Kind kind_ = Kind::bytes;
    std::array<std::string, 256> letters_;                  // by byte
    std::array<char, 256> bytes_{};
    std::unordered_map<std::string_view, char> known_;      // letters of UTF-8; views into letters_
};

class RecodingBody final : public BodySource {
public:
    RecodingBody(BodySource& inner, const Recoding& recoding) : inner_(inner), recoding_(recoding) {}
    bool ready(Piece& piece) override {
        if (!inner_.ready(piece)) return false;
        convert(piece);
        return true;
    }
    net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override {
        auto piece = co_await inner_.next(timeout, abort_when);
        convert(piece);
        co_return piece;
    }
    [[nodiscard]] bool ended() const override { return inner_.ended(); }
    [[nodiscard]] std::string_view trailers() const override { return inner_.trailers(); }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }

private:
    void convert(Piece& piece);

    BodySource& inner_;
    const Recoding& recoding_;
    Recoding::State state_;
    net::Buffer out_;
};

}  // namespace weir::http
