// SPDX-License-Identifier: Apache-2.0
// How the bytes of a value are written into a log line, a header field or JSON. A text that needs
// no escape comes back as it is.
#pragma once

#include <string_view>

#include "parser/ir/expr.hpp"
#include "runtime/base/arena.hpp"

namespace weir::route {

std::string_view escape(std::string_view text, ir::Text::Escape how, Arena& arena);
// HAProxy: request lines and targets ('"', '#' and what is not printable as #XX), captured fields
// ('{', '|', '}' as well).
std::string_view escape_target(std::string_view text, Arena& arena);
std::string_view escape_captured(std::string_view text, Arena& arena);
// %XX: what may not stand in a path as it is; in one part of a path; in an argument of a query.
std::string_view escape_path(std::string_view text, Arena& arena);
std::string_view escape_segment(std::string_view text, Arena& arena);
std::string_view escape_argument(std::string_view text, Arena& arena);
// &lt; and the like, for text and attributes.
std::string_view escape_html(std::string_view text, Arena& arena);

}  // namespace weir::route
