// SPDX-License-Identifier: Apache-2.0
// The parts of a TLS handshake with a client, for each other (client_tls.cpp, client_status.cpp).
#pragma once

#include <string_view>

#include "runtime/exchange/connection.hpp"
#include "runtime/log/error_log.hpp"

namespace weir::exchange {

// A line about the handshake, for the site's error log.
void note_handshake(const Connection& connection, const plan::Site& site, log::Level level, std::string_view text);

// Asks OCSP responders about the certificate that the client has shown, or looks at what they said
// before. Null: nothing stands against it; else what does, a literal.
net::Task<const char*> ask_about_client(Connection& connection, const plan::Site& site,
                                        const ir::TlsProfile::ClientStatus& rules);

}  // namespace weir::exchange
