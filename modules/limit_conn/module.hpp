// SPDX-License-Identifier: Apache-2.0
// nginx's limit_conn: how many requests (or stream sessions) of one key there may be at a time.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::limit_conn {

const filter::Module& module();

}  // namespace weir::modules::limit_conn
