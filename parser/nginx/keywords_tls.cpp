// SPDX-License-Identifier: Apache-2.0
// Rows of ssl_*: TLS to clients, the same in http and stream. Certificates and keys come in two lists
// that are put together when the server is complete.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/tls.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::TlsProfile;
using ir::TlsRules;
using keyword::Argument;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

// What nginx says where nobody says more; written down with the first directive, so that servers without
// TLS share the built-in profile.
void set_defaults(TlsProfile& profile, bool in_stream) {
    profile.rules.ciphers = "HIGH:!aNULL:!MD5";
    profile.rules.verify_depth = 1;
    if (in_stream) return;
    profile.rules.alpn = {"http/1.1", "http/1.0", "http/0.9"};
    profile.alpn_must_match = true;
}

}  // namespace

TlsProfile& tls_profile_of(Scope& scope) {
    static const ir::Shared<TlsProfile> built_in;
    auto& shared = scope.settings().tls;
    bool first = shared.identity() == built_in.identity();
    auto& profile = shared.edit();
    if (first) set_defaults(profile, block_of(scope).in_stream());
    return profile;
}

ir::File read_tls_file(Scope& scope, const Argument& argument, std::string_view what) {
    auto& run = block_of(scope).run;
    auto path = argument.text.starts_with('/') ? std::string(argument.text)
                                               : run.file_folder + std::string(argument.text);
    auto file = run.tls_files.read(run.set, path);
    if (file) return *file;
    scope.error(argument.span, "cannot-load", fmt::format("cannot load {} \"{}\": {}", what, path, file.error().text));
    return nullptr;
}

namespace {

bool refuse_source(Scope& scope, const Call& call) {
    for (std::string_view scheme : {"engine:", "data:", "store:"}) {
        if (!call[0].text.starts_with(scheme)) continue;
        scope.error(call[0].span, "not-supported",
                    fmt::format("\"{}\" of \"{}\" is known to nginx, not yet in weir", scheme, call.name),
                    "name a file");
        return true;
    }
    return false;
}

// The n-th certificate belongs to the n-th key. What a block says replaces what is around it.
// Where one of the pair has variables, `computed` goes along, one for each of `identities`, until the
// server is complete.
template <ir::File ir::TlsIdentity::*File, Span ir::TlsIdentity::*At, ir::Text ir::TlsProfile::Computed::*Of>
void lower_identity(Scope& scope, const Call& call, std::string_view what) {
    auto& profile = tls_profile_of(scope);
    auto& list = profile.identities;
    if (block_of(scope).first_use(*call.row)) {
        for (auto& one : list) one.*File = nullptr;
        for (auto& one : profile.computed) one.*Of = {};
    }
    bool refused = refuse_source(scope, call);
    bool computed = has_variables(call[0].text);
    auto file = refused || computed ? nullptr : read_tls_file(scope, call[0], what);
    // One that is wrong stands for itself: that it is missing is not said as well.
    if (!file) file = std::make_shared<ir::FileContent>(ir::FileContent{std::string(call[0].text), {}, true});
    auto place = std::find_if(list.begin(), list.end(), [](const auto& one) { return !(one.*File); });
    auto& one = place == list.end() ? list.emplace_back() : *place;
    one.*File = std::move(file);
    one.*At = call[0].span;
    if (!computed && profile.computed.empty()) return;
    profile.computed.resize(list.size());
    profile.computed[static_cast<std::size_t>(&one - list.data())].*Of =
        computed ? block_of(scope).text(call[0]) : ir::Text{};
    profile.computed_folder = block_of(scope).run.file_folder;
}

void lower_certificate(Scope& scope, const Call& call) {
    lower_identity<&ir::TlsIdentity::chain, &ir::TlsIdentity::chain_span, &TlsProfile::Computed::chain>(scope, call, "certificate");
}
void lower_certificate_key(Scope& scope, const Call& call) {
    lower_identity<&ir::TlsIdentity::key, &ir::TlsIdentity::key_span, &TlsProfile::Computed::key>(scope, call, "certificate key");
}

// off | max=N [inactive=time] [valid=time]
void lower_certificate_cache(Scope& scope, const Call& call) {
    auto& profile = tls_profile_of(scope);
    CertificateCache cache;
    if (!read_certificate_cache(scope, call, cache)) return;
    profile.kept_files = cache.most;
    profile.kept_valid = cache.valid;
    profile.kept_inactive = cache.inactive;
}

void lower_password_file(Scope& scope, const Call& call) {
    tls_profile_of(scope).passwords = read_tls_file(scope, call[0], "passwords");
}

template <auto Member>
void lower_rule(Scope& scope, const Call& call) {
    tls_profile_of(scope).rules.*Member = std::string(call[0].text);
}
template <auto Member>
void lower_rule_flag(Scope& scope, const Call& call) {
    tls_profile_of(scope).rules.*Member = call[0].number != 0;
}
template <auto Member>
void lower_flag(Scope& scope, const Call& call) {
    tls_profile_of(scope).*Member = call[0].number != 0;
}

void lower_conf_command(Scope& scope, const Call& call) {
    auto& commands = tls_profile_of(scope).rules.commands;
    if (block_of(scope).first_use(*call.row)) commands.clear();
    commands.emplace_back(call[0].text, command_value(block_of(scope), call[0].text, call[1].text));
}

void lower_trusted(Scope& scope, const Call& call) {
    tls_profile_of(scope).rules.trusted = read_tls_file(scope, call[0], "trusted certificates");
}
void lower_announced(Scope& scope, const Call& call) {
    tls_profile_of(scope).announced = read_tls_file(scope, call[0], "client certificates");
}
void lower_crl(Scope& scope, const Call& call) {
    tls_profile_of(scope).rules.revoked = read_tls_file(scope, call[0], "list of revoked certificates");
}
void lower_dhparam(Scope& scope, const Call& call) {
    tls_profile_of(scope).dh_parameters = read_tls_file(scope, call[0], "DH parameters");
}

void lower_protocols(Scope& scope, const Call& call) {
    static constexpr std::string_view names[] = {"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    auto& versions = tls_profile_of(scope).rules.versions;
    versions.reset();
    for (const auto& argument : call.args) {
        if (argument.text == "SSLv2") continue;   // there is none any more
        auto found = std::find(std::begin(names), std::end(names), argument.text);
        if (found == std::end(names))
            return scope.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"{}\"", argument.text, call.name),
                               "SSLv3, TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3");
        versions.set(static_cast<std::size_t>(found - std::begin(names)));
    }
}

