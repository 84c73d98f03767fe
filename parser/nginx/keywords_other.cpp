// SPDX-License-Identifier: Apache-2.0
// Directives that weir knows by name and does not run yet.
#include "parser/nginx/tables.hpp"

namespace weir::nginx {

std::span<const keyword::Table> other_keywords() { return {}; }

}  // namespace weir::nginx
