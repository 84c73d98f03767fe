// SPDX-License-Identifier: Apache-2.0
// The client role of HTTP/2 against nghttp2's server role, over a socket pair.
#include "runtime/http/h2_client.hpp"

#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <optional>
#include <vector>

namespace weir::http {
namespace {

using net::Io;

// The far end. What comes in is noted; what goes out is said by the test.
struct Far {
    struct Seen {
        std::vector<std::pair<std::string, std::string>> fields, trailers;
        std::string body;
        bool ended = false;
        std::optional<std::uint32_t> closed;
    };
    int fd = -1;
    nghttp2_session* session = nullptr;
    std::map<std::int32_t, Seen> requests;
    std::map<std::int32_t, std::string> bodies;   // of answers, on their way
    bool opens_window = true;

    explicit Far(int of) : fd(of) {
        nghttp2_session_callbacks* calls = nullptr;
        nghttp2_session_callbacks_new(&calls);
        nghttp2_session_callbacks_set_on_header_callback(
            calls, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* user) {
                auto& seen = static_cast<Far*>(user)->requests[frame->hd.stream_id];
                bool first = frame->headers.cat == NGHTTP2_HCAT_REQUEST;
                (first ? seen.fields : seen.trailers)
                    .emplace_back(std::string(reinterpret_cast<const char*>(name), name_size),
                                  std::string(reinterpret_cast<const char*>(value), value_size));
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            calls, [](nghttp2_session*, const nghttp2_frame* frame, void* user) {
                if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
                    static_cast<Far*>(user)->requests[frame->hd.stream_id].ended = true;
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            calls, [](nghttp2_session* of_session, std::uint8_t, std::int32_t id,
                      const std::uint8_t* bytes, std::size_t size, void* user) {
                auto& far = *static_cast<Far*>(user);
                far.requests[id].body.append(reinterpret_cast<const char*>(bytes), size);
                if (far.opens_window) nghttp2_session_consume(of_session, id, size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            calls, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
                static_cast<Far*>(user)->requests[id].closed = code;
                return 0;
            });
        nghttp2_option* options = nullptr;
        nghttp2_option_new(&options);
        nghttp2_option_set_no_auto_window_update(options, 1);
        nghttp2_option_set_no_http_messaging(options, 1);   // may answer as no server should
        nghttp2_option_set_max_send_header_block_length(options, 1 << 20);
        nghttp2_session_server_new2(&session, calls, this, options);
        nghttp2_option_del(options);
        nghttp2_session_callbacks_del(calls);
    }
    ~Far() {
        nghttp2_session_del(session);
        if (fd >= 0) ::close(fd);
    }
    void settings(std::vector<nghttp2_settings_entry> entries = {}) {
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    }
    static nghttp2_nv field(const char* name, const char* value) {
        auto bytes = [](const char* text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text));
        };
        return {bytes(name), bytes(value), std::strlen(name), std::strlen(value), NGHTTP2_NV_FLAG_NONE};
    }
    void head(std::int32_t id, std::vector<nghttp2_nv> fields, bool end) {
        auto flags = static_cast<std::uint8_t>(end ? NGHTTP2_FLAG_END_STREAM : NGHTTP2_FLAG_NONE);
        nghttp2_submit_headers(session, flags, id, nullptr, fields.data(), fields.size(), nullptr);
    }
    void data(std::int32_t id, std::string body) {
        bodies[id] = std::move(body);
        nghttp2_data_provider provider{};
        provider.read_callback = [](nghttp2_session*, std::int32_t of, std::uint8_t* into,
                                    std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                                    void* user) -> ssize_t {
            auto& left = static_cast<Far*>(user)->bodies[of];
            auto size = std::min(room, left.size());
            std::memcpy(into, left.data(), size);
            left.erase(0, size);
            if (left.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(size);
        };
        nghttp2_submit_data(session, NGHTTP2_FLAG_END_STREAM, id, &provider);
    }
    void turn() {
        std::uint8_t block[65536];
        for (ssize_t got; (got = ::read(fd, block, sizeof block)) > 0;)
            nghttp2_session_mem_recv(session, block, static_cast<std::size_t>(got));
        const std::uint8_t* frame = nullptr;
        for (ssize_t size; (size = nghttp2_session_mem_send(session, &frame)) > 0;)
            ASSERT_EQ(::write(fd, frame, static_cast<std::size_t>(size)), size);
    }
    std::string value(std::int32_t id, const std::string& name) {
        for (const auto& [key, text] : requests[id].fields)
            if (key == name) return text;
        return "-";
    }
};

struct Bench {
    net::Loop loop;
    net::Stream stream;
    std::optional<Far> far;
    std::optional<H2Client> client;
    Arena arena;
    int ends = 0;

