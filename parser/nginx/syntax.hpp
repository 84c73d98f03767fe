// SPDX-License-Identifier: Apache-2.0
// parse_file: text of one nginx.conf to directives. Knows quotes, escapes, comments, braces; knows
// no directive. Every problem goes to the sink; what could be read comes back in any case, so that
// the checks after it find their own problems in the same run.
#pragma once

#include <vector>

#include "parser/base/diag.hpp"
#include "parser/nginx/ast.hpp"

namespace weir::nginx {

std::vector<ast::Directive> parse_file(FileId file, const SourceMap& sources, ast::Arena& arena,
                                       diag::Sink& sink);

}  // namespace weir::nginx
