// SPDX-License-Identifier: Apache-2.0
// HAProxy's statistics page: a page for people, ;csv and ;json for programs.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::stats {

const filter::Module& module();

}  // namespace weir::modules::stats
