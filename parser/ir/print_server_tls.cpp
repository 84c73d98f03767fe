// SPDX-License-Identifier: Apache-2.0
// TLS towards servers: one block, only what differs from the built-in values. Of a file its path
// and size: what is secret is not printed.
#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

std::string versions_of(const TlsVersions& versions) {
    static constexpr const char* names[] = {"ssl3", "1.0", "1.1", "1.2", "1.3"};
    std::string out;
    for (std::size_t i = 0; i < versions.size(); ++i)
        if (versions[i]) out += fmt::format("{}{}", out.empty() ? "" : " ", names[i]);
    return out.empty() ? "none" : out;
}

void put(Printer& to, const char* name, const File& file) {
    if (file) to.line("{} {} {} bytes", name, show(file->path), file->bytes.size());
}

void put(Printer& to, const TlsRules& r, const TlsRules& d) {
    if (r.versions != d.versions) to.line("versions {}", versions_of(r.versions));
    to.field("ciphers", r.ciphers, d.ciphers);
    to.field("ciphersuites", r.ciphersuites, d.ciphersuites);
    to.field("groups", r.groups, d.groups);
    to.field("signatures", r.signatures, d.signatures);
    to.field("client_signatures", r.client_signatures, d.client_signatures);
    for (const auto& [command, value] : r.commands)
        to.line("command {} {}", show(command), show(value));
    to.each("alpn", r.alpn);
    to.field("tickets", r.tickets, d.tickets);
    if (r.verify != d.verify) to.line("verify required");
    to.field("verify_depth", r.verify_depth, d.verify_depth);
    put(to, "trusted", r.trusted);
    to.field("trusts_system", r.trusts_system, d.trusts_system);
    put(to, "revoked", r.revoked);
    to.field("follows", r.follows, d.follows);
}

void put(Printer& to, const ServerTls& t) {
    const ServerTls d;
    put(to, t.rules, d.rules);
    put(to, "certificate", t.identity.chain);
    put(to, "key", t.identity.key);
    put(to, "passwords", t.identity.passwords);
    to.field("computed_certificate", t.computed_certificate);
    to.field("computed_key", t.computed_key);
    to.field("computed_folder", t.computed_folder, d.computed_folder);
    if (t.kept_certificates != d.kept_certificates)
        to.line("kept_certificates {} valid {} s inactive {} s", t.kept_certificates,
                t.certificate_valid.count(), t.certificate_inactive.count());
    to.field("name", t.name);
    to.field("named_by_target", t.named_by_target, d.named_by_target);
    to.field("send_name", t.send_name, d.send_name);
    to.field("fallback_name", t.fallback_name, d.fallback_name);
    to.field("needs_name", t.needs_name, d.needs_name);
    to.field("name_has_port", t.name_has_port, d.name_has_port);
    to.field("resume", t.resume, d.resume);
    to.field("early_data", t.early_data, d.early_data);
    to.field("changes", t.changes, d.changes);
}

}  // namespace

void Printer::server_tls(const ServerTls& tls) {
    Printer lines(config);
    put(lines, tls);
    if (lines.out.empty()) return;
    line("tls");
    Deeper deeper(*this);
    put(*this, tls);
}

}  // namespace weir::ir::printing
