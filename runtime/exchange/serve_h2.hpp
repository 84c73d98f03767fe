// SPDX-License-Identifier: Apache-2.0
// HTTP/2 on a client's connection: whether it is spoken there, and serving it.
#pragma once

#include <string_view>

#include "runtime/exchange/connection.hpp"

namespace weir::exchange {

// The listener, or the site that answers first there, takes HTTP/2 beside HTTP/1; and nothing else
// (HAProxy proto h2, or TLS has settled on it).
bool may_speak_h2(const Connection& connection);
bool must_speak_h2(const Connection& connection);

// What the first bytes of a connection are (RFC 9113 section 3.4); open: too few to tell.
enum class Beginning : std::uint8_t { http1, http2, open };
Beginning beginning_of(std::string_view bytes);

// Until the connection is to be closed, which the caller does.
net::Task<void> serve_h2(Connection& connection);

}  // namespace weir::exchange
