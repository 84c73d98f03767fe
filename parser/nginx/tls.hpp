// SPDX-License-Identifier: Apache-2.0
// TLS to clients: what a server { } with ssl_* comes to when it is complete, and what its listeners
// need of all their servers.
#pragma once

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// At the end of a server: certificates and keys belong together.
void finish_tls(Block& block);
// When all is read: every listener with ssl needs a certificate to show.
void check_tls_listeners(Run& run);

}  // namespace weir::nginx
