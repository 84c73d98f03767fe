// SPDX-License-Identifier: Apache-2.0
// A pool on a private board with a manual clock, for the tests of the algorithms.
#pragma once

#include <memory>
#include <string>

#include "runtime/pool/balancer.hpp"
#include "runtime/pool/live_pool.hpp"
#include "runtime/zone/board.hpp"

namespace weir::pool {

struct BenchPool {
    explicit BenchPool(ir::Balance::How how,
                       ir::Balance::Turns turns = ir::Balance::Turns::smooth) {
        conf->name = "p";
        conf->balance.how = how;
        conf->balance.turns = turns;
        conf->use_all_backups = turns == ir::Balance::Turns::smooth;
    }
    ir::Server& server(std::uint32_t weight = 1) {
        ir::Server one;
        const auto number = conf->servers.size() + 1;
        one.name = "127.0.0.1:" + std::to_string(19000 + number);
        ir::Endpoint endpoint;
        endpoint.ip.family = IpAddress::Family::v4;
        endpoint.ip.bytes[0] = 127;
        endpoint.ip.bytes[3] = 1;
        endpoint.port = static_cast<std::uint16_t>(19000 + number);
        one.endpoints.push_back(endpoint);
        one.weight = weight;
        conf->servers.push_back(one);
        return conf->servers.back();
    }
    void open() {
        pool = std::make_unique<LivePool>("p", 0, board);
        pool->adopt(*conf, conf);
    }
    LivePool& live() {
        if (!pool) open();
        return *pool;
    }
    // '1' for the first server and so on; '-' none, '!' full. Gives the slot back at once.
    char once(PickRequest request = {}, UseResult result = UseResult::ok) {
        request.now = now;
        auto picked = live().pick(request);
        if (picked.outcome == PickOutcome::none) return '-';
        if (picked.outcome == PickOutcome::full) return '!';
        live().release(*picked.server, result, now);
        return static_cast<char>('1' + picked.server->index);
    }
    std::string times(int count) {
        std::string all;
        for (int i = 0; i < count; ++i) all += once();
        return all;
    }
    // Takes a slot and keeps it.
    LiveServer* take(PickRequest request = {}) {
        request.now = now;
        auto picked = live().pick(request);
        return picked.outcome == PickOutcome::picked ? picked.server : nullptr;
    }
    void set_flags(std::size_t index, std::uint32_t flags) {
        live().servers()[index]->board.state->flags = flags;
        ++board.health_epoch();
    }

    zone::SharedArena arena = zone::SharedArena::create(std::uint64_t{64} << 20);
    zone::Board board{arena, 1};
    std::shared_ptr<ir::Pool> conf = std::make_shared<ir::Pool>();
    net::Time now = 1'000'000;
    std::unique_ptr<LivePool> pool;
};

}  // namespace weir::pool
