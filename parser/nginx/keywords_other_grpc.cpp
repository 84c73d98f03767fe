// SPDX-License-Identifier: Apache-2.0
// Directives of gRPC, memcached and tunnels:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "grpc_allow_upstream", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a gRPC server."},
    {.name = "grpc_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "grpc_request_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Allows the gRPC request to be created anew for each server tried."},
    {.name = "grpc_ssl_key_log", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to gRPC servers to a file, for debugging."},
    {.name = "memcached_allow_upstream", .where = http | server | location,
     .args = count(0, unbounded), .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a memcached server."},
    {.name = "memcached_bind", .where = http | server | location, .args = count(1, 2),
     .since = "0.8.22", .support = not_yet(),
     .summary = "Sets the local address from which connections to memcached servers are opened."},
    {.name = "memcached_bind_dynamic", .where = http | server | location,
     .args = count(0, unbounded), .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "memcached_buffer_size", .where = http | server | location, .args = count(1, 1),
     .fallback = "4k", .support = not_yet(),
     .summary = "Sets the size of the buffer that takes the first part of an answer from a "
         "memcached server."},
    {.name = "memcached_connect_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time to open a connection to a memcached server."},
    {.name = "memcached_gzip_flag", .where = http | server | location, .args = count(1, 1),
     .since = "1.3.6", .support = not_yet(),
     .summary = "Sets the memcached flag that marks a value as compressed with gzip."},
    {.name = "memcached_next_upstream", .where = http | server | location,
     .args = count(1, unbounded), .fallback = "error timeout", .support = not_yet(),
     .summary = "Lists the failures after which a request is tried on the next server."},
    {.name = "memcached_next_upstream_timeout", .where = http | server | location,
     .args = count(1, 1), .fallback = "0", .since = "1.7.5", .support = not_yet(),
     .summary = "Limits the time during which further servers may be tried."},
    {.name = "memcached_next_upstream_tries", .where = http | server | location,
     .args = count(1, 1), .fallback = "0", .since = "1.7.5", .support = not_yet(),
     .summary = "Limits how many servers may be tried for one request."},
    {.name = "memcached_pass", .where = location | if_in_location, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Sends requests to a memcached server or to a group of them."},
    {.name = "memcached_read_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time between two reads from a memcached server."},
    {.name = "memcached_send_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time between two writes to a memcached server."},
    {.name = "memcached_socket_keepalive", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.15.6", .support = not_yet(),
     .summary = "Turns on TCP keepalive probes on connections to memcached servers."},
    {.name = "tunnel_allow_upstream", .where = http | server | location,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a tunneled server."},
    {.name = "tunnel_bind", .where = http | server | location, .args = count(1, 2),
     .support = not_yet(),
     .summary = "Sets the local address from which connections to tunneled servers are opened."},
    {.name = "tunnel_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "tunnel_buffer_size", .where = http | server | location, .args = count(1, 1),
     .fallback = "16k", .support = not_yet(),
     .summary = "Sets the size of the buffer that takes the first part of an answer from a "
         "tunneled server."},
    {.name = "tunnel_connect_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time to open a connection to a tunneled server."},
    {.name = "tunnel_next_upstream", .where = http | server | location, .args = count(1, unbounded),
     .fallback = "error timeout", .support = not_yet(),
     .summary = "Lists the failures after which a request is tried on the next server."},
    {.name = "tunnel_next_upstream_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "0", .support = not_yet(),
     .summary = "Limits the time during which further servers may be tried."},
    {.name = "tunnel_next_upstream_tries", .where = http | server | location, .args = count(1, 1),
     .fallback = "0", .support = not_yet(),
     .summary = "Limits how many servers may be tried for one request."},
    {.name = "tunnel_pass", .where = server | location | if_in_location, .args = count(0, 1),
     .support = not_yet(), .summary = "Sends requests to a tunneled server or to a group of them."},
    {.name = "tunnel_read_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time between two reads from a tunneled server."},
    {.name = "tunnel_send_lowat", .where = http | server | location, .args = count(1, 1),
     .fallback = "0",
     .support = ignored("weir sends as the socket accepts and sets no low-water mark"),
     .summary = "Sets the least room in the send buffer before data is sent to the server."},
    {.name = "tunnel_send_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(),
     .summary = "Limits the time between two writes to a tunneled server."},
    {.name = "tunnel_socket_keepalive", .where = http | server | location, .args = {flag()},
     .fallback = "off", .support = not_yet(),
     .summary = "Turns on TCP keepalive probes on connections to tunneled servers."},
    {.name = "tunnel_socket_rcvbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's receive buffer of connections to tunneled servers."},
    {.name = "tunnel_socket_sndbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's send buffer of connections to tunneled servers."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> grpc_tables() { return {rows}; }

}  // namespace weir::nginx::other
