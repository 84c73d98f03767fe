// SPDX-License-Identifier: Apache-2.0
// Log targets as nginx writes them, and the formats that need no log_format.
#pragma once

#include <optional>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// A path, "stderr" or "syslog:server=...". `severity` receives syslog's severity= when given.
std::optional<ir::LogTarget> make_log_target(Block& block, const keyword::Call& call,
                                             const keyword::Argument& argument, int& severity);

// The combined format, and what is logged where the configuration says nothing.
ir::Text combined_format(Block& block);
void set_default_access_log(Block& http);
void set_default_error_log(Run& run);

}  // namespace weir::nginx
