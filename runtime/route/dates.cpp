// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/dates.hpp"

#include <cstdio>
#include <ctime>

namespace weir::route {
namespace {

// Fixed English names: strftime would follow the locale.
constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

struct Kept {
    std::int64_t second = INT64_MIN;
    int size = 0;
    char text[64];
};

int write(char* to, std::size_t room, DateForm form, std::int64_t unix_seconds) {
    const std::time_t time = unix_seconds;
    std::tm tm{};
    const bool gmt = form == DateForm::gmt_clf || form == DateForm::http;
    if (gmt)
        gmtime_r(&time, &tm);
    else
        localtime_r(&time, &tm);
    const long offset = gmt ? 0 : tm.tm_gmtoff / 60;
    const char sign = offset < 0 ? '-' : '+';
    const int hours = static_cast<int>((offset < 0 ? -offset : offset) / 60);
    const int minutes = static_cast<int>((offset < 0 ? -offset : offset) % 60);
    const int year = tm.tm_year + 1900;
    switch (form) {
        case DateForm::local_clf:
        case DateForm::gmt_clf:
            return std::snprintf(to, room, "%02d/%s/%d:%02d:%02d:%02d %c%02d%02d", tm.tm_mday,
                                 months[tm.tm_mon], year, tm.tm_hour, tm.tm_min, tm.tm_sec, sign,
                                 hours, minutes);
        case DateForm::local_plain:
            return std::snprintf(to, room, "%02d/%s/%d:%02d:%02d:%02d", tm.tm_mday,
                                 months[tm.tm_mon], year, tm.tm_hour, tm.tm_min, tm.tm_sec);
        case DateForm::local_iso8601:
            return std::snprintf(to, room, "%d-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", year,
                                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, sign,
                                 hours, minutes);
        case DateForm::http:
            return std::snprintf(to, room, "%s, %02d %s %d %02d:%02d:%02d GMT", days[tm.tm_wday],
                                 tm.tm_mday, months[tm.tm_mon], year, tm.tm_hour, tm.tm_min,
                                 tm.tm_sec);
    }
    return 0;
}

}  // namespace

std::string_view date_text(DateForm form, std::int64_t unix_seconds) {
    static thread_local Kept kept[static_cast<int>(DateForm::http) + 1];
    Kept& one = kept[static_cast<int>(form)];
    if (one.second != unix_seconds) {
        one.size = write(one.text, sizeof one.text, form, unix_seconds);
        one.second = unix_seconds;
    }
    return {one.text, static_cast<std::size_t>(one.size)};
}

}  // namespace weir::route
