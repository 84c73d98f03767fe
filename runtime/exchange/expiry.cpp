// SPDX-License-Identifier: Apache-2.0
// Expires and Cache-Control of an answer (expires).
#include <charconv>
#include <ctime>
#include <optional>

#include "runtime/exchange/exchange.hpp"

namespace weir::exchange {

namespace {

using How = ir::ReplyFields::Expiry::How;

// The next time that the clock shows so many seconds after midnight, local time.
std::int64_t next_time_of_day(std::int64_t now, std::int64_t of_day) {
    std::time_t time = now;
    std::tm date{};
    ::localtime_r(&time, &date);
    date.tm_hour = static_cast<int>(of_day / 3600);
    date.tm_min = static_cast<int>(of_day % 3600 / 60);
    date.tm_sec = static_cast<int>(of_day % 60);
    date.tm_isdst = -1;
    auto at = std::mktime(&date);
    if (at > now) return at;
    ++date.tm_mday;
    return std::mktime(&date);
}

}  // namespace

void Exchange::apply_expiry() {
    const auto* expiry = route_->reply_fields->expiry;
    std::optional<ir::ReplyFields::Expiry> computed;
    if (expiry->how == How::computed) {
        computed = ir::read_expiry(route_->reply_fields->expires.render(subject_));
        // "modified" is a word of the directive, not of a value.
        const auto& start = expiry->value.pieces.front();
        const bool from_file = !start.expr && start.literal.starts_with("modified ");
        if (!computed || computed->how == How::off || (computed->how == How::from_file) != from_file) return;
        expiry = &*computed;
    }
    auto put = [&](std::string_view expires, std::string_view control) {
        reply_.fields.set(arena_, "Expires", expires);
        reply_.fields.set(arena_, "Cache-Control", control);
    };
    if (expiry->how == How::epoch) return put("Thu, 01 Jan 1970 00:00:01 GMT", "no-cache");
    if (expiry->how == How::longest)
        return put("Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000");
    auto now = worker_.loop.wall_ms() / 1000;
    auto until = now + expiry->time.count();
    if (expiry->how == How::daily) until = next_time_of_day(now, expiry->time.count());
    if (expiry->how == How::from_file) {
        auto modified = modified_;
        if (const auto* field = reply_.fields.find(http::FieldId::last_modified); field && modified < 0)
            modified = http::parse_date(field->value);
        if (modified >= 0) until = modified + expiry->time.count();
    }
    if (expiry->time.count() < 0 || until < now) return put(http::format_date(until, arena_), "no-cache");
    char digits[32] = "max-age=";
    auto end = std::to_chars(digits + 8, digits + sizeof digits, until - now).ptr;
    put(http::format_date(until, arena_), arena_.copy({digits, static_cast<std::size_t>(end - digits)}));
}

}  // namespace weir::exchange
