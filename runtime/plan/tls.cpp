// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan/tls.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <unordered_set>

#include "runtime/net/digest.hpp"

namespace weir::plan {

namespace {

std::string digest_of(std::string_view bytes) {
    unsigned char sum[net::most_digest_bytes];
    auto size = net::digest(net::Digest::sha256, bytes, sum);
    return {reinterpret_cast<char*>(sum), size};
}

std::string content_of(const ir::File& file) {
    return file ? digest_of(file->bytes) : std::string("-");
}

// What is asked of a client's certificate: sessions of one rule say nothing under another
// (CVE-2025-23419).
std::string demands_of(const ir::TlsProfile& profile) {
    const auto& rules = profile.rules;
    if (rules.verify == ir::TlsRules::Verify::none) return {};
    return std::to_string(static_cast<int>(rules.verify)) + ' ' + std::to_string(rules.verify_depth) + ' ' +
           content_of(rules.trusted) + content_of(rules.revoked) + content_of(profile.announced);
}

bool left_out(const ir::TlsIdentity& identity) {
    return !identity.chain || !identity.key || identity.chain->left_out || identity.key->left_out;
}

}  // namespace

TlsChoice::TlsChoice(std::shared_ptr<const net::TlsContext> context, const ir::TlsProfile& rules,
                     const std::vector<ir::TlsIdentity>& identities)
    : context_(std::move(context)), rules_(rules), scope_(digest_of(demands_of(rules))) {
    add(identities);
}

void TlsChoice::add(const std::vector<ir::TlsIdentity>& identities) {
    for (const auto& one : identities) {
        if (!one.chain || !one.key) continue;
        identities_.push_back(&one);
        scope_ = digest_of(scope_ + content_of(one.chain));
    }
}

std::unique_ptr<TlsChoice> TlsChoice::with(const std::vector<ir::TlsIdentity>& more) const {
    auto both = std::make_unique<TlsChoice>(*this);
    both->add(more);
    return both;
}

bool TlsChoice::apply(net::TlsSession& session) const {
    if (!std::exchange(tried_, true)) {
        // The first of a type counts.
        for (const auto* identity : identities_) {
            auto found = net::Certificate::find(*identity);
            bool known = found && std::any_of(parsed_.begin(), parsed_.end(), [&](const auto& one) {
                return one->key_type() == (*found)->key_type();
            });
            if (found && !known) parsed_.push_back(*found);
        }
    }
    if (parsed_.empty()) return false;
    session.use(context_);
    session.set_scope(scope_);
    return session.use(parsed_);
}

net::TlsPicker TlsListener::picker() const { return {const_cast<TlsListener*>(this), pick}; }

bool TlsListener::pick(void* owner, net::TlsSession& session, const net::TlsHello& hello) {
    bool h2 = false;
    const auto* choice = static_cast<const TlsListener*>(owner)->choose(hello, h2);
    session.offer_h2(h2);
    return choice && !choice->rules().reject && choice->apply(session);
}

const TlsChoice* TlsListener::choose(const net::TlsHello& hello, bool& h2) const {
    Arena arena;
    auto name = route::normalize_host(hello.server_name, arena).host;
    if (!sites_) {
        h2 = offers_h2_;
        if (const auto* found = hello.has_server_name ? by_certificate(name) : nullptr) return found;
        return strict_ ? nullptr : first_;
    }
    route::Subject subject;
    subject.arena = &arena;
    auto site = hello.has_server_name ? sites_->find(name, subject) : sites_->fallback();
    h2 = speaks_h2(*listener_, config_->sites[site]);
    const auto* found = (*of_sites_)[site];
    return found ? found : first_;
}

const TlsChoice* TlsListener::by_certificate(std::string_view name) const {
    std::string key(name);
    if (auto found = names_.find(key); found != names_.end()) return found->second;
    auto dot = key.find('.');
    if (dot == key.npos || excluded_.contains(key)) return nullptr;
    auto found = names_.find(key.substr(dot));
    return found == names_.end() ? nullptr : found->second;
}

std::shared_ptr<const net::TlsContext> TlsPlan::context(const ir::TlsProfile& profile, Span span,
                                                        std::vector<Problem>& problems) {
    auto& slot = contexts_[net::TlsContext::key_of(profile)];
    if (slot) return slot;
    auto made = net::TlsContext::accepting(profile);
    if (made) return slot = *made;
    auto at = made.error().span;
    problems.push_back({at.known() ? at : span, made.error().text});
    return nullptr;
}

const TlsChoice* TlsPlan::of_site(const ir::Site& site, std::vector<Problem>& problems) {
    const auto& profile = *site.settings.tls;
    if (profile.identities.empty() && !profile.reject) return nullptr;
    auto& slot = by_profile_[site.settings.tls.identity()];
    if (slot) return slot.get();
    auto made = context(profile, site.span, problems);
    if (!made) return nullptr;
    slot = std::make_unique<TlsChoice>(std::move(made), profile, profile.identities);
    return slot.get();
}

void TlsPlan::add_names(const ir::ListenerTls::Entry& entry, const TlsChoice* choice, TlsListener& made) {
    auto names = entry.names;
    if (names.empty())
        for (const auto& one : entry.identities)
            if (one.chain) names = net::names_in(one.chain->bytes);
    for (const auto& name : names) {
        if (name.starts_with('!')) {
            made.excluded_.emplace(name.substr(1), true);
            continue;
        }
        auto [slot, is_new] = made.names_.emplace(name.starts_with("*.") ? name.substr(1) : name, choice);
        if (is_new || slot->second == choice || slot->second->context() != choice->context()) continue;
        made.own_.push_back(slot->second->with(entry.identities));
        slot->second = made.own_.back().get();
    }
}

void TlsPlan::add_listener(const ir::Listener& source, TlsListener& made, std::vector<Problem>& problems) {
    const auto& tls = *source.tls;
    made.strict_ = tls.strict_names;
    for (const auto& entry : tls.certificates) {
        auto context = this->context(*entry.rules, tls.span, problems);
        if (!context) return;
        auto choice = std::make_unique<TlsChoice>(std::move(context), *entry.rules, entry.identities);
        if (!made.first_ || entry.is_default) made.first_ = choice.get();
        add_names(entry, choice.get(), made);
        made.own_.push_back(std::move(choice));
    }
}

bool speaks_h2(const ir::Listener& listener, const ir::Site& site) {
    using Http2 = ir::Listener::Http2;
    return site.kind == ir::Site::Kind::http && listener.http2 != Http2::never &&
           (listener.http2 != Http2::as_site || site.settings.http2->on);
}

std::unique_ptr<TlsPlan> TlsPlan::compile(const ir::Config& config,
                                          const std::vector<const route::NameIndex*>& indexes,
                                          std::vector<Problem>& problems) {
    auto plan = std::make_unique<TlsPlan>();
    plan->listeners_.resize(config.listeners.size());
    bool sites_decide = std::any_of(config.listeners.begin(), config.listeners.end(),
                                    [](const auto& one) { return one.tls && one.tls->sites_decide; });
    if (sites_decide)
        for (const auto& site : config.sites) plan->of_sites_.push_back(plan->of_site(site, problems));
    for (ir::ListenerId id = 0; id < config.listeners.size(); ++id) {
        const auto& source = config.listeners[id];
        if (!source.tls) continue;
        auto made = std::make_unique<TlsListener>();
        made->config_ = &config;
        made->listener_ = &source;
        made->offers_h2_ = source.default_site != ir::no_id && source.tls->rules->rules.alpn.empty() &&
                           speaks_h2(source, config.sites[source.default_site]);
        if (source.tls->sites_decide) {
            made->sites_ = indexes[id];
            made->of_sites_ = &plan->of_sites_;
            made->first_ = plan->of_sites_[indexes[id]->fallback()];
        } else {
            plan->add_listener(source, *made, problems);
        }
        if (made->usable())
            plan->listeners_[id] = std::move(made);
        else if (problems.empty())
            problems.push_back({source.tls->span, "no certificate is defined for this listener"});
    }
    return plan;
}

namespace {

// Of all pairs that are to be checked, each once.
struct Pairs {
    std::unordered_set<std::string> seen, good;   // by content
    std::vector<std::pair<std::string, const ir::TlsIdentity*>> unknown;

