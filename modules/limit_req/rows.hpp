// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "parser/keyword/keyword.hpp"

namespace weir::modules::limit_req {

keyword::Table nginx_rows();   // keywords.cpp

}  // namespace weir::modules::limit_req
