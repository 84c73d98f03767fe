// SPDX-License-Identifier: Apache-2.0
// Round robin: nginx's smooth weighted turns, HAProxy's "roundrobin" (positions in a weighted
// cycle, weights may change at any time) and "static-rr" (a fixed map of slots).
#include <numeric>

#include "runtime/pool/positions.hpp"
#include "runtime/pool/smooth.hpp"

namespace weir::pool {
namespace {

class SmoothRoundRobin : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        servers_.assign(servers.begin(), servers.end());
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        return smooth_pick(servers_, request, may);
    }

private:
    std::vector<LiveServer*> servers_;
};

// A cycle is as long as the sum of the weights; a server takes a position every (sum / weight)
// steps. What does not fit into the cycle under way waits for the next one in `next_`; servers that
// have not had a turn in this cycle are in `fresh_`, heaviest first.
class PositionalRoundRobin : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override;
    LiveServer* pick(const PickRequest& request, May may) override;

private:
    struct Place;
    using Queue = KeyQueue<Place>;
    struct Place {
        LiveServer* server = nullptr;
        std::uint32_t weight = 0;  // 0: not in the cycle
        std::uint32_t position = 0, last_position = 0, remainder = 0;
        Queue* queue = nullptr;  // null: taken out for good or for the moment
        Queue::Set::iterator at;
        Queue::Handle free;  // holds the node while queue is null
        Place* next_skipped = nullptr;
        bool seen = false;
    };
    void set_weight(Place& place, std::uint32_t weight);
    void leave(Place& place);
    void enter(Queue& queue, Place& place, std::uint32_t key);
    void enter_by_weight(Queue& queue, Place& place) {
        enter(queue, place, most_weight - place.weight);
    }
    void enter_by_position(Place& place);
    void advance(Place& place);
    Place* first_in_turn();
    void begin_next_cycle();
    void put_back(Place* skipped, const Place* taken, bool new_cycle);

    std::vector<std::unique_ptr<Place>> places_;  // in the order of the configuration
    Queue current_, one_, other_;
    Queue* fresh_ = &one_;
    Queue* next_ = &other_;
    std::uint32_t position_ = 0, length_ = 0, next_length_ = 0;
    bool started_ = false;
};

void PositionalRoundRobin::leave(Place& place) {
    if (!place.queue) return;
    place.free = place.queue->extract(place.at);
    place.queue = nullptr;
}

void PositionalRoundRobin::enter(Queue& queue, Place& place, std::uint32_t key) {
    place.at = queue.insert(std::move(place.free), key);
    place.queue = &queue;
}

void PositionalRoundRobin::enter_by_position(Place& place) {
    if (!place.weight || place.position >= 2 * length_ ||
        place.position >= length_ + next_length_) {
        place.position -= length_;
        return enter_by_weight(*next_, place);
    }
    enter(current_, place,
          weight_range * place.position +
              (most_weight + place.remainder - place.weight) / weight_scale);
}

void PositionalRoundRobin::advance(Place& place) {
    if (!place.position) place.position = position_;
    place.last_position = place.position;
    place.position += next_length_ / place.weight;
    place.remainder += next_length_ % place.weight;
    if (place.remainder >= place.weight) {
        place.remainder -= place.weight;
        ++place.position;
    }
}

PositionalRoundRobin::Place* PositionalRoundRobin::first_in_turn() {
    Place* due = current_.first();
    if (due && due->position <= position_) return due;
    if (Place* fresh = fresh_->first()) {
        fresh->position = fresh->remainder = 0;
        return fresh;
    }
    return due;
}

void PositionalRoundRobin::begin_next_cycle() {
    std::swap(fresh_, next_);
    length_ = position_ = next_length_;
}

// Servers that were full or avoided: back to where they were expected, or, when a new cycle began
// meanwhile, to its start.
void PositionalRoundRobin::put_back(Place* skipped, const Place* taken, bool new_cycle) {
    for (; skipped; skipped = skipped->next_skipped) {
        if (skipped == taken) continue;
        if (new_cycle)
            enter_by_weight(*fresh_, *skipped);
        else
            enter_by_position(*skipped);
    }
}

LiveServer* PositionalRoundRobin::pick(const PickRequest& request, May may) {
    Place* skipped = nullptr;
    Place* avoided = nullptr;
    Place* taken = nullptr;
    bool new_cycle = false;
    for (;;) {
        if (!length_) position_ = length_ = next_length_;
        taken = first_in_turn();
        if (!taken) {
            if (new_cycle) {
                taken = avoided;
                break;
            }
            new_cycle = true;
            begin_next_cycle();
            continue;
        }
        advance(*taken);
        leave(*taken);
        ++position_;
        if (may(*taken->server, request)) {
            if (taken->server != request.avoid || avoided) break;
            avoided = taken;
        }
        taken->next_skipped = skipped;
        skipped = taken;
    }
    if (taken) enter_by_position(*taken);
    put_back(skipped, taken, new_cycle);
    return taken ? taken->server : nullptr;
}