    explicit Bench(H2ClientLimits limits = {}) {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        EXPECT_TRUE(stream.open(loop, pair[0]));
        far.emplace(pair[1]);
        client.emplace(stream, limits);
        client->owner = this;
        client->on_end = [](void* owner) { ++static_cast<Bench*>(owner)->ends; };
        client->start("");
        far->settings();
        turn();
    }
    void turn(int times = 4) {
        for (int i = 0; i < times; ++i) {
            loop.run_once(0);
            if (far && far->fd >= 0) far->turn();
            loop.run_once(0);
        }
    }
    FieldList head(std::string_view method = "GET", std::string_view path = "/") {
        FieldList fields;
        fields.add(arena, ":method", method);
        fields.add(arena, ":scheme", "http");
        fields.add(arena, ":path", path);
        fields.add(arena, ":authority", "t");
        return fields;
    }
    bool open(H2Request& request, std::string_view body = {}, bool last = true,
              std::string_view method = "GET") {
        bool opened = client->open(request, method_of(method), head(method), body, last);
        client->flush_soon();
        turn();
        return opened;
    }
};

net::Task<void> take_piece(BodySource& source, std::optional<Piece>& into) {
    into = co_await source.next(net::never, nullptr);
}
net::Task<void> put_piece(BodySink& sink, std::string_view bytes, bool last,
                          std::optional<net::WriteAll>& into) {
    into = co_await sink.write(bytes, last, net::never);
}

TEST(H2Client, CarriesARequestAndItsAnswer) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request, "hello", true, "POST"));
    EXPECT_EQ(bench.far->value(1, ":method"), "POST");
    EXPECT_EQ(bench.far->value(1, ":authority"), "t");
    EXPECT_EQ(bench.far->requests[1].body, "hello");
    EXPECT_TRUE(bench.far->requests[1].ended);
    EXPECT_EQ(request.take_head(), nullptr);
    bench.far->head(1, {Far::field(":status", "200"), Far::field("x-a", "b")}, false);
    bench.far->data(1, "answer");
    bench.turn();
    const auto* head = request.take_head();
    ASSERT_NE(head, nullptr);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->framing, Framing::chunked);
    ASSERT_NE(head->fields.find("x-a"), nullptr);
    EXPECT_EQ(head->fields.find("x-a")->value, "b");
    Piece piece;
    ASSERT_TRUE(request.answer.ready(piece));
    EXPECT_EQ(piece.bytes, "answer");
    EXPECT_TRUE(piece.last);
    EXPECT_EQ(request.end(), H2End::whole);
    EXPECT_EQ(bench.client->requests(), 0u);
    EXPECT_TRUE(bench.client->has_room());
}

TEST(H2Client, ManyRequestsShareTheConnection) {
    Bench bench;
    H2Request a(bench.arena, bench.loop), b(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(a));
    ASSERT_TRUE(bench.open(b));
    EXPECT_EQ(bench.client->requests(), 2u);
    bench.far->head(3, {Far::field(":status", "404")}, true);
    bench.turn();
    EXPECT_EQ(a.take_head(), nullptr);
    ASSERT_NE(b.take_head(), nullptr);
    EXPECT_EQ(b.end(), H2End::whole);
    EXPECT_EQ(bench.client->requests(), 1u);
}

TEST(H2Client, KeepsTheLimitOfTheServer) {
    Bench bench;
    bench.far->settings({{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1}});
    bench.turn();
    H2Request a(bench.arena, bench.loop);
    EXPECT_TRUE(bench.client->has_room());
    ASSERT_TRUE(bench.open(a));
    EXPECT_FALSE(bench.client->has_room());
}

