// SPDX-License-Identifier: Apache-2.0
// Watches over socket pairs: who is attached lazily, and what a read knows of the end.
#include "runtime/net/loop.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "runtime/net/stream.hpp"

namespace weir::net {
namespace {

struct Pair {
    Loop loop;
    Stream stream;
    int far = -1;
    std::optional<Waited> waited;

    explicit Pair(bool lazily = true) {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        far = ends[1];
        if (lazily)
            stream.open_lazily(loop, ends[0]);
        else
            EXPECT_TRUE(stream.open(loop, ends[0]));
    }
    ~Pair() { hang_up(); }
    void say(std::string_view text) {
        EXPECT_EQ(::write(far, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void hang_up() {
        if (far >= 0) ::close(far);
        far = -1;
    }
    void wait_to_read(Time deadline = never) { spawn(wait(deadline)); }
    Task<void> wait(Time deadline) { waited = co_await readable(stream.watch, deadline); }
    Io read(std::size_t room = 64) {
        char bytes[64];
        return stream.read(bytes, room);
    }
};

TEST(LazyWatch, IsTriedAtOnce) {
    Pair pair;
    EXPECT_TRUE(pair.stream.watch.readable);
    EXPECT_TRUE(pair.stream.watch.writable);
    pair.say("hello");
    EXPECT_EQ(pair.read().bytes, 5u);
    EXPECT_FALSE(pair.stream.watch.readable);
}

TEST(LazyWatch, IsUnknownToEpollUntilSomebodyWaits) {
    Pair pair;
    EXPECT_EQ(pair.read().state, Io::State::blocked);
    pair.say("hello");
    pair.loop.run_once(0);
    EXPECT_FALSE(pair.stream.watch.readable);
    // What came before is told, too.
    pair.wait_to_read();
    EXPECT_FALSE(pair.waited);
    pair.loop.run_once(0);
    EXPECT_EQ(pair.waited, Waited::ready);
    EXPECT_EQ(pair.read().bytes, 5u);
}

TEST(LazyWatch, WhoPollsLearnsOfTheEnd) {
    Pair pair;
    EXPECT_EQ(pair.read().state, Io::State::blocked);
    pair.stream.watch.enlist();
    pair.hang_up();
    pair.loop.run_once(0);
    EXPECT_TRUE(pair.stream.watch.peer_closed);
}

TEST(LazyWatch, IsEnlistedAfterSomeMilliseconds) {
    Pair pair;
    EXPECT_EQ(pair.read().state, Io::State::blocked);
    pair.stream.watch.enlist_soon();
    pair.hang_up();
    auto begun = pair.loop.now();
    // Nothing else wakes the loop: it waits no longer than that.
    for (int turn = 0; turn < 4 && !pair.stream.watch.peer_closed; ++turn) pair.loop.run_once(60000);
    EXPECT_TRUE(pair.stream.watch.peer_closed);
    EXPECT_LT(pair.loop.now() - begun, 30000);
}

TEST(LazyWatch, ClosedBeforeItIsEnlistedLeavesNothingBehind) {
    Pair pair, other;
    for (auto* one : {&pair, &other}) EXPECT_EQ(one->read().state, Io::State::blocked);
    pair.stream.watch.enlist_soon();
    pair.stream.close();
    pair.loop.refresh_clock();
    pair.loop.run_once(0);
    EXPECT_FALSE(pair.stream.is_open());
}

TEST(Stream, AShortReadBehindAnEndIsTheLast) {
    Pair pair(false);
    pair.say("hello");
    pair.hang_up();
    pair.loop.run_once(0);
    auto got = pair.read();
    EXPECT_EQ(got.bytes, 5u);
    // The far end of a pair that is gone is more than half-closed: both ends are (EPOLLHUP).
    EXPECT_FALSE(got.last);
    EXPECT_EQ(pair.read().state, Io::State::end);
}

TEST(Stream, AReadOfAllThatWasAskedForIsNotKnownToBeTheLast) {
    Pair pair(false);
    pair.say("hello");
    ::shutdown(pair.far, SHUT_WR);
    pair.loop.run_once(0);
    EXPECT_FALSE(pair.read(5).last);
    EXPECT_EQ(pair.read().state, Io::State::end);
}

TEST(Stream, WhatComesBeforeAnEndThatCameLaterIsNotTheLast) {
    Pair pair(false);
    pair.say("hel");
    pair.loop.run_once(0);
    pair.say("lo");
    ::shutdown(pair.far, SHUT_WR);
    EXPECT_FALSE(pair.read().last);
    pair.loop.run_once(0);
    EXPECT_EQ(pair.read().state, Io::State::end);
}

TEST(Stream, AHalfClosedPeerHasSaidItsLast) {
    Pair pair(false);
    pair.say("hello");
    ::shutdown(pair.far, SHUT_WR);
    pair.loop.run_once(0);
    auto got = pair.read();
    EXPECT_EQ(got.bytes, 5u);
    EXPECT_TRUE(got.last);
}

}  // namespace
}  // namespace weir::net
