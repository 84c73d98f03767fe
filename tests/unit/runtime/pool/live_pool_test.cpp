// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::pool {
namespace {

using How = ir::Balance::How;
using Turns = ir::Balance::Turns;

TEST(LivePool, MaxFailsTakesAServerOutForFailTimeout) {
    BenchPool bench(How::round_robin);
    bench.server().max_fails = 2;
    bench.server();
    bench.open();
    LiveServer& first = *bench.live().servers()[0];
    auto fail_first = [&] {
        while (bench.once() != '1') {
        }
        bench.live().report(first, UseResult::failed, bench.now);
    };
    fail_first();
    EXPECT_NE(bench.times(4).find('1'), std::string::npos);
    fail_first();
    EXPECT_EQ(bench.times(4), "2222");
    bench.now += 10'000;
    EXPECT_EQ(bench.times(2), "22");
    bench.now += 1;
    // One probe; while it is out nobody else comes in.
    std::string probe = bench.times(1);
    while (probe.back() != '1') probe += bench.once();
    EXPECT_EQ(first.board.state->fails, 0u);
    EXPECT_NE(bench.times(4).find('1'), std::string::npos);
}

TEST(LivePool, AFailedProbeStartsTheWaitAnew) {
    BenchPool bench(How::round_robin);
    bench.server();
    bench.server();
    bench.open();
    LiveServer& first = *bench.live().servers()[0];
    bench.live().report(first, UseResult::failed, bench.now);
    bench.now += 10'001;
    bool probed = false;
    for (int i = 0; i < 4 && !probed; ++i) {
        LiveServer* server = bench.take();
        probed = server == &first;
        bench.live().release(*server, probed ? UseResult::failed : UseResult::ok, bench.now);
    }
    ASSERT_TRUE(probed);
    EXPECT_EQ(bench.times(4), "2222");
}

TEST(LivePool, StickyRequestsGoToTheirServerWhileItIsUp) {
    BenchPool bench(How::round_robin);
    bench.server().cookie = "a";
    bench.server().cookie = "b";
    bench.server();
    bench.conf->sticky.how = ir::Pool::Sticky::How::route;
    bench.open();
    PickRequest to_b;
    to_b.sticky = "b";
    auto times = [&](const PickRequest& request, int count) {
        std::string all;
        for (int i = 0; i < count; ++i) all += bench.once(request);
        return all;
    };
    EXPECT_EQ(times(to_b, 3), "222");
    bench.set_flags(1, zone::ServerState::drain);
    EXPECT_EQ(times(to_b, 3), "222");
    EXPECT_EQ(bench.times(4).find('2'), std::string::npos);
    bench.set_flags(1, zone::ServerState::check_down);
    EXPECT_EQ(times(to_b, 3).find('2'), std::string::npos);
    bench.set_flags(1, 0);
    bench.live().report(*bench.live().servers()[1], UseResult::failed, bench.now);
    EXPECT_EQ(times(to_b, 3).find('2'), std::string::npos);
    // A server without a name has that of its address; sessions know it by a digest.
    PickRequest to_third;
    to_third.sticky = bench.live().servers()[2]->sticky;
    EXPECT_EQ(to_third.sticky.size(), 32u);
    EXPECT_EQ(times(to_third, 2), "33");
    PickRequest learned;
    learned.sticky_digest = bench.live().servers()[0]->sticky_digest;
    EXPECT_EQ(times(learned, 2), "11");
    PickRequest unknown;
    unknown.sticky = "c";
    EXPECT_NE(times(unknown, 4).find('1'), std::string::npos);
}

TEST(LivePool, ASingleServerIsNeverTakenOut) {
    BenchPool bench(How::round_robin);
    bench.server();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(bench.once({}, UseResult::failed), '1');
    EXPECT_EQ(bench.live().most_tries(), 1u);
}

TEST(LivePool, BackupsOfNginxServeWhenAllOthersCannot) {
    BenchPool bench(How::round_robin);
    bench.server();
    bench.server().backup = true;
    bench.server().backup = true;
    EXPECT_EQ(bench.times(2), "11");
    EXPECT_EQ(bench.live().most_tries(), 3u);
    bench.live().report(*bench.live().servers()[0], UseResult::failed, bench.now);
    EXPECT_EQ(bench.times(4), "2323");
}

TEST(LivePool, OneBackupAtATimeUnlessAllAreWanted) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server();
    bench.server().backup = true;
    bench.server().backup = true;
    EXPECT_EQ(bench.times(2), "11");
    bench.set_flags(0, zone::ServerState::check_down);
    EXPECT_EQ(bench.times(4), "2222");
    EXPECT_EQ(bench.live().usable_servers(), 1u);
    bench.set_flags(1, zone::ServerState::check_down);
    EXPECT_EQ(bench.times(2), "33");

    BenchPool all(How::round_robin, Turns::positions);
    all.server().down = true;
    all.server().backup = true;
    all.server().backup = true;
    all.conf->use_all_backups = true;
    EXPECT_EQ(all.times(4), "2323");
    EXPECT_EQ(all.live().usable_servers(), 2u);
}

