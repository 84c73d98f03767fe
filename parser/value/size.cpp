// SPDX-License-Identifier: Apache-2.0
// Sizes in bytes and plain numbers of both dialects.
#include <limits>

#include "parser/value/value.hpp"

namespace weir::value {

namespace {

// Digits, then at most one of the suffixes; nullopt-like failure is the caller's phrase.
struct Scan {
    std::uint64_t value = 0;
    bool ok = false;
};

Scan scan_size(std::string_view text, std::string_view suffixes, std::uint64_t most) {
    Scan scan;
    std::size_t at = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
        if (__builtin_mul_overflow(scan.value, std::uint64_t{10}, &scan.value) ||
            __builtin_add_overflow(scan.value, static_cast<std::uint64_t>(text[at] - '0'),
                                   &scan.value))
            return scan;
    }
    if (at == 0) return scan;
    if (at < text.size()) {
        char suffix = text[at] >= 'A' && text[at] <= 'Z' ? static_cast<char>(text[at] + 32) : text[at];
        auto power = suffixes.find(suffix);
        if (power == std::string_view::npos || at + 1 != text.size()) return scan;
        if (__builtin_mul_overflow(scan.value, std::uint64_t{1} << (10 * (power + 1)), &scan.value))
            return scan;
    }
    scan.ok = scan.value <= most;
    return scan;
}

}  // namespace

Parsed<std::uint64_t> parse_nginx_size(std::string_view text, bool allow_g) {
    auto scan = scan_size(text, allow_g ? "kmg" : "km", std::numeric_limits<std::int64_t>::max());
    if (scan.ok) return scan.value;
    return Unexpected{std::string(allow_g ? "a size such as 512, 8k, 10m or 1g"
                                          : "a size such as 512, 8k or 10m")};
}

Parsed<std::uint64_t> parse_haproxy_size(std::string_view text) {
    auto scan = scan_size(text, "kmg", std::numeric_limits<std::uint32_t>::max());
    if (scan.ok) return scan.value;
    return Unexpected{std::string("a size such as 512, 16k, 10m or 1g, below 4g")};
}

Parsed<std::int64_t> parse_number(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    std::int64_t value = 0;
    bool ok = !text.empty();
    for (char c : text) {
        // Built up on the negative side, which reaches one further than the positive one.
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, std::int64_t{10}, &value) ||
            __builtin_sub_overflow(value, static_cast<std::int64_t>(c - '0'), &value)) {
            ok = false;
            break;
        }
    }
    if (!ok || (!negative && value == std::numeric_limits<std::int64_t>::min()))
        return Unexpected{std::string("a whole number")};
    return negative ? value : -value;
}

}  // namespace weir::value
