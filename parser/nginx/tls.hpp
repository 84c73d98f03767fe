// SPDX-License-Identifier: Apache-2.0
// TLS to clients: what a server { } with ssl_* comes to when it is complete, and what its listeners
// need of all their servers.
#pragma once

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// The TLS of the block, which becomes its own, with nginx's defaults.
ir::TlsProfile& tls_profile_of(keyword::Scope& scope);
// A file that a directive names, relative to the folder of the main file. Null, and an error, when it
// cannot be read: cannot load WHAT "x".
ir::File read_tls_file(keyword::Scope& scope, const keyword::Argument& argument, std::string_view what);

// keywords_ocsp.cpp, for finish_tls(): what goes with the certificates of a server, and what is asked
// about those of its clients.
void finish_ocsp(Block& block);

// At the end of a server: certificates and keys belong together.
void finish_tls(Block& block);
// When all is read: every listener with ssl needs a certificate to show.
void check_tls_listeners(Run& run);

}  // namespace weir::nginx