void PositionalRoundRobin::set_weight(Place& place, std::uint32_t weight) {
    const std::uint32_t before = place.weight;
    if (weight == before) return;
    next_length_ += weight - before;
    place.weight = weight;
    if (!started_) return;
    if (!weight) return leave(place);
    const std::uint32_t step = next_length_ / weight;
    if (!before) {  // came up: into the middle of what is left
        place.position = position_ + (next_length_ + length_ - position_) / weight;
        return enter_by_position(place);
    }
    if (place.queue == fresh_) {
        leave(place);
        return enter_by_weight(*fresh_, place);
    }
    if (place.queue == next_) place.position += length_;
    const std::uint32_t planned = place.position;
    place.position = std::min(place.last_position + step, planned);
    place.remainder = 0;
    if (place.position < position_ + 2) place.position = position_ + step;
    leave(place);
    enter_by_position(place);
}

void PositionalRoundRobin::rebuild(std::span<LiveServer* const> servers) {
    for (auto& place : places_) place->seen = false;
    auto places = places_of(servers, places_);
    for (auto& place : places_) {
        if (place) set_weight(*place, 0);
    }
    places_ = std::move(places);
    for (auto& place : places_) {
        set_weight(*place, place->server->usable ? place->server->weight : 0);
    }
    if (started_) return;
    started_ = true;
    position_ = length_ = next_length_;
    for (auto& place : places_) {
        if (place->weight) enter_by_weight(*fresh_, *place);
    }
}

// A map with one slot per point of weight (points divided by their greatest common divisor), each
// server spread evenly over it; turns walk the map.
class StaticRoundRobin : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        map_ = spread_by_weight(servers);
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        if (map_.empty()) return nullptr;
        if (next_ >= map_.size()) next_ = 0;
        LiveServer* avoided = nullptr;
        std::size_t after_avoided = 0;
        for (std::size_t step = 0, at = next_; step < map_.size(); ++step) {
            LiveServer* server = map_[at];
            if (++at == map_.size()) at = 0;
            if (!may(*server, request)) continue;
            if (server != request.avoid) {
                next_ = at;
                return server;
            }
            avoided = server;
            after_avoided = at;
        }
        if (avoided) next_ = after_avoided;
        return avoided;
    }

private:
    std::vector<LiveServer*> map_;
    std::size_t next_ = 0;
};

}  // namespace

std::vector<LiveServer*> spread_by_weight(std::span<LiveServer* const> servers) {
    if (servers.empty()) return {};
    std::uint32_t divisor = 0;
    // Of the configured weights, backups included: runtime changes must not move keys around.
    for (const auto& server : servers[0]->pool->servers()) {
        divisor = std::gcd(divisor, server->conf->weight);
    }
    if (!divisor) divisor = 1;
    std::vector<std::int64_t> score(servers.size());
    auto points = [&](std::size_t i) -> std::int64_t {
        const std::uint32_t weight = servers[i]->weight / weight_scale;
        return servers[i]->usable ? (weight + divisor - 1) / divisor : 0;
    };
    std::int64_t total = 0;
    for (std::size_t i = 0; i < servers.size(); ++i) total += points(i);
    std::vector<LiveServer*> map;
    map.reserve(static_cast<std::size_t>(total));
    for (std::int64_t slot = 0; slot < total; ++slot) {
        std::size_t best = servers.size();
        std::int64_t most = 0;
        for (std::size_t i = 0; i < servers.size(); ++i) {
            if (!points(i)) continue;
            score[i] += points(i);
            // Truncation is part of the order: what is due by the same whole turn goes first come.
            const std::int64_t due = total == 1 ? 1 : (score[i] + total) / total;
            if (best == servers.size() || due > most) {
                most = due;
                best = i;
            }
        }
        map.push_back(servers[best]);
        score[best] -= total;
    }
    return map;
}

std::unique_ptr<Balancer> make_smooth_round_robin() { return std::make_unique<SmoothRoundRobin>(); }
std::unique_ptr<Balancer> make_positional_round_robin() {
    return std::make_unique<PositionalRoundRobin>();
}
std::unique_ptr<Balancer> make_static_round_robin() { return std::make_unique<StaticRoundRobin>(); }

}  // namespace weir::pool
