// SPDX-License-Identifier: Apache-2.0
// TLS as canonical text. Files show as their paths: what they hold is nobody's business here.
#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

std::string names_of(const TlsVersions& versions) {
    static constexpr const char* names[] = {"SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    std::string out;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        if (!versions[i]) continue;
        if (!out.empty()) out += ' ';
        out += names[i];
    }
    return out.empty() ? "none" : out;
}

const char* name_of(TlsRules::Verify verify) {
    static constexpr const char* names[] = {"none", "optional", "optional any issuer", "required"};
    return names[static_cast<std::size_t>(verify)];
}

void put_file(Printer& to, const char* what, const File& file) {
    if (file) to.line("{} {}", what, show(file->path));
}

void put_names(Printer& to, const char* what, const NameServers& names) {
    if (names.of_system) to.line("{} of the system", what);
    for (const auto& server : names.list) to.line("{} by {}", what, to_string(server));
}

void put_status(Printer& to, const OcspRules& rules) {
    const OcspRules d;
    if (!rules.on) return;
    to.line("status {}", rules.responder.empty() ? std::string("of its responder") : "of " + show(rules.responder));
    Printer::Deeper deeper(to);
    put_file(to, "trusted", rules.trusted);
    to.field("checks_signer", rules.checks_signer, d.checks_signer);
    to.field("shows_revoked", rules.shows_revoked, d.shows_revoked);
    to.field("only_when_told", rules.only_when_told, d.only_when_told);
    to.field("proxy", rules.proxy, d.proxy);
    put_names(to, "names", rules.names);
    if (rules.soonest != d.soonest) to.line("soonest {}", show(Milliseconds(rules.soonest)));
    if (rules.latest != d.latest) to.line("latest {}", show(Milliseconds(rules.latest)));
    if (rules.retry != d.retry) to.line("retry {}", show(Milliseconds(rules.retry)));
}

void put_client_status(Printer& to, const TlsProfile::ClientStatus& status) {
    using Of = TlsProfile::ClientStatus::Of;
    if (status.of == Of::none) return;
    to.line("client_status of {}", status.of == Of::leaf ? "leaf" : "chain");
    Printer::Deeper deeper(to);
    if (!status.responder.empty()) to.line("responder {}", show(status.responder));
    put_names(to, "names", status.names);
    put_names(to, "responder_names", status.responder_names);
    if (status.cache != no_id) to.line("cache {}", show(to.config.zones[status.cache].name));
}

void put_errors(Printer& to, const char* what, const std::vector<int>& errors, bool all) {
    if (all) return to.line("{} all", what);
    for (int error : errors) to.line("{} {}", what, error);
}

}  // namespace

void Printer::tls_identity(const TlsIdentity& identity) {
    line("certificate {}", identity.chain ? show(identity.chain->path) : std::string("none"));
    Deeper deeper(*this);
    if (identity.key != identity.chain) put_file(*this, "key", identity.key);
    put_file(*this, "passwords", identity.passwords);
    put_file(*this, "ocsp", identity.ocsp);
    put_file(*this, "transparency", identity.transparency);
    put_file(*this, "issuer", identity.issuer);
    if (identity.completions)
        for (const auto& one : *identity.completions) put_file(*this, "completion", one);
    field("name", identity.name, std::string());
    put_status(*this, *identity.status);
}

void Printer::tls_rules(const TlsRules& rules) {
    const TlsRules d;
    if (rules.versions != d.versions) line("versions {}", names_of(rules.versions));
    field("ciphers", rules.ciphers, d.ciphers);
    field("ciphersuites", rules.ciphersuites, d.ciphersuites);
    field("groups", rules.groups, d.groups);
    field("signatures", rules.signatures, d.signatures);
    field("client_signatures", rules.client_signatures, d.client_signatures);
    for (const auto& [name, value] : rules.commands) line("command {} {}", show(name), show(value));
    each("alpn", rules.alpn);
    field("tickets", rules.tickets, d.tickets);
    if (rules.verify != d.verify) line("verify {}", name_of(rules.verify));
    field("verify_depth", rules.verify_depth, d.verify_depth);
    put_file(*this, "trusted", rules.trusted);
    field("trusts_system", rules.trusts_system, d.trusts_system);
    put_file(*this, "revoked", rules.revoked);
    field("follows", rules.follows, d.follows);
    field("record_bytes", rules.record_bytes, d.record_bytes);
}

void Printer::tls_profile(const TlsProfile& profile) {
    const TlsProfile d;
    for (const auto& one : profile.identities) tls_identity(one);
    for (const auto& one : profile.computed)
        line("certificate of {} key {}", show(one.chain, config), show(one.key, config));
    field("kept_files", profile.kept_files, d.kept_files);
    if (profile.kept_valid != d.kept_valid) line("kept_valid {}", show(Milliseconds(profile.kept_valid)));
    if (profile.kept_inactive != d.kept_inactive) line("kept_inactive {}", show(Milliseconds(profile.kept_inactive)));
    tls_rules(profile.rules);
    put_file(*this, "passwords", profile.passwords);
    field("reject", profile.reject, d.reject);
    field("bad_certificate_ends", profile.bad_certificate_ends, d.bad_certificate_ends);
    put_errors(*this, "ignored_error", profile.ignored_errors, profile.ignores_all_errors);
    put_errors(*this, "ignored_ca_error", profile.ignored_ca_errors, profile.ignores_all_ca_errors);
    put_file(*this, "announced", profile.announced);
    put_file(*this, "dh_parameters", profile.dh_parameters);
    field("own_dh_parameters", profile.own_dh_parameters, d.own_dh_parameters);
    field("prefers_own_ciphers", profile.prefers_own_ciphers, d.prefers_own_ciphers);
    field("alpn_must_match", profile.alpn_must_match, d.alpn_must_match);
    field("answers_alpn", profile.answers_alpn, d.answers_alpn);
    field("session_table", profile.session_table, d.session_table);
    if (profile.session_time != d.session_time) line("session_time {}", show(Milliseconds(profile.session_time)));
    for (const auto& key : profile.ticket_keys) put_file(*this, "ticket_key", key);
    field("early_data", profile.early_data, d.early_data);
    field("early_data_needs_alpn", profile.early_data_needs_alpn, d.early_data_needs_alpn);
    field("keeps_hello", profile.keeps_hello, d.keeps_hello);
    field("handshake_time", profile.handshake_time, d.handshake_time);
    put_client_status(*this, *profile.client_status);
}

void Printer::listener_tls(const ListenerTls& tls) {
    line("tls{}", tls.sites_decide ? " as the sites say" : "");
    Deeper deeper(*this);
    if (!tls.sites_decide) tls_profile(*tls.rules);
    field("strict_names", tls.strict_names, false);
    if (tls.signer.chain) line("signs certificates, keeps {}", tls.kept_made);
    if (tls.signer.chain) tls_identity(tls.signer);
    for (const auto& entry : tls.certificates) {
        line("names{}", entry.is_default ? " and all others" : "");
        Deeper more(*this);
        each("name", entry.names);
        for (const auto& one : entry.identities) tls_identity(one);
        if (entry.rules.identity() != tls.rules.identity()) tls_profile(*entry.rules);
    }
}

}  // namespace weir::ir::printing