TEST(H2Client, ABodyWaitsForTheWindow) {
    Bench bench;
    bench.far->opens_window = false;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request, {}, false, "POST"));
    std::string large(100000, 'x');
    std::optional<net::WriteAll> written;
    net::spawn(put_piece(request.sink, large, true, written));
    bench.turn();
    EXPECT_FALSE(written);
    EXPECT_EQ(bench.far->requests[1].body.size(), 65535u);
    bench.far->opens_window = true;
    nghttp2_session_consume(bench.far->session, 1, 65535);
    bench.turn();
    ASSERT_TRUE(written);
    EXPECT_EQ(written->state, Io::State::ok);
    EXPECT_EQ(bench.far->requests[1].body.size(), large.size());
    EXPECT_TRUE(bench.far->requests[1].ended);
}

TEST(H2Client, AnAnswerIsTakenAsFastAsItIsRead) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    bench.far->head(1, {Far::field(":status", "200")}, false);
    bench.far->data(1, std::string(300000, 'y'));
    bench.turn();
    EXPECT_EQ(bench.far->bodies[1].size(), 300000u - 65535u);
    std::size_t size = 0;
    for (bool last = false; !last;) {
        std::optional<Piece> piece;
        net::spawn(take_piece(request.answer, piece));
        bench.turn();
        ASSERT_TRUE(piece);
        ASSERT_EQ(piece->state, BodyState::ok);
        size += piece->bytes.size();
        last = piece->last;
    }
    EXPECT_EQ(size, 300000u);
}

TEST(H2Client, TrailersGoBothWays) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    request.answer.keep_trailers();
    ASSERT_TRUE(bench.open(request, {}, false, "POST"));
    request.sink.set_trailers("X-Sum: 1\r\nother:two \r\n\r\n");
    std::optional<net::WriteAll> written;
    net::spawn(put_piece(request.sink, "body", true, written));
    bench.turn();
    auto& seen = bench.far->requests[1];
    ASSERT_EQ(seen.trailers.size(), 2u);
    EXPECT_EQ(seen.trailers[0], std::make_pair(std::string("x-sum"), std::string("1")));
    EXPECT_EQ(seen.trailers[1], std::make_pair(std::string("other"), std::string("two")));
    EXPECT_TRUE(seen.ended);
    bench.far->head(1, {Far::field(":status", "200")}, false);
    bench.turn();
    bench.far->head(1, {Far::field("grpc-status", "0")}, true);
    bench.turn();
    Piece piece;
    ASSERT_TRUE(request.answer.ready(piece));
    EXPECT_TRUE(piece.last);
    EXPECT_EQ(request.answer.trailers(), "grpc-status: 0\r\n\r\n");
}

TEST(H2Client, InterimAnswersComeBeforeTheFinalOne) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    bench.far->head(1, {Far::field(":status", "103"), Far::field("link", "x")}, false);
    bench.far->head(1, {Far::field(":status", "200")}, true);
    bench.turn();
    EXPECT_EQ(request.take_head()->status, 103);
    const auto* last = request.take_head();
    ASSERT_NE(last, nullptr);
    EXPECT_EQ(last->status, 200);
    EXPECT_EQ(last->framing, Framing::length);
    EXPECT_EQ(last->length, 0u);
}

TEST(H2Client, ARefusedStreamIsToldApart) {
    Bench bench;
    H2Request a(bench.arena, bench.loop), b(bench.arena, bench.loop), c(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(a));
    ASSERT_TRUE(bench.open(b));
    ASSERT_TRUE(bench.open(c));
    nghttp2_submit_rst_stream(bench.far->session, 0, 1, NGHTTP2_REFUSED_STREAM);
    nghttp2_submit_rst_stream(bench.far->session, 0, 3, NGHTTP2_CANCEL);
    bench.turn();
    EXPECT_EQ(a.end(), H2End::refused);
    EXPECT_EQ(b.end(), H2End::reset);
    EXPECT_EQ(c.end(), H2End::open);
}

TEST(H2Client, GoawayRefusesWhatTheServerDidNotBegin) {
    Bench bench;
    H2Request a(bench.arena, bench.loop), b(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(a));
    ASSERT_TRUE(bench.open(b));
    nghttp2_submit_goaway(bench.far->session, 0, 1, NGHTTP2_NO_ERROR, nullptr, 0);
    bench.turn();
    EXPECT_FALSE(bench.client->has_room());
    EXPECT_EQ(a.end(), H2End::open);
    EXPECT_EQ(b.end(), H2End::refused);
    bench.far->head(1, {Far::field(":status", "200")}, true);
    bench.turn();
    EXPECT_EQ(a.end(), H2End::whole);
}

