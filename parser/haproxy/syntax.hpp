// SPDX-License-Identifier: Apache-2.0
// The grammars of HAProxy's language behind plain functions: lines into words, and the small
// languages that live inside words. What the words mean is the business of rows and lower.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/haproxy/ast.hpp"

namespace weir::haproxy {

// Values of "$NAME" in weak quotes: the language resolves them while it cuts words.
class Variables {
public:
    virtual ~Variables() = default;
    // `name` may be a pseudo-variable such as ".LINE". None: not set.
    virtual std::optional<std::string> value(std::string_view name) = 0;
};

// A line that breaks a rule of quoting; the offsets count from the start of the source text.
struct LineProblem {
    std::size_t begin = 0, length = 0;
    std::string id, message, hint;
};

// Reads the line at `at` (its end is found here), appends its words to `document`, and moves `at`
// behind the line end. `source` is the whole text of the file, for spans.
ast::Line parse_line(const char*& at, std::string_view source, FileId file, Variables& variables,
                     ast::Document& document, std::vector<LineProblem>& problems);

// "path,lower" or "req.hdr(host),field(1,:)" at the start of `text`; what follows is not looked at.
Expected<ast::Chain, ast::Problem> parse_chain(std::string_view text);

// "%ci:%cp [%tr] %{+Q}r %[req.hdr(host)]".
Expected<std::vector<ast::FormatPiece>, ast::Problem> parse_log_format(std::string_view text);

// "defined(X) && !(streq(a,b) || 0)", the whole text.
Expected<ast::Conditional, ast::Problem> parse_conditional(std::string_view text);

}  // namespace weir::haproxy
