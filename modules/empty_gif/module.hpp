// SPDX-License-Identifier: Apache-2.0
// nginx's empty_gif: a transparent image of one pixel. The directive itself stands in parser/nginx.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::empty_gif {

const filter::Module& module();

}  // namespace weir::modules::empty_gif