// off | none | [builtin[:size]] [shared:name:size]
void lower_session_cache(Scope& scope, const Call& call) {
    auto& profile = tls_profile_of(scope);
    profile.session_table = false;
    for (const auto& argument : call.args) {
        auto text = argument.text;
        if (text == "off" || text == "none") continue;
        if (text == "builtin" || text.starts_with("builtin:") || text.starts_with("shared:")) {
            profile.session_table = true;
            if (!text.starts_with("shared:")) continue;
            auto colon = text.find(':', 7);
            if (colon != text.npos && colon > 7 && value::parse_nginx_size(text.substr(colon + 1), false)) continue;
        }
        return scope.error(argument.span, "invalid-value", fmt::format("invalid session cache \"{}\"", text),
                           "off, none, builtin or shared:NAME:SIZE, such as shared:tls:10m");
    }
}

void lower_session_timeout(Scope& scope, const Call& call) {
    tls_profile_of(scope).session_time = std::chrono::seconds(call[0].number / 1000);
}
void lower_ticket_key(Scope& scope, const Call& call) {
    auto& keys = tls_profile_of(scope).ticket_keys;
    if (block_of(scope).first_use(*call.row)) keys.clear();
    auto file = read_tls_file(scope, call[0], "ticket key");
    if (!file) return;
    if (!file->left_out && file->bytes.size() != 48 && file->bytes.size() != 80)
        return scope.error(call[0].span, "invalid-value",
                           fmt::format("\"{}\" must be 48 or 80 bytes", file->path),
                           "make one: openssl rand 80 > FILE");
    keys.push_back(std::move(file));
}

void lower_verify_client(Scope& scope, const Call& call) {
    static constexpr TlsRules::Verify kinds[] = {TlsRules::Verify::none, TlsRules::Verify::required,
                                                 TlsRules::Verify::optional,
                                                 TlsRules::Verify::optional_any_issuer};
    tls_profile_of(scope).rules.verify = kinds[call[0].number];
}
void lower_verify_depth(Scope& scope, const Call& call) {
    tls_profile_of(scope).rules.verify_depth = static_cast<int>(call[0].number);
}
void lower_buffer_size(Scope& scope, const Call& call) {
    // A record holds no more; below one nginx sends records of that size.
    tls_profile_of(scope).rules.record_bytes =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(call[0].number, 512, 16384));
}
void lower_handshake_timeout(Scope& scope, const Call& call) {
    tls_profile_of(scope).handshake_time = ir::Milliseconds(call[0].number);
}
void lower_alpn(Scope& scope, const Call& call) {
    auto& profile = tls_profile_of(scope);
    profile.rules.alpn.clear();
    profile.alpn_must_match = true;
    for (const auto& argument : call.args) profile.rules.alpn.emplace_back(argument.text);
}

void lower_early_data(Scope& scope, const Call& call) { tls_profile_of(scope).early_data = call[0].number != 0; }

