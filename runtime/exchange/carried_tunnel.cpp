// SPDX-License-Identifier: Apache-2.0
// A tunnel whose client end is a stream of HTTP/2: bytes both ways between its body and a server's
// connection. Two pumps; who ends last resumes the caller.
#include "runtime/exchange/tunnel.hpp"
#include "runtime/http/h1_body.hpp"

namespace weir::exchange {

namespace {

using End = TunnelResult::End;
using http::BodyState;

struct Both {
    http::Carrier& client;
    net::Stream& server;
    TunnelLimits limits;
    TunnelResult result;
    net::Time last_activity = 0;
    unsigned running = 2;
    bool over = false, one_ended = false;
    std::coroutine_handle<> waiting;

    void finish(End how, int error = 0) {
        if (over) return;
        over = true;
        result.end = how;
        result.error = error;
        client.watch.cancel_waits();
        server.watch.cancel_waits();
    }
    [[nodiscard]] net::Loop& loop() const { return server.watch.loop(); }
};

struct Way {
    Both& both;
    http::BodySource& from;
    http::BodySink& to;
    bool from_client;
    std::uint64_t& counter;
};

// A direction has ended by itself; the other goes on where both languages let it.
void on_end(Way& way) {
    auto& both = way.both;
    auto how = way.from_client ? End::client_closed : End::server_closed;
    if (!both.limits.half_close || both.one_ended) return both.finish(how);
    if (way.from_client) both.server.finish_writing();
    both.one_ended = true;
    both.result.end = how;
    both.last_activity = both.loop().now();
}

net::Task<void> run_way(Way& way) {
    auto& both = way.both;
    while (!both.over) {
        auto idle = way.from_client ? both.limits.client_idle : both.limits.server_idle;
        http::Piece piece;
        if (!way.from.ready(piece)) {
            auto now = both.loop().now();
            auto left = idle == net::never ? net::never
                                           : std::max<net::Time>(both.last_activity + idle - now, 1);
            piece = co_await way.from.next(left, nullptr);
        }
        if (both.over) co_return;
        if (piece.state == BodyState::timed_out) {
            // Bytes the other way renew the time.
            if (both.last_activity + idle > both.loop().now()) continue;
            co_return both.finish(way.from_client ? End::client_timeout : End::server_timeout);
        }
        if (piece.state != BodyState::ok) {
            bool closed = piece.state == BodyState::truncated;
            if (way.from_client) co_return both.finish(closed ? End::client_closed : End::client_error, piece.error);
            co_return both.finish(closed ? End::server_closed : End::server_error, piece.error);
        }
        both.last_activity = both.loop().now();
        if (!way.from_client && way.counter == 0) both.result.first_server_byte_us = both.loop().now_us();
        way.counter += piece.bytes.size();
        net::WriteAll written;
        if (!way.to.write_now(piece.bytes, piece.last, written))
            written = co_await way.to.write_rest(idle, written);
        if (written.state != net::Io::State::ok) {
            if (written.timed_out) co_return both.finish(way.from_client ? End::server_timeout : End::client_timeout);
            co_return both.finish(way.from_client ? End::server_error : End::client_error, written.error);
        }
        if (piece.last) co_return on_end(way);
    }
}

net::Detached start_way(Way& way) {
    co_await run_way(way);
    auto& both = way.both;
    if (--both.running == 0 && both.waiting) both.loop().post(both.waiting);
}

struct BothEnded {
    Both& both;
    [[nodiscard]] bool await_ready() const noexcept { return both.running == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { both.waiting = handle; }
    void await_resume() const noexcept {}
};

}  // namespace

net::Task<TunnelResult> run_tunnel(http::Carrier& client, net::Stream& server,
                                   net::Buffer to_client, TunnelLimits limits) {
    Both both{client, server, limits, {}, server.watch.loop().now()};
    http::H1Body from_server(server, to_client);
    from_server.start(http::Framing::until_close, 0);
    http::H1Writer to_server(server);
    to_server.start(http::Framing::until_close);
    Way up{both, client.body, to_server, true, both.result.from_client};
    Way down{both, from_server, client.sink, false, both.result.from_server};
    start_way(up);
    start_way(down);
    co_await BothEnded{both};
    net::WriteAll written;
    if (!client.watch.broken) client.sink.write_now({}, true, written);
    co_return both.result;
}

}  // namespace weir::exchange
