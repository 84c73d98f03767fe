// SPDX-License-Identifier: Apache-2.0
// Addresses as HAProxy writes them: [family@]host[:port], sockets of the file system, ranges.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "parser/base/expected.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/listener.hpp"

namespace weir::haproxy {

struct Address {
    enum class Kind : std::uint8_t { inet, unix_path, abstract, descriptor } kind = Kind::inet;
    ir::Endpoint endpoint;  // ip and port, or path; the ip is unset with `host`
    std::string host;       // a name to look up
    bool any = false;       // "*", "" or "0.0.0.0"-like wildcards of both families
    bool has_port = false;
    bool offset = false;  // ":+80", ":-80": of the client's port
    int port_offset = 0;
    std::uint16_t last_port = 0;  // of a range; the first port when there is none
    int descriptor = -1;          // fd@N
    bool datagram = false;        // udp@
    IpAddress::Family family = IpAddress::Family::none;  // ipv4@, ipv6@
};

// "$NAME" and "${NAME}" in an address are replaced, also outside of quotes; unknown ones by nothing.
std::string with_environment(SourceSet& sources, std::string_view text);

// The error completes "expected ...".
Expected<Address, std::string> parse_address(std::string_view text);

}  // namespace weir::haproxy
