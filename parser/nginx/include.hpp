// SPDX-License-Identifier: Apache-2.0
// expand_includes: puts the directives of included files in the place of each include. Works on the
// tree, so that include is allowed in every block and rows never see it.
#pragma once

#include <vector>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// Reads the file into `run.sources` and parses it, its includes expanded. A file that cannot be read
// is reported at `included_at` (or nowhere, for the main file).
std::vector<ast::Directive> read_file(Run& run, const std::string& path, Span included_at);

// The same for text that is already a source (-g).
void expand_includes(Run& run, std::vector<ast::Directive>& directives);

}  // namespace weir::nginx
