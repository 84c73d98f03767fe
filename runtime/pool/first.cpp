// SPDX-License-Identifier: Apache-2.0
// First: the server with the smallest id that has room; fills one server before it uses the next.
#include <algorithm>

#include "runtime/pool/positions.hpp"

namespace weir::pool {
namespace {

class First : public Balancer {
public:
    void rebuild(std::span<LiveServer* const> servers) override {
        servers_.assign(servers.begin(), servers.end());
        std::erase_if(servers_, [](const LiveServer* server) { return !server->usable; });
        std::stable_sort(servers_.begin(), servers_.end(),
                         [](const auto* a, const auto* b) { return a->id < b->id; });
    }
    LiveServer* pick(const PickRequest& request, May may) override {
        LiveServer* avoided = nullptr;
        for (LiveServer* server : servers_) {
            if (!may(*server, request)) continue;
            if (server != request.avoid) return server;
            avoided = server;
        }
        return avoided;
    }

private:
    std::vector<LiveServer*> servers_;
};

}  // namespace

std::unique_ptr<Balancer> make_first() { return std::make_unique<First>(); }

}  // namespace weir::pool
