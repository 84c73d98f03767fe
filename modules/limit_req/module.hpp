// SPDX-License-Identifier: Apache-2.0
// nginx's limit_req: how many requests per second there may be of one key; those over it wait or are
// refused.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::limit_req {

const filter::Module& module();

}  // namespace weir::modules::limit_req
