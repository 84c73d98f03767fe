// SPDX-License-Identifier: Apache-2.0
// Rows of TLS on bind lines, in the brackets of certificate lists, and what global says for all.
#include <fmt/format.h>

#include <charconv>

#include "parser/haproxy/bind_tls.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using ir::TlsProfile;
using ir::TlsRules;
using ir::TlsVersion;
using keyword::any_number;
using keyword::ignored;
using keyword::many;
using keyword::number;
using keyword::path;
using keyword::word;

BindTlsWords& made(keyword::Scope& scope) { return *own(scope).bind_tls; }
BindTlsDefaults& defaults_of(keyword::Scope& scope) { return own(scope).load.bind_tls; }

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> out;
    while (!list.empty()) {
        auto comma = list.find(',');
        if (comma != 0) out.emplace_back(list.substr(0, comma));
        list = comma == list.npos ? "" : list.substr(comma + 1);
    }
    return out;
}

// ---------------------------------------------------------------------------------- one line

void lower_ssl(keyword::Scope& scope, const Call& call) {
    made(scope).on = true;
    made(scope).span = call.span;
}
template <auto Member>
void set_rule(keyword::Scope& scope, const Call& call) {
    made(scope).profile.rules.*Member = std::string(call[0].text);
}
void lower_alpn(keyword::Scope& scope, const Call& call) {
    made(scope).profile.rules.alpn = split(call[0].text);
    made(scope).profile.answers_alpn = true;
}
void lower_no_alpn(keyword::Scope& scope, const Call&) {
    made(scope).profile.rules.alpn.clear();
    made(scope).profile.answers_alpn = false;
}
template <bool List, bool Default>
void lower_crt(keyword::Scope& scope, const Call& call) {
    made(scope).certificates.push_back({std::string(call[0].text), call[0].span, List, Default});
}
void lower_ca_file(keyword::Scope& scope, const Call& call) {
    auto& words = made(scope);
    words.profile.rules.trusts_system = call[0].text == "@system-ca";
    words.authorities = words.profile.rules.trusts_system
                            ? nullptr
                            : tls_file(own(scope), call[0].text, defaults_of(scope).authority_base,
                                       call[0].span, "CA file");
}
void lower_ca_verify_file(keyword::Scope& scope, const Call& call) {
    made(scope).profile.rules.trusted = tls_file(own(scope), call[0].text, defaults_of(scope).authority_base,
                                                 call[0].span, "CA file");
}
void lower_crl_file(keyword::Scope& scope, const Call& call) {
    made(scope).profile.rules.revoked = tls_file(own(scope), call[0].text, defaults_of(scope).authority_base,
                                                 call[0].span, "CRL file");
}
void lower_verify(keyword::Scope& scope, const Call& call) {
    static constexpr TlsRules::Verify kinds[] = {TlsRules::Verify::none, TlsRules::Verify::optional,
                                                 TlsRules::Verify::required};
    made(scope).profile.rules.verify = kinds[call[0].number];
}
void lower_makes(keyword::Scope& scope, const Call& call) {
    made(scope).makes_certificates = true;
    if (!made(scope).signer_span.known()) made(scope).signer_span = call.span;
}
void lower_signer(keyword::Scope& scope, const Call& call) {
    made(scope).signer = tls_file(own(scope), call[0].text, defaults_of(scope).authority_base, call[0].span,
                                  "CA file to sign with");
    made(scope).signer_span = call[0].span;
}
void lower_signer_password(keyword::Scope& scope, const Call& call) {
    made(scope).signer_password = std::string(call[0].text);
}
void lower_early_data(keyword::Scope& scope, const Call&) {
    made(scope).profile.early_data = made(scope).profile.early_data_needs_alpn = true;
}
void lower_no_ca_names(keyword::Scope& scope, const Call&) { made(scope).announces = false; }
void lower_strict_sni(keyword::Scope& scope, const Call& call) {
    made(scope).strict_names = !call.name.starts_with("no-");
}
void lower_tickets(keyword::Scope& scope, const Call& call) {
    made(scope).profile.rules.tickets = !call.name.starts_with("no-");
}
void lower_prefer_client(keyword::Scope& scope, const Call&) {
    made(scope).profile.prefers_own_ciphers = false;
}

