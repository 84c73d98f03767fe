// SPDX-License-Identifier: Apache-2.0
// Client certificates whose file names are computed (proxy_ssl_certificate with variables): read by
// the worker when it connects, as nginx does, with the rights of the worker.
#pragma once

#include <memory>
#include <string>

#include "runtime/plan/server_tls.hpp"

namespace weir::forward {

// The context with the certificate of this request; null when it cannot be made: then `problem`
// says why. What was read before is kept as the configuration says.
std::shared_ptr<const net::TlsContext> computed_context(const plan::ServerTls& tls,
                                                        route::Subject& subject,
                                                        std::string& problem);

}  // namespace weir::forward
