// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/peer.hpp"

#include <netinet/in.h>

#include <cstring>

namespace weir::net {

Peer peer_of(const sockaddr_storage& from) {
    Peer peer;
    if (from.ss_family == AF_INET) {
        const auto& inet = reinterpret_cast<const sockaddr_in&>(from);
        peer.ip.family = IpAddress::Family::v4;
        std::memcpy(peer.ip.bytes, &inet.sin_addr, 4);
        peer.port = ntohs(inet.sin_port);
    } else if (from.ss_family == AF_INET6) {
        const auto& inet = reinterpret_cast<const sockaddr_in6&>(from);
        peer.ip.family = IpAddress::Family::v6;
        std::memcpy(peer.ip.bytes, &inet.sin6_addr, 16);
        peer.port = ntohs(inet.sin6_port);
    }
    return peer;
}

}  // namespace weir::net
