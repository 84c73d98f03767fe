// SPDX-License-Identifier: Apache-2.0
// Cheap random numbers for the choice of servers; seeded once per process, not for secrets.
#pragma once

#include <cstdint>

namespace weir::pool {

std::uint32_t random_bits();

}  // namespace weir::pool
