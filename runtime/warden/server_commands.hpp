// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket that change servers: state, weight, limit, health. They write to the
// board, where workers and checks see it; a reload keeps what they set.
#pragma once

#include "runtime/filter/command.hpp"

namespace weir::warden {

filter::Commands server_commands();

}  // namespace weir::warden
