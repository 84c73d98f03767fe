// SPDX-License-Identifier: Apache-2.0
// The modules of weir in the order their filters run, and the rows they add to the languages. A new
// module is a folder with its rows, its conf struct and its filter or service, and a line in all.cpp.
#pragma once

#include "parser/load.hpp"
#include "runtime/filter/filter.hpp"

namespace weir::modules {

filter::Modules all();
// For load_config().
ModuleRows rows();

}  // namespace weir::modules
