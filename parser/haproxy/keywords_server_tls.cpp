// SPDX-License-Identifier: Apache-2.0
// TLS towards servers: options of server and default-server lines, and what global says for all of
// them. A line is complete only at its end (ssl may stand behind verify, default-server comes
// first): finish_server_tls() then decides versions and verification.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using ir::TlsVersion;
using keyword::word;

ServerWords& made(keyword::Scope& scope) { return *own(scope).server; }
ir::ServerTls& tls_of(keyword::Scope& scope) { return made(scope).server.tls.edit(); }

template <bool Value>
void set_over_tls(keyword::Scope& scope, const Call&) {
    made(scope).server.over_tls = Value;
}
template <auto Member>
void set_rule(keyword::Scope& scope, const Call& call) {
    tls_of(scope).rules.*Member = std::string(call[0].text);
}
template <auto Member, bool Value>
void set_flag(keyword::Scope& scope, const Call&) {
    tls_of(scope).*Member = Value;
}
template <auto Member, bool Value>
void set_word(keyword::Scope& scope, const Call&) {
    made(scope).tls.*Member = Value;
}

void lower_alpn(keyword::Scope& scope, const Call& call) {
    tls_of(scope).rules.alpn = split_list(call[0].text);
}
void lower_check_alpn(keyword::Scope& scope, const Call& call) {
    made(scope).tls.check_alpn = split_list(call[0].text);
}
void lower_check_sni(keyword::Scope& scope, const Call& call) {
    made(scope).tls.check_name = std::string(call[0].text);
}
template <ServerTlsWords::Check Value>
void set_check(keyword::Scope& scope, const Call&) {
    made(scope).tls.check = Value;
}

// A file by its name; finish_server_tls() reads it where the server uses TLS.
ir::File name_file(std::string_view path) {
    auto file = std::make_shared<ir::FileContent>();
    file->path = path;
    file->left_out = true;
    return file;
}

void lower_ca_file(keyword::Scope& scope, const Call& call) {
    auto& rules = tls_of(scope).rules;
    made(scope).tls.authorities_span = tls_of(scope).trusted_span = call[0].span;
    rules.trusts_system = call[0].text == "@system-ca";
    rules.trusted = rules.trusts_system ? nullptr : name_file(call[0].text);
}
void lower_crl_file(keyword::Scope& scope, const Call& call) {
    tls_of(scope).rules.revoked = name_file(call[0].text);
    tls_of(scope).revoked_span = call[0].span;
}
void lower_crt(keyword::Scope& scope, const Call& call) {
    auto& identity = tls_of(scope).identity;
    identity.chain = name_file(call[0].text);
    identity.key = nullptr;
    identity.chain_span = identity.key_span = call[0].span;
}

void lower_verify(keyword::Scope& scope, const Call& call) {
    made(scope).tls.verify = call[0].number == 1;
}
void lower_verifyhost(keyword::Scope& scope, const Call& call) {
    tls_of(scope).fallback_name = std::string(call[0].text);
}
void lower_no_verifyhost(keyword::Scope& scope, const Call&) {
    tls_of(scope).fallback_name.clear();
}

ir::Text text_of(ir::Expr expr) {
    ir::Text text;
    text.span = expr.span;
    text.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(expr));
    return text;
}

// sni EXPRESSION: evaluated when the connection is made.
void lower_sni(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto place = std::exchange(here.place, in::http_request | in::tcp_request_content);
    std::size_t used = 0;
    auto expr = lower_sample(here, call.args, used);
    here.place = place;
    if (!expr) return;
    auto& tls = tls_of(scope);
    tls.name = text_of(std::move(*expr));
    tls.send_name = true;
    tls.name_has_port = false;
    made(scope).tls.name_from_host = false;
}

void lower_nothing(keyword::Scope&, const Call&) {}

void lower_tls_tickets(keyword::Scope& scope, const Call& call) {
    made(scope).tls.tickets = !call.name.starts_with("no-");
}

// --------------------------------------------------------------------------------- versions

constexpr std::string_view version_choices = "SSLv3|TLSv1.0|TLSv1.1|TLSv1.2|TLSv1.3";

