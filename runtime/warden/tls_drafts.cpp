// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/tls_drafts.hpp"

namespace weir::warden {

namespace {

// Calls visit(rules, profile of a listener or null) for everything that has rules of TLS.
template <class Visit>
void each_rules(const ir::Config& config, Visit visit) {
    for (const auto& listener : config.listeners) {
        if (!listener.tls || listener.tls->sites_decide) continue;
        visit(listener.tls->rules->rules, &*listener.tls->rules);
        for (const auto& entry : listener.tls->certificates) visit(entry.rules->rules, &*entry.rules);
    }
    for (const auto& pool : config.pools)
        for (const auto& server : pool.servers) {
            if (server.over_tls) visit(server.tls->rules, nullptr);
            if (server.check) visit(server.check->tls->rules, nullptr);
        }
}

void add(std::map<std::string_view, TrustInUse>& to, const ir::File& file, bool used) {
    if (!file) return;
    auto& one = to[file->path];
    one.file = file;
    one.used |= used;
}

}  // namespace

TlsDrafts& tls_drafts() {
    static TlsDrafts drafts;
    return drafts;
}

std::map<std::string_view, CertificateInUse> certificates_of(const ir::Config& config) {
    std::map<std::string_view, CertificateInUse> found;
    auto add_one = [&](const ir::TlsIdentity& identity, bool used) {
        if (!identity.chain) return;
        auto& one = found[identity.known_as()];
        if (!one.identity) one.identity = &identity;
        one.used |= used;
    };
    for (const auto& listener : config.listeners) {
        if (!listener.tls) continue;
        for (const auto& entry : listener.tls->certificates)
            for (const auto& one : entry.identities) add_one(one, true);
    }
    for (const auto& pool : config.pools)
        for (const auto& server : pool.servers) {
            if (server.over_tls) add_one(server.tls->identity, true);
            if (server.check) add_one(server.check->tls->identity, true);
        }
    for (const auto& one : config.tls_stored.identities) add_one(one, false);
    return found;
}

std::map<std::string_view, TrustInUse> authorities_of(const ir::Config& config) {
    std::map<std::string_view, TrustInUse> found;
    each_rules(config, [&](const ir::TlsRules& rules, const ir::TlsProfile* profile) {
        add(found, rules.trusted, true);
        if (profile) add(found, profile->announced, true);
    });
    for (const auto& one : config.tls_stored.authorities) add(found, one, false);
    return found;
}

std::map<std::string_view, TrustInUse> revocations_of(const ir::Config& config) {
    std::map<std::string_view, TrustInUse> found;
    each_rules(config, [&](const ir::TlsRules& rules, const ir::TlsProfile*) { add(found, rules.revoked, true); });
    for (const auto& one : config.tls_stored.revocations) add(found, one, false);
    return found;
}

const ir::TlsIdentity* find_certificate(const ir::Config& config, std::string_view name) {
    const auto all = certificates_of(config);
    auto found = all.find(name);
    if (found != all.end()) return found->second.identity;
    for (const auto& [known, one] : all)
        if (one.identity->base == name) return one.identity;
    return nullptr;
}

void keep_certificate(const ir::Config& config, std::string_view name, std::vector<Amendment>& changes) {
    const auto* identity = find_certificate(config, name);
    // One of a crt-store stays by itself.
    if (identity && identity->name.empty())
        changes.push_back({Amendment::Kind::certificate, identity->chain->path, identity->chain->bytes});
}

}  // namespace weir::warden
