// SPDX-License-Identifier: Apache-2.0
// Who the client is when a proxy that is believed came between (ir::RealAddress): the address that
// the proxy tells in a field of the request or in its PROXY header.
#pragma once

#include "runtime/route/context.hpp"

namespace weir::route {

// ::ffff:192.0.2.1 is in IPv4 networks, too.
bool is_in_network(const IpAddress& ip, const IpAddress& network, unsigned bits);

// Whether what this peer says about addresses counts.
bool is_trusted(const ir::RealAddress& rules, const Address& peer);

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"; port 0 where none is given.
bool parse_told_address(std::string_view text, Address& address);

// The address that `list` ("client, proxy1, proxy2") gives for a connection from `peer`: its last
// one, or with RealAddress::recursive the last that is not trusted itself. False: the peer is not
// believed, or there is no address. What was looked at is taken off the list.
bool find_told_address(const ir::RealAddress& rules, std::string_view& list, Address& peer);

// Gives the subject another client where the rules say so. At most once per request.
void take_real_address(const ir::RealAddress& rules, Subject& subject);

}  // namespace weir::route
