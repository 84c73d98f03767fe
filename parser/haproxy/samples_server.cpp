// SPDX-License-Identifier: Apache-2.0
// Sample fetches of the connection to the server, of TLS on it, and of what became of a connection that
// brought no request. What one of TLS yields is an ir::TlsFact, as in samples_tls.cpp.
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/haproxy/tls_samples.hpp"

namespace weir::haproxy {

namespace {

using F = ir::TlsFact;
using ir::Fetch;
using keyword::opt;
using keyword::word;


constexpr keyword::Signature name_arg{opt(word("name"))};
constexpr keyword::Signature delimiter_arg{opt(word("delimiter"))};
constexpr Contexts after = in::responses | in::log_format;

constexpr Keyword text(std::string_view name, F fact, std::string_view summary, keyword::Signature args = {},
                       keyword::Apply apply = nullptr) {
    return fetch(name, Fetch::server_tls_text, after, summary, args, static_cast<std::int64_t>(fact), apply);
}
constexpr Keyword number(std::string_view name, F fact, std::string_view summary) {
    return fetch(name, Fetch::server_tls_number, after, summary, {}, static_cast<std::int64_t>(fact));
}
constexpr Keyword flag(std::string_view name, F fact, std::string_view summary) {
    auto row = fetch(name, Fetch::server_tls_number, after, summary, {}, static_cast<std::int64_t>(fact), lower_flag);
    row.type = ir::Type::boolean;
    return row;
}

constexpr auto rows = sorted({
    fetch("bc_reused", Fetch::server_reused, after, "True when the connection to the server carried requests before."),
    fetch("cook_cnt", Fetch::cookie_count, in::requests, "Short for req.cook_cnt.", name_arg),
    fetch("fc_err", Fetch::client_fault, in::session_on, "Number of what ended the client's connection early; 0: nothing."),
    fetch("fc_err_str", Fetch::client_fault_text, in::session_on, "The same in words."),
    fetch("req.cook_cnt", Fetch::cookie_count, in::requests, "Number of cookies (of that name).", name_arg),
    fetch("req.cook_names", Fetch::cookie_names, in::requests, "Names of the cookies.", delimiter_arg),
    fetch("res.cook_cnt", Fetch::response_cookie_count, in::responses, "Number of cookies set (of that name).", name_arg),
    fetch("res.cook_names", Fetch::response_cookie_names, in::responses, "Names of the cookies set.", delimiter_arg),
    fetch("res.fhdr_cnt", Fetch::response_header_full_count, in::responses, "Number of fields.", name_arg),
    fetch("scook_cnt", Fetch::response_cookie_count, in::responses, "Older name of res.cook_cnt.", name_arg),
    fetch("srv_id", Fetch::server_id, after, "Number of the server."),
    fetch("ssl_fc_err", Fetch::client_tls_fault, in::session_on, "OpenSSL's number of what was wrong in the handshake."),
    fetch("ssl_fc_err_str", Fetch::client_tls_fault_text, in::session_on, "The same in words."),
    flag("ssl_bc", F::there, "True over TLS, of the connection to the server."),
    number("ssl_bc_alg_keysize", F::cipher_bits, "Key size of the cipher, of the connection to the server."),
    text("ssl_bc_alpn", F::alpn, "Protocol agreed by ALPN, of the connection to the server."),
    text("ssl_bc_cipher", F::cipher, "Cipher in use, of the connection to the server."),
    text("ssl_bc_client_random", F::client_random, "Random bytes of the client, of the connection to the server."),
    text("ssl_bc_curve", F::group, "Curve of the key exchange, of the connection to the server."),
    flag("ssl_bc_is_resumed", F::resumed, "True when the session was resumed, of the connection to the server."),
    text("ssl_bc_protocol", F::protocol, "Version of TLS in use, of the connection to the server."),
    text("ssl_bc_server_random", F::server_random, "Random bytes of the server, of the connection to the server."),
    text("ssl_bc_session_id", F::session_id, "Id of the TLS session, of the connection to the server."),
    text("ssl_bc_session_key", F::session_key, "Master key of the TLS session, of the connection to the server."),
    text("ssl_bc_sni", F::server_name, "Name that was asked for, of the connection to the server."),
    text("ssl_bc_unique_id", F::unique_id, "Unique id of the TLS connection, of the connection to the server."),
    number("ssl_bc_use_keysize", F::used_bits, "Key size in use, of the connection to the server."),
    text("ssl_s_chain_der", F::chain_der, "Chain of certificates in DER form, of the server's certificate."),
    text("ssl_s_der", F::der, "Certificate in DER form, of the server's certificate."),
    text("ssl_s_i_dn", F::issuer, "Name of the issuer, of the server's certificate.", name_arguments, lower_name),
    text("ssl_s_key_alg", F::key_algorithm, "Algorithm of the key, of the server's certificate."),
    text("ssl_s_notafter", F::end, "End of validity, of the server's certificate."),
    text("ssl_s_notbefore", F::start, "Start of validity, of the server's certificate."),
    text("ssl_s_s_dn", F::subject, "Name of the subject, of the server's certificate.", name_arguments, lower_name),
    text("ssl_s_serial", F::serial, "Serial number, of the server's certificate."),
    text("ssl_s_sha1", F::sha1, "SHA1 fingerprint, of the server's certificate."),
    text("ssl_s_sig_alg", F::signature_algorithm, "Algorithm of the signature, of the server's certificate."),
    number("ssl_s_version", F::version, "Version, of the server's certificate."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table server_sample_table() { return rows; }

}  // namespace weir::haproxy
