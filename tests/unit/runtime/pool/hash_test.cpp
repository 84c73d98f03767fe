// SPDX-License-Identifier: Apache-2.0
// The sequences are what nginx 1.22.1 and HAProxy 2.6.12 did with the same servers and keys.
#include <gtest/gtest.h>

#include "tests/unit/runtime/pool/bench_pool.hpp"

namespace weir::pool {
namespace {

using How = ir::Balance::How;
using Turns = ir::Balance::Turns;
using Ring = ir::Balance::Ring;
using Function = ir::Balance::Function;

std::string by_key(BenchPool& bench, const std::string& prefix, int count = 40) {
    std::string all;
    for (int i = 1; i <= count; ++i) {
        const std::string key = prefix + std::to_string(i);
        PickRequest request;
        request.key = key;
        request.has_key = true;
        all += bench.once(request);
    }
    return all;
}

std::string by_client(BenchPool& bench, int count = 40) {
    std::string all;
    for (int i = 1; i <= count; ++i) {
        IpAddress client;
        client.family = IpAddress::Family::v4;
        client.bytes[0] = 127;
        client.bytes[2] = static_cast<unsigned char>(i);
        client.bytes[3] = 1;
        PickRequest request;
        request.client = &client;
        all += bench.once(request);
    }
    return all;
}

void smooth_servers(BenchPool& bench) {
    bench.server(5);
    bench.server(3);
    bench.server(1);
    bench.server(1).down = true;
}

void positional_servers(BenchPool& bench, Ring ring, Function function, bool avalanche) {
    for (auto weight : {6u, 4u, 2u, 14u}) bench.server(weight);
    bench.conf->balance.ring = ring;
    bench.conf->balance.function = function;
    bench.conf->balance.avalanche = avalanche;
}

TEST(SmoothHash, AsNginx) {
    BenchPool bench(How::hash);
    smooth_servers(bench);
    EXPECT_EQ(by_key(bench, ""), "3211132121221211222112223112113132211111");
}

TEST(SmoothHash, ConsistentAsNginx) {
    BenchPool bench(How::hash);
    bench.conf->balance.consistent = true;
    bench.conf->balance.ring = Ring::nginx_ketama;
    smooth_servers(bench);
    EXPECT_EQ(by_key(bench, ""), "1311121111221211132212111311111221232311");
}

TEST(SmoothHash, ClientAsNginx) {
    BenchPool bench(How::client_hash);
    smooth_servers(bench);
    EXPECT_EQ(by_client(bench), "1111222311111122231111112223111111222331");
}

TEST(SmoothHash, ARetryGoesOnAndAnEmptyKeyTakesTurns) {
    BenchPool bench(How::hash);
    for (int i = 0; i < 3; ++i) bench.server();
    Tried tried;
    std::string seen;
    for (std::uint32_t number = 0; number < 3; ++number) {
        PickRequest request;
        request.key = "k";
        request.has_key = true;
        request.tried = &tried;
        request.try_number = number;
        seen += bench.once(request);
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, "123");
    EXPECT_EQ(bench.times(3), "123");
}

TEST(MapHash, AsHaproxy) {
    {
        BenchPool bench(How::hash, Turns::positions);
        positional_servers(bench, Ring::haproxy_map, Function::sdbm, false);
        EXPECT_EQ(by_key(bench, "/uri/"), "1424143444142414344142414344142414344142");
    }
    {
        BenchPool bench(How::hash, Turns::positions);
        positional_servers(bench, Ring::haproxy_map, Function::wt6, true);
        EXPECT_EQ(by_key(bench, "/uriw/"), "4444344244124444144442141311441441444444");
    }
    BenchPool bench(How::client_hash, Turns::positions);
    positional_servers(bench, Ring::haproxy_map, Function::sdbm, false);
    EXPECT_EQ(by_client(bench), "4441114443224444111444322444411144432244");
}

TEST(RingHash, AsHaproxy) {
    {
        BenchPool bench(How::hash, Turns::positions);
        positional_servers(bench, Ring::haproxy_ring, Function::sdbm, true);
        EXPECT_EQ(by_key(bench, "/uric/"), "1443142443441142411144412444441224441442");
    }
    {
        BenchPool bench(How::hash, Turns::positions);
        positional_servers(bench, Ring::haproxy_ring, Function::djb2, false);
        bench.conf->servers[1].id = 50;
        EXPECT_EQ(by_key(bench, "/urid/"), "1111111114444444444444444444444444444444");
    }
    BenchPool bench(How::client_hash, Turns::positions);
    positional_servers(bench, Ring::haproxy_ring, Function::sdbm, true);
    EXPECT_EQ(by_client(bench), "1144214322144442444124441112444442124331");
}

TEST(RingHash, WithoutAKeyItWalksTheRingAsHaproxy) {
    BenchPool bench(How::hash, Turns::positions);
    for (auto weight : {1u, 2u, 2u}) bench.server(weight);
    bench.conf->balance.ring = Ring::haproxy_ring;
    bench.conf->balance.function = Function::sdbm;
    bench.conf->balance.avalanche = true;
    EXPECT_EQ(bench.times(40), "3333213131231131223133231223331323221322");
    EXPECT_EQ(by_key(bench, "key"), "1332212332232232222331323113312332123223");
}

TEST(RingHash, BoundedLoadsSpillOver) {
    BenchPool bench(How::hash, Turns::positions);
    for (int i = 0; i < 4; ++i) bench.server();
    bench.conf->balance.ring = Ring::haproxy_ring;
    bench.conf->balance.balance_factor = 150;
    PickRequest request;
    request.key = "same";
    request.has_key = true;
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(bench.take(request));
    for (auto& server : bench.live().servers()) EXPECT_LE(server->served, 16u);
}

TEST(Random, StaysWithinTheUsable) {
    BenchPool bench(How::random);
    for (int i = 0; i < 4; ++i) bench.server();
    bench.conf->servers[2].down = true;
    const auto all = bench.times(400);
    EXPECT_EQ(all.find('3'), std::string::npos);
    for (char one : {'1', '2', '4'}) EXPECT_GT(std::count(all.begin(), all.end(), one), 60) << one;
    BenchPool two(How::random, Turns::positions);
    for (int i = 0; i < 2; ++i) two.server();
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(two.take());
    EXPECT_GT(two.live().servers()[0]->served, 12u);
}

}  // namespace
}  // namespace weir::pool
