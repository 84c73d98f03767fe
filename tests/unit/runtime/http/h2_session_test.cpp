// SPDX-License-Identifier: Apache-2.0
// A session over a socket pair: nghttp2's client on the other side, and raw frames where no client
// would send them. No network, no port, no sleep.
#include "runtime/http/h2_session.hpp"

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "runtime/http/h2_stream.hpp"

namespace weir::http {
namespace {

// What the client saw of one stream.
struct Seen {
    std::string fields, body;
    std::uint32_t error = 0;
    bool closed = false;
};

struct Peers {
    net::Loop loop;
    net::Stream server;
    net::Buffer input;
    int client = -1;
    std::unique_ptr<H2Session> session;
    nghttp2_session* peer = nullptr;
    std::map<std::int32_t, Seen> seen;
    std::string upload;
    std::function<net::Task<void>(H2Stream&)> serve;
    std::uint32_t goaway = 0xffff;

    explicit Peers(const H2Settings& settings = {}) {
        int ends[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        EXPECT_TRUE(server.open(loop, ends[0]));
        client = ends[1];
        session = std::make_unique<H2Session>(
            server, settings,
            [](void* owner, H2Stream& stream) { static_cast<Peers*>(owner)->begin(stream); }, this);
        session->start();
        make_peer();
    }
    ~Peers() {
        session->die();
        turn();
        session.reset();
        nghttp2_session_del(peer);
        ::close(client);
    }
    net::Detached begin(H2Stream& stream) {
        stream.enter();
        if (serve) co_await serve(stream);
        stream.leave();
    }
    void make_peer() {
        nghttp2_session_callbacks* calls = nullptr;
        nghttp2_session_callbacks_new(&calls);
        nghttp2_session_callbacks_set_on_header_callback(
            calls, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* data) {
                auto& fields = static_cast<Peers*>(data)->seen[frame->hd.stream_id].fields;
                fields.append(reinterpret_cast<const char*>(name), name_size).append("=");
                fields.append(reinterpret_cast<const char*>(value), value_size).append("\n");
                return 0;
            });
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
            calls, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                      std::size_t size, void* data) {
                static_cast<Peers*>(data)->seen[id].body.append(reinterpret_cast<const char*>(bytes), size);
                return 0;
            });
        nghttp2_session_callbacks_set_on_stream_close_callback(
            calls, [](nghttp2_session*, std::int32_t id, std::uint32_t error, void* data) {
                auto& one = static_cast<Peers*>(data)->seen[id];
                one.closed = true;
                one.error = error;
                return 0;
            });
        nghttp2_session_callbacks_set_on_frame_recv_callback(
            calls, [](nghttp2_session*, const nghttp2_frame* frame, void* data) {
                if (frame->hd.type == NGHTTP2_GOAWAY)
                    static_cast<Peers*>(data)->goaway = frame->goaway.error_code;
                return 0;
            });
        nghttp2_session_client_new(&peer, calls, this);
        nghttp2_session_callbacks_del(calls);
        nghttp2_submit_settings(peer, 0, nullptr, 0);
    }
    std::int32_t ask(std::vector<std::pair<std::string, std::string>> fields, std::string body = {}) {
        std::vector<nghttp2_nv> list;
        for (auto& [name, value] : fields)
            list.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                            reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), 0});
        upload = std::move(body);
        nghttp2_data_provider provider{};
        provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room,
                                    std::uint32_t* flags, nghttp2_data_source*, void* data) -> ssize_t {
            auto& rest = static_cast<Peers*>(data)->upload;
            auto size = std::min(room, rest.size());
            std::copy_n(rest.data(), size, reinterpret_cast<char*>(into));
            rest.erase(0, size);
            if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
            return static_cast<ssize_t>(size);
        };
        auto id = nghttp2_submit_request(peer, nullptr, list.data(), list.size(),
                                         upload.empty() ? nullptr : &provider, nullptr);
        turn();
        return id;
    }
    void send(std::string_view bytes) {
        EXPECT_EQ(::write(client, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
        turn();
    }
    void turn(int times = 6) {
        for (int i = 0; i < times; ++i) {
            for (const std::uint8_t* bytes = nullptr;;) {
                auto size = nghttp2_session_mem_send(peer, &bytes);
                if (size <= 0) break;
                (void)!::write(client, bytes, static_cast<std::size_t>(size));
            }
            loop.run_once(0);
            while (server.watch.readable && session->goes_on()) session->receive(input);
            loop.run_once(0);
            char block[65536];
            for (ssize_t got; (got = ::read(client, block, sizeof block)) > 0;)
                nghttp2_session_mem_recv(peer, reinterpret_cast<std::uint8_t*>(block),
                                         static_cast<std::size_t>(got));
        }
    }
};

std::vector<std::pair<std::string, std::string>> get(const char* path = "/") {
    return {{":method", "GET"}, {":scheme", "http"}, {":path", path}, {":authority", "a"}};
}

// Answers with 200 and these bytes.
auto answer_with(std::string_view body) {
    return [body](H2Stream& stream) -> net::Task<void> {
        auto read = co_await stream.read_head({});
        EXPECT_EQ(read.how, HeadRead::How::whole);
        ResponseHead head;
        head.status = 200;
        head.framing = Framing::length;
        head.length = body.size();
        head.fields.add(stream.arena, "X-Field", "value");
        ReplyHead reply{head};
        reply.body = Framing::length;
        stream.write_head(reply);
        (void)co_await stream.sink.write(body, true, net::never);
        stream.finish(true);
    };
}

TEST(H2Session, AnswersARequest) {
    Peers peers;
    peers.serve = answer_with("hello");
    auto id = peers.ask(get());
    EXPECT_EQ(peers.seen[id].fields, ":status=200\ncontent-length=5\nx-field=value\n");
    EXPECT_EQ(peers.seen[id].body, "hello");
    EXPECT_TRUE(peers.seen[id].closed);
    EXPECT_TRUE(peers.session->idle());
}

TEST(H2Session, SendsAsTheWindowsAllow) {
    static const std::string body(200000, 'x');
    Peers peers;
    peers.serve = answer_with(body);
    auto id = peers.ask(get());
    peers.turn(40);
    EXPECT_EQ(peers.seen[id].body.size(), body.size());
    EXPECT_TRUE(peers.seen[id].closed);
}

// The socket takes part of a piece that goes out from where it lies; the rest follows in order.
TEST(H2Session, LosesNothingOfALargeBodyWhenTheSocketIsFull) {
    Peers peers;
    int small = 1;
    ASSERT_EQ(::setsockopt(peers.server.fd(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    std::string whole;
    for (int i = 0; whole.size() < 50000; ++i) whole += std::to_string(i) + ' ';
    peers.serve = answer_with(whole);
    auto id = peers.ask(get("/large"));
    peers.turn(60);
    EXPECT_EQ(peers.seen[id].body, whole);
    EXPECT_TRUE(peers.seen[id].closed);
}

// A piece waits that is larger than one round of frames: what is left of it goes out by itself.
TEST(H2Session, GoesOnWhenTheSocketHasRoomAgain) {
    static const std::string body(1 << 20, 'x');
    Peers peers;
    nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 24};
    nghttp2_submit_settings(peers.peer, 0, &window, 1);
    nghttp2_session_set_local_window_size(peers.peer, 0, 0, 1 << 24);
    peers.serve = answer_with(body);
    auto id = peers.ask(get());
    peers.turn(60);
    EXPECT_EQ(peers.seen[id].body.size(), body.size());
    EXPECT_TRUE(peers.seen[id].closed);
}

TEST(H2Session, TakesABodyOnlyAsItIsRead) {
    Peers peers;
    std::string got;
    bool reads = false;
    std::coroutine_handle<> waiting;
    peers.serve = [&](H2Stream& stream) -> net::Task<void> {
        (void)co_await stream.read_head({});
        struct Until {
            bool& ready;
            std::coroutine_handle<>& waiting;
            bool await_ready() const noexcept { return ready; }
            void await_suspend(std::coroutine_handle<> handle) noexcept { waiting = handle; }
            void await_resume() const noexcept {}
        };
        co_await Until{reads, waiting};
        for (;;) {
            auto piece = co_await stream.body.next(net::never, nullptr);
            if (piece.state != BodyState::ok) co_return;
            got += piece.bytes;
            if (piece.last) break;
        }
        co_await answer_with("done")(stream);
    };
    auto fields = get();
    fields[0].second = "POST";
    auto id = peers.ask(fields, std::string(300000, 'y'));
    peers.turn(20);
    // The window is all that came.
    EXPECT_EQ(peers.upload.size(), 300000U - 65536U);
    reads = true;
    peers.loop.post(waiting);
    peers.turn(60);
    EXPECT_EQ(got.size(), 300000U);
    EXPECT_EQ(peers.seen[id].body, "done");
}

// A client gets as many acknowledgements as it sends SETTINGS, whatever else the session says first.
TEST(H2Session, AcknowledgesOnlySettingsThatCame) {
    struct Client {
        bool first, later;   // sends SETTINGS behind the preface, behind another frame
    };
    for (auto client : {Client{true, false}, {false, false}, {false, true}, {true, true}})
    for (bool window_at_once : {true, false}) {
        H2Settings settings;
        settings.settings_may_lack = true;
        settings.window_at_once = window_at_once;
        net::Loop loop;
        net::Stream server;
        net::Buffer input;
        int ends[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
        ASSERT_TRUE(server.open(loop, ends[0]));
        H2Session session(server, settings, [](void*, H2Stream&) {}, nullptr);
        session.start();
        std::string text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        if (client.first) text.append("\0\0\0\4\0\0\0\0\0", 9);
        text.append("\0\0\10\6\0\0\0\0\0" "12345678", 17);
        if (client.later) text.append("\0\0\0\4\0\0\0\0\0", 9);
        ASSERT_EQ(::write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
        loop.run_once(0);
        while (server.watch.readable && session.goes_on()) session.receive(input);
        loop.run_once(0);
        std::string got(512, '\0');
        auto size = ::read(ends[1], got.data(), got.size());
        ASSERT_GT(size, 0);
        got.resize(static_cast<std::size_t>(size));
        const std::string acknowledgement("\0\0\0\4\1", 5);
        int acknowledged = 0;
        for (auto at = got.find(acknowledgement); at != got.npos; at = got.find(acknowledgement, at + 1)) ++acknowledged;
        EXPECT_EQ(acknowledged, client.first + client.later);
        EXPECT_NE(got.find("12345678"), got.npos);   // the PING was heard
        session.die();
        loop.run_once(0);
        ::close(ends[1]);
    }
}

TEST(H2Session, AnExchangeSeesThatItsClientGaveUp) {
    Peers peers;
    bool failed = false;
    peers.serve = [&](H2Stream& stream) -> net::Task<void> {
        (void)co_await stream.read_head({});
        auto piece = co_await stream.body.next(net::never, nullptr);
        failed = piece.state == BodyState::truncated && stream.watch.peer_closed;
    };
    auto fields = get();
    fields[0].second = "POST";
    fields.push_back({"content-length", "5"});
    // Headers alone: the body stays away.
    std::vector<nghttp2_nv> list;
    for (auto& [name, value] : fields)
        list.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                        reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), 0});
    auto id = nghttp2_submit_headers(peers.peer, 0, -1, nullptr, list.data(), list.size(), nullptr);
    peers.turn();
    EXPECT_FALSE(peers.session->idle());
    nghttp2_submit_rst_stream(peers.peer, 0, id, NGHTTP2_CANCEL);
    peers.turn();
    EXPECT_TRUE(failed);
    EXPECT_TRUE(peers.session->idle());
}

TEST(H2Session, RefusesAStreamTooMany) {
    H2Settings settings;
    settings.max_streams = 2;
    Peers peers(settings);
    std::vector<std::coroutine_handle<>> handles;
    peers.serve = [&](H2Stream& stream) -> net::Task<void> {
        (void)co_await stream.read_head({});
        (void)co_await stream.body.next(net::never, &stream.watch);
        struct Hold {
            std::vector<std::coroutine_handle<>>& handles;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> handle) noexcept { handles.push_back(handle); }
            void await_resume() const noexcept {}
        };
        co_await Hold{handles};
    };
    // Before the client knows the limit it may send more.
    for (int i = 0; i < 3; ++i) {
        auto fields = get();
        std::vector<nghttp2_nv> list;
        for (auto& [name, value] : fields)
            list.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                            reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), 0});
        nghttp2_submit_request(peers.peer, nullptr, list.data(), list.size(), nullptr, nullptr);
    }
    peers.turn();
    for (auto handle : handles) peers.loop.post(handle);
    peers.turn();
    EXPECT_LE(handles.size(), 3U);
    EXPECT_TRUE(peers.session->idle());
}

