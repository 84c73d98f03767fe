// SPDX-License-Identifier: Apache-2.0
// Hashes of HAProxy: map-based (a slot per point of weight) and consistent (a ring of points made
// from the servers' ids), and "random", which draws points of that ring.
#include <algorithm>

#include "runtime/base/hash.hpp"
#include "runtime/pool/positions.hpp"
#include "runtime/pool/random.hpp"

namespace weir::pool {
namespace {

std::uint32_t word_at(const unsigned char* bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | bytes[3];
}

std::uint32_t hash_text(const ir::Balance& balance, std::string_view key) {
    using Function = ir::Balance::Function;
    switch (balance.function) {
        case Function::crc32: return hash::crc32(key);
        case Function::sdbm: return hash::sdbm(key);
        case Function::djb2: return hash::djb2(key);
        case Function::wt6: return hash::wt6(key);
        case Function::none: break;
    }
    std::uint32_t number = 0;  // the key is a hash already
    for (char digit : key) {
        if (digit < '0' || digit > '9') break;
        number = number * 10 + static_cast<std::uint32_t>(digit - '0');
    }
    return number;
}

// False when there is nothing to hash: the request takes a turn of round robin instead.
bool hash_request(const ir::Balance& balance, const PickRequest& request, std::uint32_t& hash) {
    if (balance.how == ir::Balance::How::client_hash) {
        if (!request.client || request.client->family == IpAddress::Family::none) return false;
        const unsigned char* bytes = request.client->bytes;
        hash = word_at(bytes);
        if (request.client->family == IpAddress::Family::v6) {
            hash ^= word_at(bytes + 4) ^ word_at(bytes + 8) ^ word_at(bytes + 12);
        }
    } else {
        // An empty field counts as none.
        if (!request.has_key || request.key.empty()) return false;
        hash = hash_text(balance, request.key);
    }
    if (balance.avalanche) hash = hash::avalanche(hash);
    return true;
}

class MapHash : public Balancer {
public:
    explicit MapHash(const ir::Balance& balance)
        : balance_(balance), turns_(make_static_round_robin()) {}
    void rebuild(std::span<LiveServer* const> servers) override {
        map_ = spread_by_weight(servers);
        turns_->rebuild(servers);
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        std::uint32_t hash = 0;
        if (!hash_request(balance_, request, hash)) return turns_->pick(request, may);
        return map_.empty() ? nullptr : map_[hash % map_.size()];
    }

private:
    ir::Balance balance_;
    std::vector<LiveServer*> map_;
    std::unique_ptr<Balancer> turns_;
};

class Ring : public Balancer {
public:
    explicit Ring(const ir::Balance& balance) : balance_(balance) {}
    void rebuild(std::span<LiveServer* const> servers) override;

protected:
    struct Point {
        std::uint32_t hash;
        std::uint32_t member;
    };
    struct Member {
        LiveServer* server;
        std::uint64_t weight_before;  // of the usable servers in front of it
    };
    // The nearest point, from there on the next one whose server is neither avoided nor overloaded.
    [[nodiscard]] LiveServer* nearest(std::uint32_t hash, const LiveServer* avoid) const;
    LiveServer* next_point(const PickRequest& request, May may);
    [[nodiscard]] bool is_overloaded(const Member& member) const;

    ir::Balance balance_;
    std::vector<Member> members_;
    std::vector<Point> points_;
    std::uint64_t total_weight_ = 0;
    std::uint64_t last_ = UINT64_MAX;  // hash of the last point a turn took; none yet
};

void Ring::rebuild(std::span<LiveServer* const> servers) {
    members_.clear();
    points_.clear();
    total_weight_ = 0;
    for (LiveServer* server : servers) {
        if (!server->usable) continue;
        const auto member = static_cast<std::uint32_t>(members_.size());
        members_.push_back({server, total_weight_});
        total_weight_ += server->weight;
        for (std::uint32_t i = 0; i < server->weight; ++i) {
            points_.push_back({hash::avalanche(server->id * most_weight + i), member});
        }
    }
    std::stable_sort(points_.begin(), points_.end(),
                     [](const Point& a, const Point& b) { return a.hash < b.hash; });
}

// hash-balance-factor: nobody gets more than his share of the load times the factor.
bool Ring::is_overloaded(const Member& member) const {
    if (!balance_.balance_factor) return false;
    const LiveServer& server = *member.server;
    const std::uint64_t load = std::uint64_t{server.pool->slots_in_use()} + 1;
    const std::uint64_t slots = (load * balance_.balance_factor + 99) / 100;
    const std::uint64_t rest = slots % total_weight_;
    std::uint64_t share = server.weight * (slots / total_weight_);
    share += (member.weight_before + server.weight) * rest / total_weight_ -
             member.weight_before * rest / total_weight_;
    return server.served >= std::max<std::uint64_t>(share, 1);
}

LiveServer* Ring::nearest(std::uint32_t hash, const LiveServer* avoid) const {
    if (points_.empty()) return nullptr;
    auto next = std::lower_bound(points_.begin(), points_.end(), hash,
                                 [](const Point& p, std::uint32_t h) { return p.hash < h; });
    if (next == points_.end()) next = points_.begin();
    const auto before = next == points_.begin() ? points_.end() - 1 : next - 1;
    if (hash - before->hash <= next->hash - hash) next = before;
    for (int rounds = 0;;) {
        const Member& member = members_[next->member];
        if (member.server != avoid && !is_overloaded(member)) return member.server;
        if (++next == points_.end()) {
            next = points_.begin();
            if (++rounds > 1) return members_[next->member].server;
        }
    }
}

LiveServer* Ring::next_point(const PickRequest& request, May may) {
    LiveServer* avoided = nullptr;
    auto at = points_.begin();
    if (last_ != UINT64_MAX) {
        at = std::upper_bound(points_.begin(), points_.end(), last_,
                              [](std::uint64_t h, const Point& p) { return h < p.hash; });
    }
    for (std::size_t step = 0; step < points_.size(); ++step, ++at) {
        if (at == points_.end()) at = points_.begin();
        LiveServer* server = members_[at->member].server;
        last_ = at->hash;
        if (!may(*server, request)) continue;
        if (server != request.avoid) return server;
        avoided = server;
    }
    return avoided;
}

class RingHash : public Ring {
public:
    using Ring::Ring;
    LiveServer* pick(const PickRequest& request, May may) override {
        std::uint32_t hash = 0;
        if (!hash_request(balance_, request, hash)) return next_point(request, may);
        return nearest(hash, request.avoid);
    }
};

class RingRandom : public Ring {
public:
    using Ring::Ring;
    LiveServer* pick(const PickRequest& request, May may) override {
        LiveServer* best = nullptr;
        for (std::uint32_t draw = 0; draw < std::max(balance_.draws, 1u); ++draw) {
            LiveServer* drawn = nearest(random_bits(), request.avoid);
            if (!drawn) break;
            const bool worse = best && best != drawn &&
                               std::uint64_t{drawn->served} * best->weight >
                                   std::uint64_t{best->served} * drawn->weight;
            if (!worse) best = drawn;
        }
        return best && may(*best, request) ? best : nullptr;
    }
};

}  // namespace

std::unique_ptr<Balancer> make_map_hash(const ir::Balance& balance) {
    return std::make_unique<MapHash>(balance);
}
std::unique_ptr<Balancer> make_ring_hash(const ir::Balance& balance) {
    return std::make_unique<RingHash>(balance);
}
std::unique_ptr<Balancer> make_ring_random(const ir::Balance& balance) {
    return std::make_unique<RingRandom>(balance);
}

}  // namespace weir::pool
