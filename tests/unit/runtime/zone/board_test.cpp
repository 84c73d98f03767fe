// SPDX-License-Identifier: Apache-2.0
#include "runtime/zone/board.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "runtime/zone/siphash.hpp"

namespace weir::zone {
namespace {

ir::Config config_of(std::vector<std::string> pools, std::size_t servers = 2) {
    ir::Config config;
    for (auto& name : pools) {
        ir::Pool pool;
        pool.name = name;
        for (std::size_t i = 0; i < servers; ++i) {
            ir::Server server;
            server.name = "s" + std::to_string(i);
            server.endpoints.push_back({{}, 80, ""});
            pool.servers.push_back(server);
        }
        config.add(std::move(pool));
    }
    return config;
}

TEST(SipHash, DependsOnKeyTextAndLength) {
    // Other keys, other text, other length: other values; same input, same value.
    HashKey key{1, 2};
    EXPECT_EQ(siphash(key, "example"), siphash(key, "example"));
    EXPECT_NE(siphash(key, "example"), siphash(HashKey{1, 3}, "example"));
    EXPECT_NE(siphash(key, std::string_view("\0", 1)), siphash(key, std::string_view("\0\0", 2)));
    EXPECT_NE(siphash(key, "12345678"), siphash(key, "123456789"));
}

TEST(Board, FindsWhatWasPrepared) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 2);
    EXPECT_EQ(board.find(Kind::pool, "a").slots, nullptr);
    ASSERT_TRUE(board.prepare(config_of({"a", "b"})));
    EXPECT_NE(board.find(Kind::process, "").slots, nullptr);
    Entry pool = board.find(Kind::pool, "a");
    ASSERT_NE(pool.slots, nullptr);
    EXPECT_EQ(pool.state, nullptr);
    Entry server = board.find(Kind::server, "a/s1");
    ASSERT_NE(server.slots, nullptr);
    ASSERT_NE(server.state, nullptr);
    EXPECT_TRUE(server.state->usable());
    EXPECT_EQ(board.find(Kind::server, "a").slots, nullptr);
    EXPECT_EQ(board.find(Kind::pool, "a/s1").slots, nullptr);
}

TEST(Board, AServerWithSeveralEndpointsHasSeveralEntries) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 1);
    auto config = config_of({"a"}, 1);
    config.pools[0].servers[0].endpoints.push_back({{}, 81, ""});
    ASSERT_TRUE(board.prepare(config));
    EXPECT_EQ(server_key("a", config.pools[0].servers[0], 1), "a/s0#2");
    EXPECT_NE(board.find(Kind::server, "a/s0#2").slots, board.find(Kind::server, "a/s0").slots);
    EXPECT_NE(board.find(Kind::server, "a/s0#2").slots, nullptr);
    EXPECT_EQ(board.find(Kind::server, "a/s0#3").slots, nullptr);
}

TEST(Board, KeepsCountersAndHealthAcrossConfigurations) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 2);
    ASSERT_TRUE(board.prepare(config_of({"a"})));
    Entry server = board.find(Kind::server, "a/s0");
    server.mine(0).requests.add(3);
    server.mine(1).requests.add(4);
    server.state->flags |= ServerState::check_down;
    ASSERT_TRUE(board.prepare(config_of({"b", "a"}, 3)));
    Entry again = board.find(Kind::server, "a/s0");
    EXPECT_EQ(again.slots, server.slots);
    EXPECT_EQ(again.sum(board.workers(), &Counters::requests), 7u);
    EXPECT_FALSE(again.state->usable());
    EXPECT_NE(board.find(Kind::server, "b/s2").slots, nullptr);
}

