// SPDX-License-Identifier: Apache-2.0
#include "runtime/pool/queue_turn.hpp"

#include <gtest/gtest.h>

#include "runtime/net/task.hpp"
#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::pool {
namespace {

struct Outcome {
    QueueTurn::Result result;
    bool done = false;
};
net::Task<void> wait(BenchPool& bench, net::Loop& loop, net::Time deadline, Outcome& outcome) {
    outcome.result = co_await QueueTurn(bench.live(), nullptr, loop, deadline);
    outcome.done = true;
}

struct Turn : testing::Test {
    net::Loop loop;
    BenchPool bench{ir::Balance::How::round_robin, ir::Balance::Turns::positions};
    void SetUp() override { bench.server().max_connections = 1; }
};

TEST_F(Turn, ComesBackWithTheSlot) {
    LiveServer* held = bench.take();
    Outcome outcome;
    net::spawn(wait(bench, loop, net::never, outcome));
    loop.run_once(0);
    EXPECT_FALSE(outcome.done);
    bench.live().release(*held, UseResult::ok, bench.now);
    loop.run_once(0);
    ASSERT_TRUE(outcome.done);
    EXPECT_EQ(outcome.result.server, held);
    EXPECT_EQ(held->served, 1u);
    bench.live().release(*held, UseResult::ok, bench.now);
}

TEST_F(Turn, EndsWithItsTime) {
    LiveServer* held = bench.take();
    Outcome outcome;
    net::spawn(wait(bench, loop, loop.now() + 1, outcome));
    for (int i = 0; i < 100 && !outcome.done; ++i) loop.run_once(1);
    ASSERT_TRUE(outcome.done);
    EXPECT_TRUE(outcome.result.timed_out);
    EXPECT_EQ(outcome.result.server, nullptr);
    EXPECT_EQ(bench.live().queue_length(), 0u);
    bench.live().release(*held, UseResult::ok, bench.now);
    EXPECT_EQ(held->served, 0u);
}

}  // namespace
}  // namespace weir::pool
