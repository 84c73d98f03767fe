// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/ocsp_updater.hpp"

#include <fmt/format.h>

#include <algorithm>

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
    }
    items_.clear();
    under_way_ = 0;
}

void OcspUpdater::adopt(const std::shared_ptr<const ir::Config>& config) {
    auto former = std::move(items_);
    items_.clear();
    waiting_.clear();
    for (const auto& site : config->sites)
        for (const auto& one : site.settings.tls->identities) add(config, one, former);
    for (const auto& listener : config->listeners) {
        if (!listener.tls) continue;
        for (const auto& entry : listener.tls->certificates)
            for (const auto& one : entry.identities) add(config, one, former);
    }
    for (auto& [place, item] : former) {
        item->dropped = true;
        if (item->fetch) item->fetch->cancel();
        store_.drop_status(place);
    }
    work();
}

void OcspUpdater::add(const std::shared_ptr<const ir::Config>& config, const ir::TlsIdentity& identity,
                      std::unordered_map<std::string, KeptPtr>& former) {
    auto place = net::ocsp_place(identity);
    if (place.empty() || items_.contains(place)) return;
    auto known = former.find(place);
    bool is_new = known == former.end();
    auto item = is_new ? std::make_shared<Kept>() : known->second;
    if (!is_new) former.erase(known);
    item->owner = this;
    item->place = place;
    // What is under way looks into the configuration that it began with.
    item->config = config;
    item->identity = &identity;
    items_.emplace(std::move(place), item);
    if (!item->asking && item->due != net::never) schedule(item, is_new ? loop_.now() : item->due);
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
                                             loop.now() + question_time);
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
    item->last_asked = unix_now();
    item->problem = std::move(reply.problem);
    if (item->problem.empty() && !is_shown(*item->identity->status, reply.answer))
        item->problem = fmt::format("certificate status \"{}\" in the OCSP response", name_of(reply.answer.status));
    if (item->problem.empty()) {
        keep(*item, reply);
    } else {
        ++item->failures;
        ++item->failures_in_a_row;
        // What said "good" before is no longer true.
        if (!reply.response.empty()) store_.drop_status(item->place);
    }
    if (item->question) schedule(item, loop_.now() + pause_after(*item).count() * 1000);
    else item->due = net::never;
    if (listener_) listener_(*item);
}

void OcspUpdater::keep(Kept& item, http::OcspReply& reply) {
    ++item.successes;
    item.failures_in_a_row = 0;
    item.answer = reply.answer;
    item.response = std::move(reply.response);
    // One that sets no end holds until there ought to be a newer one.
    auto until = item.answer.next_update != 0 ? item.answer.next_update
                                              : unix_now() + 2 * item.identity->status->latest.count();
    if (store_.put_status(item.place, item.response, until)) return;
    item.problem = fmt::format("OCSP response of {} bytes is too large to be shared", item.response.size());
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

bool OcspUpdater::ask_now(std::string_view path) {
    bool found = false;
    for (const auto& [place, item] : items_) {
        if (item->identity->chain->path != path) continue;
        found = true;
        if (item->asking) continue;
        std::erase_if(waiting_, [&](const auto& one) { return one.second == item; });
        schedule(item, loop_.now());
    }
    return found;
}

Expected<void, std::string> OcspUpdater::take(std::string_view response) {
    std::string problem = "this OCSP response is about no certificate whose status is asked for";
    bool taken = false;
    for (const auto& [place, item] : items_) {
        if (!item->question) {
            auto made = net::OcspQuestion::about(*item->identity);
            if (!made) continue;
            item->question = *made;
        }
        if (!item->question->is_about(response)) continue;
        http::OcspReply reply;
        auto read = item->question->read(response);
        if (read && is_shown(*item->identity->status, *read)) {
            reply.answer = *read;
            reply.response = response;
            keep(*item, reply);
            taken = true;
        } else {
            problem = read ? fmt::format("certificate status \"{}\" in the OCSP response", name_of(read->status))
                           : read.error();
        }
    }
    if (taken) return {};
    return Unexpected{std::move(problem)};
}

std::string OcspUpdater::describe(const Item& item) {
    if (!item.question) return "no OCSP status is asked for: " + item.problem;
    return fmt::format("{} while requesting certificate status, responder: {}, certificate: \"{}\"", item.problem,
                       item.question->responder(), item.identity->chain->path);
}

}  // namespace weir::warden
