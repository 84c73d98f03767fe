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
    {.name = "http2", .where = http | server, .args = {flag()}, .fallback = "off",
     .since = "1.25.1", .support = not_yet(),
     .summary = "Allows HTTP/2 on the server's addresses."},
    {.name = "http2_body_preread_size", .where = http | server, .args = count(1, 1),
     .fallback = "64k", .since = "1.11.0", .support = not_yet(),
     .summary = "Sets how much of a request body is taken before it is asked for."},
    {.name = "http2_chunk_size", .where = http | server | location, .args = count(1, 1),
     .fallback = "8k", .support = ignored("weir sizes frames by what is ready"),
     .summary = "Sets the largest piece of a body in one frame."},
    {.name = "http2_idle_timeout", .where = http | server, .args = count(1, 1), .fallback = "3m",
     .support = refused("use keepalive_timeout"),
     .summary = "Sets when an idle HTTP/2 connection is closed."},
    {.name = "http2_max_concurrent_pushes", .where = http | server, .args = count(1, 1),
     .fallback = "10", .since = "1.13.9",
     .support = ignored("server push is gone from HTTP clients and from weir"),
     .summary = "Limits pushes at one time."},
    {.name = "http2_max_concurrent_streams", .where = http | server, .args = count(1, 1),
     .fallback = "128", .support = not_yet(),
     .summary = "Limits the requests at one time on an HTTP/2 connection."},
    {.name = "http2_max_field_size", .where = http | server, .args = count(1, 1), .fallback = "4k",
     .support = refused("use large_client_header_buffers"),
     .summary = "Limits a compressed request field."},
    {.name = "http2_max_header_size", .where = http | server, .args = count(1, 1),
     .fallback = "16k", .support = refused("use large_client_header_buffers"),
     .summary = "Limits the request head after decompression."},
    {.name = "http2_max_requests", .where = http | server, .args = count(1, 1), .fallback = "1000",
     .since = "1.11.6", .support = refused("use keepalive_requests"),
     .summary = "Limits the requests of one HTTP/2 connection."},
    {.name = "http2_pool_size", .where = http | server, .args = count(1, 1),
     .support = ignored("weir takes memory from its own pools"),
     .summary = "Sets the memory pool of an HTTP/2 stream."},
    {.name = "http2_push", .where = http | server | location, .args = count(1, 1),
     .fallback = "off", .since = "1.13.9",
     .support = ignored("server push is gone from HTTP clients and from weir"),
     .summary = "Sends a resource before it is asked for."},
    {.name = "http2_push_preload", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.13.9",
     .support = ignored("server push is gone from HTTP clients and from weir"),
     .summary = "Pushes what Link fields name."},
    {.name = "http2_recv_buffer_size", .where = http, .args = count(1, 1), .fallback = "256k",
     .support = ignored("weir takes buffers from its own pools"),
     .summary = "Sets the receive buffer of a worker for HTTP/2."},
    {.name = "http2_recv_timeout", .where = http | server, .args = count(1, 1), .fallback = "30s",
     .support = refused("use client_header_timeout"),
     .summary = "Limits the wait for data on an HTTP/2 connection."},
    {.name = "http2_streams_index_size", .where = http | server, .args = count(1, 1),
     .support = ignored("weir sizes its tables by itself"),
     .summary = "Sets the size of the index of HTTP/2 streams."},
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
    {.name = "ssl_ocsp", .where = http | server, .args = count(1, 1), .fallback = "off",
     .since = "1.19.0", .support = not_yet(), .summary = "Checks client certificates by OCSP."},
    {.name = "ssl_ocsp_cache", .where = http | server, .args = count(1, 1), .fallback = "off",
     .since = "1.19.0", .support = not_yet(),
     .summary = "Declares the cache of OCSP answers for client certificates."},
    {.name = "ssl_ocsp_responder", .where = http | server, .args = count(1, 1), .since = "1.19.0",
     .support = not_yet(), .summary = "Sets the OCSP responder for client certificates."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> tls_tables() { return {rows}; }

}  // namespace weir::nginx::other