TEST(H2Session, EndsWithAClientThatOnlyCosts) {
    Peers peers;
    peers.turn();
    std::string pings;
    for (int i = 0; i < 1000; ++i) pings.append(std::string("\0\0\x08\x06\0\0\0\0\0", 9)).append("12345678");
    for (int i = 0; i < 20 && peers.session->goes_on(); ++i) peers.send(pings);
    EXPECT_FALSE(peers.session->goes_on());
    EXPECT_EQ(peers.goaway, std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST(H2Session, DrainsAfterGoaway) {
    Peers peers;
    peers.serve = answer_with("last");
    peers.session->drain();
    peers.turn();
    EXPECT_EQ(peers.goaway, std::uint32_t{NGHTTP2_NO_ERROR});
    EXPECT_FALSE(peers.session->goes_on());
}

TEST(H2Guard, PaysForWhatGetsThrough) {
    H2Guard guard(0);
    int taken = 0;
    while (guard.spend(H2Guard::request + H2Guard::reset, 0)) ++taken;
    EXPECT_GT(taken, 500);
    EXPECT_LT(taken, 1000);
    H2Guard useful(0);
    for (int i = 0; i < 100000; ++i) {
        ASSERT_TRUE(useful.spend(H2Guard::request + 3 * H2Guard::frame, 0));
        useful.earn(H2Guard::answered);
    }
}

}  // namespace
}  // namespace weir::http
