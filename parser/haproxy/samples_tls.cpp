// SPDX-License-Identifier: Apache-2.0
// Sample fetches of TLS towards clients. What one yields is an ir::TlsFact; an argument of a name
// (entry, occurrence, format) stays as it is written.
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using F = ir::TlsFact;
using ir::Fetch;
using keyword::opt;
using keyword::word;

void lower_name(keyword::Scope& scope, const Call& call) {
    auto& text = own(scope).expr->text;
    for (const auto& argument : call.args) {
        if (&argument != &call.args[0]) text += ',';
        text += argument.text;
    }
}
void lower_flag(keyword::Scope& scope, const Call&) { own(scope).expr->type = ir::Type::boolean; }
void lower_false(keyword::Scope& scope, const Call&) {
    *own(scope).expr = literal_expr(false, own(scope).expr->span);
}

constexpr keyword::Signature name_arguments{opt(word("entry")), opt(word("occurrence")), opt(word("format"))};

constexpr Keyword text(std::string_view name, F fact, std::string_view summary, keyword::Signature args = {},
                       keyword::Apply apply = nullptr) {
    return fetch(name, Fetch::tls_text, in::session_on, summary, args, static_cast<std::int64_t>(fact), apply);
}
constexpr Keyword number(std::string_view name, F fact, std::string_view summary) {
    return fetch(name, Fetch::tls_number, in::session_on, summary, {}, static_cast<std::int64_t>(fact));
}
constexpr Keyword flag(std::string_view name, F fact, std::string_view summary) {
    auto row = fetch(name, Fetch::tls_number, in::session_on, summary, {}, static_cast<std::int64_t>(fact), lower_flag);
    row.type = ir::Type::boolean;
    return row;
}

constexpr auto rows = sorted({
    number("ssl_c_ca_err", F::ca_error, "Number of the first error in the chain, of the client's certificate."),
    number("ssl_c_ca_err_depth", F::ca_error_depth, "Depth of the first error in the chain, of the client's certificate."),
    text("ssl_c_chain_der", F::chain_der, "Chain of certificates in DER form, of the client's certificate."),
    text("ssl_c_der", F::der, "Certificate in DER form, of the client's certificate."),
    number("ssl_c_err", F::error, "Number of the first error in the certificate, of the client's certificate."),
    text("ssl_c_i_dn", F::issuer, "Name of the issuer, of the client's certificate.", name_arguments, lower_name),
    text("ssl_c_key_alg", F::key_algorithm, "Algorithm of the key, of the client's certificate."),
    text("ssl_c_notafter", F::end, "End of validity, of the client's certificate."),
    text("ssl_c_notbefore", F::start, "Start of validity, of the client's certificate."),
    text("ssl_c_s_dn", F::subject, "Name of the subject, of the client's certificate.", name_arguments, lower_name),
    text("ssl_c_serial", F::serial, "Serial number, of the client's certificate."),
    text("ssl_c_sha1", F::sha1, "SHA1 fingerprint, of the client's certificate."),
    text("ssl_c_sig_alg", F::signature_algorithm, "Algorithm of the signature, of the client's certificate."),
    flag("ssl_c_used", F::certificate_known, "True when a client certificate is in use, of the client's certificate."),
    number("ssl_c_verify", F::verify_error, "Result of the check, of the client's certificate."),
    number("ssl_c_version", F::version, "Version, of the client's certificate."),
    text("ssl_f_der", F::own_der, "Certificate in DER form, of the certificate shown to the client."),
    text("ssl_f_i_dn", F::own_issuer, "Name of the issuer, of the certificate shown to the client.", name_arguments, lower_name),
    text("ssl_f_key_alg", F::own_key_algorithm, "Algorithm of the key, of the certificate shown to the client."),
    text("ssl_f_notafter", F::own_end, "End of validity, of the certificate shown to the client."),
    text("ssl_f_notbefore", F::own_start, "Start of validity, of the certificate shown to the client."),
    text("ssl_f_s_dn", F::own_subject, "Name of the subject, of the certificate shown to the client.", name_arguments, lower_name),
    text("ssl_f_serial", F::own_serial, "Serial number, of the certificate shown to the client."),
    text("ssl_f_sha1", F::own_sha1, "SHA1 fingerprint, of the certificate shown to the client."),
    text("ssl_f_sig_alg", F::own_signature_algorithm, "Algorithm of the signature, of the certificate shown to the client."),
    number("ssl_f_version", F::own_version, "Version, of the certificate shown to the client."),
    number("ssl_fc_alg_keysize", F::cipher_bits, "Key size of the cipher, of the connection to the client."),
    text("ssl_fc_client_random", F::client_random, "Random bytes of the client, of the connection to the client."),
    text("ssl_fc_curve", F::group, "Curve of the key exchange, of the connection to the client."),
    flag("ssl_fc_has_crt", F::certificate_shown, "True when a client certificate was shown, of the connection to the client."),
    fetch("ssl_fc_early_rcvd", Fetch::tls_used, in::session_on, "True when early data was received; weir takes none.", {}, 0, lower_false),
    fetch("ssl_fc_has_early", Fetch::tls_used, in::session_on, "True while early data may be a replay; weir takes none.", {}, 0, lower_false),
    flag("ssl_fc_is_resumed", F::resumed, "True when the session was resumed, of the connection to the client."),
    text("ssl_fc_server_random", F::server_random, "Random bytes of the server, of the connection to the client."),
    text("ssl_fc_session_id", F::session_id, "Id of the TLS session, of the connection to the client."),
    text("ssl_fc_session_key", F::session_key, "Master key of the TLS session, of the connection to the client."),
    text("ssl_fc_unique_id", F::unique_id, "Unique id of the TLS connection, of the connection to the client."),
    number("ssl_fc_use_keysize", F::used_bits, "Key size in use, of the connection to the client."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table tls_sample_table() { return rows; }

}  // namespace weir::haproxy
