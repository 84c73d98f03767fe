// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/tls_files.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "runtime/net/loop.hpp"

namespace weir::plan {

namespace {

std::string full_path(std::string_view folder, std::string_view path) {
    return path.starts_with('/') ? std::string(path) : std::string(folder) + std::string(path);
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

// True, or `problem` says which file cannot be read.
bool read_pair(ir::TlsIdentity& identity, const std::string& certificate, const std::string& key,
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

const ir::TlsIdentity* ReadIdentities::find(const Rules& rules, const std::string& certificate,
                                            const std::string& key) {
    auto now = net::Loop::current().now();
    for (auto at = entries_.begin(); at != entries_.end(); ++at) {
        if (at->certificate != certificate || at->key != key) continue;
        bool old = now - at->read_at > rules.valid.count() * 1000 ||
                   now - at->used_at > rules.inactive.count() * 1000;
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

bool ReadIdentities::read(const Rules& rules, std::string_view certificate, std::string_view key,
                          ir::TlsIdentity& identity, std::string& problem) {
    auto certificate_path = full_path(rules.folder, certificate);
    auto key_path = key.empty() ? std::string() : full_path(rules.folder, key);
    const auto* known = rules.most_files != 0 ? find(rules, certificate_path, key_path) : nullptr;
    if (known) {
        identity.chain = known->chain;
        identity.key = known->key;
        return true;
    }
    if (!read_pair(identity, certificate_path, key_path, problem)) return false;
    // A key with a passphrase is never kept.
    bool locked = identity.key->bytes.find("ENCRYPTED") != std::string::npos;
    if (rules.most_files == 0 || locked) return true;
    auto now = net::Loop::current().now();
    entries_.push_front({std::move(certificate_path), std::move(key_path), identity, now, now});
    while (entries_.size() * 2 > std::max(rules.most_files, 2u)) entries_.pop_back();
    return true;
}

}  // namespace weir::plan
