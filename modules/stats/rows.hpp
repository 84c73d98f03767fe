// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parser/keyword/keyword.hpp"
#include "runtime/filter/filter.hpp"

namespace weir::modules::stats {

keyword::Table haproxy_rows();   // keywords.cpp
filter::Commands commands();     // commands.cpp

}  // namespace weir::modules::stats
