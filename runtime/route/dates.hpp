// SPDX-License-Identifier: Apache-2.0
// Dates as logs and headers show them. The text of the current second is kept per thread and
// format, so a busy worker formats each of them once per second.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::route {

enum class DateForm : std::uint8_t {
    local_clf,      // 21/Nov/2026:07:03:01 +0100
    gmt_clf,        // 21/Nov/2026:06:03:01 +0000
    local_plain,    // 21/Nov/2026:07:03:01
    local_iso8601,  // 2026-11-21T07:03:01+01:00
    http,           // Sat, 21 Nov 2026 06:03:01 GMT
};
// Valid until the next call for the same form on this thread.
std::string_view date_text(DateForm form, std::int64_t unix_seconds);

}  // namespace weir::route
