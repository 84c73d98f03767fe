// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h1_body.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace weir::http {
namespace {

struct Wire {
    net::Loop loop;
    net::Stream in, out;
    int source = -1, target = -1;
    net::Buffer buffer;
    std::optional<H1Body> body;
    std::optional<H1Writer> writer;
    std::optional<RelayResult> result;

    Wire() {
        source = pair_with(in);
        target = pair_with(out);
        body.emplace(in, buffer);
        writer.emplace(out);
    }
    ~Wire() {
        if (source >= 0) ::close(source);
        ::close(target);
    }
    int pair_with(net::Stream& stream) {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(stream.open(loop, ends[0]));
        return ends[1];
    }
    void early(std::string_view bytes) {
        buffer.acquire();
        buffer.append(bytes);
    }
    void send(std::string_view bytes) {
        EXPECT_EQ(::write(source, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    }
    void relay(Framing from, std::uint64_t length, Framing to) {
        body->start(from, length);
        writer->start(to);
        net::spawn(run());
        turn();
    }
    net::Task<void> run() { result = co_await relay_body(*body, *writer, {}); }
    void turn(int times = 6) {
        for (int i = 0; i < times; ++i) loop.run_once(0);
    }
    std::string taken() {
        std::string all;
        char block[65536];
        for (ssize_t got; (got = ::read(target, block, sizeof block)) > 0;)
            all.append(block, static_cast<std::size_t>(got));
        return all;
    }
};

TEST(H1Body, LengthFromBufferAndSocket) {
    Wire wire;
    wire.early("abc");
    wire.relay(Framing::length, 6, Framing::length);
    EXPECT_FALSE(wire.result);
    wire.send("defNEXT");
    wire.turn();
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.result->failed, RelayResult::Side::none);
    EXPECT_EQ(wire.taken(), "abcdef");
    wire.body->settle();
    EXPECT_EQ(wire.buffer.view(), "NEXT") << "the next request stays";
}

TEST(H1Body, ChunksBecomeLengthless) {
    Wire wire;
    wire.early("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /");
    wire.relay(Framing::chunked, 0, Framing::until_close);
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.taken(), "abcde");
    wire.body->settle();
    EXPECT_EQ(wire.buffer.view(), "GET /");
}

TEST(H1Body, ChunksAreMadeAnew) {
    Wire wire;
    wire.relay(Framing::chunked, 0, Framing::chunked);
    wire.send("5;ext=1\r\nhello\r\n");
    wire.turn();
    EXPECT_EQ(wire.taken(), "5\r\nhello\r\n");
    wire.send("0\r\nX-Sum: 1\r\n\r\n");
    wire.turn();
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.taken(), "0\r\n\r\n");
}

TEST(H1Body, BrokenChunksAreReported) {
    Wire wire;
    wire.early("zz\r\n");
    wire.relay(Framing::chunked, 0, Framing::length);
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.result->failed, RelayResult::Side::source);
    EXPECT_EQ(wire.result->state, BodyState::malformed);
}

TEST(H1Body, AnEarlyEndIsTruncated) {
    Wire wire;
    wire.relay(Framing::length, 10, Framing::length);
    wire.send("1234");
    ::close(std::exchange(wire.source, -1));
    wire.turn();
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.result->state, BodyState::truncated);
}

TEST(H1Body, CloseEndsABodyWithoutLength) {
    Wire wire;
    wire.relay(Framing::until_close, 0, Framing::chunked);
    wire.send("data");
    wire.turn();
    ::close(std::exchange(wire.source, -1));
    wire.turn();
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.result->failed, RelayResult::Side::none);
    EXPECT_EQ(wire.taken(), "4\r\ndata\r\n0\r\n\r\n");
}