TEST(Board, ConfiguredStateChangesOnlyWhenTheConfigurationDoes) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 1);
    auto config = config_of({"a"}, 1);
    ASSERT_TRUE(board.prepare(config));
    auto* state = board.find(Kind::server, "a/s0").state;
    auto changed = config;
    changed.pools[0].servers[0].down = true;
    ASSERT_TRUE(board.prepare(changed));
    EXPECT_TRUE(state->usable()) << "prepare must not touch what the running plan sees";
    const auto epoch = board.health_epoch().load();
    board.apply(changed);
    EXPECT_FALSE(state->usable());
    EXPECT_GT(board.health_epoch().load(), epoch);
    // Set up by hand at run time, then reloaded without a change: stays up.
    state->flags &= ~std::uint32_t{ServerState::forced_down};
    board.apply(changed);
    EXPECT_TRUE(state->usable());
    // Put down by hand; the configuration never said so and keeps quiet: stays down.
    state->flags |= ServerState::forced_down;
    board.apply(changed);
    EXPECT_FALSE(state->usable());
    board.apply(config);
    EXPECT_TRUE(state->usable());
}

TEST(Board, StartStateOfServers) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 1);
    auto config = config_of({"a"}, 3);
    config.pools[0].servers[0].down = true;
    config.pools[0].servers[1].check.emplace().mandatory = true;
    config.pools[0].servers[2].endpoints.clear();
    ASSERT_TRUE(board.prepare(config));
    EXPECT_EQ(board.find(Kind::server, "a/s0").state->flags, ServerState::forced_down);
    EXPECT_EQ(board.find(Kind::server, "a/s1").state->flags, ServerState::check_starting);
    EXPECT_EQ(board.find(Kind::server, "a/s2").state->flags, ServerState::unresolved);
    config.pools[0].servers[2].endpoints.push_back({{}, 80, ""});
    board.apply(config);
    EXPECT_TRUE(board.find(Kind::server, "a/s2").state->usable());
}

TEST(Board, ClearsTheGaugesOfOneWorkerOnly) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 2);
    ASSERT_TRUE(board.prepare(config_of({"a"})));
    Entry server = board.find(Kind::server, "a/s0");
    for (std::uint32_t worker : {0u, 1u}) {
        server.mine(worker).connections.set(5);
        server.mine(worker).requests.set(10);
        server.state->waiting_workers |= std::uint64_t{1} << worker;
    }
    board.clear_gauges(0);
    EXPECT_EQ(server.mine(0).connections.get(), 0u);
    EXPECT_EQ(server.mine(0).requests.get(), 10u);
    EXPECT_EQ(server.mine(1).connections.get(), 5u);
    EXPECT_EQ(server.state->waiting_workers, 2u);
}

TEST(Board, GrowsUnderReadersAndSaysWhenFull) {
    auto arena = SharedArena::create(std::uint64_t{512} << 20);   // room for 8192 names
    Board board(arena, 1);
    ASSERT_TRUE(board.prepare(config_of({"first"}, 1)));
    std::atomic<bool> done{false};
    std::atomic<int> lost{0};
    std::thread reader([&] {
        while (!done) lost += board.find(Kind::server, "first/s0").slots == nullptr;
    });
    std::vector<std::string> names;
    for (int i = 0; i < 3000; ++i) names.push_back("pool" + std::to_string(i));
    EXPECT_TRUE(board.prepare(config_of(names, 1)));
    done = true;
    reader.join();
    EXPECT_EQ(lost, 0);
    for (const auto& name : names) ASSERT_NE(board.find(Kind::server, name + "/s0").slots, nullptr);
    EXPECT_FALSE(board.prepare(config_of(names, 3)));
    EXPECT_NE(board.find(Kind::server, "first/s0").slots, nullptr);
}

TEST(Board, OtherProcessesSeeWhatTheMasterAdds) {
    auto arena = SharedArena::create(std::uint64_t{256} << 20);
    Board board(arena, 2);
    int go[2];
    ASSERT_EQ(::pipe(go), 0);
    pid_t child = ::fork();
    if (child == 0) {
        char byte;
        if (::read(go[0], &byte, 1) != 1) ::_exit(2);
        Entry found = board.find(Kind::server, "late/s0");
        if (!found.slots) ::_exit(1);
        found.mine(1).requests.add(9);
        ::_exit(0);
    }
    ASSERT_TRUE(board.prepare(config_of({"late"})));
    ASSERT_EQ(::write(go[1], "x", 1), 1);
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(board.find(Kind::server, "late/s0").sum(board.workers(), &Counters::requests), 9u);
    ::close(go[0]);
    ::close(go[1]);
}

}  // namespace
}  // namespace weir::zone
