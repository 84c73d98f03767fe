// SPDX-License-Identifier: Apache-2.0
// Random (nginx): a server drawn by weight, or the less loaded of two that were drawn.
#include "runtime/pool/random.hpp"

#include <random>

#include "runtime/pool/smooth.hpp"

namespace weir::pool {
namespace {

constexpr int most_draws = 20;

class SmoothRandom : public Balancer {
public:
    explicit SmoothRandom(bool two) : two_(two) {}
    void rebuild(std::span<LiveServer* const> servers) override {
        servers_.assign(servers.begin(), servers.end());
        line_.build(servers);
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        LiveServer* first = nullptr;
        const bool two = two_ && servers_.size() > 1;
        for (int draw = 0; draw <= most_draws && line_.total(); ++draw) {
            LiveServer* server = line_.place_of(random_bits() % line_.total());
            if (server == first || !may(*server, request)) continue;
            if (!two) return server;
            if (first) return is_busier(*server, *first) ? first : server;
            first = server;
        }
        return smooth_pick(servers_, request, may);
    }

private:
    static bool is_busier(const LiveServer& a, const LiveServer& b) {
        return std::uint64_t{a.served} * b.weight > std::uint64_t{b.served} * a.weight;
    }
    bool two_;
    std::vector<LiveServer*> servers_;
    WeightLine line_;
};

}  // namespace

std::uint32_t random_bits() {
    static thread_local std::mt19937 engine{std::random_device{}()};
    return static_cast<std::uint32_t>(engine());
}

std::unique_ptr<Balancer> make_smooth_random(bool two) {
    return std::make_unique<SmoothRandom>(two);
}

}  // namespace weir::pool
