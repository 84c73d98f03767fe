// SPDX-License-Identifier: Apache-2.0
// Values computed from traffic: $variables and the "a$b" texts made of them.
#pragma once

#include <optional>
#include <string_view>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// Names of variables do not tell upper from lower case.
std::string variable_name(std::string_view word);

// True when nginx has a variable of that name here, which set, map and their like may not define.
bool is_built_in(Block& block, std::string_view name);

// The value of a variable; reports an unknown one. `name` is without the '$'.
std::optional<ir::Expr> make_variable(Block& block, std::string_view name, Span span);

// How the values of a text are written.
struct TextStyle {
    ir::Text::Escape escape = ir::Text::Escape::none;
    std::string_view if_missing;
};
// "a$b${c}" as a template. `span` is that of the word; problems are reported at their place in it.
ir::Text make_text(Block& block, std::string_view text, Span span, TextStyle style = {});

// True when the text has a '$'.
inline bool has_variables(std::string_view text) { return text.find('$') != text.npos; }

// A text as one value: a literal, one variable or a concatenation.
ir::Expr make_value(ir::Text text);

}  // namespace weir::nginx
