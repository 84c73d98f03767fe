// SPDX-License-Identifier: Apache-2.0
// What stands in front of a line on its way to a log server: RFC 3164 as nginx and HAProxy write
// it, RFC 5424, and HAProxy's short forms.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parser/ir/log.hpp"

namespace weir::log {

// What the headers name besides the target.
struct Origin {
    std::string host;
    int process_id = 0;
};

// Appends header and line, cut to target.max_length, and the newline that HAProxy's formats end
// with.
void append_message(std::string& out, const ir::LogTarget& target, const Origin& origin,
                    int severity, std::int64_t wall_us, std::string_view line);

// "2026/11/21 06:00:00" of that second in local time, as nginx's error log has it.
std::string_view error_log_time(std::int64_t wall_us);

}  // namespace weir::log
