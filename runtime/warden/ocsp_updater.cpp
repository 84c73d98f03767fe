// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/ocsp_updater.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace weir::warden {

namespace {

// A configuration may name thousands of certificates, and their authorities are few.
constexpr std::size_t most_under_way = 8;
constexpr net::Time question_time = 60000;   // ms for one question
// Making a question reads a certificate: not too many of them in one turn of the loop.
constexpr int most_per_turn = 64;

bool is_shown(const ir::OcspRules& rules, const net::OcspAnswer& answer) {
    using Status = net::OcspAnswer::Status;
    return answer.status == Status::good || (answer.status == Status::revoked && rules.shows_revoked);
}

const char* name_of(net::OcspAnswer::Status status) {
    using Status = net::OcspAnswer::Status;
    return status == Status::good ? "good" : status == Status::revoked ? "revoked" : "unknown";
}

std::string_view bytes_of(const ir::File& file) { return file ? std::string_view(file->bytes) : std::string_view(); }

}  // namespace

OcspUpdater::OcspUpdater(net::Loop& loop, zone::SharedArena& arena, Listener listener)
    : loop_(loop), store_(arena), listener_(std::move(listener)) {
    timer_.self = this;
    timer_.fire = [](net::Timer& timer) { static_cast<Node&>(timer).self->work(); };
}

void OcspUpdater::stop() {
    timer_.cancel();
    waiting_.clear();
    for (auto& [place, item] : items_) {
        item->owner = nullptr;
        if (item->fetch) item->fetch->cancel();
        item->tell("given up");
    }
    items_.clear();
    under_way_ = 0;
}

void OcspUpdater::Kept::tell(const std::string& why) {
    for (auto& done : std::exchange(waiting, {})) done(why);
}

void OcspUpdater::adopt(const std::shared_ptr<const ir::Config>& config) {
    auto former = std::move(items_);
    items_.clear();
    waiting_.clear();
    for (const auto& site : config->sites)
        for (const auto& one : site.settings.tls->identities) add(config, one, true, former);
    for (const auto& listener : config->listeners) {
        if (!listener.tls) continue;
        for (const auto& entry : listener.tls->certificates)
            for (const auto& one : entry.identities) add(config, one, true, former);
    }
    for (const auto& one : config->tls_stored.identities) add(config, one, false, former);
    for (auto& [place, item] : former) {
        item->dropped = true;
        if (item->fetch) item->fetch->cancel();
        store_.drop_status(place);
        item->tell("the certificate is no longer in use");
    }
    work();
}

void OcspUpdater::add(const std::shared_ptr<const ir::Config>& config, const ir::TlsIdentity& identity, bool used,
                      std::unordered_map<std::string, KeptPtr>& former) {
    auto place = net::ocsp_place(identity);
    if (place.empty() || items_.contains(place)) return;
    auto known = former.find(place);
    bool is_new = known == former.end();
    auto item = is_new ? std::make_shared<Kept>() : known->second;
    if (!is_new) former.erase(known);
    item->owner = this;
    item->place = place;
    // Another response beside the certificate is newer than what was said before.
    if (!is_new && bytes_of(identity.ocsp) != bytes_of(item->identity->ocsp)) forget(*item);
    // That nobody can be asked was told once.
    const bool hopeless = !is_new && !item->question && !item->problem.empty() &&
                          bytes_of(identity.issuer) == bytes_of(item->identity->issuer);
    // What is under way looks into the configuration that it began with.
    item->config = config;
    item->identity = &identity;
    const bool asked_before = item->by_itself && item->due != net::never;
    item->by_itself = used && !identity.status->only_when_told;
    items_.emplace(std::move(place), item);
    if (item->asking) return;
    if (item->by_itself && !hopeless) schedule(item, asked_before ? item->due : first_due(*item));
    else if (!item->waiting.empty()) schedule(item, loop_.now());
    else rest(*item);
}

void OcspUpdater::rest(Kept& item) {
    item.due = net::never;
    item.next_asked = 0;
}

// What was learnt is no longer shown.
void OcspUpdater::forget(Kept& item) {
    store_.drop_status(item.place);
    item.response.clear();
    item.answer = {};
    item.due = net::never;
}

// A response beside the certificate serves first, for a while at least.
net::Time OcspUpdater::first_due(Kept& item) {
    const auto beside = bytes_of(item.identity->ocsp);
    if (beside.empty()) return loop_.now();
    item.answer.next_update = net::next_update_in(beside);
    return loop_.now() + pause_after(item).count() * 1000;
}

void OcspUpdater::schedule(const KeptPtr& item, net::Time due) {
    item->due = due;
    item->next_asked = unix_now() + std::max<net::Time>(due - loop_.now(), 0) / 1000;
    waiting_.emplace(due, item);
    if (!timer_.armed() || waiting_.begin()->second == item) loop_.arm(timer_, waiting_.begin()->first);
}

