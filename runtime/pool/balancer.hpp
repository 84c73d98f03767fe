// SPDX-License-Identifier: Apache-2.0
// Balancer: one way to choose a server. One algorithm per file (round_robin.cpp, hash.cpp, ...).
// The LivePool decides which servers may be chosen (usable(), limits, tried); a balancer only
// orders.
#pragma once

#include <memory>
#include <span>

#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

class Balancer {
public:
    virtual ~Balancer() = default;
    // The set of servers it chooses from, their weights or `usable` changed. Called with the same
    // servers again after each change; what the balancer knows about those that stay goes on.
    virtual void rebuild(std::span<LiveServer* const> servers) = 0;
    // `may` says whether a server can take this request now. Null when none of them can.
    using May = bool (*)(const LiveServer& server, const PickRequest& request);
    virtual LiveServer* pick(const PickRequest& request, May may) = 0;
    // A slot of the server was taken or given back.
    virtual void on_load(LiveServer&) {}
};

std::unique_ptr<Balancer> make_balancer(const ir::Balance& balance);
// For the backup group: smooth turns have no hash there.
std::unique_ptr<Balancer> make_backup_balancer(const ir::Balance& balance);

}  // namespace weir::pool
