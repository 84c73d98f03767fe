// SPDX-License-Identifier: Apache-2.0
// Hashes of nginx: ip_hash, hash, hash consistent (ketama). Each tries some places and then falls
// back on smooth turns. A retry walks the same places again: those tried before count as passed.
#include <algorithm>

#include "runtime/base/hash.hpp"
#include "runtime/pool/smooth.hpp"

namespace weir::pool {
namespace {

constexpr std::uint32_t most_places = 20;

class SmoothFallback : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        servers_.assign(servers.begin(), servers.end());
        line_.build(servers);
    }

protected:
    LiveServer* fall_back(const PickRequest& request, May may) {
        return smooth_pick(servers_, request, may);
    }
    std::vector<LiveServer*> servers_;
    WeightLine line_;
};

class ClientHash : public SmoothFallback {
public:
    LiveServer* pick(const PickRequest& request, May may) override {
        if (!line_.total()) return fall_back(request, may);
        // IPv4: the first three bytes, so that a /24 stays together; a Unix socket counts as zeros.
        static constexpr unsigned char nobody[3] = {};
        const unsigned char* bytes = nobody;
        std::size_t size = 3;
        if (request.client && request.client->family != IpAddress::Family::none) {
            bytes = request.client->bytes;
            if (request.client->family == IpAddress::Family::v6) size = 16;
        }
        std::uint32_t hash = 89;
        for (std::uint32_t passed = 0; passed <= most_places + request.try_number; ++passed) {
            for (std::size_t i = 0; i < size; ++i) hash = (hash * 113 + bytes[i]) % 6271;
            LiveServer* server = line_.place_of(hash % line_.total());
            if (may(*server, request)) return server;
        }
        return fall_back(request, may);
    }
};

class KeyHash : public SmoothFallback {
public:
    LiveServer* pick(const PickRequest& request, May may) override {
        if (request.key.empty() || !line_.total()) return fall_back(request, may);
        // As Cache::Memcached does it: the number of the turn goes in front of the key after the
        // first.
        std::uint64_t sum = 0;
        const std::uint32_t last = most_places + std::min(request.try_number, 60u);
        for (std::uint32_t turn = 0; turn <= last; ++turn) {
            const char digits[2] = {static_cast<char>('0' + turn / 10),
                                    static_cast<char>('0' + turn % 10)};
            std::string_view number(digits, 2);
            if (turn < 10) number.remove_prefix(turn ? 1 : 2);
            sum += (hash::crc32(request.key, hash::crc32(number)) >> 16) & 0x7fff;
            LiveServer* server = line_.place_of(sum % line_.total());
            if (may(*server, request)) return server;
        }
        return fall_back(request, may);
    }
};

// 160 points per point of weight on a ring of 32-bit hashes. Servers written alike (addresses of
// one name) share their points and take smooth turns there.
class KetamaRing : public SmoothFallback {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        SmoothFallback::rebuild(servers);
        std::vector<std::pair<std::string_view, std::uint32_t>> shape;
        for (auto* server : servers) shape.emplace_back(server->name, server->conf->weight);
        if (shape.size() == shape_.size() &&
            std::equal(shape.begin(), shape.end(), shape_.begin(),
                       [](const auto& a, const auto& b) {
                           return a.first == b.first && a.second == b.second;
                       }) &&
            members_ == servers_) {
            return;
        }
        members_ = servers_;
        shape_.assign(shape.begin(), shape.end());
        lay_out();
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        if (request.key.empty() || points_.empty()) return fall_back(request, may);
        auto at =
            std::lower_bound(points_.begin(), points_.end(), hash::crc32(request.key),
                             [](const Point& p, std::uint32_t hash) { return p.hash < hash; });
        for (std::uint32_t passed = 0; passed <= most_places; ++passed, ++at) {
            if (at == points_.end()) at = points_.begin();
            const auto& group = groups_[at->group];
            LiveServer* server = group.size() == 1 && may(*group[0], request)
                                     ? group[0]
                                     : smooth_pick(group, request, may);
            if (server) return server;
        }
        return fall_back(request, may);
    }

private:
    struct Point {
        std::uint32_t hash, group;
    };
    void lay_out();
    void add_points(LiveServer& server, std::uint32_t group);

    std::vector<LiveServer*> members_;
    std::vector<std::pair<std::string, std::uint32_t>> shape_;
    std::vector<Point> points_;
    std::vector<std::vector<LiveServer*>> groups_;
};

// The seed of a server is the hash of its name as written: host, a zero byte, port.
void KetamaRing::add_points(LiveServer& server, std::uint32_t group) {
    std::string_view name = server.name, host = name, port;
    if (name.size() >= 5 && (name.substr(0, 5) == "unix:" || name.substr(0, 5) == "UNIX:")) {
        host = name.substr(5);
    } else if (auto colon = name.rfind(':');
               colon != std::string_view::npos &&
               name.find_first_not_of("0123456789", colon + 1) == std::string_view::npos) {
        host = name.substr(0, colon);
        port = name.substr(colon + 1);
    }
    const std::uint32_t seed = hash::crc32(port, hash::crc32({"", 1}, hash::crc32(host)));
    char last[4] = {};
    for (std::uint64_t i = 0; i < std::uint64_t{server.conf->weight} * 160; ++i) {
        const std::uint32_t hash = hash::crc32({last, 4}, seed);
        points_.push_back({hash, group});
        for (int byte = 0; byte < 4; ++byte) last[byte] = static_cast<char>(hash >> (8 * byte));
    }
}

void KetamaRing::lay_out() {
    points_.clear();
    groups_.clear();
    for (LiveServer* server : servers_) {
        auto alike = std::find_if(groups_.begin(), groups_.end(), [&](const auto& group) {
            return group[0]->name == server->name;
        });
        const auto group = static_cast<std::uint32_t>(alike - groups_.begin());
        if (alike == groups_.end())
            groups_.push_back({server});
        else
            alike->push_back(server);
        add_points(*server, group);
    }
    std::stable_sort(points_.begin(), points_.end(),
                     [](const Point& a, const Point& b) { return a.hash < b.hash; });
    points_.erase(std::unique(points_.begin(), points_.end(),
                              [](const Point& a, const Point& b) { return a.hash == b.hash; }),
                  points_.end());
}

}  // namespace

void WeightLine::build(std::span<LiveServer* const> servers) {
    ends_.clear();
    servers_.assign(servers.begin(), servers.end());
    std::uint64_t end = 0;
    for (auto* server : servers) ends_.push_back(end += server->conf->weight);
}

LiveServer* WeightLine::place_of(std::uint64_t place) const {
    const auto at = std::upper_bound(ends_.begin(), ends_.end(), place);
    return servers_[static_cast<std::size_t>(at - ends_.begin())];
}

std::unique_ptr<Balancer> make_smooth_client_hash() { return std::make_unique<ClientHash>(); }
std::unique_ptr<Balancer> make_smooth_hash() { return std::make_unique<KeyHash>(); }
std::unique_ptr<Balancer> make_smooth_ring() { return std::make_unique<KetamaRing>(); }

}  // namespace weir::pool
