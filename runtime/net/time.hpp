// SPDX-License-Identifier: Apache-2.0
// Times of a configuration as the loop counts them: one conversion for everybody who waits.
#pragma once

#include "parser/ir/settings.hpp"
#include "runtime/net/timer.hpp"

namespace weir::net {

// ms; no limit is never.
inline Time time_of(ir::Milliseconds time) { return time == ir::no_limit ? never : time.count(); }
// When it is over, from `now` on.
inline Time after(Time now, ir::Milliseconds time) {
    return time == ir::no_limit ? never : now + time.count();
}

}  // namespace weir::net
