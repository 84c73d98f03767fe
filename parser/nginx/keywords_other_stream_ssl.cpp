// SPDX-License-Identifier: Apache-2.0
// Directives of TLS in stream:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_alpn", .where = stream | stream_server, .args = count(1, unbounded),
     .since = "1.21.4", .support = not_yet(),
     .summary = "Lists the protocols offered to clients in the TLS handshake."},
    {.name = "ssl_certificate", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(), .summary = "Names the certificate file of the server."},
    {.name = "ssl_certificate_cache", .where = stream | stream_server, .args = count(1, 3),
     .fallback = "off", .since = "1.27.4", .support = not_yet(),
     .summary = "Keeps certificates and keys named by variables in memory."},
    {.name = "ssl_certificate_compression", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .since = "1.29.1", .support = not_yet(),
     .summary = "Compresses certificates in the TLS handshake."},
    {.name = "ssl_certificate_key", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(), .summary = "Names the private key file of the server."},
    {.name = "ssl_ciphers", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "HIGH:!aNULL:!MD5", .support = not_yet(),
     .summary = "Lists the ciphers allowed to clients."},
    {.name = "ssl_client_certificate", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.11.8", .support = not_yet(),
     .summary = "Names the authorities of client certificates, whose names are sent to clients."},
    {.name = "ssl_conf_command", .where = stream | stream_server, .args = count(2, 2),
     .since = "1.19.4", .support = not_yet(),
     .summary = "Passes a configuration command to OpenSSL."},
    {.name = "ssl_crl", .where = stream | stream_server, .args = count(1, 1), .since = "1.11.8",
     .support = not_yet(), .summary = "Names the file of revoked client certificates."},
    {.name = "ssl_dhparam", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(), .summary = "Names the file with parameters for DHE ciphers."},
    {.name = "ssl_ecdh_curve", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "auto", .support = not_yet(), .summary = "Lists the curves for ECDHE ciphers."},
    {.name = "ssl_ech_file", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.29.4", .support = not_yet(),
     .summary = "Names a key file for encrypted client hello."},
    {.name = "ssl_handshake_timeout", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "60s", .support = not_yet(), .summary = "Limits the time of a TLS handshake."},
    {.name = "ssl_key_log", .where = stream | stream_server, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of client connections to a file, for debugging."},
    {.name = "ssl_ocsp", .where = stream | stream_server, .args = count(1, 1), .fallback = "off",
     .since = "1.27.2", .support = not_yet(), .summary = "Checks client certificates by OCSP."},
    {.name = "ssl_ocsp_cache", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "off", .since = "1.27.2", .support = not_yet(),
     .summary = "Declares the cache of OCSP answers for client certificates."},
    {.name = "ssl_ocsp_responder", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Sets the OCSP responder for client certificates."},
    {.name = "ssl_password_file", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(), .summary = "Names the file with passphrases of the private keys."},
    {.name = "ssl_prefer_server_ciphers", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .support = not_yet(),
     .summary = "Prefers the server's order of ciphers to the client's."},
    {.name = "ssl_protocols", .where = stream | stream_server, .args = count(1, unbounded),
     .fallback = "TLSv1.2 TLSv1.3", .support = not_yet(),
     .summary = "Lists the TLS versions allowed to clients."},
    {.name = "ssl_reject_handshake", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .since = "1.25.5", .support = not_yet(),
     .summary = "Refuses TLS handshakes for names of this server."},
    {.name = "ssl_session_cache", .where = stream | stream_server, .args = count(1, 2),
     .fallback = "none", .support = not_yet(), .summary = "Declares the cache of TLS sessions."},
    {.name = "ssl_session_ticket_key", .where = stream | stream_server, .args = count(1, 1),
     .support = not_yet(), .summary = "Names a file with a key of session tickets."},
    {.name = "ssl_session_tickets", .where = stream | stream_server, .args = {flag()},
     .fallback = "on", .support = not_yet(), .summary = "Allows session tickets."},
    {.name = "ssl_session_timeout", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "5m", .support = not_yet(),
     .summary = "Sets how long a TLS session may be resumed."},
    {.name = "ssl_stapling", .where = stream | stream_server, .args = {flag()}, .fallback = "off",
     .since = "1.27.2", .support = not_yet(),
     .summary = "Sends OCSP answers with the certificate."},
    {.name = "ssl_stapling_file", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.27.2", .support = not_yet(), .summary = "Takes the OCSP answer from a file."},
    {.name = "ssl_stapling_responder", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Sets the OCSP responder for the server's certificate."},
    {.name = "ssl_stapling_verify", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .since = "1.27.2", .support = not_yet(),
     .summary = "Checks the OCSP answers that are sent."},
    {.name = "ssl_trusted_certificate", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.11.8", .support = not_yet(),
     .summary = "Names authorities whose names are not sent to clients."},
    {.name = "ssl_verify_client", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "off", .since = "1.11.8", .support = not_yet(),
     .summary = "Asks clients for a certificate."},
    {.name = "ssl_verify_depth", .where = stream | stream_server, .args = count(1, 1),
     .fallback = "1", .since = "1.11.8", .support = not_yet(),
     .summary = "Limits the length of client certificate chains."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_ssl_tables() { return {rows}; }

}  // namespace weir::nginx::other
