// SPDX-License-Identifier: Apache-2.0
// The tunnel over socket pairs: no network, no port, no sleep.
#include "runtime/exchange/tunnel.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace weir::exchange {
namespace {

struct Peers {
    net::Loop loop;
    net::Stream client, server;
    int outer_client = -1, outer_server = -1;   // the far ends, in the test's hands
    std::optional<TunnelResult> result;

    Peers() {
        outer_client = pair_with(client);
        outer_server = pair_with(server);
    }
    ~Peers() {
        if (outer_client >= 0) ::close(outer_client);
        if (outer_server >= 0) ::close(outer_server);
    }
    int pair_with(net::Stream& stream) {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(stream.open(loop, ends[0]));
        return ends[1];
    }
    void start(TunnelLimits limits) {
        net::spawn(run(limits));
        turn();
    }
    net::Task<void> run(TunnelLimits limits) {
        result = co_await run_tunnel(client, server, {}, {}, limits);
    }
    void turn(int times = 4) {
        for (int i = 0; i < times; ++i) loop.run_once(0);
    }
    static std::string take(int fd) {
        std::string all;
        char block[65536];
        for (ssize_t got; (got = ::read(fd, block, sizeof block)) > 0;)
            all.append(block, static_cast<std::size_t>(got));
        return all;
    }
};

TEST(Tunnel, CarriesBytesBothWays) {
    Peers peers;
    peers.start({});
    ASSERT_EQ(::write(peers.outer_client, "hello", 5), 5);
    peers.turn();
    EXPECT_EQ(Peers::take(peers.outer_server), "hello");
    ASSERT_EQ(::write(peers.outer_server, "world!", 6), 6);
    peers.turn();
    EXPECT_EQ(Peers::take(peers.outer_client), "world!");
    ::close(std::exchange(peers.outer_client, -1));
    peers.turn();
    ASSERT_TRUE(peers.result);
    EXPECT_EQ(peers.result->from_client, 5u);
    EXPECT_EQ(peers.result->from_server, 6u);
    EXPECT_EQ(peers.result->end, TunnelResult::End::client_closed);
}

TEST(Tunnel, HalfCloseLeavesTheOtherDirectionOpen) {
    Peers peers;
    TunnelLimits limits;
    limits.half_close = true;
    peers.start(limits);
    ASSERT_EQ(::write(peers.outer_client, "ask", 3), 3);
    ::shutdown(peers.outer_client, SHUT_WR);
    peers.turn();
    EXPECT_FALSE(peers.result);
    EXPECT_EQ(Peers::take(peers.outer_server), "ask");
    ASSERT_EQ(::write(peers.outer_server, "late answer", 11), 11);
    ::close(std::exchange(peers.outer_server, -1));
    peers.turn();
    EXPECT_EQ(Peers::take(peers.outer_client), "late answer");
    ASSERT_TRUE(peers.result);
    EXPECT_EQ(peers.result->end, TunnelResult::End::client_closed);
}

TEST(Tunnel, AServerThatClosesEndsIt) {
    Peers peers;
    peers.start({});
    ASSERT_EQ(::write(peers.outer_server, "bye", 3), 3);
    ::close(std::exchange(peers.outer_server, -1));
    peers.turn();
    ASSERT_TRUE(peers.result);
    EXPECT_EQ(peers.result->end, TunnelResult::End::server_closed);
    EXPECT_EQ(Peers::take(peers.outer_client), "bye");
}

TEST(Tunnel, ASlowReaderStopsTheSource) {
    Peers peers;
    TunnelLimits limits;
    limits.may_splice = false;
    peers.start(limits);
    std::string block(65536, 'x');
    std::size_t sent = 0;
    // Until nothing more fits anywhere although the tunnel turns.
    for (int idle = 0; idle < 3;) {
        ssize_t wrote = ::write(peers.outer_server, block.data(), block.size());
        if (wrote > 0) sent += static_cast<std::size_t>(wrote);
        idle = wrote > 0 ? 0 : idle + 1;
        peers.turn(2);
        ASSERT_LT(sent, std::size_t{16} << 20) << "nothing holds the source back";
    }
    std::size_t received = 0;
    for (int idle = 0; idle < 3;) {
        auto piece = Peers::take(peers.outer_client).size();
        received += piece;
        idle = piece > 0 ? 0 : idle + 1;
        peers.turn(2);
    }
    EXPECT_EQ(received, sent);
    ::close(std::exchange(peers.outer_client, -1));
    peers.turn();
    EXPECT_TRUE(peers.result);
}

TEST(Tunnel, SilenceEndsIt) {
    Peers peers;
    TunnelLimits limits;
    limits.client_idle = limits.server_idle = 1;
    net::spawn(peers.run(limits));
    for (int i = 0; i < 1000 && !peers.result; ++i) peers.loop.run_once(1);
    ASSERT_TRUE(peers.result);
    EXPECT_EQ(peers.result->end, TunnelResult::End::client_timeout);
}

}  // namespace
}  // namespace weir::exchange
