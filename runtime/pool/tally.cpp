// SPDX-License-Identifier: Apache-2.0
#include "runtime/pool/tally.hpp"

namespace weir::pool {

void Tally::enter(LivePool& pool) {
    leave();
    pool_ = &pool;
    pool.enter();
    auto& counters = pool.counters();
    counters.connections.add(1);
    counters.total.add(1);
}

void Tally::leave() {
    if (!pool_) return;
    forget();
    pool_->counters().connections.subtract(1);
    pool_->leave();
    pool_ = nullptr;
}

void Tally::forget() {
    if (last_) --last_->uses;
    last_ = nullptr;
}

void Tally::attempt(LiveServer& server) {
    if (last_) count(last_ == &server ? &zone::Counters::retries : &zone::Counters::redispatches);
    ++server.uses;
    forget();
    last_ = &server;
    server.counters(pool_->worker()).total.add(1);
}

void Tally::connection(bool reused) {
    count(reused ? &zone::Counters::reuses : &zone::Counters::connects);
}

void Tally::count(Member member) {
    if (!pool_) return;
    (pool_->counters().*member).add(1);
    if (last_) (last_->counters(pool_->worker()).*member).add(1);
}

}  // namespace weir::pool
