// SPDX-License-Identifier: Apache-2.0
// The pools of a worker across plans: which live on, which are retired, and when these are freed.
#include <algorithm>

#include "runtime/pool/balancer.hpp"
#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

bool LivePool::in_use() const {
    auto used = [](const std::unique_ptr<LiveServer>& server) {
        return server->uses || server->idle;
    };
    return queued_ || exchanges_ || std::any_of(servers_.begin(), servers_.end(), used) ||
           std::any_of(gone_.begin(), gone_.end(), used);
}

// True when a server that is gone is still in use.
bool LivePool::collect() {
    std::erase_if(gone_, [this](const std::unique_ptr<LiveServer>& server) {
        if (server->uses || server->waiters.count) return false;
        if (server->idle && pools_) pools_->idle_.forget_server(*server);
        return !server->idle;
    });
    return !gone_.empty();
}

std::vector<LivePool*> LivePools::adopt(const ir::Config& config,
                                        std::shared_ptr<const void> keep) {
    std::vector<LivePool*> pools;
    pools.reserve(config.pools.size());
    std::unordered_map<std::string, std::unique_ptr<LivePool>> now;
    now.reserve(config.pools.size());
    for (const auto& conf : config.pools) {
        auto key = ir::key_of(conf);
        auto found = pools_.find(key);
        std::unique_ptr<LivePool> pool;
        if (found != pools_.end()) pool = std::move(found->second);
        if (!pool) pool = std::make_unique<LivePool>(conf.name, worker_, board_);
        pool->pools_ = this;
        pool->adopt(conf, keep);
        pools.push_back(pool.get());
        now[std::move(key)] = std::move(pool);
    }
    for (auto& [name, pool] : pools_) {
        if (pool) retired_.push_back(std::move(pool));
    }
    pools_ = std::move(now);
    if (collect()) collect_later();
    return pools;
}

LivePool* LivePools::find(std::string_view name) const {
    auto found = pools_.find(std::string(name));
    return found == pools_.end() ? nullptr : found->second.get();
}

// A retired pool goes when nobody uses it and its plan is held by retired pools alone. Its idle
// connections are no use of it: they go as soon as no exchange is with it.
bool LivePools::collect() {
    bool left = false;
    for (auto& [name, pool] : pools_) left |= pool->collect();
    for (auto& pool : retired_) {
        pool->collect();
        if (!pool->served_ && !pool->exchanges_ && !pool->queued_) idle_.forget_pool(*pool);
    }
    auto holders = [&](const std::shared_ptr<const void>& keep) {
        return std::count_if(retired_.begin(), retired_.end(),
                             [&](const auto& pool) { return pool->keep_ == keep; });
    };
    std::vector<bool> free(retired_.size());
    for (std::size_t i = 0; i < retired_.size(); ++i) {
        const auto& keep = retired_[i]->keep_;
        free[i] = !retired_[i]->in_use() && (!keep || keep.use_count() <= holders(keep));
    }
    std::size_t i = 0;
    std::erase_if(retired_, [&](const auto&) { return free[i++]; });
    return left || !retired_.empty();
}

// What runs when a plan is replaced may run for hours; nobody tells when it ends.
void LivePools::collect_later() {
    constexpr net::Time pause = 1000;  // ms
    if (collector_.armed()) return;
    collector_.pools = this;
    collector_.fire = [](net::Timer& timer) {
        auto& pools = *static_cast<Watchman&>(timer).pools;
        if (pools.collect()) pools.collect_later();
    };
    auto& loop = net::Loop::current();
    loop.arm(collector_, loop.now() + pause);
}

}  // namespace weir::pool
