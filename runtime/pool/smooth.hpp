// SPDX-License-Identifier: Apache-2.0
// Smooth weighted turns (nginx): each candidate gains its weight, the one that has gained most is
// chosen and pays the sum. Shared by round_robin.cpp and by the algorithms that fall back on it.
#pragma once

#include <span>

#include "runtime/pool/balancer.hpp"

namespace weir::pool {

// Runs one turn among those of `servers` for which `candidate(server)` holds. Starts from `best`
// when it is given: ties then go to it, and it takes part when it comes up in `servers`.
template <class Candidate>
LiveServer* take_turn(std::span<LiveServer* const> servers, Candidate candidate,
                      LiveServer* best = nullptr) {
    std::int64_t total = 0;
    for (LiveServer* server : servers) {
        if (!candidate(*server)) continue;
        server->current_weight += server->effective_weight;
        total += server->effective_weight;
        // A server that failed gets its weight back step by step.
        if (server->effective_weight < server->weight) ++server->effective_weight;
        if (!best || server->current_weight > best->current_weight) best = server;
    }
    if (best) best->current_weight -= total;
    return best;
}

inline LiveServer* smooth_pick(std::span<LiveServer* const> servers, const PickRequest& request,
                               Balancer::May may) {
    return take_turn(servers, [&](const LiveServer& server) { return may(server, request); });
}

// Configured weights of a group as one line of places: place_of(w) is the server that holds place
// w. Servers that are down keep theirs, so that keys of the others stay where they are.
class WeightLine {
public:
    void build(std::span<LiveServer* const> servers);
    [[nodiscard]] std::uint64_t total() const { return ends_.empty() ? 0 : ends_.back(); }
    [[nodiscard]] LiveServer* place_of(std::uint64_t place) const;

private:
    std::vector<std::uint64_t> ends_;
    std::vector<LiveServer*> servers_;
};

std::unique_ptr<Balancer> make_smooth_round_robin();
std::unique_ptr<Balancer> make_smooth_least_connections();
std::unique_ptr<Balancer> make_smooth_client_hash();
std::unique_ptr<Balancer> make_smooth_hash();
std::unique_ptr<Balancer> make_smooth_ring();
std::unique_ptr<Balancer> make_smooth_random(bool two);

}  // namespace weir::pool
