// SPDX-License-Identifier: Apache-2.0
// Balancer: one way to choose a server. One algorithm per file (round_robin.cpp, hash.cpp, ...).
// The LivePool decides which servers may be chosen (usable(), limits, tried); a balancer only orders.
#pragma once

#include <memory>
#include <span>

#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

class Balancer {
public:
    virtual ~Balancer() = default;
    // The set of servers it chooses from, or their weights, changed.
    virtual void rebuild(std::span<LiveServer* const> servers) = 0;
    // `may` says whether a server can take this request now. Null when none of them can.
    using May = bool (*)(const LiveServer& server, const PickRequest& request);
    virtual LiveServer* pick(const PickRequest& request, May may) = 0;
    virtual void on_release(LiveServer&) {}
    virtual void on_fail(LiveServer&) {}
};

std::unique_ptr<Balancer> make_balancer(const ir::Balance& balance);

}  // namespace weir::pool
