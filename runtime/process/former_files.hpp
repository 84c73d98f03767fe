// SPDX-License-Identifier: Apache-2.0
// Certificates, keys and what else of TLS the running configuration holds: a reload need not read again
// what is still the same (nginx: ssl_object_cache_inheritable), and what changed can be taken without one.
#pragma once

#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "runtime/process/follower.hpp"

namespace weir::process {

// Those whose stamp is known, for a later configuration that names them again. Views into `config`.
FormerFiles former_tls_files(const ir::Config& config);
// Those whose changes are to be taken as they come, each once, by path.
std::vector<Follower::File> followed_files(const ir::Config& config);

// Whether the master has to be able to change the configuration while it runs.
bool keeps_sources(const ir::Config& config);

}  // namespace weir::process
