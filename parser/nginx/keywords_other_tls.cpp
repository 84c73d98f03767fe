// SPDX-License-Identifier: Apache-2.0
// Directives of TLS, HTTP/2 and HTTP/3 on the client side:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "http3", .where = http | server, .args = {flag()}, .fallback = "on",
     .support = not_yet(), .summary = "Allows HTTP/3 on the server's QUIC addresses."},
    {.name = "http3_hq", .where = http | server, .args = {flag()}, .fallback = "off",
     .support = not_yet(), .summary = "Allows the HTTP/0.9 test protocol over QUIC."},
    {.name = "http3_max_concurrent_streams", .where = http | server, .args = count(1, 1),
     .fallback = "128", .support = not_yet(),
     .summary = "Limits the requests at one time on an HTTP/3 connection."},
    {.name = "http3_stream_buffer_size", .where = http | server, .args = count(1, 1),
     .fallback = "64k", .support = not_yet(), .summary = "Sets the buffer of a QUIC stream."},
    {.name = "quic_active_connection_id_limit", .where = http | server, .args = count(1, 1),
     .fallback = "2", .support = not_yet(),
     .summary = "Sets how many connection ids a QUIC peer may issue."},
    {.name = "quic_gso", .where = http | server, .args = {flag()}, .fallback = "off",
     .support = not_yet(), .summary = "Sends several QUIC packets in one call."},
    {.name = "quic_host_key", .where = http | server, .args = count(1, 1), .support = not_yet(),
     .summary = "Names the file with the secret for QUIC tokens."},
    {.name = "quic_retry", .where = http | server, .args = {flag()}, .fallback = "off",
     .support = not_yet(), .summary = "Validates the client's address before a QUIC connection."},
    {.name = "ssl", .where = http | server, .args = {flag()}, .fallback = "off",
     .support = refused("write \"ssl\" on the listen directive"),
     .summary = "Turns on TLS for the whole server."},
    {.name = "ssl_certificate_compression", .where = http | server, .args = {flag()},
     .fallback = "off", .since = "1.29.1", .support = not_yet(),
     .summary = "Compresses certificates in the TLS handshake."},
    {.name = "ssl_ech_file", .where = http | server, .args = count(1, 1), .since = "1.29.4",
     .support = not_yet(), .summary = "Names a key file for encrypted client hello."},
    {.name = "ssl_key_log", .where = http | server, .args = count(0, unbounded), .since = "1.27.2",
     .support = not_yet(),
     .summary = "Writes the TLS secrets of client connections to a file, for debugging."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> tls_tables() { return {rows}; }

}  // namespace weir::nginx::other
