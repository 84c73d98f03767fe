// SPDX-License-Identifier: Apache-2.0
// The condition of if ( ... ).
#pragma once

#include <optional>
#include <span>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// The words between "if" and "{", parentheses included.
std::optional<ir::Condition> make_condition(Block& block, const keyword::Call& call);

// A regex against a value; captures are kept for $1... Reports a regex that does not compile.
std::optional<ir::Condition> make_regex_test(Block& block, ir::Expr value, std::string_view regex,
                                             bool ignore_case, Span span);
// False, and reported, when the regex does not compile.
bool check_regex(Block& block, std::string_view regex, bool ignore_case, Span span);

}  // namespace weir::nginx
