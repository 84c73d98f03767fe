// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/server_tls.hpp"

#include <algorithm>
#include <mutex>

#include "runtime/net/digest.hpp"

namespace weir::plan {

namespace {

// Everything that makes a context what it is, as text.
class Content {
public:
    void add(std::string_view value) {
        text_ += std::to_string(value.size());
        text_ += ':';
        text_ += value;
    }
    void add(std::uint64_t value) { add(std::string_view(std::to_string(value))); }
    void add(const ir::File& file, bool bytes) {
        if (!bytes)
            add(reinterpret_cast<std::uintptr_t>(file.get()));
        else
            add(file ? std::string_view(file->bytes) : std::string_view());
    }
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] std::string digest() const {
        unsigned char sum[net::most_digest_bytes];
        auto size = net::digest(net::Digest::sha256, text_, sum);
        return {reinterpret_cast<const char*>(sum), size};
    }

private:
    std::string text_;
};

Content content_of(const ir::TlsRules& rules, const ir::TlsIdentity& identity, bool bytes) {
    Content content;
    content.add(rules.versions.to_ulong());
    for (const auto* text : {&rules.ciphers, &rules.ciphersuites, &rules.groups, &rules.signatures,
                             &rules.client_signatures})
        content.add(*text);
    content.add(rules.commands.size());
    for (const auto& [name, value] : rules.commands) {
        content.add(name);
        content.add(value);
    }
    content.add(rules.alpn.size());
    for (const auto& name : rules.alpn) content.add(name);
    content.add(rules.tickets);
    content.add(static_cast<std::uint64_t>(rules.verify));
    content.add(static_cast<std::uint64_t>(rules.verify_depth));
    content.add(rules.trusts_system);
    content.add(rules.record_bytes);
    for (const auto& file :
         {rules.trusted, rules.revoked, identity.chain, identity.key, identity.passwords})
        content.add(file, bytes);
    return content;
}

// A reload compiles beside the thread that runs the plan before.
struct Known {
    std::mutex mutex;
    std::unordered_map<std::string, std::weak_ptr<const net::TlsContext>> by_content;
};
Known& known() {
    static Known contexts;
    return contexts;
}

bool left_out(const ir::ServerTls& source) {
    for (const auto& file : {source.rules.trusted, source.rules.revoked, source.identity.chain,
                             source.identity.key, source.identity.passwords})
        if (file && file->left_out) return true;
    return false;
}

}  // namespace

Expected<std::shared_ptr<const net::TlsContext>, net::TlsProblem> find_server_context(
    const ir::TlsRules& rules, const ir::TlsIdentity& identity) {
    auto key = content_of(rules, identity, true).digest();
    std::lock_guard guard(known().mutex);
    auto& contexts = known().by_content;
    if (auto found = contexts.find(key); found != contexts.end())
        if (auto there = found->second.lock()) return there;
    net::Certificates own;
    if (identity.chain) {
        auto certificate = net::Certificate::parse(identity);
        if (!certificate) return Unexpected{certificate.error()};
        own.push_back(*certificate);
    }
    auto made = net::TlsContext::make(net::TlsContext::Role::connects, rules, own);
    if (!made) return made;
    std::erase_if(contexts, [](const auto& one) { return one.second.expired(); });
    contexts[std::move(key)] = *made;
    return made;
}

const ServerTls* ServerTlsTable::add(const ir::ServerTls& source, route::Library& library,
                                     std::vector<route::Library::Problem>& problems) {
    auto [slot, is_new] = made_.try_emplace(&source);
    if (!is_new) return slot->second.get();
    if (left_out(source)) return nullptr;
    auto made = std::make_unique<ServerTls>();
    made->source = &source;
    made->name = library.compile(source.name);
    made->certificate = library.compile(source.computed_certificate);
    made->key = library.compile(source.computed_key);
    auto& context = contexts_[content_of(source.rules, source.identity, false).text()];
    if (!context) {
        auto found = find_server_context(source.rules, source.identity);
        if (!found) {
            problems.push_back({found.error().span, found.error().text});
            return nullptr;
        }
        context = *found;
    }
    if (made->certificate.empty()) made->context = context;
    if (const auto& alpn = source.rules.alpn; alpn.size() > 1 && std::find(alpn.begin(), alpn.end(), "h2") != alpn.end()) {
        auto less = std::make_shared<ir::ServerTls>(source);
        std::erase(less->rules.alpn, "h2");
        made->apart = std::make_unique<ServerTls>();
        auto& apart = *made->apart;
        apart.source = less.get();
        apart.own_source = std::move(less);
        apart.name = library.compile(source.name);
        apart.certificate = library.compile(source.computed_certificate);
        apart.key = library.compile(source.computed_key);
        if (made->context)
            if (auto found = find_server_context(apart.source->rules, source.identity)) apart.context = *found;
    }
    slot->second = std::move(made);
    return slot->second.get();
}

const ServerTls* ServerTlsTable::find(const ir::ServerTls& source) const {
    auto found = made_.find(&source);
    return found == made_.end() ? nullptr : found->second.get();
}

}  // namespace weir::plan
