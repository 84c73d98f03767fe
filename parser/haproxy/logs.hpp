// SPDX-License-Identifier: Apache-2.0
// "log" lines and what they share with other rows.
#pragma once

#include <optional>

#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

// The words after "log": address [len n] [format f] [sample r:n] facility [max [min]].
std::optional<ir::AccessLog> lower_log(Scope& scope, Args words);

// A file mode in octal; reports what is none.
std::optional<unsigned> read_mode(Scope& scope, const Argument& word);

}  // namespace weir::haproxy
