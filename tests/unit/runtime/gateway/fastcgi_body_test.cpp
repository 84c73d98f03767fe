// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/fastcgi_body.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <optional>

namespace weir::gateway {
namespace {

using http::BodyState;

std::string record(RecordType type, std::string_view content, std::uint8_t padding = 0) {
    std::string out(record_header, '\0');
    write_record_header(out.data(), type, content.size(), padding);
    out.append(content);
    return out.append(padding, '\0');
}
std::string output(std::string_view content) { return record(RecordType::output, content, 3); }
const std::string end = record(RecordType::end_request, {"\0\0\0\0\0\0\0\0", 8});

// An application that is this test.
struct Wire {
    net::Loop loop;
    net::Stream stream;
    int application = -1;
    Arena arena;
    std::string errors;
    http::ResponseHead head;
    std::optional<FastcgiAnswer> answer;

    Wire() {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(stream.open(loop, ends[0]));
        application = ends[1];
        ErrorsReader reader{this, [](void* owner, std::string_view text) {
                                auto& seen = static_cast<Wire*>(owner)->errors;
                                seen += text;
                                return seen.find("fatal") != std::string::npos;
                            }};
        answer.emplace(stream, arena, reader);
    }
    ~Wire() {
        if (application >= 0) ::close(application);
    }
    void send(std::string_view bytes) {
        EXPECT_EQ(::write(application, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
        turn();
    }
    void hang_up() {
        ::close(std::exchange(application, -1));
        turn();
    }
    void turn() {
        for (int i = 0; i < 4; ++i) loop.run_once(0);
    }
    FastcgiAnswer::Head read_head(http::Method method = http::Method::get) {
        http::HeadLimits limits;
        limits.max_line = limits.max_head = 4096;
        return answer->read_head(limits, method, head);
    }
    // What the body yields without waiting.
    std::string read_body(BodyState& state, bool& last) {
        std::string all;
        state = BodyState::ok;
        last = false;
        for (http::Piece piece; !last && state == BodyState::ok && answer->ready(piece);) {
            all += piece.bytes;
            last = piece.last;
            state = piece.state;
        }
        return all;
    }
};

using Head = FastcgiAnswer::Head;

TEST(FastcgiAnswer, HeadAndBodyInOneRecord) {
    Wire wire;
    EXPECT_EQ(wire.read_head(), Head::more);
    wire.send(output("Status: 404 Gone\r\nX-A: b\r\n\r\nbody") + output("") + end);
    ASSERT_EQ(wire.read_head(), Head::done);
    EXPECT_EQ(wire.head.status, 404);
    EXPECT_EQ(wire.head.reason, "Gone");
    wire.answer->start(wire.head);
    BodyState state;
    bool last;
    EXPECT_EQ(wire.read_body(state, last), "body");
    EXPECT_TRUE(last);
    EXPECT_EQ(wire.head.fields.find("x-a")->value, "b") << "the head outlives the input";
}

TEST(FastcgiAnswer, HeadInPiecesWithErrorsBetween) {
    Wire wire;
    for (char byte : std::string_view("X-A: b\r\n\r")) {
        wire.send(output({&byte, 1}) + record(RecordType::errors, "e"));
        EXPECT_EQ(wire.read_head(), Head::more);
    }
    wire.send(output("\nbo"));
    ASSERT_EQ(wire.read_head(), Head::done);
    EXPECT_EQ(wire.errors, "eeeeeeeee");
    EXPECT_EQ(wire.head.status, 200);
    wire.answer->start(wire.head);
    BodyState state;
    bool last;
    EXPECT_EQ(wire.read_body(state, last), "bo");
    EXPECT_FALSE(last);
    wire.send(output("dy") + output(""));
    EXPECT_EQ(wire.read_body(state, last), "dy");
    EXPECT_FALSE(last) << "the end of the request is waited for";
    wire.send(end);
    EXPECT_EQ(wire.read_body(state, last), "");
    EXPECT_TRUE(last);
    EXPECT_TRUE(wire.answer->settle());
}

TEST(FastcgiAnswer, LengthEndsTheBody) {
    Wire wire;
    wire.send(output("Content-Length: 4\r\n\r\nbody-and-more") + end);
    ASSERT_EQ(wire.read_head(), Head::done);
    wire.answer->start(wire.head);
    BodyState state;
    bool last;
    EXPECT_EQ(wire.read_body(state, last), "body");
    EXPECT_TRUE(last);
    EXPECT_TRUE(wire.answer->settle()) << "all of the request was here";
}

TEST(FastcgiAnswer, WhatIsMissingIsNoticed) {
    for (bool hangs_up : {false, true}) {
        Wire wire;
        wire.send(output("Content-Length: 40\r\n\r\nbody"));
        ASSERT_EQ(wire.read_head(), Head::done);
        wire.answer->start(wire.head);
        if (hangs_up) wire.hang_up();
        else wire.send(end);
        BodyState state;
        bool last;
        EXPECT_EQ(wire.read_body(state, last), "body");
        EXPECT_EQ(state, BodyState::truncated);
    }
}

TEST(FastcgiAnswer, AConnectionThatIsLostIsNoEnd) {
    Wire wire;
    wire.send(output("X: y\r\n\r\nbody"));
    ASSERT_EQ(wire.read_head(), Head::done);
    wire.answer->start(wire.head);
    wire.hang_up();
    BodyState state;
    bool last;
    EXPECT_EQ(wire.read_body(state, last), "body");
    EXPECT_EQ(state, BodyState::truncated);
}

TEST(FastcgiAnswer, OutputMayEndWithTheConnection) {
    Wire wire;
    wire.send(output("X: y\r\n\r\nbody") + output(""));
    ASSERT_EQ(wire.read_head(), Head::done);
    wire.answer->start(wire.head);
    wire.hang_up();
    BodyState state;
    bool last;
    EXPECT_EQ(wire.read_body(state, last), "body");
    EXPECT_TRUE(last);
    EXPECT_FALSE(wire.answer->settle());
}

TEST(FastcgiAnswer, NothingFollowsTheHeadOfHead) {
    Wire wire;
    wire.send(output("Content-Length: 4\r\n\r\nbo"));
    ASSERT_EQ(wire.read_head(http::Method::head), Head::done);
    wire.answer->start(wire.head);
    EXPECT_TRUE(wire.answer->ended());
    EXPECT_FALSE(wire.answer->settle()) << "more is on its way";
}

TEST(FastcgiAnswer, BadHeads) {
    struct Case {
        std::string bytes;
        Head head;
    } cases[] = {
        {output("no field\r\n\r\n"), Head::bad},
        {output("X: y\r\n") + output(""), Head::bad},
        {output("X: y\r\n") + end, Head::bad},
        {output("Status: 101 Switching\r\n\r\n"), Head::bad},
        {output(std::string(5000, 'x')), Head::bad},
        {record(RecordType::errors, "fatal"), Head::bad},
        {record(RecordType::end_request, {"\0\0\0\0\2\0\0\0", 8}), Head::refused},
        {std::string("HTTP/1.1 200 OK\r\n"), Head::bad},
    };
    for (const auto& one : cases) {
        Wire wire;
        wire.send(one.bytes);
        EXPECT_EQ(wire.read_head(), one.head) << one.bytes;
    }
    Wire wire;
    wire.hang_up();
    EXPECT_EQ(wire.read_head(), Head::lost);
}

TEST(FastcgiWriter, BodiesBecomeRecords) {
    Wire wire;
    FastcgiWriter writer(wire.stream);
    writer.head.append("HEAD");
    std::string body(70000, 'b');
    net::WriteAll result;
    std::string got;
    bool done = writer.write_now(body, true, result);
    std::optional<net::WriteAll> rest;
    auto finish = [&]() -> net::Task<void> { rest = co_await writer.write_rest(1000, result); };
    if (!done) net::spawn(finish());
    char block[65536];
    for (int i = 0; i < 50; ++i) {
        for (ssize_t count; (count = ::read(wire.application, block, sizeof block)) > 0;)
            got.append(block, static_cast<std::size_t>(count));
        wire.turn();
    }
    auto expected = "HEAD" + record(RecordType::input, body.substr(0, most_content)) +
                    record(RecordType::input, body.substr(most_content)) + record(RecordType::input, "");
    EXPECT_TRUE(got == expected) << got.size() << " of " << expected.size();
    EXPECT_EQ(writer.sent(), expected.size());
    EXPECT_EQ(writer.body_sent(), body.size());
}

TEST(FastcgiWriter, AnEmptyBodyIsOneRecord) {
    Wire wire;
    FastcgiWriter writer(wire.stream);
    writer.head.append("HEAD");
    net::WriteAll result;
    EXPECT_TRUE(writer.write_now({}, true, result));
    char block[64];
    auto count = ::read(wire.application, block, sizeof block);
    EXPECT_EQ(std::string_view(block, static_cast<std::size_t>(count)), "HEAD" + record(RecordType::input, ""));
}

}  // namespace
}  // namespace weir::gateway