// "no-tlsv12", "force-tlsv12", "ssl-min-ver TLSv1.2": true when it is one of these words.
bool read_version(std::string_view name, std::int64_t choice, TlsVersionWords& words) {
    static constexpr std::pair<std::string_view, TlsVersion> known[] = {
        {"sslv3", TlsVersion::ssl3},
        {"tlsv10", TlsVersion::tls1_0},
        {"tlsv11", TlsVersion::tls1_1},
        {"tlsv12", TlsVersion::tls1_2},
        {"tlsv13", TlsVersion::tls1_3}};
    if (name == "ssl-min-ver")
        words.least = static_cast<TlsVersion>(choice);
    else if (name == "ssl-max-ver")
        words.most = static_cast<TlsVersion>(choice);
    for (const auto& [text, version] : known) {
        if (name.starts_with("no-") && name.substr(3) == text) {
            words.off.set(static_cast<std::size_t>(version));
            return true;
        }
        if (name.starts_with("force-") && name.substr(6) == text) {
            words.least = words.most = version;
            return true;
        }
    }
    return name == "ssl-min-ver" || name == "ssl-max-ver";
}

void lower_version(keyword::Scope& scope, const Call& call) {
    read_version(call.row->name, call.size() != 0 ? call[0].number : 0, made(scope).tls.versions);
}

// Limits beat single versions, as HAProxy says in its warning. Without a word: 1.2 and 1.3.
ir::TlsVersions versions_of(const TlsVersionWords& line, const TlsVersionWords& global) {
    auto least = line.least ? line.least : global.least;
    auto most = line.most ? line.most : global.most;
    auto off = line.off | global.off;
    ir::TlsVersions versions;
    if (!least && !most) {
        versions = off.any() ? ir::all_tls_versions() : ir::modern_tls_versions();
        return versions & ~off;
    }
    auto low = least ? static_cast<std::size_t>(*least) : 1,
         high = most ? static_cast<std::size_t>(*most) : 4;
    for (std::size_t i = low; i <= high && i < versions.size(); ++i) versions.set(i);
    return versions;
}

// ------------------------------------------------------------------------------------ global

ServerTlsDefaults& defaults_of(keyword::Scope& scope) { return own(scope).load.server_tls; }

template <auto Member>
void set_default(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).*Member = std::string(call[0].text);
}

void lower_default_options(keyword::Scope& scope, const Call& call) {
    auto& defaults = defaults_of(scope);
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto name = call[i].text;
        std::int64_t choice = 0;
        if (name == "no-tls-tickets" || name == "tls-tickets") {
            defaults.tickets = name == "tls-tickets";
            continue;
        }
        if (name.ends_with("-ver") && i + 1 < call.size()) {
            static constexpr std::string_view versions[] = {"SSLv3", "TLSv1.0", "TLSv1.1",
                                                            "TLSv1.2", "TLSv1.3"};
            auto found = std::find(std::begin(versions), std::end(versions), call[i + 1].text);
            if (found == std::end(versions))
                return scope.error(call[i + 1].span, "invalid-value",
                                   fmt::format("\"{}\" is no version of TLS", call[i + 1].text),
                                   "SSLv3, TLSv1.0, TLSv1.1, TLSv1.2 or TLSv1.3");
            choice = found - std::begin(versions);
        }
        if (!read_version(name, choice, defaults.versions))
            return scope.error(
                call[i].span, "invalid-value",
                fmt::format("unknown option \"{}\" of \"ssl-default-server-options\"", name),
                "options are ssl-min-ver, ssl-max-ver, force-tlsv12 and the like, no-tlsv13 "
                "and the like, no-tls-tickets");
        if (name.ends_with("-ver")) ++i;
    }
}

void lower_server_verify(keyword::Scope& scope, const Call& call) {
    defaults_of(scope).verify = call[0].number == 1;
}

// ------------------------------------------------------------------------------------ finish

