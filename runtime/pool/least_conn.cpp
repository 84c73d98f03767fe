// SPDX-License-Identifier: Apache-2.0
// Least connections. nginx: fewest per weight, ties by smooth turns among those that tie. HAProxy:
// a queue ordered by (load + 1) / weight, ties in the order in which they got there.
#include "runtime/pool/positions.hpp"
#include "runtime/pool/smooth.hpp"

namespace weir::pool {
namespace {

class SmoothLeastConnections : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        servers_.assign(servers.begin(), servers.end());
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        LiveServer* best = nullptr;
        std::size_t at = 0;
        bool many = false;
        for (std::size_t i = 0; i < servers_.size(); ++i) {
            LiveServer* server = servers_[i];
            if (!may(*server, request)) continue;
            const int order = best ? compare(*server, *best) : -1;
            if (order < 0) {
                best = server;
                at = i;
                many = false;
            } else if (order == 0) {
                many = true;
            }
        }
        if (!best || !many) return best;
        auto ties = [&](const LiveServer& server) {
            return may(server, request) && compare(server, *best) == 0;
        };
        return take_turn(std::span(servers_).subspan(at), ties, best);
    }

private:
    static int compare(const LiveServer& a, const LiveServer& b) {
        const std::uint64_t left = std::uint64_t{a.served} * b.weight;
        const std::uint64_t right = std::uint64_t{b.served} * a.weight;
        return left < right ? -1 : left > right ? 1 : 0;
    }
    std::vector<LiveServer*> servers_;
};

class PositionalLeastConnections : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override;
    LiveServer* pick(const PickRequest& request, May may) override {
        LiveServer* avoided = nullptr;
        for (const auto& item : queue_.items()) {
            LiveServer* server = item.member->server;
            if (!may(*server, request)) continue;
            if (server != request.avoid) return server;
            avoided = server;
        }
        return avoided;
    }
    void on_load(LiveServer& server) override {
        if (server.index < by_index_.size() && by_index_[server.index]) {
            move(*by_index_[server.index]);
        }
    }

private:
    struct Place;
    using Queue = KeyQueue<Place>;
    struct Place {
        LiveServer* server = nullptr;
        std::uint32_t weight = 0;
        bool queued = false;
        Queue::Set::iterator at;
        Queue::Handle free;
    };
    static std::uint32_t key_of(const Place& place) {
        const std::uint64_t load = place.server->served + place.server->waiters.count;
        return load ? static_cast<std::uint32_t>((load + 1) * most_weight / place.weight) : 0;
    }
    void move(Place& place) {
        if (!place.queued) return;
        const std::uint32_t key = key_of(place);
        if (place.at->key == key) return;
        place.at = queue_.insert(queue_.extract(place.at), key);
    }

    std::vector<std::unique_ptr<Place>> places_;
    std::vector<Place*> by_index_;  // LiveServer::index
    Queue queue_;
};

void PositionalLeastConnections::rebuild(std::span<LiveServer* const> servers) {
    auto places = places_of(servers, places_);
    for (auto& place : places_) {
        if (place && place->queued) queue_.extract(place->at);
    }
    places_ = std::move(places);
    by_index_.clear();
    for (auto& place : places_) {
        LiveServer& server = *place->server;
        if (server.index >= by_index_.size()) by_index_.resize(server.index + 1);
        by_index_[server.index] = place.get();
        const std::uint32_t weight = server.usable ? server.weight : 0;
        if (weight == place->weight) continue;
        if (place->queued) place->free = queue_.extract(place->at);
        place->weight = weight;
        place->queued = weight != 0;
        if (weight) place->at = queue_.insert(std::move(place->free), key_of(*place));
    }
}

}  // namespace

std::unique_ptr<Balancer> make_smooth_least_connections() {
    return std::make_unique<SmoothLeastConnections>();
}
std::unique_ptr<Balancer> make_positional_least_connections() {
    return std::make_unique<PositionalLeastConnections>();
}

}  // namespace weir::pool