// "all", or numbers and names of the library with commas between.
template <auto List, auto All>
void lower_ignored_errors(keyword::Scope& scope, const Call& call) {
    static constexpr std::pair<std::string_view, int> known[] = {
        {"X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT", 2}, {"X509_V_ERR_UNABLE_TO_GET_CRL", 3},
        {"X509_V_ERR_CERT_NOT_YET_VALID", 9},        {"X509_V_ERR_CERT_HAS_EXPIRED", 10},
        {"X509_V_ERR_CRL_NOT_YET_VALID", 11},        {"X509_V_ERR_CRL_HAS_EXPIRED", 12},
        {"X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT", 18}, {"X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN", 19},
        {"X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY", 20},
        {"X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE", 21}, {"X509_V_ERR_CERT_CHAIN_TOO_LONG", 22},
        {"X509_V_ERR_CERT_REVOKED", 23},             {"X509_V_ERR_INVALID_CA", 79},
        {"X509_V_ERR_INVALID_PURPOSE", 26},          {"X509_V_ERR_CERT_UNTRUSTED", 27}};
    auto& profile = made(scope).profile;
    for (const auto& one : split(call[0].text)) {
        if (one == "all") {
            profile.*All = true;
            continue;
        }
        int value = 0;
        auto [rest, failure] = std::from_chars(one.data(), one.data() + one.size(), value);
        bool is_number = failure == std::errc() && rest == one.data() + one.size();
        auto found = std::find_if(std::begin(known), std::end(known), [&](const auto& it) { return it.first == one; });
        if (!is_number && found == std::end(known))
            return scope.error(call[0].span, "invalid-value", fmt::format("\"{}\" is no error of certificates", one),
                               "a number such as 10, a name such as X509_V_ERR_CERT_HAS_EXPIRED, or all");
        (profile.*List).push_back(is_number ? value : found->second);
    }
}

// Base64, one key a line; 48 bytes (AES-128) or 80 (AES-256).
void lower_ticket_keys(keyword::Scope& scope, const Call& call) {
    auto file = tls_file(own(scope), call[0].text, {}, call[0].span, "TLS ticket keys");
    if (file) made(scope).profile.ticket_keys = {std::move(file)};
}

// ---------------------------------------------------------------------------------- versions

constexpr std::string_view version_choices = "SSLv3|TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3";

// "no-tlsv12", "force-tlsv12", "ssl-min-ver": true when it is one of these words.
bool read_version(std::string_view name, std::int64_t choice, BindVersions& versions) {
    static constexpr std::pair<std::string_view, TlsVersion> known[] = {
        {"sslv3", TlsVersion::ssl3},    {"tlsv10", TlsVersion::tls1_0}, {"tlsv11", TlsVersion::tls1_1},
        {"tlsv12", TlsVersion::tls1_2}, {"tlsv13", TlsVersion::tls1_3}};
    if (name == "ssl-min-ver") versions.least = static_cast<TlsVersion>(choice);
    if (name == "ssl-max-ver") versions.most = static_cast<TlsVersion>(choice);
    for (const auto& [text, version] : known) {
        if (name.starts_with("no-") && name.substr(3) == text) {
            versions.off.set(static_cast<std::size_t>(version));
            return true;
        }
        if (name.starts_with("force-") && name.substr(6) == text) {
            versions.least = versions.most = version;
            return true;
        }
    }
    return name == "ssl-min-ver" || name == "ssl-max-ver";
}

void lower_version(keyword::Scope& scope, const Call& call) {
    read_version(call.row->name, call.size() != 0 ? call[0].number : 0, made(scope).versions);
}

// ------------------------------------------------------------------------------------ global

template <auto Member>
void set_default(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).profile.rules.*Member = std::string(call[0].text);
}
template <auto Member>
void set_base(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).*Member = std::string(call[0].text);
}