void read_file(Scope& scope, ir::File& file, Span span, std::string_view what) {
    if (!file) return;
    auto found = scope.load.tls_files.read(scope.sources, full_path(file->path, scope.load.bind_tls.authority_base));
    if (found)
        file = *found;
    else
        scope.error(span, "cannot-load",
                    fmt::format("cannot load the {} \"{}\": {}", what, file->path, found.error().text));
}

void read_identity(Scope& scope, ir::TlsIdentity& identity) {
    if (!identity.chain) return;
    auto chain_span = identity.chain_span, key_span = identity.key_span;
    const auto name = full_path(identity.chain->path, scope.load.bind_tls.certificate_base);
    const auto* known = find_certificate(scope, name, chain_span, {});
    if (!known) return;
    identity = *known;
    identity.chain_span = chain_span;
    identity.key_span = key_span;
}

void take_defaults(ir::ServerTls& tls, const ServerTlsWords& words,
                   const ServerTlsDefaults& global) {
    auto& rules = tls.rules;
    rules.versions = versions_of(words.versions, global.versions);
    rules.tickets = words.tickets.value_or(global.tickets);
    rules.follows = global.follows;
    auto fill = [](std::string& text, const std::string& otherwise) {
        if (text.empty()) text = otherwise;
    };
    fill(rules.ciphers, global.ciphers);
    fill(rules.ciphersuites, global.ciphersuites);
    fill(rules.groups, global.curves);
    fill(rules.signatures, global.signatures);
    fill(rules.client_signatures, global.client_signatures);
    using Verify = ir::TlsRules::Verify;
    rules.verify = words.verify.value_or(global.verify) ? Verify::required : Verify::none;
}

// sni-auto (HAProxy 3.3): the name of the Host field, where nothing else was said.
void name_by_host(Scope& scope, const ServerWords& words, ir::ServerTls& tls) {
    if (!words.tls.name_from_host || !tls.name.empty() || !tls.fallback_name.empty()) return;
    auto place = std::exchange(scope.place, in::http_request);
    Argument word_{.text = "req.hdr(host)", .span = words.span};
    std::size_t used = 0;
    auto expr = lower_sample(scope, Args(&word_, 1), used);
    scope.place = place;
    if (!expr) return;
    tls.name = text_of(std::move(*expr));
    tls.send_name = tls.name_has_port = true;
}

bool connects_over_tls(const std::vector<ir::HealthCheck::Step>& steps) {
    for (const auto& step : steps)
        if (step.tls) return true;
    return false;
}

}  // namespace

std::vector<std::string> split_list(std::string_view list) {
    std::vector<std::string> names;
    while (!list.empty()) {
        auto comma = list.find(',');
        if (comma != 0) names.emplace_back(list.substr(0, comma));
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    }
    return names;
}

void finish_server_tls(Scope& scope, const Draft& draft, const ServerWords& words,
                       ir::Server& server) {
    const auto& back = *draft.back;
    bool of_steps =
        connects_over_tls(back.check == BackWords::Check::http ? back.http_steps : back.tcp_steps);
    bool checked = words.checked && (words.tls.check == ServerTlsWords::Check::always || of_steps);
    if (!server.over_tls && !checked) {
        server.tls = {};  // said, but of no use
        return;
    }
    auto& tls = server.tls.edit();
    tls.span = words.span;
    tls.changes = scope.sources.changes();
    take_defaults(tls, words.tls, scope.load.server_tls);
    if (tls.rules.versions.none())
        scope.error(
            words.span, "no-version",
            fmt::format("every version of TLS is switched off for server \"{}\"", server.name));
    bool verify = tls.rules.verify != ir::TlsRules::Verify::none;
    if (verify && !tls.rules.trusted && !tls.rules.trusts_system)
        scope.error(
            words.span, "no-authorities",
            fmt::format("server \"{}\": verify is enabled by default but no CA file specified",
                        server.name),
            "name the authorities with ca-file (@system-ca: those of the system), or write "
            "\"verify "
            "none\" where the network can be trusted; ssl-server-verify none in global does so for "
            "all servers");
    read_file(scope, tls.rules.trusted, tls.trusted_span, "ca-file");
    read_file(scope, tls.rules.revoked, tls.revoked_span, "crl-file");
    read_identity(scope, tls.identity);
    if (!draft.http) return;
    name_by_host(scope, words, tls);
}

