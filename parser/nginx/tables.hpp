// SPDX-License-Identifier: Apache-2.0
// The row tables of the dialect. One function for each file of rows; keywords_other*.cpp and
// variables_other.cpp hold what weir knows and does not run yet. Rows with apply stand in the file
// of their area. A name may stand in two tables when their contexts do not meet.
#pragma once

#include <span>
#include <vector>

#include "parser/keyword/keyword.hpp"

namespace weir::nginx {

std::span<const keyword::Table> other_keywords();    // keywords_other.cpp
std::span<const keyword::Table> other_variables();   // variables_other.cpp

// Every table of the dialect without those of modules: directives, variables.
std::vector<keyword::Table> directive_tables();
std::vector<keyword::Table> variable_tables();

}  // namespace weir::nginx
