// SPDX-License-Identifier: Apache-2.0
// Opening a connection to a server as the settings say: from which address, to which port, and with
// which PROXY header first. For requests (forward.cpp) and for sessions without HTTP (session.cpp).
#pragma once

#include <string>

#include "runtime/forward/failure.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/plan/plan.hpp"

namespace weir::forward {

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". False when it is none of these.
bool parse_source(std::string_view text, ir::Endpoint& source);

// The descriptor of a connection under way; -1 with errno when it failed at once. errno is
// EADDRNOTAVAIL when the address to connect from cannot be used or is none.
int connect_to(const pool::LiveServer& server, const plan::Forwarding& forwarding,
               route::Subject& subject, bool datagram = false);

// Waits until a connection stands (`deadline`: a time of the loop).
net::Task<Failure> wait_until_connected(net::Stream& stream, net::Time deadline, net::Watch* abort_when);

// Whether a connection may serve other clients later: not when something of this client went into it
// (a PROXY header, the port or the address it is from).
bool may_share_connection(const pool::LiveServer& server, const plan::Forwarding& forwarding);

// proxy_header.cpp: what is written before the first byte, also before a TLS handshake; empty when the
// server expects no PROXY header. `pool` (null: made while running) has the values that are computed.
std::string proxy_header(const pool::LiveServer& server, const plan::Forwarding& forwarding,
                         route::Subject& subject, const plan::Pool* pool);

}  // namespace weir::forward
