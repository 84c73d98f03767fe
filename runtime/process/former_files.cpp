// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/former_files.hpp"

#include <unordered_set>

namespace weir::process {

namespace {

class Collector {
public:
    FormerFiles found;

    void add(const ir::TlsProfile& profile) {
        add(profile.rules);
        for (const auto& one : profile.identities) add(one);
        for (const auto& key : profile.ticket_keys) add(key);
        for (const auto& file : {profile.passwords, profile.announced, profile.dh_parameters}) add(file);
    }
    // Groups are shared: each once.
    template <class T>
    void add(const ir::Shared<T>& shared) {
        if (seen_.insert(shared.identity()).second) add(*shared);
    }
    void add(const ir::ServerTls& tls) {
        add(tls.rules);
        add(tls.identity);
    }
    void add(const ir::ForwardSettings& forward) { add(forward.tls); }
    void add(const ir::TlsIdentity& identity) {
        for (const auto& file : {identity.chain, identity.key, identity.passwords, identity.ocsp, identity.transparency})
            add(file);
    }

private:
    void add(const ir::File& file) {
        if (file && file->stamp != FileStamp{}) found.try_emplace(file->path, FormerFile{file->stamp, file->bytes});
    }
    void add(const ir::TlsRules& rules) {
        add(rules.trusted);
        add(rules.revoked);
    }
    std::unordered_set<const void*> seen_;
};

}  // namespace

FormerFiles former_tls_files(const ir::Config& config) {
    Collector collector;
    for (const auto& site : config.sites) {
        collector.add(site.settings.tls);
        collector.add(site.settings.forward);
    }
    for (const auto& route : config.routes) collector.add(route.settings.forward);
    for (const auto& listener : config.listeners) {
        if (!listener.tls) continue;
        collector.add(listener.tls->rules);
        for (const auto& entry : listener.tls->certificates) {
            collector.add(entry.rules);
            for (const auto& one : entry.identities) collector.add(one);
        }
    }
    return std::move(collector.found);
}

}  // namespace weir::process
