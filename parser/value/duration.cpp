// SPDX-License-Identifier: Apache-2.0
// Durations of both dialects. Scanned by hand: ten lines each, and a configuration has thousands.
#include <array>
#include <limits>

#include "parser/value/value.hpp"

namespace weir::value {

namespace {

using std::chrono::milliseconds;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

struct Unit {
    std::string_view name;
    std::int64_t length;  // milliseconds
};

// From large to small; a later unit must stand further down than an earlier one.
constexpr std::array<Unit, 8> nginx_units{{{"y", 31536000000},
                                           {"M", 2592000000},
                                           {"w", 604800000},
                                           {"d", 86400000},
                                           {"h", 3600000},
                                           {"m", 60000},
                                           {"s", 1000},
                                           {"ms", 1}}};
constexpr std::size_t first_below_month = 2;
constexpr std::size_t no_more_units = 8;

Unexpected<std::string> not_nginx(NginxTime precision) {
    return Unexpected{std::string(precision == NginxTime::seconds
                                      ? "a time in seconds such as 30s, 1h30m or 2d"
                                      : "a duration such as 30s, 500ms or 1h30m")};
}

// Index of the unit at the head of `rest`; npos when there is none.
std::size_t nginx_unit_at(std::string_view rest) {
    if (rest.starts_with("ms")) return 7;
    for (std::size_t i = 0; i < 7; ++i)
        if (rest.starts_with(nginx_units[i].name)) return i;
    return std::string_view::npos;
}

bool add_product(std::int64_t& total, std::int64_t value, std::int64_t factor) {
    std::int64_t product = 0;
    return !__builtin_mul_overflow(value, factor, &product) &&
           !__builtin_add_overflow(total, product, &total);
}

}  // namespace

Parsed<milliseconds> parse_nginx_duration(std::string_view text, NginxTime precision) {
    std::int64_t total = 0;
    std::int64_t value = 0;
    bool seen_digit = false;
    // Directives with milliseconds do not know months and years; those in seconds know no "ms".
    std::size_t next_unit = precision == NginxTime::seconds ? 0 : first_below_month;
    while (!text.empty()) {
        char c = text.front();
        if (is_digit(c)) {
            if (value > (largest - (c - '0')) / 10) return not_nginx(precision);
            value = value * 10 + (c - '0');
            seen_digit = true;
            text.remove_prefix(1);
            continue;
        }
        std::size_t unit = 0;
        if (c == ' ') {  // ends a bare number of seconds; no unit may follow it
            if (next_unit > 6) return not_nginx(precision);
            unit = 6;
            next_unit = no_more_units;
        } else {
            unit = nginx_unit_at(text);
            if (unit == std::string_view::npos || unit < next_unit ||
                (unit == 7 && precision == NginxTime::seconds))
                return not_nginx(precision);
            next_unit = unit + 1;
            text.remove_prefix(nginx_units[unit].name.size());
        }
        if (!add_product(total, value, nginx_units[unit].length)) return not_nginx(precision);
        value = 0;
        while (text.starts_with(' ')) text.remove_prefix(1);
    }
    if (!seen_digit || !add_product(total, value, 1000)) return not_nginx(precision);
    return milliseconds(total);
}

std::size_t haproxy_duration_extent(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && is_digit(text[at])) ++at;
    auto rest = text.substr(at);
    if (rest.starts_with("us") || rest.starts_with("ms")) return at + 2;
    return rest.empty() ? at : at + 1;
}

Parsed<milliseconds> parse_haproxy_duration(std::string_view text) {
    constexpr std::int64_t most = 2147483647;
    auto wrong = [] {
        return Unexpected{std::string("a duration such as 30s, 500ms or 10m (no unit: milliseconds)")};
    };
    std::int64_t value = 0;
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
        if (value > largest / 100) return Unexpected{std::string("at most 2147483647 ms (24 days)")};
        value = value * 10 + (text[at] - '0');
    }
    if (at == 0) return wrong();
    auto unit = text.substr(at);
    std::int64_t factor = 1;
    if (unit.starts_with("us")) {
        value = (value + 999) / 1000;
    } else if (!unit.empty() && !unit.starts_with("ms")) {
        switch (unit.front()) {
            case 's': factor = 1000; break;
            case 'm': factor = 60000; break;
            case 'h': factor = 3600000; break;
            case 'd': factor = 86400000; break;
            default: return wrong();
        }
    }
    std::int64_t total = 0;
    if (!add_product(total, value, factor) || total > most)
        return Unexpected{std::string("at most 2147483647 ms (24 days)")};
    return milliseconds(total);
}

}  // namespace weir::value
