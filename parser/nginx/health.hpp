// SPDX-License-Identifier: Apache-2.0
// health_check and match, which nginx sells.
#pragma once

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// Gives the check that the block asked for to the servers of the pool it forwards to.
void apply_health_check(Block& block);

}  // namespace weir::nginx
