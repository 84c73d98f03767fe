// SPDX-License-Identifier: Apache-2.0
// Addresses and endpoints as text, for messages, logs and `weir ir`.
#include <arpa/inet.h>
#include <fmt/format.h>

#include "parser/ir/listener.hpp"
#include "parser/ir/log.hpp"

namespace weir::ir {

std::string to_string(const IpAddress& address) {
    if (address.family == IpAddress::Family::none) return "none";
    char text[INET6_ADDRSTRLEN] = {};
    ::inet_ntop(address.family == IpAddress::Family::v6 ? AF_INET6 : AF_INET, address.bytes, text,
                sizeof text);
    return text;
}

std::string to_string(const Endpoint& endpoint) {
    if (endpoint.is_unix()) return "unix:" + endpoint.path;
    if (endpoint.descriptor >= 0) return fmt::format("fd@{}", endpoint.descriptor);
    const char* form = endpoint.ip.family == IpAddress::Family::v6 ? "[{}]:{}" : "{}:{}";
    return fmt::format(fmt::runtime(form), to_string(endpoint.ip), endpoint.port);
}

bool same_place(const LogTarget& a, const LogTarget& b) {
    return a.kind == b.kind && a.path == b.path && a.descriptor == b.descriptor;
}

}  // namespace weir::ir
