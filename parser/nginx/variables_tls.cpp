// SPDX-License-Identifier: Apache-2.0
// Variables of TLS towards clients: rows alone.
#include "parser/nginx/contexts.hpp"
#include "parser/nginx/tables.hpp"

namespace weir::nginx {

namespace {

using context::http;
using context::stream;
using ir::Fetch;
using keyword::Keyword;
using F = ir::TlsFact;

constexpr std::uint16_t code(Fetch fetch) { return static_cast<std::uint16_t>(fetch); }
constexpr std::int64_t fact(F which) { return static_cast<std::int64_t>(which); }

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_alpn_protocol", .where = http | stream, .since = "1.21.4", .summary = "Protocol agreed on in the TLS handshake.",
     .code = code(Fetch::tls_alpn)},
    {.name = "ssl_cipher", .where = http | stream, .summary = "Cipher of the TLS connection.",
     .code = code(Fetch::tls_cipher)},
    {.name = "ssl_ciphers", .where = http | stream, .since = "1.11.7", .summary = "Ciphers that the client offers.",
     .code = code(Fetch::tls_text), .number = fact(F::cipher_list)},
    {.name = "ssl_client_cert", .where = http | stream, .summary = "Certificate of the client, lines indented by a tab.",
     .code = code(Fetch::tls_text), .number = fact(F::pem_with_tabs)},
    {.name = "ssl_client_escaped_cert", .where = http | stream, .since = "1.13.5", .summary = "Certificate of the client, URL-encoded.",
     .code = code(Fetch::tls_text), .number = fact(F::pem_escaped)},
    {.name = "ssl_client_fingerprint", .where = http | stream, .since = "1.7.1", .summary = "SHA1 fingerprint of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::fingerprint_hex)},
    {.name = "ssl_client_i_dn", .where = http | stream, .since = "1.11.6", .summary = "Issuer of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::issuer_2253)},
    {.name = "ssl_client_i_dn_legacy", .where = http, .summary = "Issuer of the client's certificate in the old notation.",
     .code = code(Fetch::tls_text), .number = fact(F::issuer_line)},
    {.name = "ssl_client_raw_cert", .where = http | stream, .summary = "Certificate of the client as it is.",
     .code = code(Fetch::tls_text), .number = fact(F::pem)},
    {.name = "ssl_client_s_dn", .where = http | stream, .since = "1.11.6", .summary = "Subject of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::subject_2253)},
    {.name = "ssl_client_s_dn_legacy", .where = http, .summary = "Subject of the client's certificate in the old notation.",
     .code = code(Fetch::tls_text), .number = fact(F::subject_line)},
    {.name = "ssl_client_serial", .where = http | stream, .summary = "Serial number of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::serial_hex)},
    {.name = "ssl_client_sigalg", .where = http | stream, .since = "1.29.3", .summary = "Signature algorithm of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::peer_signature_used)},
    {.name = "ssl_client_v_end", .where = http | stream, .since = "1.11.7", .summary = "End of validity of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::ends)},
    {.name = "ssl_client_v_remain", .where = http | stream, .since = "1.11.7", .summary = "Days until the client's certificate expires.",
     .code = code(Fetch::tls_text), .number = fact(F::days_left)},
    {.name = "ssl_client_v_start", .where = http | stream, .since = "1.11.7", .summary = "Start of validity of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::starts)},
    {.name = "ssl_client_verify", .where = http | stream, .summary = "Outcome of the check of the client's certificate.",
     .code = code(Fetch::tls_text), .number = fact(F::verdict)},
    {.name = "ssl_curve", .where = http | stream, .since = "1.21.5", .summary = "Curve used in the TLS key exchange.",
     .code = code(Fetch::tls_text), .number = fact(F::group)},
    {.name = "ssl_curves", .where = http | stream, .since = "1.11.7", .summary = "Curves that the client offers.",
     .code = code(Fetch::tls_text), .number = fact(F::group_list)},
    {.name = "ssl_early_data", .where = http, .since = "1.15.3", .summary = "\"1\" when the request came as early data.",
     .code = code(Fetch::tls_text), .number = fact(F::early_mark)},
    {.name = "ssl_protocol", .where = http | stream, .summary = "TLS version of the connection.",
     .code = code(Fetch::tls_protocol)},
    {.name = "ssl_server_name", .where = http | stream, .since = "1.7.0", .summary = "Name asked for in the TLS handshake.",
     .code = code(Fetch::tls_sni)},
    {.name = "ssl_session_id", .where = http | stream, .summary = "Id of the TLS session.",
     .code = code(Fetch::tls_text), .number = fact(F::session_id_hex)},
    {.name = "ssl_session_reused", .where = http | stream, .since = "1.5.11", .summary = "\"r\" when the TLS session was resumed, else \".\".",
     .code = code(Fetch::tls_text), .number = fact(F::reused_mark)},
    {.name = "ssl_sigalg", .where = http | stream, .since = "1.29.3", .summary = "Signature algorithm of the TLS handshake.",
     .code = code(Fetch::tls_text), .number = fact(F::signature_used)},
    {.name = "ssl_sigalgs", .where = http | stream, .summary = "Signature algorithms that the client offers.",
     .code = code(Fetch::tls_text), .number = fact(F::signature_list)},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table tls_variables() { return rows; }

}  // namespace weir::nginx