void finish_check_tls(const ServerWords& words, const ir::Server& server, ir::HealthCheck& check) {
    using Check = ServerTlsWords::Check;
    // A check that goes elsewhere than the traffic is plain unless it is asked to be not.
    bool elsewhere = check.port != 0 || check.address;
    check.over_tls = words.tls.check == Check::always ||
                     (words.tls.check == Check::as_traffic && server.over_tls && !elsewhere);
    if (!check.over_tls && !connects_over_tls(check.steps)) return;
    check.tls = server.tls;
    auto& tls = check.tls.edit();
    auto name = words.tls.check_name;
    // check-sni-auto (HAProxy 3.3): the name of the Host field that the check sends. A connect step of its
    // own says what it wants.
    const bool connects = std::any_of(check.steps.begin(), check.steps.end(), [](const auto& step) {
        return step.what == ir::HealthCheck::Step::What::connect;
    });
    if (!connects && name.empty() && words.tls.check_name_from_host && tls.fallback_name.empty())
        for (const auto& step : check.steps)
            for (const auto& field : step.fields)
                if (name.empty() && (field.name == "Host" || field.name == "host") &&
                    field.value.is_literal())
                    name = field.value.literal();
    tls.name = name.empty() ? ir::Text() : ir::Text::of(std::move(name));
    tls.send_name = !tls.name.empty();
    tls.name_has_port = true;
    tls.rules.alpn = words.tls.check_alpn;
}

namespace {

// -------------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary, std::string_view since = {}) {
    return {.name = name,
            .where = in::server,
            .args = args,
            .apply = apply,
            .since = since,
            .summary = summary};
}
constexpr Keyword global_row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                             std::string_view summary, std::string_view since = {}) {
    auto made_row = row(name, args, apply, summary, since);
    made_row.where = in::global;
    return made_row;
}

using T = ir::ServerTls;
using R = ir::TlsRules;
using W = ServerTlsWords;
using D = ServerTlsDefaults;
constexpr keyword::Signature list_arg = {word("list")};
constexpr keyword::Signature file_arg = {keyword::path("file")};
constexpr keyword::Signature version_arg = {keyword::choice(version_choices)};

