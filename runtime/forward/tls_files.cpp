// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/tls_files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <list>
#include <sstream>

#include "runtime/net/loop.hpp"

namespace weir::forward {

namespace {

using Context = std::shared_ptr<const net::TlsContext>;

std::string full_path(const ir::ServerTls& tls, std::string_view path) {
    return path.starts_with('/') ? std::string(path) : tls.computed_folder + std::string(path);
}

// Null with errno.
ir::File read_file(std::string path) {
    errno = 0;
    std::ifstream in(path, std::ios::binary);
    std::ostringstream bytes;
    if (!in || !(bytes << in.rdbuf())) {
        if (errno == 0) errno = EIO;
        return nullptr;
    }
    auto file = std::make_shared<ir::FileContent>();
    file->path = std::move(path);
    file->bytes = std::move(bytes).str();
    return file;
}

// What was read; the one that was not asked for the longest makes room (certificate_cache).
class Kept {
public:
    const ir::TlsIdentity* find(const ir::ServerTls& rules, const std::string& certificate,
                                const std::string& key) {
        auto now = net::Loop::current().now();
        for (auto at = entries_.begin(); at != entries_.end(); ++at) {
            if (at->certificate != certificate || at->key != key) continue;
            bool old = now - at->read_at > rules.certificate_valid.count() * 1000 ||
                       now - at->used_at > rules.certificate_inactive.count() * 1000;
            if (old) {
                entries_.erase(at);
                return nullptr;
            }
            at->used_at = now;
            entries_.splice(entries_.begin(), entries_, at);
            return &entries_.front().identity;
        }
        return nullptr;
    }
    void add(std::string certificate, std::string key, const ir::TlsIdentity& identity,
             std::size_t most) {
        auto now = net::Loop::current().now();
        entries_.push_front({std::move(certificate), std::move(key), identity, now, now});
        while (entries_.size() > most) entries_.pop_back();
    }

private:
    struct Entry {
        std::string certificate, key;
        ir::TlsIdentity identity;
        net::Time read_at, used_at;
    };
    std::list<Entry> entries_;
};

// True, or `problem` says which file cannot be read.
bool read_files(ir::TlsIdentity& identity, const std::string& certificate, const std::string& key,
                std::string& problem) {
    identity.chain = read_file(certificate);
    if (!identity.chain)
        problem = "cannot load certificate \"" + certificate + "\": " + std::strerror(errno);
    if (!identity.chain) return false;
    if (!key.empty()) identity.key = read_file(key);
    if (!identity.key)
        problem = "cannot load certificate key \"" + key + "\": " + std::strerror(errno);
    return identity.key != nullptr;
}

}  // namespace

Context computed_context(const plan::ServerTls& tls, route::Subject& subject,
                         std::string& problem) {
    static thread_local Kept kept;
    const auto& source = *tls.source;
    auto certificate = tls.certificate.render(subject), key = tls.key.render(subject);
    if (certificate.empty()) {
        auto plain = plan::find_server_context(source.rules, {});
        return plain ? *plain : nullptr;
    }
    auto certificate_path = full_path(source, certificate);
    auto key_path = tls.key.empty() ? std::string() : full_path(source, key);
    ir::TlsIdentity identity = source.identity;
    bool keeps = source.kept_certificates != 0;
    const auto* known = keeps ? kept.find(source, certificate_path, key_path) : nullptr;
    if (known) {
        identity = *known;
    } else {
        if (!read_files(identity, certificate_path, key_path, problem)) return nullptr;
        if (keeps) kept.add(certificate_path, key_path, identity, source.kept_certificates);
    }
    auto context = plan::find_server_context(source.rules, identity);
    if (context) return *context;
    problem = context.error().text;
    return nullptr;
}

}  // namespace weir::forward
