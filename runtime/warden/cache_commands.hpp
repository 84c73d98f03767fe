// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket about caches: show cache, and clear cache, which is weir's own.
#pragma once

#include "runtime/filter/command.hpp"

namespace weir::warden {

filter::Commands cache_commands();

}  // namespace weir::warden