std::string large_body() {
    std::string body(3000000, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>('a' + i * 7 % 26);
    return body;
}

// What arrives while all of `sent` is put in, and the end of it where there is none by itself.
std::string pass(Wire& wire, std::string_view sent, bool closes) {
    std::string received;
    for (int idle = 0; !wire.result && idle < 1000; ++idle) {
        ssize_t wrote = wire.source < 0 ? 0 : ::write(wire.source, sent.data(), sent.size());
        if (wrote > 0) {
            sent.remove_prefix(static_cast<std::size_t>(wrote));
            idle = 0;
        }
        if (sent.empty() && closes && wire.source >= 0) ::close(std::exchange(wire.source, -1));
        wire.turn(2);
        received += wire.taken();
    }
    wire.turn();
    return received + wire.taken();
}

TEST(H1Body, ALargeBodyArrivesWhole) {
    Wire wire;
    const auto body = large_body();
    wire.relay(Framing::length, body.size(), Framing::length);
    EXPECT_EQ(pass(wire, body, false), body);
    ASSERT_TRUE(wire.result);
    EXPECT_EQ(wire.result->failed, RelayResult::Side::none);
    EXPECT_GT(wire.result->spliced, body.size() / 2);
}

// The bodies of chunks, without their frames; nothing behind the last one is left.
std::string from_chunks(std::string_view bytes) {
    ChunkedDecoder decoder;
    std::string body;
    for (;;) {
        auto step = decoder.feed(bytes);
        using What = ChunkedDecoder::Step::What;
        if (step.what == What::end) return bytes.size() == step.consumed ? body : "more behind it";
        if (step.what != What::body) return step.what == What::bad ? "bad" : "not ended";
        body += bytes.substr(step.consumed, step.body);
        bytes.remove_prefix(step.consumed + step.body);
    }
}

TEST(H1Body, LargeChunksGoByTheKernel) {
    const auto body = large_body();
    const std::string half = body.substr(0, 1500000), rest = body.substr(1500000);
    for (auto from : {Framing::chunked, Framing::length, Framing::until_close}) {
        Wire wire;
        const auto sent = from == Framing::chunked
                              ? "16e360\r\n" + half + "\r\n3\r\n" + rest.substr(0, 3) + "\r\n16e35d\r\n" + rest.substr(3) +
                                    "\r\n0\r\n\r\n"
                              : body;
        wire.relay(from, body.size(), Framing::chunked);
        EXPECT_TRUE(from_chunks(pass(wire, sent, from == Framing::until_close)) == body);
        ASSERT_TRUE(wire.result);
        EXPECT_EQ(wire.result->failed, RelayResult::Side::none);
        EXPECT_GT(wire.result->spliced, body.size() / 2);
    }
}

TEST(H1Writer, AHeadAndASmallBodyGoTogether) {
    Wire wire;
    wire.writer->head.acquire();
    wire.writer->head.append("HEAD\r\n\r\n");
    wire.early("body");
    wire.relay(Framing::length, 4, Framing::length);
    EXPECT_EQ(wire.taken(), "HEAD\r\n\r\nbody");
    EXPECT_EQ(wire.writer->body_sent(), 4u);
}

TEST(H1Writer, WhatIsSaidOfASpliceHoldsForOneWrite) {
    int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), size), 0);
    ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size), 0);
    ASSERT_EQ(::listen(listener, 1), 0);
    int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(near, reinterpret_cast<sockaddr*>(&at), size), 0);
    int far = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    net::Loop loop;
    net::Stream stream;
    ASSERT_TRUE(stream.open(loop, near));
    H1Writer writer(stream);
    writer.start(Framing::length);
    net::WriteAll result;
    char bytes[8];
    writer.expect_splice();
    EXPECT_TRUE(writer.write_now("a", false, result));
    EXPECT_EQ(::read(far, bytes, sizeof bytes), -1);   // held back for what follows
    EXPECT_TRUE(writer.write_now("b", false, result));
    EXPECT_EQ(::read(far, bytes, sizeof bytes), 2);
    ::close(far);
    ::close(listener);
}

}  // namespace
}  // namespace weir::http
