// SPDX-License-Identifier: Apache-2.0
// lower_body: the directives of one block through their rows into IR. Called by load() for the main
// block and by the rows that open blocks (http, server, location, ...).
#pragma once

#include <span>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// Two passes, because nginx merges settings after it has read the whole parent: first the simple
// directives of the block, then its inner blocks, which inherit the completed settings.
void lower_body(Block& block, std::span<const ast::Directive> body);

// Finds what the directives of http or stream define (set, map, named groups of regexes) before
// anything is lowered: nginx lets a variable be used above the place that defines it.
void collect_definitions(Block& block, std::span<const ast::Directive> body);

}  // namespace weir::nginx
