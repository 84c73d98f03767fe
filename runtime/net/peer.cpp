// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/peer.hpp"

#include <arpa/inet.h>
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

bool parse_ip(std::string_view text, IpAddress& ip) {
    char copy[INET6_ADDRSTRLEN] = {};
    ip = {};
    // inet_pton would stop at a NUL and call the rest well.
    if (text.empty() || text.size() >= sizeof copy || text.find('\0') != text.npos) return false;
    std::memcpy(copy, text.data(), text.size());
    if (inet_pton(AF_INET, copy, ip.bytes) == 1) ip.family = IpAddress::Family::v4;
    else if (inet_pton(AF_INET6, copy, ip.bytes) == 1) ip.family = IpAddress::Family::v6;
    return ip.family != IpAddress::Family::none;
}

}  // namespace weir::net