void lower_default_options(keyword::Scope& scope, const Call& call) {
    auto& defaults = defaults_of(scope);
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto name = call[i].text;
        if (name == "no-tls-tickets" || name == "tls-tickets")
            defaults.profile.rules.tickets = name == "tls-tickets";
        else if (name == "prefer-client-ciphers")
            defaults.profile.prefers_own_ciphers = false;
        else if (name == "strict-sni")
            defaults.strict_names = true;
        else if (name.ends_with("-ver") && i + 1 < call.size()) {
            static constexpr std::string_view versions[] = {"SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
            auto found = std::find(std::begin(versions), std::end(versions), call[i + 1].text);
            if (found == std::end(versions))
                return scope.error(call[i + 1].span, "invalid-value",
                                   fmt::format("\"{}\" is no version of TLS", call[i + 1].text),
                                   "SSLv3, TLSv1.0, TLSv1.1, TLSv1.2 or TLSv1.3");
            read_version(name, found - std::begin(versions), defaults.versions);
            ++i;
        } else if (!read_version(name, 0, defaults.versions)) {
            return scope.error(call[i].span, "invalid-value",
                               fmt::format("unknown option \"{}\" of \"ssl-default-bind-options\"", name),
                               "options are ssl-min-ver, ssl-max-ver, force-tlsv12 and the like, no-tlsv13 and "
                               "the like, no-tls-tickets, prefer-client-ciphers, strict-sni");
        }
    }
}

void lower_dh_file(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).profile.dh_parameters = tls_file(own(scope), call[0].text, {}, call[0].span, "DH parameters");
}

void lower_extra_files(keyword::Scope& scope, const Call& call) {
    auto& extra = defaults_of(scope).extra;
    extra = {false, false, false, false, false};
    for (const auto& argument : call.args) {
        auto name = argument.text;
        if (name == "all") extra = {};
        else if (name == "bundle") extra.bundle = true;
        else if (name == "sctl") extra.sctl = true;
        else if (name == "ocsp") extra.ocsp = true;
        else if (name == "issuer") extra.issuer = true;
        else if (name == "key") extra.key = true;
        else if (name != "none")
            scope.error(argument.span, "invalid-value", fmt::format("unknown kind of file \"{}\"", name),
                        "all, none, bundle, sctl, ocsp, issuer or key");
    }
}
void lower_follow(keyword::Scope& scope, const Call&) {
    defaults_of(scope).profile.rules.follows = true;
    own(scope).load.server_tls.follows = true;
}
void lower_cut_extension(keyword::Scope& scope, const Call&) { defaults_of(scope).cut_extension = true; }

void lower_max_record(keyword::Scope& scope, const Call& call) {
    if (call[0].number != 0)
        defaults_of(scope).profile.rules.record_bytes =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(call[0].number, 512, 16384));
}
void lower_lifetime(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).profile.session_time = std::chrono::seconds(call[0].number / 1000);
}
void lower_kept_made(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).kept_made = static_cast<std::uint32_t>(std::min<std::int64_t>(call[0].number, 1000000));
}
void lower_capture(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).profile.keeps_hello = static_cast<std::uint32_t>(std::min<std::int64_t>(call[0].number, 65536));
}
void lower_cache_size(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).profile.session_table = call[0].number != 0;
}

// ------------------------------------------------------------------------------------- rows

constexpr Contexts line = in::bind, both = in::bind | in::crt_list;

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary, std::string_view since = {}) {
    return {.name = name, .where = where, .args = args, .apply = apply, .since = since, .summary = summary};
}
constexpr Keyword harmless(std::string_view name, Contexts where, std::uint8_t low, std::uint8_t high,
                           std::string_view reason, std::string_view summary, std::string_view since = {}) {
    return {.name = name, .where = where, .args = keyword::Signature::count(low, high), .since = since,
            .support = ignored(reason), .summary = summary};
}

