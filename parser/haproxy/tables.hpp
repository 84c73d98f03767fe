// SPDX-License-Identifier: Apache-2.0
// The row tables of HAProxy's language, file by file. What weir runs stands beside the code that
// runs it; what it refuses or ignores for now stands in keywords_other*.cpp. No name stands twice
// in one place over all tables (tests/meta).
#pragma once

#include <vector>

#include "parser/keyword/keyword.hpp"

namespace weir::haproxy {

// Rows with code behind them.
std::vector<keyword::Table> own_tables();
// keywords_other*.cpp: every other name of the language.
std::vector<keyword::Table> other_tables();
// Both, in this order.
std::vector<keyword::Table> all_tables();

}  // namespace weir::haproxy
