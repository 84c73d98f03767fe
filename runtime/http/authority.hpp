// SPDX-License-Identifier: Apache-2.0
// host:port of a request: Host, :authority and absolute targets (RFC 3986 section 3.2). Strict,
// since sites, caches and servers behind weir all choose by it: no user information, no comma, no
// byte that a program could read as the end of the name.
#pragma once

#include <string_view>

namespace weir::http {

struct Authority {
    std::string_view host;  // with its brackets for an IPv6 address
    std::string_view port;  // digits, or empty
};

// Splits without checking: "a:80", "[::1]:80", "a".
Authority split_authority(std::string_view text);

// One host name or address, and at most one port of 0 to 65535 (which may be empty: "a:").
bool is_valid_authority(std::string_view text);

// Whether both name the same host and port; no port stands for the default one.
bool same_authority(std::string_view a, std::string_view b, std::string_view default_port);

}  // namespace weir::http
