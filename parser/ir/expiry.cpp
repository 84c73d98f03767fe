// SPDX-License-Identifier: Apache-2.0
// Until when an answer may be kept, as text: at start, and for what variables say while running.
#include <charconv>

#include "parser/ir/settings.hpp"

namespace weir::ir {

namespace {

// "1h30m", "90", "-1d": seconds. Units from large to small, a bare number is seconds.
std::optional<std::chrono::seconds> read_time(std::string_view text) {
    bool negative = text.starts_with('-');
    if (negative) text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
    struct Unit {
        char letter;
        std::int64_t seconds;
    };
    static constexpr Unit units[] = {{'y', 31536000}, {'M', 2592000}, {'w', 604800}, {'d', 86400},
                                     {'h', 3600},     {'m', 60},      {'s', 1}};
    std::size_t next = 0;   // the largest unit that may still come
    std::int64_t total = 0;
    while (!text.empty()) {
        std::int64_t number = 0;
        auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (problem != std::errc() || number < 0 || number > 4000000000) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        char letter = text.empty() ? 's' : text.front();
        while (next < std::size(units) && units[next].letter != letter) ++next;
        if (next == std::size(units)) return std::nullopt;
        total += number * units[next++].seconds;
        if (!text.empty()) text.remove_prefix(1);
        while (text.starts_with(' ')) text.remove_prefix(1);
    }
    return std::chrono::seconds(negative ? -total : total);
}

}  // namespace

std::optional<ReplyFields::Expiry> read_expiry(std::string_view text) {
    using How = ReplyFields::Expiry::How;
    ReplyFields::Expiry expiry;
    constexpr std::string_view modified = "modified ";
    const bool from_file = text.starts_with(modified);
    if (from_file) text.remove_prefix(modified.size());
    if (text == "off") return expiry;
    if (text == "epoch" || text == "max") {
        expiry.how = text == "max" ? How::longest : How::epoch;
        return expiry;
    }
    expiry.how = from_file ? How::from_file : How::from_now;
    if (text.starts_with('@')) {
        if (from_file) return std::nullopt;
        expiry.how = How::daily;
        text.remove_prefix(1);
    }
    auto time = read_time(text);
    bool of_day = expiry.how == How::daily;
    if (!time || (of_day && (time->count() < 0 || time->count() > 86400))) return std::nullopt;
    expiry.time = *time;
    return expiry;
}

}  // namespace weir::ir
