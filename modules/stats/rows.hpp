// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::modules::stats {

keyword::Table haproxy_rows();   // keywords.cpp

}  // namespace weir::modules::stats