    void add(const std::vector<ir::TlsIdentity>& list, const std::unordered_set<std::string>& good_before) {
        for (const auto& one : list) {
            if (left_out(one)) continue;
            auto content = content_of(one.chain) + content_of(one.key);
            if (!seen.insert(content).second) continue;
            if (good_before.contains(content)) good.insert(std::move(content));
            else unknown.emplace_back(std::move(content), &one);
        }
    }
};

// Reading one takes OpenSSL a good part of a millisecond, so many are shared out over the CPUs.
std::vector<std::optional<net::TlsProblem>> check_each(const Pairs& pairs) {
    std::vector<std::optional<net::TlsProblem>> problems(pairs.unknown.size());
    std::atomic<std::size_t> next = 0;
    auto work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < problems.size();) {
            auto parsed = net::Certificate::parse(*pairs.unknown[i].second);
            if (!parsed) problems[i] = std::move(parsed.error());
        }
    };
    constexpr std::size_t worth_a_thread = 64, most_threads = 16;
    auto count = std::min<std::size_t>({std::thread::hardware_concurrency(), most_threads,
                                        problems.size() / worth_a_thread + 1});
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
    threads.clear();
    return problems;
}

}  // namespace

void check_tls(const ir::Config& config, diag::Sink& sink) {
    // What this process found good stays good: a reload reads only what changed.
    static std::unordered_set<std::string> good;
    Pairs pairs;
    std::unordered_set<const void*> seen;
    for (const auto& site : config.sites)
        if (seen.insert(site.settings.tls.identity()).second) pairs.add(site.settings.tls->identities, good);
    for (const auto& listener : config.listeners) {
        if (!listener.tls) continue;
        for (const auto& entry : listener.tls->certificates) pairs.add(entry.identities, good);
    }
    auto problems = check_each(pairs);
    for (std::size_t i = 0; i < problems.size(); ++i) {
        if (problems[i]) sink.error(problems[i]->span, "bad-certificate", problems[i]->text);
        else pairs.good.insert(std::move(pairs.unknown[i].first));
    }
    good = std::move(pairs.good);
}

}  // namespace weir::plan
