// SPDX-License-Identifier: Apache-2.0
// Sample fetches of TLS towards clients. What one yields is an ir::TlsFact; an argument of a name
// (entry, occurrence, format) stays as it is written.
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/haproxy/tls_samples.hpp"

namespace weir::haproxy {

namespace {

using F = ir::TlsFact;
using ir::Fetch;
using keyword::opt;
using keyword::word;



constexpr keyword::Signature filter_argument{opt(word("filter"))};

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
    text("ssl_c_policies", F::policies, "Policies, or that one of them, of the client's certificate.", {opt(word("oid"))}, lower_name),
    text("ssl_c_r_dn", F::root, "Name of the root authority, of the client's certificate.", name_arguments, lower_name),
    text("ssl_c_s_dn", F::subject, "Name of the subject, of the client's certificate.", name_arguments, lower_name),
    text("ssl_c_san", F::alternative_names, "Alternative names, of the client's certificate."),
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
    text("ssl_fc_cipherlist_bin", F::offered_ciphers, "Ciphers offered, as bytes, of the connection to the client.", filter_argument, lower_name),
    text("ssl_fc_cipherlist_hex", F::offered_ciphers_hex, "Ciphers offered, in hexadecimal, of the connection to the client.", filter_argument, lower_name),
    text("ssl_fc_cipherlist_str", F::offered_ciphers_text, "Ciphers offered, as text, of the connection to the client.", filter_argument, lower_name),
    number("ssl_fc_cipherlist_xxh", F::offered_ciphers_hash, "Hash of the ciphers offered, of the connection to the client."),
    text("ssl_fc_client_random", F::client_random, "Random bytes of the client, of the connection to the client."),
    text("ssl_fc_curve", F::group, "Curve of the key exchange, of the connection to the client."),
    text("ssl_fc_ecformats_bin", F::offered_formats, "Point formats offered, as bytes, of the connection to the client."),
    text("ssl_fc_eclist_bin", F::offered_groups, "Curves offered, as bytes, of the connection to the client.", filter_argument, lower_name),
    text("ssl_fc_extlist_bin", F::offered_extensions, "Extensions offered, as bytes, of the connection to the client.", filter_argument, lower_name),
    flag("ssl_fc_has_crt", F::certificate_shown, "True when a client certificate was shown, of the connection to the client."),
    flag("ssl_fc_early_rcvd", F::early_received, "True when early data was received, of the connection to the client."),
    flag("ssl_fc_has_early", F::early_pending, "True while early data may be a replay, of the connection to the client."),
    flag("ssl_fc_is_resumed", F::resumed, "True when the session was resumed, of the connection to the client."),
    number("ssl_fc_protocol_hello_id", F::offered_version, "TLS version number of the hello, of the connection to the client."),
    text("ssl_fc_server_random", F::server_random, "Random bytes of the server, of the connection to the client."),
    text("ssl_fc_session_id", F::session_id, "Id of the TLS session, of the connection to the client."),
    text("ssl_fc_session_key", F::session_key, "Master key of the TLS session, of the connection to the client."),
    text("ssl_fc_sigalgs_bin", F::offered_signatures, "Signature algorithms offered, as bytes, of the connection to the client.", filter_argument, lower_name),
    text("ssl_fc_supported_versions_bin", F::offered_versions, "TLS versions offered, as bytes, of the connection to the client.", filter_argument, lower_name),
    text("ssl_fc_unique_id", F::unique_id, "Unique id of the TLS connection, of the connection to the client."),
    number("ssl_fc_use_keysize", F::used_bits, "Key size in use, of the connection to the client."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table tls_sample_table() { return rows; }

}  // namespace weir::haproxy
