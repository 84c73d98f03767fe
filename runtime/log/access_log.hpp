// SPDX-License-Identifier: Apache-2.0
// The way of a finished access line into its sink: severities as HAProxy's `log` line bounds them.
// What the line says is made by route/eval; `access_log ... if=` has been asked before.
#pragma once

#include <string_view>

#include "parser/ir/log.hpp"
#include "runtime/log/log_sink.hpp"

namespace weir::log {

// A log that may want its lines under another severity than its own (option log-separate-errors)
// gives it; -1 = AccessLog::level. `path` is the evaluated LogTarget::dynamic_path, empty without.
void write_access_line(LogSinks& sinks, const ir::AccessLog& log, std::string_view line,
                       int severity = -1, std::string_view path = {});

}  // namespace weir::log
