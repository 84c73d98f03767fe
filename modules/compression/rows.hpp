// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::modules::compression {

keyword::Table nginx_rows();     // nginx_keywords.cpp
keyword::Table haproxy_rows();   // haproxy_keywords.cpp

}  // namespace weir::modules::compression
