// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::pool {
namespace {

using How = ir::Balance::How;
using Turns = ir::Balance::Turns;

struct Queue : testing::Test {
    net::Loop loop;
    BenchPool bench{How::round_robin, Turns::positions};
    static Waiter& wait(BenchPool& pool, Waiter& waiter, LiveServer* server = nullptr) {
        waiter.handle = std::noop_coroutine();
        waiter.server = server;
        pool.live().enter_queue(waiter);
        return waiter;
    }
};

TEST_F(Queue, AFreedSlotGoesToTheFirstInLine) {
    bench.server().max_connections = 1;
    LiveServer* held = bench.take();
    EXPECT_EQ(bench.once(), '!');
    Waiter one, two;
    wait(bench, one);
    wait(bench, two);
    EXPECT_EQ(bench.live().queue_length(), 2u);
    bench.live().release(*held, UseResult::ok, bench.now);
    EXPECT_EQ(one.granted, held);
    EXPECT_FALSE(one.queued);
    EXPECT_EQ(two.granted, nullptr);
    EXPECT_EQ(bench.once(), '!');   // a newcomer does not overtake
    bench.live().leave_queue(one);  // after the resume: nothing to do
    bench.live().release(*one.granted, UseResult::ok, bench.now);
    EXPECT_EQ(two.granted, held);
    bench.live().release(*two.granted, UseResult::ok, bench.now);
    EXPECT_EQ(bench.live().queue_length(), 0u);
    EXPECT_EQ(held->served, 0u);
    EXPECT_EQ(bench.once(), '1');
}

TEST_F(Queue, AWaiterThatLeavesIsSkipped) {
    bench.server().max_connections = 1;
    LiveServer* held = bench.take();
    Waiter one, two, three;
    wait(bench, one);
    wait(bench, two);
    wait(bench, three);
    bench.live().leave_queue(two);
    bench.live().release(*held, UseResult::ok, bench.now);
    EXPECT_TRUE(one.granted);
    bench.live().release(*one.granted, UseResult::ok, bench.now);
    EXPECT_FALSE(two.granted);
    EXPECT_TRUE(three.granted);
    bench.live().release(*three.granted, UseResult::ok, bench.now);
}

TEST_F(Queue, OldestFirstOverBothQueues) {
    bench.conf->balance.how = How::hash;
    bench.conf->balance.ring = ir::Balance::Ring::haproxy_map;
    bench.server().max_connections = 1;
    PickRequest request;
    request.key = "k";
    request.has_key = true;
    LiveServer* held = bench.take(request);
    request.now = bench.now;
    auto full = bench.live().pick(request);
    EXPECT_EQ(full.outcome, PickOutcome::full);
    EXPECT_EQ(full.server, held);  // the key belongs there: wait for this one
    Waiter any, own;
    wait(bench, any);
    wait(bench, own, held);
    bench.live().release(*held, UseResult::ok, bench.now);
    EXPECT_TRUE(any.granted);
    EXPECT_FALSE(own.granted);
    bench.live().release(*any.granted, UseResult::ok, bench.now);
    EXPECT_TRUE(own.granted);
    bench.live().release(*own.granted, UseResult::ok, bench.now);
}

TEST_F(Queue, WhoWaitsForAServerThatGoesDownLooksAgain) {
    bench.server().max_connections = 1;
    bench.server();
    LiveServer* held = bench.take();
    Waiter own;
    wait(bench, own, held);
    bench.set_flags(0, zone::ServerState::check_down);
    EXPECT_EQ(bench.once(), '2');
    EXPECT_FALSE(own.queued);
    EXPECT_FALSE(own.granted);
    bench.live().release(*held, UseResult::ok, bench.now);
}

TEST_F(Queue, TheBitOnTheBoardFollowsTheQueue) {
    bench.server().max_connections = 1;
    LiveServer* held = bench.take();
    auto& bits = held->board.state->waiting_workers;
    Waiter one;
    wait(bench, one);
    EXPECT_EQ(bits, 1u);
    bench.live().leave_queue(one);
    EXPECT_EQ(bits, 0u);
    bench.live().release(*held, UseResult::ok, bench.now);
}

TEST_F(Queue, DynamicLimit) {
    bench.conf->full_connections = 10;
    auto& server = bench.server();
    server.min_connections = 2;
    server.max_connections = 10;
    bench.conf->balance.how = How::first;
    int taken = 0;
    while (bench.take()) ++taken;
    EXPECT_EQ(taken, 2);
}

}  // namespace
}  // namespace weir::pool
