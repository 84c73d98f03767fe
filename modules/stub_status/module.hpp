// SPDX-License-Identifier: Apache-2.0
// nginx's stub_status: a few counters of the process as plain text. Exporters scan it word by word,
// so its blanks count. The directive itself stands in parser/nginx.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::modules::stub_status {

const filter::Module& module();

}  // namespace weir::modules::stub_status
