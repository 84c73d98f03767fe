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

bool left_out(const ir::TlsIdentity& identity) {
    return !identity.chain || !identity.key || identity.chain->left_out || identity.key->left_out;
}

}  // namespace

TlsChoice::TlsChoice(std::shared_ptr<const net::TlsContext> context, const ir::TlsProfile& rules,
                     const std::vector<ir::TlsIdentity>& identities, std::string demands)
    : context_(std::move(context)), rules_(rules), demands_(std::move(demands)) {
    for (const auto& one : identities)
        if (one.chain && one.key) identities_.push_back(&one);
}

std::unique_ptr<TlsChoice> TlsChoice::with(const TlsChoice& more) const {
    auto both = std::make_unique<TlsChoice>(*this);
    both->tried_ = false;
    both->own_context_ = nullptr;
    both->parsed_.clear();
    both->identities_.insert(both->identities_.end(), more.identities_.begin(), more.identities_.end());
    return both;
}

const std::shared_ptr<const net::TlsContext>& TlsChoice::own_context() const {
    if (own_context_) return own_context_;
    parse();
    if (!parsed_.empty() && !computed_) own_context_ = net::TlsContext::with_own(context_, rules_, parsed_);
    if (!own_context_) own_context_ = context_;
    return own_context_;
}

void TlsChoice::parse() const {
    if (std::exchange(tried_, true)) return;
    scope_ = written_.empty() ? demands_ : digest_of(demands_ + written_);
    // The first of a type counts.
    for (const auto* identity : identities_) {
        scope_ = digest_of(scope_ + content_of(identity->chain));
        auto found = net::Certificate::find(*identity);
        bool known = found && std::any_of(parsed_.begin(), parsed_.end(), [&](const auto& one) {
            return one->key_type() == (*found)->key_type();
        });
        if (found && !known) parsed_.push_back(*found);
    }
}

bool TlsChoice::apply_made(net::TlsSession& session, const std::string& name, net::CertificateMaker& maker) const {
    parse();
    auto certificate = parsed_.empty() ? nullptr : maker.find(name, *parsed_.front());
    if (!certificate) return false;
    session.use(context_);
    session.set_scope(digest_of(scope_ + name));
    return session.use(net::Certificates{std::move(certificate)});
}

bool TlsChoice::apply(net::TlsSession& session) const {
    parse();
    if (parsed_.empty() && !computed_) return false;
    session.use(own_context_ ? own_context_ : context_);
    session.set_scope(scope_);
    if (computed_) session.certify_later();
    return session.use(parsed_);
}

void TlsChoice::compile_computed(route::Library& library) {
    if (rules_.computed.empty()) return;
    computed_ = std::make_shared<std::vector<Computed>>();
    for (const auto& one : rules_.computed) {
        computed_->push_back({library.compile(one.chain), library.compile(one.key),
                              std::make_unique<ReadIdentities>()});
        // What the names come to is not known when a session is looked for; that they are written the
        // same is.
        for (const auto* text : {&one.chain, &one.key})
            for (const auto& piece : text->pieces)
                written_ = digest_of(written_ + (piece.expr ? "$" + piece.expr->text + std::to_string(static_cast<int>(piece.expr->fetch)) + ' ' + std::to_string(piece.expr->number)
                                                        : piece.literal));
    }
}

bool TlsChoice::certify(net::TlsSession& session, route::Subject& subject, std::string& problem) const {
    const ReadIdentities::Rules rules{rules_.computed_folder, rules_.kept_files, rules_.kept_valid,
                                      rules_.kept_inactive};
    // A name with a path in it reads nothing but what lies beside the others.
    if (const auto* name = session.server_name(); name && std::string_view(name).find('/') != std::string_view::npos) {
        problem = "the server name of the handshake is none";
        return false;
    }
    auto all = parsed_;
    for (const auto& one : *computed_) {
        ir::TlsIdentity identity;
        identity.passwords = rules_.passwords;
        auto chain = one.chain.render(subject), key = one.key.render(subject);
        if (!one.read->read(rules, chain, key, identity, problem)) return false;
        auto found = net::Certificate::find(identity);
        if (!found) {
            problem = found.error().text;
            return false;
        }
        all.push_back(*found);
    }
    return session.use(all);
}

const TlsChoice* TlsListener::pick(net::TlsSession& session, const net::TlsHello& hello) const {
    bool h2 = false;
    if (maker_ && hello.has_server_name) {
        Arena arena;
        const std::string name(route::normalize_host(hello.server_name, arena).host);
        if (!by_certificate(name) && first_->apply_made(session, name, *maker_)) {
            session.offer_h2(offers_h2_);
            return first_;
        }
    }
    const auto* choice = choose(hello, h2);
    session.offer_h2(h2);
    return choice && !choice->rules().reject && choice->apply(session) ? choice : nullptr;
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
    // A certificate of one type for the name itself, and one of another type for all names beside it,
    // are both at hand: the client's ciphers decide.
    const std::string key(name);
    Choices found;
    take(key, key, found);
    if (auto dot = key.find('.'); dot != key.npos) take(key.substr(dot), key, found);
    if (found.size() < 2) return found.empty() ? nullptr : found[0];
    auto& slot = together_[found];
    if (slot) return slot.get();
    slot = found[0]->with(*found[1]);
    for (std::size_t i = 2; i < found.size(); ++i) slot = slot->with(*found[i]);
    return slot.get();
}

