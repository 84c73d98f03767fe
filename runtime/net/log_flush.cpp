// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/log_flush.hpp"

#include <memory>

namespace weir::net {

void flush_logs_each_turn(Loop& loop, log::LogSinks& sinks) {
    auto timer = std::make_shared<Timer>();
    // Waking up is all: the end of that turn flushes.
    timer->fire = [](Timer&) {};
    loop.on_turn_end([&loop, &sinks, timer] {
        auto due = sinks.flush(loop.now());
        if (due != log::no_deadline && due != timer->deadline()) loop.arm(*timer, due);
    });
}

}  // namespace weir::net
