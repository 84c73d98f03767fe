// SPDX-License-Identifier: Apache-2.0
// The queue of a pool: exchanges that found every server (or their own one) at its limit. First
// come, first served, over the queue of the pool and those of its servers. A freed slot is handed
// to the waiter itself, so that a newcomer cannot snatch it.
#include <algorithm>

#include "runtime/pool/balancer.hpp"
#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

void LivePool::enter_queue(Waiter& waiter) {
    auto& list = waiter.server ? waiter.server->waiters : waiters_;
    waiter.granted = nullptr;
    waiter.ticket = ++last_ticket_;
    waiter.queued = true;
    waiter.next = nullptr;
    waiter.prev = list.last;
    (list.last ? list.last->next : list.first) = &waiter;
    list.last = &waiter;
    ++list.count;
    if (queued_++ == 0 && pools_) {
        pools_->waiting_.push_back(this);
        pools_->watch_queues();
    }
    board_entry_.mine(worker_).queued.set(queued_);
    if (waiter.server) waiter.server->counters(worker_).queued.set(list.count);

    // Other workers look at this bit after they gave a slot back; a slot that became free before
    // the bit was there is found by the second look here.
    const std::uint64_t bit = std::uint64_t{1} << (worker_ & 63);
    auto mark = [bit](LiveServer& server) {
        server.board.state->waiting_workers.fetch_or(bit, std::memory_order_seq_cst);
    };
    if (waiter.server) {
        mark(*waiter.server);
        if (board_.workers() > 1) wake_for(*waiter.server);
        return;
    }
    for (auto& server : servers_) {
        if (server->max_connections) mark(*server);
    }
    if (board_.workers() > 1) wake_waiters();
}

void LivePool::unlink(Waiter& waiter) {
    auto& list = waiter.server ? waiter.server->waiters : waiters_;
    (waiter.prev ? waiter.prev->next : list.first) = waiter.next;
    (waiter.next ? waiter.next->prev : list.last) = waiter.prev;
    waiter.next = waiter.prev = nullptr;
    waiter.queued = false;
    --list.count;
    --queued_;
    board_entry_.mine(worker_).queued.set(queued_);
    if (waiter.server) waiter.server->counters(worker_).queued.set(list.count);
    if (!queued_ && pools_) std::erase(pools_->waiting_, this);
    if (list.count) return;
    const std::uint64_t bit = std::uint64_t{1} << (worker_ & 63);
    auto clear = [&](LiveServer& server) {
        if (server.waiters.count || waiters_.count) return;
        server.board.state->waiting_workers.fetch_and(~bit, std::memory_order_relaxed);
    };
    if (waiter.server) return clear(*waiter.server);
    for (auto& server : servers_) clear(*server);
}

void LivePool::leave_queue(Waiter& waiter) {
    if (waiter.queued) unlink(waiter);
}

void LivePool::release_waiters_of(LiveServer& server) {
    while (Waiter* waiter = server.waiters.first) {
        unlink(*waiter);
        net::Loop::current().post(waiter->handle);
    }
}

// Whether those that wait for any server may get this one.
bool LivePool::takes_pool_waiters(const LiveServer& server) const {
    if (!server.usable) return false;
    if (!server.backup) return true;
    if (std::any_of(active_.begin(), active_.end(), [](auto* one) { return one->usable; })) {
        return false;
    }
    if (conf_->use_all_backups) return true;
    auto first =
        std::find_if(backup_.begin(), backup_.end(), [](auto* one) { return one->usable; });
    return first != backup_.end() && *first == &server;
}

Waiter* LivePool::next_waiter(LiveServer& server) const {
    Waiter* own = server.waiters.first;
    Waiter* any = waiters_.first;
    if (!any || !takes_pool_waiters(server)) return own;
    return own && own->ticket < any->ticket ? own : any;
}

void LivePool::grant(Waiter& waiter, LiveServer& server) {
    unlink(waiter);
    waiter.granted = &server;
    ++server.handed;
    net::Loop::current().post(waiter.handle);
}

void LivePool::wake_for(LiveServer& server) {
    while (Waiter* waiter = next_waiter(server)) {
        if (served(server) >= limit_of(server) || !take_slot(server)) return;
        grant(*waiter, server);
    }
}

void LivePool::wake_waiters() {
    refresh(net::Loop::current().now());
    for (auto& server : servers_) {
        if (!queued_) return;
        wake_for(*server);
    }
}

void LivePools::wake_all() {
    // A woken pool may leave the list.
    for (std::size_t i = waiting_.size(); i-- > 0;) {
        if (i < waiting_.size()) waiting_[i]->wake_waiters();
    }
}

void LivePools::watch_queues() {
    constexpr net::Time pause = 50;  // ms
    if (watchman_.armed()) return;
    watchman_.pools = this;
    watchman_.fire = [](net::Timer& timer) {
        auto& pools = *static_cast<Watchman&>(timer).pools;
        pools.wake_all();
        if (!pools.waiting_.empty()) pools.watch_queues();
    };
    auto& loop = net::Loop::current();
    loop.arm(watchman_, loop.now() + pause);
}

void LivePool::signal_others(LiveServer& server) {
    if (!pools_ || !pools_->signal_) return;
    const std::uint64_t mine = std::uint64_t{1} << (worker_ & 63);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint64_t others =
        server.board.state->waiting_workers.load(std::memory_order_relaxed) & ~mine;
    if (others) pools_->signal_(pools_->signal_context_, others);
}

}  // namespace weir::pool
