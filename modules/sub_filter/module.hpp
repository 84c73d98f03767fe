// SPDX-License-Identifier: Apache-2.0
// nginx's sub_filter: replaces texts in the bodies of answers.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::sub_filter {

const filter::Module& module();
keyword::Table nginx_rows();   // keywords.cpp

}  // namespace weir::modules::sub_filter