TEST(LivePool, MaxConnectionsOfNginx) {
    BenchPool bench(How::round_robin);
    bench.server().max_connections = 1;
    bench.server().max_connections = 1;
    LiveServer* one = bench.take();
    LiveServer* two = bench.take();
    ASSERT_TRUE(one && two);
    EXPECT_NE(one, two);
    EXPECT_EQ(bench.once(), '-');
    bench.conf->queue_timeout = std::chrono::seconds(1);
    EXPECT_EQ(bench.once(), '!');
    bench.live().release(*one, UseResult::ok, bench.now);
    EXPECT_EQ(bench.once(), '1');
}

TEST(LivePool, LeastConnectionsOfNginx) {
    BenchPool bench(How::least_connections);
    bench.server(2);
    bench.server();
    bench.server();
    std::string held;
    for (int i = 0; i < 5; ++i) held += static_cast<char>('1' + bench.take()->index);
    EXPECT_EQ(held.substr(0, 4), "1231");
}

TEST(LivePool, LeastConnectionsOfHaproxyRotatesAmongTheIdle) {
    BenchPool bench(How::least_connections, Turns::positions);
    bench.server();
    bench.server(2);
    bench.server(2);
    EXPECT_EQ(bench.times(7), "1231231");
}

TEST(LivePool, FirstFillsUpInOrder) {
    BenchPool bench(How::first, Turns::positions);
    bench.server().max_connections = 2;
    bench.server().max_connections = 1;
    bench.server();
    std::string held;
    for (int i = 0; i < 5; ++i) held += static_cast<char>('1' + bench.take()->index);
    EXPECT_EQ(held, "11233");
}

TEST(LivePool, PersistenceReachesADrainedServer) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server();
    bench.server();
    bench.set_flags(1, zone::ServerState::drain);
    EXPECT_EQ(bench.times(3), "111");
    PickRequest request;
    request.preferred = "127.0.0.1:19002";
    EXPECT_EQ(bench.once(request), '2');
    bench.set_flags(1, zone::ServerState::check_down);
    EXPECT_EQ(bench.once(request), '1');
}

TEST(LivePool, WeightAtRunTime) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server();
    bench.server();
    EXPECT_EQ(bench.times(2), "12");
    bench.live().servers()[0]->board.state->weight = 0;
    ++bench.board.health_epoch();
    EXPECT_EQ(bench.times(3), "222");
    bench.live().servers()[0]->board.state->weight = 3;
    ++bench.board.health_epoch();
    const auto all = bench.times(40);
    EXPECT_EQ(std::count(all.begin(), all.end(), '1'), 30) << all;
}

TEST(LivePool, SlowStartRampsTheWeight) {
    BenchPool bench(How::round_robin, Turns::positions);
    bench.server(100).slow_start = std::chrono::seconds(10);
    bench.server(100);
    bench.open();
    bench.once();
    bench.set_flags(0, zone::ServerState::check_down);
    bench.once();
    bench.set_flags(0, 0);
    auto share = [&] {
        const auto all = bench.times(200);
        return std::count(all.begin(), all.end(), '1');
    };
    const auto at_start = share();
    EXPECT_LT(at_start, 30);
    bench.now += 5'000;
    const auto halfway = share();
    EXPECT_GT(halfway, 50);
    EXPECT_LT(halfway, 85);
    bench.now += 6'000;
    EXPECT_NEAR(static_cast<double>(share()), 100, 3);
}

TEST(LivePool, StateSurvivesANewDefinition) {
    BenchPool bench(How::round_robin);
    bench.server();
    bench.server();
    bench.open();
    LiveServer* held = bench.take();
    bench.live().report(*bench.live().servers()[1], UseResult::failed, bench.now);
    auto next = std::make_shared<ir::Pool>(*bench.conf);
    std::reverse(next->servers.begin(), next->servers.end());
    next->servers.erase(next->servers.begin() + 1);  // the first server goes away
    BenchPool third(How::round_robin);
    for (int i = 0; i < 3; ++i) third.server();
    next->servers.push_back(third.conf->servers.back());
    bench.live().adopt(*next, next);
    ASSERT_EQ(bench.live().servers().size(), 2u);
    EXPECT_EQ(bench.live().servers()[0]->name, "127.0.0.1:19002");
    EXPECT_EQ(bench.live().servers()[0]->board.state->fails, 1u);
    EXPECT_TRUE(held->gone);
    bench.live().release(*held, UseResult::ok, bench.now);
    EXPECT_EQ(bench.times(3), "222");  // the third; the other one has failed
}

TEST(Tried, BeyondTheFixedSet) {
    Tried tried;
    for (std::size_t index : {0, 63, 255, 256, 1000}) {
        EXPECT_FALSE(tried.has(index));
        tried.add(index);
        EXPECT_TRUE(tried.has(index));
    }
    EXPECT_FALSE(tried.has(999));
    tried.clear();
    EXPECT_FALSE(tried.any());
}

}  // namespace
}  // namespace weir::pool
