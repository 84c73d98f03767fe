// SPDX-License-Identifier: Apache-2.0
// Just enough of DER (X.690) to walk through a certificate or a key without decoding all of it.
#pragma once

#include <string>
#include <string_view>

namespace weir::net::der {

enum Tag : unsigned char {
    integer = 0x02, bits = 0x03, octets = 0x04, null = 0x05, object_id = 0x06, sequence = 0x30, set = 0x31,
    dns_name = 0x82, tagged_0 = 0xa0, tagged_1 = 0xa1, tagged_3 = 0xa3,
};

// What is left of a list of elements; each is taken off the front.
struct Elements {
    std::string_view rest;

    [[nodiscard]] bool next_is(unsigned char tag) const {
        return !rest.empty() && static_cast<unsigned char>(rest[0]) == tag;
    }
    // The content of the next element, whatever it is. False: the end, or nonsense.
    bool take(std::string_view& content) {
        if (rest.size() < 2) return false;
        auto size = static_cast<std::size_t>(static_cast<unsigned char>(rest[1]));
        std::size_t head = 2;
        if (size >= 0x80) {
            auto digits = size & 0x7f;
            if (digits == 0 || digits > 4 || rest.size() < 2 + digits) return false;
            size = 0;
            for (; head < 2 + digits; ++head) size = size << 8 | static_cast<unsigned char>(rest[head]);
        }
        if (size > rest.size() - head) return false;
        content = rest.substr(head, size);
        rest.remove_prefix(head + size);
        return true;
    }
    bool take(unsigned char tag, std::string_view& content) { return next_is(tag) && take(content); }
    bool skip(unsigned char tag) {
        std::string_view ignored;
        return take(tag, ignored);
    }
    // The element with its head.
    bool take_whole(unsigned char tag, std::string_view& element) {
        const auto before = rest;
        if (!skip(tag)) return false;
        element = before.substr(0, before.size() - rest.size());
        return true;
    }
};

}  // namespace weir::net::der
