// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/access_log.hpp"

#include <algorithm>

namespace weir::log {

void write_access_line(LogSinks& sinks, const ir::AccessLog& log, std::string_view line,
                       int severity, std::string_view path) {
    if (severity < 0) severity = log.level;
    if (severity > log.min_level) return;
    severity = std::max(severity, log.max_level);
    auto& sink = path.empty() ? sinks.find(log) : sinks.find_computed(path);
    sink.write(line, severity);
}

}  // namespace weir::log
