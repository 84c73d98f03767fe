// SPDX-License-Identifier: Apache-2.0
// The little of an HTTP/1 head that load and back-end must know: where it ends and one field.
// Not a parser: both peers are our own programs behind a proxy that has to send valid messages.
#pragma once

#include <strings.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::bench {

/// Length of the head with its empty line, or nothing while it is incomplete.
inline std::optional<std::size_t> find_head_end(std::string_view bytes) {
    auto const place = bytes.find("\r\n\r\n");
    if (place == std::string_view::npos) return std::nullopt;
    return place + 4;
}

/// Value of the first field with this name (any case), without the blanks around it.
inline std::optional<std::string_view> find_field(std::string_view head, std::string_view name) {
    for (auto line = head.find('\n'); line != std::string_view::npos; line = head.find('\n')) {
        head.remove_prefix(line + 1);
        if (head.size() <= name.size() || head[name.size()] != ':') continue;
        if (::strncasecmp(head.data(), name.data(), name.size()) != 0) continue;
        auto value = head.substr(name.size() + 1, head.find('\r') - name.size() - 1);
        while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
        while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
        return value;
    }
    return std::nullopt;
}

inline std::optional<std::uint64_t> find_length(std::string_view head) {
    auto const value = find_field(head, "content-length");
    std::uint64_t length = 0;
    if (!value) return std::nullopt;
    auto const end = value->data() + value->size();
    if (std::from_chars(value->data(), end, length).ptr != end) return std::nullopt;
    return length;
}

inline bool says_close(std::string_view head) {
    auto const value = find_field(head, "connection");
    return value && value->size() == 5 && ::strncasecmp(value->data(), "close", 5) == 0;
}

}  // namespace weir::bench
