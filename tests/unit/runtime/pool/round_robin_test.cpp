// SPDX-License-Identifier: Apache-2.0
// The sequences are what nginx 1.22.1 and HAProxy 2.6.12 did with the same servers.
#include <gtest/gtest.h>

#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::pool {
namespace {

using How = ir::Balance::How;
using Turns = ir::Balance::Turns;

std::string turns(How how, Turns rules, std::initializer_list<std::uint32_t> weights, int count) {
    BenchPool bench(how, rules);
    for (auto weight : weights) bench.server(weight);
    return bench.times(count);
}

TEST(SmoothRoundRobin, AsNginx) {
    EXPECT_EQ(turns(How::round_robin, Turns::smooth, {5, 3, 1}, 60),
              "121312121121312121121312121121312121121312121121312121121312");
}

TEST(SmoothRoundRobin, AFailedServerLeavesTheOrderAsNginx) {
    BenchPool bench(How::round_robin);
    for (auto weight : {10, 20, 7, 4, 20}) bench.server(static_cast<std::uint32_t>(weight));
    bench.conf->servers[1].max_fails = 0;
    bench.conf->servers[3].max_fails = 2;
    std::string answered;
    while (answered.size() < 60) {
        Tried tried;
        for (std::uint32_t number = 0;; ++number) {
            PickRequest request;
            request.tried = &tried;
            request.try_number = number;
            request.now = bench.now;
            auto picked = bench.live().pick(request);
            ASSERT_EQ(picked.outcome, PickOutcome::picked);
            const bool dead = picked.server->index == 3;
            bench.live().release(*picked.server, dead ? UseResult::failed : UseResult::ok,
                                 bench.now);
            if (dead) continue;
            answered +=
                picked.server->index == 4 ? '4' : static_cast<char>('1' + picked.server->index);
            break;
        }
    }
    EXPECT_EQ(answered, "241324241243241242413242412432412424132424124324124243124241");
}

TEST(PositionalRoundRobin, AsHaproxy) {
    EXPECT_EQ(turns(How::round_robin, Turns::positions, {5, 3, 1}, 40),
              "1121321121121321121121321121121321121121");
    EXPECT_EQ(turns(How::round_robin, Turns::positions, {10, 20, 7, 20}, 40),
              "2424124324124243124241234241242341242413");
    EXPECT_EQ(turns(How::round_robin, Turns::positions, {100, 1, 256, 33, 100}, 40),
              "3313531353431353135323135343135313533135");
    EXPECT_EQ(turns(How::round_robin, Turns::positions, {1, 1, 1}, 9), "123123123");
}

TEST(StaticRoundRobin, AsHaproxy) {
    BenchPool bench(How::static_round_robin, Turns::positions);
    for (auto weight : {6, 4, 2, 14}) bench.server(static_cast<std::uint32_t>(weight));
    bench.conf->servers[2].down = true;
    EXPECT_EQ(bench.times(40), "1424144142441424144142441424144142441424");
}

TEST(PositionalRoundRobin, AServerThatGoesAndComesBack) {
    BenchPool bench(How::round_robin, Turns::positions);
    for (int i = 0; i < 3; ++i) bench.server();
    EXPECT_EQ(bench.times(3), "123");
    bench.set_flags(1, zone::ServerState::check_down);
    EXPECT_EQ(bench.times(4).find('2'), std::string::npos);
    bench.set_flags(1, 0);
    const auto after = bench.times(6);
    EXPECT_EQ(std::count(after.begin(), after.end(), '2'), 2) << after;
    bench.set_flags(0, zone::ServerState::drain);
    bench.set_flags(1, zone::ServerState::drain);
    bench.set_flags(2, zone::ServerState::drain);
    EXPECT_EQ(bench.times(1), "-");
}

TEST(PositionalRoundRobin, FullAndAvoidedServersKeepTheirPlace) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server().max_connections = 1;
    bench.server();
    bench.server();
    LiveServer* held = bench.take();
    ASSERT_EQ(held->index, 0u);
    EXPECT_EQ(bench.times(4), "2323");
    PickRequest retry;
    retry.avoid = bench.live().servers()[1].get();
    EXPECT_EQ(bench.once(retry), '3');
    bench.live().release(*held, UseResult::ok, bench.now);
    const auto after = bench.times(6);
    EXPECT_EQ(std::count(after.begin(), after.end(), '1'), 2) << after;
}

TEST(PositionalRoundRobin, OnlyTheAvoidedOneLeft) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server();
    PickRequest retry;
    bench.open();
    retry.avoid = bench.live().servers()[0].get();
    EXPECT_EQ(bench.once(retry), '1');
    EXPECT_EQ(bench.times(2), "11");
}

}  // namespace
}  // namespace weir::pool
