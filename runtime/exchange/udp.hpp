// SPDX-License-Identifier: Apache-2.0
// UDP sessions of a stream site (nginx: listen ... udp). A session is a client address on a listener;
// it lives until it has been silent for proxy_timeout or has had its proxy_responses.
#pragma once

#include "runtime/exchange/connection.hpp"

namespace weir::exchange {

// Takes what waits in the socket; makes sessions as needed.
void receive_datagrams(plan::Worker& worker, Acceptor& acceptor);

}  // namespace weir::exchange
