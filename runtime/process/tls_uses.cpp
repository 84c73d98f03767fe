// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/tls_uses.hpp"

#include <unordered_set>

namespace weir::process {

namespace {

class Walk {
public:
    explicit Walk(const TlsVisitor& visitor) : visitor_(visitor) {}

    // Groups are shared: each once.
    template <class T>
    void add(const ir::Shared<T>& shared) {
        if (seen_.insert(shared.identity()).second) add(*shared);
    }
    void add(const ir::ForwardSettings& forward) { add(forward.tls); }
    void add(const ir::ServerTls& tls) {
        add(tls.rules);
        add(tls.identity, tls.rules.follows);
    }
    void add(const ir::TlsProfile& profile) {
        const bool follows = profile.rules.follows;
        add(profile.rules);
        for (const auto& one : profile.identities) add(one, follows);
        for (const auto& key : profile.ticket_keys) add(key, TlsFileKind::other, false);
        add(profile.passwords, TlsFileKind::other, follows);
        add(profile.announced, TlsFileKind::authorities, follows);
        add(profile.dh_parameters, TlsFileKind::other, false);
    }
    void add(const ir::ListenerTls& tls) {
        add(tls.rules);
        add(tls.signer, tls.rules->rules.follows);
        for (const auto& entry : tls.certificates) {
            add(entry.rules);
            for (const auto& one : entry.identities) add(one, entry.rules->rules.follows);
        }
    }
    void add(const ir::TlsIdentity& identity, bool follows) {
        if (identity.chain || identity.key) visitor_.on_identity(identity, follows);
    }
    void add(const ir::File& file, TlsFileKind kind, bool follows) {
        if (file) visitor_.on_file(file, kind, follows);
    }

private:
    void add(const ir::TlsRules& rules) {
        add(rules.trusted, TlsFileKind::authorities, rules.follows);
        add(rules.revoked, TlsFileKind::revocations, rules.follows);
    }

    const TlsVisitor& visitor_;
    std::unordered_set<const void*> seen_;
};

}  // namespace

void each_tls_use(const ir::Config& config, const TlsVisitor& visitor) {
    Walk walk(visitor);
    for (const auto& site : config.sites) {
        walk.add(site.settings.tls);
        walk.add(site.settings.forward);
    }
    for (const auto& route : config.routes) walk.add(route.settings.forward);
    for (const auto& listener : config.listeners)
        if (listener.tls) walk.add(*listener.tls);
    for (const auto& pool : config.pools)
        for (const auto& server : pool.servers) {
            walk.add(server.tls);
            if (server.check) walk.add(server.check->tls);
        }
    for (const auto& list : config.tls_lists) walk.add(list.content, TlsFileKind::other, false);
    for (const auto& one : config.tls_stored.identities) walk.add(one, false);
    for (const auto& one : config.tls_stored.authorities) walk.add(one, TlsFileKind::authorities, false);
    for (const auto& one : config.tls_stored.revocations) walk.add(one, TlsFileKind::revocations, false);
}

}  // namespace weir::process
