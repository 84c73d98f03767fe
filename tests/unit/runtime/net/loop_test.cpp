// SPDX-License-Identifier: Apache-2.0
// Watches over socket pairs: who is attached lazily, and what a read knows of the end.
#include "runtime/net/loop.hpp"

#include <fcntl.h>
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

// What a connection that ended held is free when the next one is accepted, whatever came first.
TEST(Loop, AcceptsAfterWhatElseHappenedInItsTurn) {
    Pair client(false), server(false);
    auto& loop = server.loop;
    client.stream.close();
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    ASSERT_TRUE(client.stream.open(loop, ends[0]));
    int door[2];
    ASSERT_EQ(::pipe2(door, O_NONBLOCK | O_CLOEXEC), 0);
    struct Seen {
        bool ended = false, ended_before = false, accepted = false;
    } seen;
    {
        Watch listener;
        listener.owner = &seen;
        listener.on_event = [](Watch& watch, std::uint32_t) {
            auto& told = *static_cast<Seen*>(watch.owner);
            told.accepted = true;
            told.ended_before = told.ended;
        };
        ASSERT_TRUE(listener.attach_level(loop, door[0]));
        loop.run_once(0);   // both are writable: an edge of its own
        auto wait = [](Pair& of, Watch& other, Seen& told) -> Task<void> {
            of.waited = co_await readable(of.stream.watch, never, &other);
            told.ended = true;
        };
        spawn(wait(server, client.stream.watch, seen));
        EXPECT_EQ(::write(door[1], "!", 1), 1);
        ::close(ends[1]);
        loop.run_once(1000);
    }
    EXPECT_EQ(server.waited, Waited::aborted);
    EXPECT_TRUE(seen.accepted);
    EXPECT_TRUE(seen.ended_before);
    client.stream.close();
    for (int fd : door) ::close(fd);
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