constexpr auto options = sorted({
    row("allow-0rtt", {}, set_flag<&T::early_data, true>, "Sends early data to the server.", "1.9"),
    row("alpn", {word("protocols")}, lower_alpn, "Lists the protocols offered to the server."),
    row("ca-file", file_arg, lower_ca_file, "Names the authorities of the server's certificate."),
    row("check-alpn", {word("protocols")}, lower_check_alpn,
        "Lists the protocols offered in checks."),
    row("check-sni", {word("name")}, lower_check_sni, "Sets the name asked for in TLS checks."),
    row("check-sni-auto", {}, set_word<&W::check_name_from_host, true>,
        "Takes the name asked for in TLS checks from the Host field.", "3.3"),
    row("check-ssl", {}, set_check<W::Check::always>, "Checks the server over TLS."),
    row("ciphers", list_arg, set_rule<&R::ciphers>, "Lists the ciphers allowed up to TLS 1.2."),
    row("ciphersuites", list_arg, set_rule<&R::ciphersuites>,
        "Lists the ciphers allowed in TLS 1.3."),
    row("client-sigalgs", list_arg, set_rule<&R::client_signatures>,
        "Lists the signature algorithms for the client certificate.", "3.x"),
    row("crl-file", file_arg, lower_crl_file, "Names the file of revoked server certificates."),
    row("crt", file_arg, lower_crt, "Names the client certificate."),
    row("curves", list_arg, set_rule<&R::groups>, "Lists the curves of the TLS key exchange.",
        "3.x"),
    row("force-sslv3", {}, lower_version, "Allows SSLv3 only."),
    row("force-tlsv10", {}, lower_version, "Allows TLS 1.0 only."),
    row("force-tlsv11", {}, lower_version, "Allows TLS 1.1 only."),
    row("force-tlsv12", {}, lower_version, "Allows TLS 1.2 only."),
    row("force-tlsv13", {}, lower_version, "Allows TLS 1.3 only."),
    row("no-check-sni-auto", {}, set_word<&W::check_name_from_host, false>,
        "Does not take the checked name from the Host field.", "3.3"),
    row("no-check-ssl", {}, set_check<W::Check::never>, "Checks the server without TLS."),
    row("no-renegotiate", {}, lower_nothing, "Refuses TLS renegotiation, as weir always does.",
        "3.x"),
    row("no-sni-auto", {}, set_word<&W::name_from_host, false>,
        "Does not take the asked name from the Host field.", "3.3"),
    row("no-ssl", {}, set_over_tls<false>, "Connects without TLS."),
    row("no-ssl-reuse", {}, set_flag<&T::resume, false>, "Does not resume TLS sessions."),
    row("no-sslv3", {}, lower_version, "Refuses SSLv3."),
    row("no-tls-tickets", {}, lower_tls_tickets, "Uses no session tickets."),
    row("no-tlsv10", {}, lower_version, "Refuses TLS 1.0."),
    row("no-tlsv11", {}, lower_version, "Refuses TLS 1.1."),
    row("no-tlsv12", {}, lower_version, "Refuses TLS 1.2."),
    row("no-tlsv13", {}, lower_version, "Refuses TLS 1.3."),
    row("no-verifyhost", {}, lower_no_verifyhost, "Does not check the name in the certificate."),
    {.name = "renegotiate",
     .where = in::server,
     .since = "3.x",
     .support = keyword::refused("TLS 1.3 has none, and older versions are attacked by it"),
     .summary = "Allows TLS renegotiation."},
    row("sigalgs", list_arg, set_rule<&R::signatures>,
        "Lists the signature algorithms of the TLS handshake.", "3.x"),
    row("sni", {word("expression")}, lower_sni, "Sets the name asked for in the TLS handshake."),
    row("sni-auto", {}, set_word<&W::name_from_host, true>,
        "Takes the name asked for from the Host field.", "3.3"),
    row("ssl", {}, set_over_tls<true>, "Connects over TLS."),
    row("ssl-max-ver", version_arg, lower_version, "Sets the highest TLS version."),
    row("ssl-min-ver", version_arg, lower_version, "Sets the lowest TLS version."),
    row("ssl-reuse", {}, set_flag<&T::resume, true>, "Resumes TLS sessions."),
    row("tls-tickets", {}, lower_tls_tickets, "Uses session tickets."),
    row("verify", {keyword::choice("none|required")}, lower_verify,
        "Tells whether the server's certificate is checked."),
    row("verifyhost", {word("name")}, lower_verifyhost,
        "Sets the name expected in the certificate."),
});
static_assert(keyword::well_formed(options));

constexpr auto global_rows = sorted({
    global_row("ssl-default-server-ciphers", list_arg, set_default<&D::ciphers>,
               "Ciphers towards servers, up to TLS 1.2."),
    global_row("ssl-default-server-ciphersuites", list_arg, set_default<&D::ciphersuites>,
               "Ciphers towards servers in TLS 1.3."),
    global_row("ssl-default-server-client-sigalgs", list_arg, set_default<&D::client_signatures>,
               "Signature algorithms for client certificates towards servers.", "3.x"),
    global_row("ssl-default-server-curves", list_arg, set_default<&D::curves>,
               "Curves of the key exchange with servers.", "3.x"),
    global_row("ssl-default-server-options", {keyword::many(word("option"))}, lower_default_options,
               "TLS options of all servers."),
    global_row("ssl-default-server-sigalgs", list_arg, set_default<&D::signatures>,
               "Signature algorithms towards servers.", "3.x"),
    global_row("ssl-server-verify", {keyword::choice("none|required")}, lower_server_verify,
               "Whether certificates of servers are checked where their lines do not say."),
});
static_assert(keyword::well_formed(global_rows));

}  // namespace

keyword::Table server_tls_table() { return options; }
keyword::Table server_tls_default_table() { return global_rows; }

}  // namespace weir::haproxy