TEST(H2Client, ARequestThatGoesIsReset) {
    Bench bench;
    std::optional<H2Request> request;
    request.emplace(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(*request, {}, false, "POST"));
    request.reset();
    bench.turn();
    ASSERT_TRUE(bench.far->requests[1].closed);
    EXPECT_EQ(*bench.far->requests[1].closed, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
    EXPECT_EQ(bench.client->requests(), 0u);
}

TEST(H2Client, ADeadConnectionEndsItsRequests) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    ::close(std::exchange(bench.far->fd, -1));
    bench.turn();
    EXPECT_EQ(request.end(), H2End::lost);
    EXPECT_EQ(bench.ends, 1);
    EXPECT_TRUE(bench.client->broken());
    EXPECT_FALSE(bench.client->flush());
}

// What an answer may not be. The stream ends, the connection goes on.
TEST(H2Client, BrokenAnswersEndTheirStream) {
    const std::vector<std::vector<nghttp2_nv>> bad = {
        {Far::field("x-a", "b")},
        {Far::field(":status", "20")},
        {Far::field(":status", "2x0")},
        {Far::field(":status", "101")},
        {Far::field(":status", "200"), Far::field(":status", "200")},
        {Far::field(":status", "200"), Far::field(":path", "/")},
        {Far::field("x-a", "b"), Far::field(":status", "200")},
        {Far::field(":status", "200"), Far::field("connection", "close")},
        {Far::field(":status", "200"), Far::field("transfer-encoding", "chunked")},
        {Far::field(":status", "200"), Far::field("x y", "1")},
        {Far::field(":status", "200"), Far::field("x-a", "1\r\nx: y")},
        {Far::field(":status", "200"), Far::field("content-length", "1x")},
        {Far::field(":status", "200"), Far::field("content-length", "1"), Far::field("content-length", "2")},
    };
    Bench bench;
    std::int32_t id = 1;
    for (const auto& fields : bad) {
        H2Request request(bench.arena, bench.loop);
        ASSERT_TRUE(bench.open(request));
        bench.far->head(id, fields, true);
        bench.turn();
        EXPECT_EQ(request.take_head(), nullptr) << id;
        EXPECT_EQ(request.end(), H2End::broken) << id;
        id += 2;
    }
    EXPECT_FALSE(bench.client->broken());
}

TEST(H2Client, ABodyThatIsNotAsLongAsItSaysIsBroken) {
    for (const char* length : {"3", "30"}) {
        Bench bench;
        H2Request request(bench.arena, bench.loop);
        ASSERT_TRUE(bench.open(request));
        bench.far->head(1, {Far::field(":status", "200"), Far::field("content-length", length)}, false);
        bench.far->data(1, "four");
        bench.turn();
        EXPECT_EQ(request.end(), H2End::broken) << length;
    }
}

TEST(H2Client, AnEndlessHeadIsNoAnswer) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    std::string value(4000, 'v');
    std::vector<nghttp2_nv> fields = {Far::field(":status", "200")};
    for (int i = 0; i < 30; ++i) fields.push_back(Far::field("x-long", value.c_str()));
    bench.far->head(1, fields, true);
    bench.turn();
    EXPECT_EQ(request.take_head(), nullptr);
    EXPECT_EQ(request.end(), H2End::broken);
}

TEST(H2Client, FramesThatLeadNowhereEndTheConnection) {
    H2ClientLimits limits;
    limits.max_idle_frames = 50;
    Bench bench(limits);
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    for (int i = 0; i < 60; ++i) nghttp2_submit_ping(bench.far->session, NGHTTP2_FLAG_NONE, nullptr);
    bench.turn();
    EXPECT_TRUE(bench.client->broken());
    EXPECT_NE(request.end(), H2End::open);
}

TEST(H2Client, InterimAnswersWithoutEndAreNone) {
    Bench bench;
    H2Request request(bench.arena, bench.loop);
    ASSERT_TRUE(bench.open(request));
    for (int i = 0; i < 200; ++i) {
        bench.far->head(1, {Far::field(":status", "103")}, false);
        bench.far->turn();
        bench.loop.run_once(0);
    }
    bench.turn();
    while (request.take_head()) {}
    EXPECT_EQ(request.end(), H2End::broken);
}

}  // namespace
}  // namespace weir::http
