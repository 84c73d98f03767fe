// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/stream.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <utility>

namespace weir::net {
namespace {

// write_all() to a peer that reads only when told to.
class WriteAllTest : public ::testing::Test {
protected:
    void SetUp() override {
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        ASSERT_TRUE(stream.open(loop, ends[0]));
        peer = ends[1];
    }
    void TearDown() override {
        if (peer >= 0) ::close(peer);
    }
    void begin(Time timeout, Time deadline = never) { spawn(run(timeout, deadline)); }
    Task<void> run(Time timeout, Time deadline) { result = co_await write_all(stream, bytes, timeout, deadline); }
    void turn() { loop.run_once(0); }
    void finish() {
        while (!result) loop.run_once(100);
    }
    std::string taken() {
        std::string all;
        char block[65536];
        for (ssize_t got; (got = ::read(peer, block, sizeof block)) > 0;) all.append(block, static_cast<std::size_t>(got));
        return all;
    }

    Loop loop;
    Stream stream;
    int peer = -1;
    std::string bytes = std::string(4u << 20, 'x');   // more than the socket holds
    std::optional<WriteAll> result;
};

TEST_F(WriteAllTest, ShortBytesGoAtOnce) {
    bytes = "abc";
    begin(1000);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->state, Io::State::ok);
    EXPECT_EQ(result->done, 3u);
    EXPECT_EQ(taken(), "abc");
}

TEST_F(WriteAllTest, NothingIsWrittenAtOnce) {
    bytes.clear();
    begin(1000);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->state, Io::State::ok);
}

TEST_F(WriteAllTest, WaitsForTheReader) {
    begin(never);
    EXPECT_FALSE(result);
    std::string all;
    while (!result) {
        all += taken();
        turn();
    }
    all += taken();
    EXPECT_EQ(result->state, Io::State::ok);
    EXPECT_EQ(result->done, bytes.size());
    EXPECT_EQ(all, bytes);
}

TEST_F(WriteAllTest, NotLongerThanTheTimeout) {
    begin(20);
    finish();
    EXPECT_EQ(result->state, Io::State::failed);
    EXPECT_TRUE(result->timed_out);
    EXPECT_FALSE(result->aborted);
    EXPECT_EQ(result->done, taken().size());
}

TEST_F(WriteAllTest, NotLongerThanUntilTheDeadline) {
    begin(60000, loop.now() + 20);
    finish();
    EXPECT_EQ(result->state, Io::State::failed);
    EXPECT_TRUE(result->timed_out);
    EXPECT_FALSE(result->aborted);
}

TEST_F(WriteAllTest, CancelledWaitsAreTold) {
    begin(never);
    stream.watch.cancel_waits();
    turn();
    ASSERT_TRUE(result);
    EXPECT_EQ(result->state, Io::State::failed);
    EXPECT_TRUE(result->aborted);
}

TEST_F(WriteAllTest, APeerThatIsGoneIsAFailure) {
    begin(never);
    ::close(std::exchange(peer, -1));
    finish();
    EXPECT_EQ(result->state, Io::State::failed);
    EXPECT_FALSE(result->timed_out);
    EXPECT_EQ(result->error, EPIPE);
}

}  // namespace
}  // namespace weir::net
