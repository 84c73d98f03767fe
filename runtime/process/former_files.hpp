// SPDX-License-Identifier: Apache-2.0
// Certificates, keys and what else of TLS the running configuration holds: a reload need not read again
// what is still the same (ssl_object_cache_inheritable).
#pragma once

#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"

namespace weir::process {

// Those whose stamp is known, for a later configuration that names them again. Views into `config`.
FormerFiles former_tls_files(const ir::Config& config);

}  // namespace weir::process
