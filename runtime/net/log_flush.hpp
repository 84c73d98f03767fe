// SPDX-License-Identifier: Apache-2.0
// Writes log lines out at the end of every turn of the loop, and makes a turn when lines that wait
// (access_log ... flush=, a place that was slow) are due although nothing else happens.
#pragma once

#include "runtime/log/log_sink.hpp"
#include "runtime/net/loop.hpp"

namespace weir::net {

// Once per loop; `sinks` outlives it.
void flush_logs_each_turn(Loop& loop, log::LogSinks& sinks);

}  // namespace weir::net
