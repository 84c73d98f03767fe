// SPDX-License-Identifier: Apache-2.0
// The address that a socket gives for one of its ends, in neutral form.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string_view>

#include "parser/base/source_set.hpp"

namespace weir::net {

struct Peer {
    IpAddress ip;  // none: a Unix socket
    std::uint16_t port = 0;
};
// A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d, and so do both anchors wherever they print
// one; networks of IPv4 match it all the same (route/match).
Peer peer_of(const sockaddr_storage& from);
// "192.0.2.1", "2001:db8::1". False: it is no address.
bool parse_ip(std::string_view text, IpAddress& ip);

}  // namespace weir::net
