// SPDX-License-Identifier: Apache-2.0
// cache_status, weir's own: what the caches on disk hold and how often they answer, as JSON. The members are
// those of nginx's commercial API (http/caches), with entries, oldest_s and hit_ratio beside them. The directive
// itself stands in parser/nginx.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::cache_status {

const filter::Module& module();

}  // namespace weir::modules::cache_status