constexpr auto rows = sorted({
    row("allow-0rtt", both, {}, lower_early_data, "Accepts TLS 1.3 early data."),
    row("alpn", both, {word("protocols")}, lower_alpn, "Lists the protocols offered in the TLS handshake."),
    row("ca-file", both, {path("file")}, lower_ca_file, "Names the authorities of client certificates."),
    row("ca-ignore-err", line, {word("errors")},
        lower_ignored_errors<&TlsProfile::ignored_ca_errors, &TlsProfile::ignores_all_ca_errors>,
        "Lists errors of certificate authorities that are ignored."),
    row("ca-sign-file", line, {path("file")}, lower_signer, "Names certificate and key that sign what is made."),
    row("ca-sign-pass", line, {word("passphrase")}, lower_signer_password, "Sets the passphrase of that key."),
    row("ca-verify-file", both, {path("file")}, lower_ca_verify_file,
        "Names authorities that are not told to clients."),
    row("ciphers", both, {word("ciphers")}, set_rule<&TlsRules::ciphers>,
        "Lists the ciphers allowed up to TLS 1.2."),
    row("ciphersuites", both, {word("suites")}, set_rule<&TlsRules::ciphersuites>,
        "Lists the ciphers allowed in TLS 1.3."),
    row("client-sigalgs", both, {word("algorithms")}, set_rule<&TlsRules::client_signatures>,
        "Lists the signature algorithms for client certificates.", "3.x"),
    row("crl-file", both, {path("file")}, lower_crl_file, "Names the file of revoked client certificates."),
    row("crt", line, {path("file")}, lower_crt<false, false>, "Names a certificate file or folder."),
    row("crt-ignore-err", line, {word("errors")},
        lower_ignored_errors<&TlsProfile::ignored_errors, &TlsProfile::ignores_all_errors>,
        "Lists errors of client certificates that are ignored."),
    row("crt-list", line, {path("file")}, lower_crt<true, false>, "Names a file that lists certificates."),
    row("curves", both, {word("curves")}, set_rule<&TlsRules::groups>, "Lists the curves of the TLS key exchange."),
    row("default-crt", line, {path("file")}, lower_crt<false, true>,
        "Names the certificate for clients without a known name.", "3.x"),
    row("ecdhe", both, {word("curve")}, set_rule<&TlsRules::groups>, "Sets the curve for ECDHE ciphers."),
    row("force-sslv3", line, {}, lower_version, "Allows SSLv3 only."),
    row("force-tlsv10", line, {}, lower_version, "Allows TLS 1.0 only."),
    row("force-tlsv11", line, {}, lower_version, "Allows TLS 1.1 only."),
    row("force-tlsv12", line, {}, lower_version, "Allows TLS 1.2 only."),
    row("force-tlsv13", line, {}, lower_version, "Allows TLS 1.3 only."),
    row("generate-certificates", line, {}, lower_makes, "Makes certificates for names that have none."),
    harmless("ktls", both, 1, 1, "weir's TLS works on the socket as it is", "Uses kernel TLS.", "3.x"),
    row("no-alpn", both, {}, lower_no_alpn, "Offers no protocols in the TLS handshake.", "3.x"),
    row("no-ca-names", both, {}, lower_no_ca_names, "Does not tell clients the names of authorities."),
    row("no-sslv3", line, {}, lower_version, "Refuses SSLv3."),
    row("no-strict-sni", line, {}, lower_strict_sni, "Serves clients that ask for an unknown name.", "3.x"),
    row("no-tls-tickets", line, {}, lower_tickets, "Gives out no session tickets."),
    row("no-tlsv10", line, {}, lower_version, "Refuses TLS 1.0."),
    row("no-tlsv11", line, {}, lower_version, "Refuses TLS 1.1."),
    row("no-tlsv12", line, {}, lower_version, "Refuses TLS 1.2."),
    row("no-tlsv13", line, {}, lower_version, "Refuses TLS 1.3."),
    harmless("npn", both, 1, 1, "clients negotiate by alpn", "Offers protocols by an extension that is gone."),
    row("prefer-client-ciphers", line, {}, lower_prefer_client, "Prefers the client's order of ciphers."),
    row("sigalgs", both, {word("algorithms")}, set_rule<&TlsRules::signatures>,
        "Lists the signature algorithms of the TLS handshake.", "3.x"),
    row("ssl", line, {}, lower_ssl, "Turns on TLS."),
    row("ssl-max-ver", both, {keyword::choice(version_choices)}, lower_version, "Sets the highest TLS version."),
    row("ssl-min-ver", both, {keyword::choice(version_choices)}, lower_version, "Sets the lowest TLS version."),
    row("strict-sni", line, {}, lower_strict_sni, "Refuses clients that ask for an unknown name."),
    row("tls-ticket-keys", line, {path("file")}, lower_ticket_keys, "Names the file with keys of session tickets."),
    row("tls-tickets", line, {}, lower_tickets, "Gives out session tickets.", "3.x"),
    row("verify", both, {keyword::choice("none|optional|required")}, lower_verify,
        "Tells whether client certificates are asked for."),
});
static_assert(keyword::well_formed(rows));

