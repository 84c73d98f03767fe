// SPDX-License-Identifier: Apache-2.0
// What expressions see of the address that a socket gives for one of its ends.
#pragma once

#include "runtime/net/peer.hpp"
#include "runtime/route/context.hpp"

namespace weir::exchange {

inline route::Address address_of(const sockaddr_storage& from) {
    const auto peer = net::peer_of(from);
    route::Address address;
    address.ip = peer.ip;
    address.port = peer.port;
    address.is_unix = peer.ip.family == IpAddress::Family::none;
    return address;
}

}  // namespace weir::exchange
