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
    {.name = "proxy_ssl", .where = stream | stream_server, .args = {flag()}, .fallback = "off",
     .support = not_yet(), .summary = "Uses TLS on connections to the servers."},
    {.name = "proxy_ssl_alpn", .where = stream | stream_server, .args = count(1, unbounded),
     .since = "1.31.0", .support = not_yet(),
     .summary = "Lists the protocols offered to the server in the TLS handshake."},
    {.name = "proxy_ssl_certificate", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Names the client certificate that is shown to a TCP or UDP server over TLS."},
    {.name = "proxy_ssl_certificate_cache", .where = stream | stream_server, .args = count(1, 3),
     .fallback = "off", .since = "1.27.4", .support = not_yet(),
     .summary = "Keeps client certificates and keys named by variables in memory."},
    {.name = "proxy_ssl_certificate_key", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Names the private key of the client certificate for TCP or UDP servers."},
    {.name = "proxy_ssl_ciphers", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "DEFAULT", .support = not_yet(),
     .summary = "Lists the ciphers allowed on TLS connections to TCP or UDP servers."},
    {.name = "proxy_ssl_conf_command", .where = stream | stream_server, .args = count(2, 2),
     .since = "1.19.4", .support = not_yet(),
     .summary = "Passes a configuration command to OpenSSL for connections to TCP or UDP servers."},
    {.name = "proxy_ssl_crl", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Names the file of revoked certificates against which TCP or UDP servers are "
         "checked."},
    {.name = "proxy_ssl_key_log", .where = stream | stream_server, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to TCP or UDP servers to a file, for "
         "debugging."},
    {.name = "proxy_ssl_name", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Sets the name that is checked in the TCP or UDP server's certificate and sent as "
         "SNI."},
    {.name = "proxy_ssl_password_file", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Names the file with passphrases of the client certificate's key."},
    {.name = "proxy_ssl_protocols", .where = stream | stream_server, .args = count(1, unbounded),
     .fallback = "TLSv1.2 TLSv1.3", .support = not_yet(),
     .summary = "Lists the TLS versions allowed towards TCP or UDP servers."},
    {.name = "proxy_ssl_server_name", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .support = not_yet(),
     .summary = "Sends the server's name in the TLS handshake (SNI)."},
    {.name = "proxy_ssl_session_reuse", .where = stream | stream_server, .args = {flag()},
     .fallback = "on", .support = not_yet(),
     .summary = "Resumes TLS sessions with TCP or UDP servers."},
    {.name = "proxy_ssl_trusted_certificate", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Names the authorities by which certificates of TCP or UDP servers are checked."},
    {.name = "proxy_ssl_verify", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .support = not_yet(),
     .summary = "Checks the certificate of a TCP or UDP server."},
    {.name = "proxy_ssl_verify_depth", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "1", .support = not_yet(),
     .summary = "Limits the length of the certificate chain of a TCP or UDP server."},
    {.name = "proxy_upstream_buffer", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(),
     .summary = "Sets the buffer for data from the server, an old spelling of proxy_buffer_size."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_proxy_tables() { return {rows}; }

}  // namespace weir::nginx::other
