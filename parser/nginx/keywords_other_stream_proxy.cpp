// SPDX-License-Identifier: Apache-2.0
// Directives of the TCP and UDP proxy:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "proxy_bind_dynamic", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "proxy_downstream_buffer", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Sets the buffer for data from the client, an old spelling of proxy_buffer_size."},
    {.name = "proxy_session_drop", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .since = "1.15.8", .support = not_yet(),
     .summary = "Ends sessions with a server that was removed or marked as failed."},
    {.name = "proxy_socket_rcvbuf", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's receive buffer of connections to TCP or UDP servers."},
    {.name = "proxy_socket_sndbuf", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's send buffer of connections to TCP or UDP servers."},
    {.name = "proxy_ssl_key_log", .where = stream | stream_server, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to TCP or UDP servers to a file, for "
         "debugging."},
    {.name = "proxy_upstream_buffer", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Sets the buffer for data from the server, an old spelling of proxy_buffer_size."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_proxy_tables() { return {rows}; }

}  // namespace weir::nginx::other
