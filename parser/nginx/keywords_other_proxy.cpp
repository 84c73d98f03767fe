// SPDX-License-Identifier: Apache-2.0
// Directives of the HTTP proxy:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "proxy_allow_upstream", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a HTTP server."},
    {.name = "proxy_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "proxy_pass", .where = limit_except, .args = count(1, 1), .support = not_yet(),
     .summary = "Sends requests to a HTTP server or to a group of them."},
    {.name = "proxy_pass_trailers", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.27.2", .support = not_yet(),
     .summary = "Passes trailer fields of the server's answer to the client."},
    {.name = "proxy_request_dynamic", .where = http | server | location,
     .args = count(0, unbounded), .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Allows the HTTP request to be created anew for each server tried."},
    {.name = "proxy_socket_rcvbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's receive buffer of connections to HTTP servers."},
    {.name = "proxy_socket_sndbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's send buffer of connections to HTTP servers."},
    {.name = "proxy_ssl_key_log", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to HTTP servers to a file, for debugging."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> proxy_tables() { return {rows}; }

}  // namespace weir::nginx::other