constexpr std::string_view no_limit_yet = "weir does not limit TLS by itself yet; maxconn and maxconnrate do";

constexpr auto global_rows = sorted({
    row("ca-base", in::global, {path("folder")}, set_base<&BindTlsDefaults::authority_base>, "Folder of CA files."),
    row("crt-base", in::global, {path("folder")}, set_base<&BindTlsDefaults::certificate_base>,
        "Folder of certificates."),
    row("key-base", in::global, {path("folder")}, set_base<&BindTlsDefaults::key_base>,
        "Folder of private keys that are named apart.", "3.x"),
    harmless("maxsslconn", in::global, 1, 1, no_limit_yet, "Most TLS connections."),
    harmless("maxsslrate", in::global, 1, 1, no_limit_yet, "Most TLS handshakes per second."),
    row("ssl-default-bind-ciphers", in::global, {word("ciphers")}, set_default<&TlsRules::ciphers>,
        "Ciphers of TLS listeners."),
    row("ssl-default-bind-ciphersuites", in::global, {word("suites")}, set_default<&TlsRules::ciphersuites>,
        "TLS 1.3 ciphers of listeners."),
    row("ssl-default-bind-client-sigalgs", in::global, {word("algorithms")},
        set_default<&TlsRules::client_signatures>, "Signature algorithms for client certificates.", "3.x"),
    row("ssl-default-bind-curves", in::global, {word("curves")}, set_default<&TlsRules::groups>,
        "Curves of TLS listeners."),
    row("ssl-default-bind-options", in::global, {many(word("option"))}, lower_default_options,
        "Options of TLS listeners."),
    row("ssl-default-bind-sigalgs", in::global, {word("algorithms")}, set_default<&TlsRules::signatures>,
        "Signature algorithms of TLS listeners.", "3.x"),
    row("ssl-dh-param-file", in::global, {path("file")}, lower_dh_file, "Parameters of DH."),
    row("ssl-follow-certificates", in::global, {}, lower_follow,
        "Takes certificates, keys, authorities and CRLs whose files change without a reload (weir's own)."),
    row("ssl-load-extra-del-ext", in::global, {}, lower_cut_extension,
        "Looks for further files of a certificate without its extension."),
    row("ssl-load-extra-files", in::global, {many(word("kind"))}, lower_extra_files,
        "Which further files of a certificate are looked for."),
    row("tune.ssl.cachesize", in::global, {number("sessions", 0)}, lower_cache_size, "TLS session cache."),
    row("tune.ssl.capture-buffer-size", in::global, {number("bytes", 0)}, lower_capture,
        "How much of what clients offer is kept for expressions."),
    row("tune.ssl.capture-cipherlist-size", in::global, {number("bytes", 0)}, lower_capture,
        "Older name of tune.ssl.capture-buffer-size."),
    harmless("tune.ssl.default-dh-param", in::global, 1, 1, "DH parameters are as strong as the certificate's key",
             "Size of DH parameters."),
    harmless("tune.ssl.force-private-cache", in::global, 0, 1, "sessions are shared by the workers",
             "Session cache per process."),
    harmless("tune.ssl.keylog", in::global, 1, 1, "weir writes no keys down", "Keys for decoding captures."),
    row("tune.ssl.lifetime", in::global, {keyword::seconds("time")}, lower_lifetime, "Life of a TLS session."),
    row("tune.ssl.maxrecord", in::global, {number("bytes", 0)}, lower_max_record, "Largest TLS record."),
    row("tune.ssl.ssl-ctx-cache-size", in::global, {number("certificates", 0)}, lower_kept_made,
        "Cache of generated certificates."),
});
static_assert(keyword::well_formed(global_rows));

}  // namespace

