// SPDX-License-Identifier: Apache-2.0
// What the algorithms of Turns::positions (HAProxy) share: weights in units of 16 per configured
// point, and an ordered queue of servers whose equal keys keep the order of insertion.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "runtime/pool/balancer.hpp"

namespace weir::pool {

inline constexpr std::uint32_t weight_scale = 16;
inline constexpr std::uint32_t weight_range = 256;
inline constexpr std::uint32_t most_weight = weight_scale * weight_range;

// Ordered by key, then by insertion. Moving a member allocates nothing.
template <class T>
class KeyQueue {
public:
    struct Item {
        std::uint32_t key = 0;
        std::uint64_t order = 0;
        T* member = nullptr;
        bool operator<(const Item& other) const {
            return key != other.key ? key < other.key : order < other.order;
        }
    };
    using Set = std::set<Item>;
    using Handle = typename Set::node_type;

    // A free node for a new member.
    static Handle make(T* member) {
        Set one;
        return one.extract(one.insert({0, 0, member}).first);
    }
    typename Set::iterator insert(Handle handle, std::uint32_t key) {
        handle.value().key = key;
        handle.value().order = ++inserted_;
        return items_.insert(std::move(handle)).position;
    }
    Handle extract(typename Set::iterator at) { return items_.extract(at); }
    [[nodiscard]] T* first() const { return items_.empty() ? nullptr : items_.begin()->member; }
    [[nodiscard]] const Set& items() const { return items_; }

private:
    Set items_;
    std::uint64_t inserted_ = 0;
};

// The places of these servers, in their order: those that were there before, taken out of `before` (null
// is left behind), and new ones in no queue.
template <class Place>
std::vector<std::unique_ptr<Place>> places_of(std::span<LiveServer* const> servers,
                                              std::vector<std::unique_ptr<Place>>& before) {
    std::vector<std::unique_ptr<Place>> places;
    for (LiveServer* server : servers) {
        auto found = std::find_if(before.begin(), before.end(), [&](const auto& place) {
            return place && place->server == server;
        });
        if (found != before.end()) {
            places.push_back(std::move(*found));
        } else {
            places.push_back(std::make_unique<Place>());
            places.back()->server = server;
            places.back()->free = KeyQueue<Place>::make(places.back().get());
        }
    }
    return places;
}

// One slot per point of weight, each usable server spread evenly (static-rr, map-based hashes).
std::vector<LiveServer*> spread_by_weight(std::span<LiveServer* const> servers);

std::unique_ptr<Balancer> make_positional_round_robin();
std::unique_ptr<Balancer> make_static_round_robin();
std::unique_ptr<Balancer> make_positional_least_connections();
std::unique_ptr<Balancer> make_first();
std::unique_ptr<Balancer> make_map_hash(const ir::Balance& balance);
std::unique_ptr<Balancer> make_ring_hash(const ir::Balance& balance);
std::unique_ptr<Balancer> make_ring_random(const ir::Balance& balance);

}  // namespace weir::pool
