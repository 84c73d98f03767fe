// SPDX-License-Identifier: Apache-2.0
// Addresses as nginx writes them: of listen, of servers in upstream and of proxy_pass.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

struct HostPort {
    std::string host;                // name or address, without brackets; "" for "*" and unix
    std::uint16_t port = 0;
    std::uint16_t last_port = 0;     // of a range "8000-8010"; else port
    bool has_port = false;
    bool any_host = false;           // "*" or no host at all
    std::string path;                // of a Unix socket
};

// "host", "host:port", "[v6]:port", "*:port", "port" (listen only), "unix:path". The error completes
// a message: "invalid port in \"...\"".
Expected<HostPort, std::string> parse_host_port(std::string_view text, bool is_listen);

// What a host stands for: itself when it is an address, else what the name resolves to. Empty when it
// does not resolve (which is reported as a warning, the server then starts down) or when names are
// left out (--offline).
std::vector<IpAddress> addresses_of(Block& block, const std::string& host, Span span);

}  // namespace weir::nginx