BindTlsDefaults::BindTlsDefaults() {
    profile.bad_certificate_ends = true;
    profile.prefers_own_ciphers = true;
    profile.session_table = true;
    profile.own_dh_parameters = true;
}

// Limits beat single versions, as HAProxy says in its warning. Without a word: 1.2 and 1.3.
ir::TlsVersions versions_of(const BindVersions& line, const BindVersions& global) {
    auto least = line.least ? line.least : global.least;
    auto most = line.most ? line.most : global.most;
    auto off = line.off | global.off;
    ir::TlsVersions versions;
    if (!least && !most) {
        // Naming what is off means all the others, but none older than 1.2 is on by itself.
        versions = ir::modern_tls_versions() & ~off;
        return versions.none() ? ir::all_tls_versions() & ~off : versions;
    }
    auto low = least ? static_cast<std::size_t>(*least) : std::min<std::size_t>(3, static_cast<std::size_t>(*most));
    auto high = most ? static_cast<std::size_t>(*most) : 4;
    for (std::size_t i = low; i <= high; ++i) versions.set(i);
    return versions;
}

ir::TlsProfile profile_of(const BindTlsWords& words, const BindTlsDefaults& defaults) {
    auto profile = words.profile;
    profile.rules.versions = versions_of(words.versions, defaults.versions);
    if (words.authorities) {
        if (words.announces)
            profile.announced = words.authorities;
        else if (!profile.rules.trusted)
            profile.rules.trusted = words.authorities;
    }
    return profile;
}

void finish_bind_tls(Scope& scope, const BindTlsWords& words, std::vector<ir::Listener>& listeners) {
    if (!words.on) {
        if (!words.certificates.empty())
            scope.sink.warning(words.certificates.front().span, "no-ssl",
                               "a certificate without \"ssl\" has no effect", "add ssl to the line");
        return;
    }
    const auto& defaults = scope.load.bind_tls;
    ir::ListenerTls tls;
    tls.sites_decide = false;
    tls.span = words.span;
    tls.strict_names = words.strict_names || defaults.strict_names;
    tls.rules.edit() = profile_of(words, defaults);
    const auto& rules = *tls.rules;
    bool asks = rules.rules.verify != TlsRules::Verify::none;
    if (asks && !rules.announced && !rules.rules.trusted && !rules.rules.trusts_system)
        scope.error(words.span, "no-authorities", "verify is on, but no ca-file says by which authorities",
                    "add ca-file FILE");
    tls.certificates = load_certificates(scope, words, tls.rules);
    if (words.makes_certificates) {
        if (!words.signer)
            return scope.error(words.signer_span, "no-authorities",
                               "generate-certificates needs an authority to sign with", "add ca-sign-file FILE");
        tls.signer.chain = tls.signer.key = words.signer;
        tls.signer.chain_span = tls.signer.key_span = words.signer_span;
        if (!words.signer_password.empty()) {
            auto passwords = std::make_shared<ir::FileContent>();
            passwords->path = "ca-sign-pass";
            passwords->bytes = words.signer_password + "\n";
            tls.signer.passwords = std::move(passwords);
        }
        tls.kept_made = defaults.kept_made;
    }
    if (tls.certificates.empty() && !scope.sink.failed())
        return scope.error(words.span, "no-certificate", "no SSL certificate specified for this bind line",
                           "add crt FILE");
    for (auto& listener : listeners) listener.tls = tls;
}

keyword::Table bind_tls_table() { return rows; }
keyword::Table global_tls_table() { return global_rows; }

}  // namespace weir::haproxy
