// SPDX-License-Identifier: Apache-2.0
// What has changed on disk since a configuration was read, as changes of it. A certificate and a key that
// do not fit together yet are left out, both; others are not held up by them.
#pragma once

#include <string>
#include <vector>

#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"

namespace weir::process {

struct Renewal {
    std::vector<Amendment> changes;     // none: the files hold what the configuration has
    std::vector<std::string> refused;   // what stays as it was, and why; a line for each reason
};
// `paths`: files of TLS of that configuration.
Renewal renew(const ir::Config& running, const std::vector<std::string>& paths, World& world);

}  // namespace weir::process