// What stands under `key` and may be used for `name`; one set of rules, that of the first.
void TlsListener::take(const std::string& key, const std::string& name, Choices& found) const {
    auto listed = names_.find(key);
    if (listed == names_.end()) return;
    auto excluded = excluded_.find(name);
    auto has = [](const Choices& list, const TlsChoice* one) {
        return std::find(list.begin(), list.end(), one) != list.end();
    };
    for (const auto* one : listed->second) {
        if (excluded != excluded_.end() && has(excluded->second, one)) continue;
        if (!found.empty() && (found[0]->context() != one->context() || has(found, one))) continue;
        found.push_back(one);
    }
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

// Sessions of one rule say nothing under another (CVE-2025-23419). Lists of authorities are long, and those
// who ask for the same ones are many.
const std::string& TlsPlan::demands(const ir::TlsProfile& profile) {
    const auto& rules = profile.rules;
    const bool asks = rules.verify != ir::TlsRules::Verify::none;
    std::string key;
    if (asks) {
        key = std::to_string(static_cast<int>(rules.verify)) + ' ' + std::to_string(rules.verify_depth);
        for (const auto& file : {rules.trusted, rules.revoked, profile.announced})
            key += ' ' + std::to_string(reinterpret_cast<std::uintptr_t>(file.get()));
    }
    auto& slot = demands_[key];
    if (!slot.empty()) return slot;
    std::string text;
    if (asks)
        text = std::to_string(static_cast<int>(rules.verify)) + ' ' + std::to_string(rules.verify_depth) + ' ' +
               content_of(rules.trusted) + content_of(rules.revoked) + content_of(profile.announced);
    return slot = digest_of(text);
}

const TlsChoice* TlsPlan::of_site(const ir::Site& site, route::Library& library,
                                  std::vector<Problem>& problems) {
    const auto& profile = *site.settings.tls;
    if (profile.identities.empty() && profile.computed.empty() && !profile.reject) return nullptr;
    auto& slot = by_profile_[site.settings.tls.identity()];
    if (slot) return slot.get();
    auto made = context(profile, site.span, problems);
    if (!made) return nullptr;
    slot = std::make_unique<TlsChoice>(std::move(made), profile, profile.identities, demands(profile));
    slot->compile_computed(library);
    return slot.get();
}

void TlsPlan::add_names(const ir::ListenerTls::Entry& entry, const TlsChoice* choice, TlsListener& made) {
    auto names = entry.names;
    if (names.empty())
        for (const auto& one : entry.identities)
            if (one.chain) names = net::names_in(one.chain->bytes);
    for (const auto& name : names) {
        if (name.starts_with('!')) {
            made.excluded_[name.substr(1)].push_back(choice);
            continue;
        }
        auto& list = made.names_[name.starts_with("*.") ? name.substr(1) : name];
        if (list.empty() || list.back() != choice) list.push_back(choice);
    }
}

void TlsPlan::add_listener(const ir::Listener& source, TlsListener& made, std::vector<Problem>& problems) {
    const auto& tls = *source.tls;
    made.strict_ = tls.strict_names;
    if (tls.signer.chain && !left_out(tls.signer)) {
        auto maker = net::CertificateMaker::make(tls.signer, tls.kept_made);
        if (!maker) return problems.push_back({maker.error().span, maker.error().text});
        made.maker_ = std::move(*maker);
    }
    const void* last = nullptr;   // most have the rules of their line
    std::shared_ptr<const net::TlsContext> context;
    for (const auto& entry : tls.certificates) {
        if (entry.rules.identity() != last) context = this->context(*entry.rules, tls.span, problems);
        last = entry.rules.identity();
        if (!context) return;
        auto choice = std::make_unique<TlsChoice>(context, *entry.rules, entry.identities, demands(*entry.rules));
        add_names(entry, choice.get(), made);
        made.takes_early_data_ |= entry.rules->early_data;
        // The first one is for those who name no known host, and with it those that a line says are.
        if (!made.first_) {
            made.first_ = choice.get();
        } else if (entry.is_default && made.first_->context() == choice->context()) {
            made.own_.push_back(made.first_->with(*choice));
            made.first_ = made.own_.back().get();
        }
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
                                          route::Library& library, std::vector<Problem>& problems) {
    auto plan = std::make_unique<TlsPlan>();
    plan->listeners_.resize(config.listeners.size());
    bool sites_decide = std::any_of(config.listeners.begin(), config.listeners.end(),
                                    [](const auto& one) { return one.tls && one.tls->sites_decide; });
    if (sites_decide)
        for (const auto& site : config.sites) plan->of_sites_.push_back(plan->of_site(site, library, problems));
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
            for (auto site : source.sites)
                made->takes_early_data_ |= config.sites[site].settings.tls->early_data;
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

// They are shared out over the CPUs; those of unusual kinds take OpenSSL a good part of a millisecond each.
std::vector<std::optional<net::TlsProblem>> check_each(const Pairs& pairs) {
    std::vector<std::optional<net::TlsProblem>> problems(pairs.unknown.size());
    std::atomic<std::size_t> next = 0;
    auto work = [&] {
        for (std::size_t i; (i = next.fetch_add(1)) < problems.size();) {
            if (net::Certificate::fits_plainly(*pairs.unknown[i].second)) continue;
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
