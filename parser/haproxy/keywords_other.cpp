// SPDX-License-Identifier: Apache-2.0
// The rows of what weir does not run: none yet.
#include "parser/haproxy/tables.hpp"

namespace weir::haproxy {

std::vector<keyword::Table> other_tables() { return {}; }

}  // namespace weir::haproxy
