// SPDX-License-Identifier: Apache-2.0
// Idle server connections and the pools they belong to, over reloads.
#include "runtime/forward/idle_cache.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::forward {
namespace {

struct IdleCache : testing::Test {
    net::Loop loop;
    pool::BenchPool bench{ir::Balance::How::round_robin};
    pool::LivePools pools{0, bench.board};
    int peer = -1;

    IdleCache() {
        pools.set_idle_keeper({.forget_server = forget_idle, .forget_pool = forget_idle});
    }
    ~IdleCache() override {
        if (peer >= 0) ::close(peer);
    }
    // A plan with the pool of the bench, or without any pool.
    std::shared_ptr<ir::Config> plan(bool with_pool) {
        auto config = std::make_shared<ir::Config>();
        if (with_pool) config->pools.push_back(*bench.conf);
        return config;
    }
    // One request to the first server whose connection is then kept.
    void use_once(pool::LivePool& pool) {
        auto& server = *pool.servers()[0];
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
        auto connection = std::make_unique<ServerConnection>();
        ASSERT_TRUE(connection->stream.open(loop, ends[0]));
        peer = ends[1];
        connection->server = &server;
        connection->opened = loop.now();
        keep_idle(std::move(connection));
        EXPECT_TRUE(server.idle);
    }
    [[nodiscard]] bool closed() const {
        char byte;
        return ::recv(peer, &byte, 1, MSG_DONTWAIT) == 0;
    }
};

TEST_F(IdleCache, ARetiredPoolClosesItsConnectionsAndGoes) {
    bench.server();
    auto first = plan(true);
    use_once(*pools.adopt(*first, first).at(0));
    EXPECT_FALSE(closed());
    std::weak_ptr<ir::Config> old = first;
    first.reset();
    auto second = plan(false);
    pools.adopt(*second, second);
    EXPECT_TRUE(closed());
    EXPECT_TRUE(old.expired());  // nothing holds the plan that the pool was of
    EXPECT_FALSE(pools.collect());
}

TEST_F(IdleCache, AServerThatIsGoneClosesItsConnections) {
    bench.server();
    bench.server();
    auto first = plan(true);
    use_once(*pools.adopt(*first, first).at(0));
    bench.conf->servers.erase(bench.conf->servers.begin());
    auto second = plan(true);
    pools.adopt(*second, second);
    EXPECT_TRUE(closed());
    EXPECT_FALSE(pools.collect());
}

TEST_F(IdleCache, APoolThatStaysKeepsItsConnections) {
    bench.server();
    auto first = plan(true);
    auto* pool = pools.adopt(*first, first).at(0);
    use_once(*pool);
    auto second = plan(true);
    EXPECT_EQ(pools.adopt(*second, second).at(0), pool);
    EXPECT_FALSE(closed());
    EXPECT_TRUE(take_idle(*pool->servers()[0]));
    forget_idle(*pool);
}

TEST_F(IdleCache, ARetiredPoolWaitsForTheRequestsInIt) {
    bench.server();
    auto first = plan(true);
    auto* pool = pools.adopt(*first, first).at(0);
    auto picked = pool->pick({.now = loop.now()});
    ASSERT_EQ(picked.outcome, pool::PickOutcome::picked);
    std::weak_ptr<ir::Config> old = first;
    first.reset();
    auto second = plan(false);
    pools.adopt(*second, second);
    EXPECT_TRUE(pools.collect());  // some are left
    EXPECT_FALSE(old.expired());
    pool->release(*picked.server, pool::UseResult::ok, loop.now());
    EXPECT_FALSE(pools.collect());
    EXPECT_TRUE(old.expired());
}

}  // namespace
}  // namespace weir::forward