constexpr Contexts both = http | context::server | stream | stream_server;
constexpr Contexts in_http = http | context::server;
constexpr Contexts in_stream = stream | stream_server;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_alpn", .where = in_stream, .args = {keyword::many(keyword::word("protocol"))}, .apply = lower_alpn, .since = "1.21.4",
     .summary = "Lists the protocols offered to clients in the TLS handshake.", .once = true},
    {.name = "ssl_buffer_size", .where = in_http, .args = {keyword::size("size", 1)}, .apply = lower_buffer_size,
     .fallback = "16k", .since = "1.5.9", .summary = "Sets the size of TLS records that are sent.", .once = true},
    {.name = "ssl_certificate", .where = both, .args = {keyword::text("file")}, .apply = lower_certificate,
     .inherit = Inherit::replace_list, .summary = "Names the certificate file of the server."},
    {.name = "ssl_certificate_cache", .where = both, .args = {keyword::word("off|max=N"), keyword::opt(keyword::word("inactive=time")), keyword::opt(keyword::word("valid=time"))},
     .apply = lower_certificate_cache, .fallback = "off", .since = "1.27.4",
     .summary = "Keeps certificates and keys named by variables in memory."},
    {.name = "ssl_certificate_follow", .where = both, .args = {keyword::flag()}, .apply = lower_rule_flag<&TlsRules::follows>,
     .fallback = "off", .summary = "Takes certificates, keys, authorities and CRLs whose files change without a reload (weir's own).", .once = true},
    {.name = "ssl_certificate_key", .where = both, .args = {keyword::text("file")}, .apply = lower_certificate_key,
     .inherit = Inherit::replace_list, .summary = "Names the private key file of the server."},
    {.name = "ssl_ciphers", .where = both, .args = {keyword::word("ciphers")}, .apply = lower_rule<&TlsRules::ciphers>,
     .fallback = "HIGH:!aNULL:!MD5", .summary = "Lists the ciphers allowed to clients.", .once = true},
    {.name = "ssl_client_certificate", .where = both, .args = {keyword::path("file")}, .apply = lower_announced,
     .summary = "Names the authorities of client certificates, whose names are sent to clients.", .once = true},
    {.name = "ssl_conf_command", .where = both, .args = {keyword::word("name"), keyword::word("value")}, .apply = lower_conf_command,
     .inherit = Inherit::replace_list, .since = "1.19.4", .summary = "Passes a configuration command to OpenSSL."},
    {.name = "ssl_crl", .where = both, .args = {keyword::path("file")}, .apply = lower_crl, .since = "0.8.7",
     .summary = "Names the file of revoked client certificates.", .once = true},
    {.name = "ssl_dhparam", .where = both, .args = {keyword::path("file")}, .apply = lower_dhparam, .since = "0.7.2",
     .summary = "Names the file with parameters for DHE ciphers.", .once = true},
    {.name = "ssl_early_data", .where = in_http, .args = {keyword::flag()}, .apply = lower_early_data, .fallback = "off", .since = "1.15.3",
     .summary = "Accepts TLS 1.3 early data.", .once = true},
    {.name = "ssl_ecdh_curve", .where = both, .args = {keyword::word("curve")}, .apply = lower_rule<&TlsRules::groups>,
     .fallback = "auto", .since = "1.1.0,1.0.6", .summary = "Lists the curves for ECDHE ciphers.", .once = true},
    {.name = "ssl_handshake_timeout", .where = in_stream, .args = {keyword::duration("time")}, .apply = lower_handshake_timeout,
     .fallback = "60s", .summary = "Limits the time of a TLS handshake.", .once = true},
    {.name = "ssl_password_file", .where = both, .args = {keyword::path("file")}, .apply = lower_password_file, .since = "1.7.3",
     .summary = "Names the file with passphrases of the private keys.", .once = true},
    {.name = "ssl_prefer_server_ciphers", .where = both, .args = {keyword::flag()}, .apply = lower_flag<&TlsProfile::prefers_own_ciphers>,
     .fallback = "off", .summary = "Prefers the server's order of ciphers to the client's.", .once = true},
    {.name = "ssl_protocols", .where = both, .args = {keyword::many(keyword::word("version"))}, .apply = lower_protocols,
     .fallback = "TLSv1.2 TLSv1.3", .summary = "Lists the TLS versions allowed to clients.", .once = true},
    {.name = "ssl_reject_handshake", .where = both, .args = {keyword::flag()}, .apply = lower_flag<&TlsProfile::reject>,
     .fallback = "off", .since = "1.19.4", .summary = "Refuses TLS handshakes for names of this server.", .once = true},
    {.name = "ssl_session_cache", .where = both, .args = {keyword::word("off|none|builtin[:size]"), keyword::opt(keyword::word("shared:name:size"))},
     .apply = lower_session_cache, .fallback = "none", .summary = "Declares the cache of TLS sessions.", .once = true},
    {.name = "ssl_session_ticket_key", .where = both, .args = {keyword::path("file")}, .apply = lower_ticket_key,
     .inherit = Inherit::replace_list, .since = "1.5.7", .summary = "Names a file with a key of session tickets."},
    {.name = "ssl_session_tickets", .where = both, .args = {keyword::flag()}, .apply = lower_rule_flag<&TlsRules::tickets>,
     .fallback = "on", .since = "1.5.9", .summary = "Allows session tickets.", .once = true},
    {.name = "ssl_session_timeout", .where = both, .args = {keyword::seconds("time")}, .apply = lower_session_timeout,
     .fallback = "5m", .summary = "Sets how long a TLS session may be resumed.", .once = true},
    {.name = "ssl_trusted_certificate", .where = both, .args = {keyword::path("file")}, .apply = lower_trusted, .since = "1.3.7",
     .summary = "Names authorities whose names are not sent to clients.", .once = true},
    {.name = "ssl_verify_client", .where = both, .args = {keyword::choice("off|on|optional|optional_no_ca")}, .apply = lower_verify_client,
     .fallback = "off", .summary = "Asks clients for a certificate.", .once = true},
    {.name = "ssl_verify_depth", .where = both, .args = {keyword::number("number", 0, 100)}, .apply = lower_verify_depth,
     .fallback = "1", .summary = "Limits the length of client certificate chains.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

namespace {

// The pairs with variables leave the list of those that are read now.
void split_computed(TlsProfile& profile) {
    std::vector<ir::TlsIdentity> read;
    std::vector<TlsProfile::Computed> computed;
    profile.computed.resize(profile.identities.size());
    for (std::size_t i = 0; i < profile.identities.size(); ++i) {
        auto& one = profile.identities[i];
        auto& texts = profile.computed[i];
        bool has_text = !texts.chain.empty() || !texts.key.empty();
        if (!has_text || !one.chain || !one.key) {
            read.push_back(std::move(one));
            continue;
        }
        if (texts.chain.empty()) texts.chain = ir::Text::of(one.chain->path);
        if (texts.key.empty()) texts.key = ir::Text::of(one.key->path);
        texts.span = one.chain_span;
        computed.push_back(std::move(texts));
    }
    profile.identities = std::move(read);
    profile.computed = std::move(computed);
}

}  // namespace

void finish_tls(Block& block) {
    // Most servers have none of it, and share their parent's.
    if (block.own.tls->identities.empty() && !block.own.tls->reject) return;
    if (!block.own.tls->computed.empty()) split_computed(tls_profile_of(block));
    finish_ocsp(block);
    const auto& before = *block.own.tls;
    bool paired = std::all_of(before.identities.begin(), before.identities.end(), [&](const auto& one) {
        return one.chain && one.key && one.passwords == before.passwords;
    });
    bool asks = before.rules.verify != TlsRules::Verify::none;
    if (asks && before.rules.verify != TlsRules::Verify::optional_any_issuer && !before.announced &&
        !before.rules.trusted)
        block.error(block.server->span, "no-authorities", "no ssl_client_certificate for ssl_verify_client",
                    "name the authorities by which certificates of clients are checked");
    if (paired) return;
    auto& list = tls_profile_of(block).identities;
    for (auto& one : list) {
        one.passwords = before.passwords;
        if (one.chain && !one.key)
            block.error(one.chain_span, "no-key",
                        fmt::format("no \"ssl_certificate_key\" is defined for certificate \"{}\"", one.chain->path),
                        "add ssl_certificate_key with the file of its private key");
    }
    std::erase_if(list, [](const auto& one) { return !one.chain; });
}

void check_tls_listeners(Run& run) {
    auto shows = [&](ir::SiteId id) {
        const auto& profile = *run.config.sites[id].settings.tls;
        return !profile.identities.empty() || !profile.computed.empty();
    };
    auto rejects = [&](ir::SiteId id) { return run.config.sites[id].settings.tls->reject; };
    auto missing = [&](const ir::Listener& listener, Span span) {
        run.sink.error(span, "no-certificate",
                       fmt::format("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive{}",
                                   run.at_line(listener.tls->span)),
                       "add ssl_certificate and ssl_certificate_key to the server");
    };
    for (const auto& listener : run.config.listeners) {
        if (!listener.tls || listener.default_site == ir::no_id) continue;
        if (shows(listener.default_site)) continue;
        if (!rejects(listener.default_site)) {
            missing(listener, run.config.sites[listener.default_site].span);
            continue;
        }
        for (auto id : listener.sites)
            if (!shows(id) && !rejects(id)) missing(listener, run.config.sites[id].span);
    }
}

keyword::Table tls_keywords() { return rows; }

}  // namespace weir::nginx
