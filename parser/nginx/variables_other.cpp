// SPDX-License-Identifier: Apache-2.0
// Variables that weir knows by name and does not compute yet.
#include "parser/nginx/tables.hpp"

namespace weir::nginx {

std::span<const keyword::Table> other_variables() { return {}; }

}  // namespace weir::nginx