void OcspUpdater::work() {
    // A question that cannot even be made comes back at once.
    if (working_) return;
    working_ = true;
    timer_.cancel();
    for (int i = 0; i < most_per_turn && !waiting_.empty() && under_way_ < most_under_way; ++i) {
        if (waiting_.begin()->first > loop_.now()) break;
        auto item = waiting_.begin()->second;
        waiting_.erase(waiting_.begin());
        net::spawn(ask(std::move(item)));
    }
    working_ = false;
    // With all hands full, who comes back looks again.
    if (!waiting_.empty() && under_way_ < most_under_way)
        loop_.arm(timer_, std::max(waiting_.begin()->first, loop_.now() + 1));
}

net::Task<void> OcspUpdater::ask(KeptPtr item) {
    auto config = item->config;   // a reload may bring another one
    const auto& identity = *item->identity;
    http::OcspReply reply;
    if (!item->question) {
        auto made = net::OcspQuestion::about(identity);
        if (made) item->question = *made;
        else reply.problem = made.error();
    }
    if (item->question) {
        auto& loop = item->owner->loop_;
        http::Fetch fetch(loop);
        item->fetch = &fetch;
        item->asking = true;
        ++item->owner->under_way_;
        reply = co_await http::ask_responder(fetch, *item->question, {}, identity.status->names,
                                             loop.now() + question_time, identity.status->proxy);
        item->fetch = nullptr;
        item->asking = false;
        if (!item->owner) co_return;
        --item->owner->under_way_;
    }
    auto* owner = item->owner;
    if (!item->dropped) owner->note(item, std::move(reply));
    owner->work();
}

void OcspUpdater::note(const KeptPtr& item, http::OcspReply reply) {
    using Outcome = http::OcspOutcome;
    item->last_asked = unix_now();
    item->outcome = reply.outcome;
    item->problem = std::move(reply.problem);
    if (item->problem.empty() && !is_shown(*item->identity->status, reply.answer)) {
        item->outcome = Outcome::bad_answer;
        item->problem = fmt::format("certificate status \"{}\" in the OCSP response", name_of(reply.answer.status));
    }
    if (item->problem.empty()) keep(*item, reply);
    if (!item->problem.empty()) {
        ++item->failures;
        ++item->failures_in_a_row;
        // What said "good" before is no longer true.
        if (item->outcome == Outcome::bad_answer && !reply.response.empty()) store_.drop_status(item->place);
    }
    if (item->question && item->by_itself) schedule(item, loop_.now() + pause_after(*item).count() * 1000);
    else rest(*item);
    if (listener_) listener_(*item);
    item->tell(item->problem);
}

void OcspUpdater::keep(Kept& item, http::OcspReply& reply) {
    // One that sets no end holds until there ought to be a newer one.
    auto until = reply.answer.next_update != 0 ? reply.answer.next_update
                                               : unix_now() + 2 * item.identity->status->latest.count();
    if (!store_.put_status(item.place, reply.response, until)) {
        item.outcome = http::OcspOutcome::not_kept;
        item.problem = fmt::format("OCSP response of {} bytes is too large to be shared", reply.response.size());
        return;
    }
    ++item.successes;
    item.failures_in_a_row = 0;
    item.last_kept = item.last_asked;
    item.answer = reply.answer;
    item.response = std::move(reply.response);
}

std::chrono::seconds OcspUpdater::pause_after(const Kept& item) const {
    const auto& rules = *item.identity->status;
    if (item.failures_in_a_row != 0) {
        auto doublings = std::min<std::uint32_t>(item.failures_in_a_row - 1, 20);
        return std::min(rules.retry * (std::int64_t{1} << doublings), rules.latest);
    }
    auto pause = rules.latest;
    // In time before it is over.
    if (item.answer.next_update != 0)
        pause = std::min(pause, std::chrono::seconds(item.answer.next_update - unix_now()) - rules.soonest);
    return std::max(pause, rules.soonest);
}

const OcspUpdater::Item* OcspUpdater::find(const ir::TlsIdentity& identity) const {
    auto found = items_.find(net::ocsp_place(identity));
    return found == items_.end() ? nullptr : found->second.get();
}

void OcspUpdater::ask_now(const ir::TlsIdentity& identity, Done done) {
    auto found = items_.find(net::ocsp_place(identity));
    if (found == items_.end()) return done("nobody is asked about this certificate");
    auto item = found->second;
    item->waiting.push_back(std::move(done));
    if (item->asking) return;
    std::erase_if(waiting_, [&](const auto& one) { return one.second == item; });
    schedule(item, loop_.now());
}

std::string OcspUpdater::describe(const Item& item) {
    if (!item.question) return "no OCSP status is asked for: " + item.problem;
    return fmt::format("{} while requesting certificate status, responder: {}, certificate: \"{}\"", item.problem,
                       item.question->responder(), item.identity->chain->path);
}

}  // namespace weir::warden
