// SPDX-License-Identifier: Apache-2.0
// Which algorithm a definition asks for.
#include "runtime/pool/balancer.hpp"

#include "runtime/pool/positions.hpp"
#include "runtime/pool/smooth.hpp"

namespace weir::pool {
namespace {

using How = ir::Balance::How;
using Ring = ir::Balance::Ring;

std::unique_ptr<Balancer> make_positional(const ir::Balance& balance) {
    switch (balance.how) {
        case How::static_round_robin: return make_static_round_robin();
        case How::least_connections:
        case How::least_time: return make_positional_least_connections();
        case How::first: return make_first();
        case How::client_hash:
        case How::hash:
            if (balance.ring == Ring::haproxy_ring || balance.ring == Ring::nginx_ketama) {
                return make_ring_hash(balance);
            }
            return make_map_hash(balance);
        case How::random: return make_ring_random(balance);
        case How::round_robin:
        case How::sticky: return make_positional_round_robin();
    }
    return make_positional_round_robin();
}

std::unique_ptr<Balancer> make_smooth(const ir::Balance& balance) {
    switch (balance.how) {
        case How::least_connections:
        case How::least_time: return make_smooth_least_connections();
        case How::first: return make_first();
        case How::client_hash: return make_smooth_client_hash();
        case How::hash:
            return balance.consistent || balance.ring == Ring::nginx_ketama ? make_smooth_ring()
                                                                            : make_smooth_hash();
        case How::random: return make_smooth_random(balance.random_least_connections);
        case How::round_robin:
        case How::static_round_robin:
        case How::sticky: return make_smooth_round_robin();
    }
    return make_smooth_round_robin();
}

}  // namespace

std::unique_ptr<Balancer> make_balancer(const ir::Balance& balance) {
    return balance.turns == ir::Balance::Turns::positions ? make_positional(balance)
                                                          : make_smooth(balance);
}

std::unique_ptr<Balancer> make_backup_balancer(const ir::Balance& balance) {
    if (balance.turns == ir::Balance::Turns::positions) return make_positional(balance);
    if (balance.how == How::least_connections) return make_smooth_least_connections();
    return make_smooth_round_robin();
}

}  // namespace weir::pool
