// SPDX-License-Identifier: Apache-2.0
// Endpoint: where a socket is bound or connects to. NameServers: who knows the address of a name that
// comes up while running.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parser/base/source_set.hpp"

namespace weir::ir {

// path set: a Unix socket (a leading '@' = abstract). descriptor set (HAProxy bind fd@N): a listening
// socket that the process was started with.
struct Endpoint {
    IpAddress ip;
    std::uint16_t port = 0;
    std::string path;
    int descriptor = -1;
    [[nodiscard]] bool is_unix() const { return !path.empty(); }
    bool operator==(const Endpoint&) const = default;
};
// "127.0.0.1:80", "[::1]:80", "unix:/run/x.sock", "fd@3".
std::string to_string(const Endpoint& endpoint);
std::string to_string(const IpAddress& address);

// Name servers for names that come up while running: resolver. Without one such names are unknown.
struct NameServers {
    std::vector<Endpoint> list;
    bool of_system = false;              // instead: as the machine does (/etc/hosts, /etc/resolv.conf)
    bool ipv4 = true, ipv6 = true;       // which addresses are asked for
    std::optional<std::chrono::milliseconds> valid;   // how long an answer holds; none = as long as it says
    std::chrono::milliseconds timeout{30000};         // resolver_timeout
};

}  // namespace weir::ir
