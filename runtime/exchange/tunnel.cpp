// SPDX-License-Identifier: Apache-2.0
// Two pumps, one per direction, each a coroutine of its own; whoever ends last resumes the caller. A
// pump copies through a buffer while pieces are small and moves to splice() when they are not.
#include "runtime/exchange/tunnel.hpp"

namespace weir::exchange {

namespace {

using net::Io;
using End = TunnelResult::End;

constexpr net::Time longest_pause = 250;   // ms; after it a held-back pump looks whether all is over

struct Tunnel {
    net::Stream& client;
    net::Stream& server;
    TunnelLimits limits;
    TunnelResult result;
    net::Time last_activity = 0;
    bool over = false;         // an end was decided; the other pump stops too
    bool one_ended = false;    // half-closed: one direction has ended cleanly
    unsigned running = 2;
    std::coroutine_handle<> waiting;

    // Ends both pumps: who sleeps in the other one is woken and sees `over`.
    void finish(End how, int error = 0) {
        if (over) return;
        over = true;
        result.end = how;
        result.error = error;
        client.watch.cancel_waits();
        server.watch.cancel_waits();
    }
};

// One direction.
struct Pump {
    Tunnel& tunnel;
    net::Stream& from;
    net::Stream& to;
    bool from_client;
    std::uint64_t& counter;
    net::Time started;

    [[nodiscard]] std::uint64_t rate() const {
        return from_client ? tunnel.limits.upload_rate : tunnel.limits.download_rate;
    }
    [[nodiscard]] net::Time limit() const {
        auto idle = from_client ? tunnel.limits.client_idle : tunnel.limits.server_idle;
        return idle == net::never ? net::never : tunnel.last_activity + idle;
    }
    void failed(bool reading, int error) const {
        tunnel.finish(reading == from_client ? End::client_error : End::server_error, error);
    }
    void moved(std::size_t bytes) const {
        auto& loop = from.watch.loop();
        tunnel.last_activity = loop.now();
        if (!from_client && counter == 0) tunnel.result.first_server_byte_us = loop.now_us();
        counter += bytes;
    }
    // Whether the end of this direction is passed on as such (half-close) while the other goes on.
    [[nodiscard]] bool passes_end() const { return tunnel.limits.half_close && !tunnel.one_ended; }
    // After a wait: whether to go on. Activity in the other direction renews the time.
    [[nodiscard]] bool goes_on(net::Waited waited, bool reading) const {
        if (tunnel.over) return false;
        if (tunnel.limits.stop && *tunnel.limits.stop) {
            tunnel.finish(End::stopped);
            return false;
        }
        if (waited != net::Waited::timed_out || limit() > from.watch.loop().now()) return true;
        tunnel.finish(reading == from_client ? End::client_timeout : End::server_timeout);
        return false;
    }
};

// Sends what is in the buffer, waiting for the receiver. False: the tunnel is over.
net::Task<bool> send_all(Pump& pump, net::Buffer& buffer) {
    while (!buffer.empty()) {
        iovec piece{buffer.data(), buffer.size()};
        auto sent = pump.to.write({&piece, 1});
        if (sent.state == Io::State::failed) {
            pump.failed(false, sent.error);
            co_return false;
        }
        buffer.consume(sent.bytes);
        if (sent.state == Io::State::blocked) {
            auto waited = co_await net::writable(pump.to.watch, pump.limit());
            if (!pump.goes_on(waited, false)) co_return false;
        }
    }
    buffer.clear();
    co_return true;
}

// Moves large pieces by splice() until the flow gets thin or ends. False: the tunnel is over.
net::Task<bool> splice_while_large(Pump& pump) {
    net::Splice pipe;
    if (!pipe.prepare()) co_return true;
    for (unsigned thin = 0; thin < 2;) {
        auto got = pipe.fill(pump.from, pipe.capacity());
        if (got.state == Io::State::failed) {
            pump.failed(true, got.error);
            co_return false;
        }
        if (got.state == Io::State::end) co_return true;   // run_pump reads it again
        if (got.state == Io::State::ok) {
            pump.moved(got.bytes);
            thin = got.bytes < 4096 ? thin + 1 : 0;
        }
        while (pipe.held() != 0) {
            auto sent = pipe.drain(pump.to, false);
            if (sent.state == Io::State::failed) {
                pump.failed(false, sent.error);
                co_return false;
            }
            if (sent.state == Io::State::blocked) {
                auto waited = co_await net::writable(pump.to.watch, pump.limit());
                if (!pump.goes_on(waited, false)) co_return false;
            }
        }
        if (!pump.from.watch.readable) {
            auto waited = co_await net::readable(pump.from.watch, pump.limit());
            if (!pump.goes_on(waited, true)) co_return false;
        }
    }
    co_return true;
}

// The source has ended: passes the end on, and ends the tunnel unless the other direction goes on.
void on_end(Pump& pump) {
    auto& tunnel = pump.tunnel;
    End how = pump.from_client ? End::client_closed : End::server_closed;
    if (!tunnel.limits.half_close) return tunnel.finish(how);
    if (!pump.passes_end()) return;   // the second end: both are closed now, which says it as well
    pump.to.finish_writing();
    tunnel.one_ended = true;
    tunnel.result.end = how;
    tunnel.last_activity = pump.from.watch.loop().now();
    if (tunnel.limits.client_fin != net::never)
        tunnel.limits.client_idle = tunnel.limits.client_fin;
    if (tunnel.limits.server_fin != net::never)
        tunnel.limits.server_idle = tunnel.limits.server_fin;
}

// How many bytes may pass now; waits until that is at least one. 0: the tunnel is over.
net::Task<std::size_t> wait_for_rate(Pump& pump, std::size_t most) {
    while (!pump.tunnel.over) {
        auto& loop = pump.from.watch.loop();
        auto allowed = net::allowed_by_rate(pump.rate(), loop.now() - pump.started, pump.counter);
        if (allowed.bytes != 0) co_return static_cast<std::size_t>(std::min<std::uint64_t>(allowed.bytes, most));
        co_await net::sleep_for(loop, std::min(allowed.wait, longest_pause));
        pump.tunnel.last_activity = loop.now();   // holding back is no idling
    }
    co_return 0;
}

net::Task<void> run_pump(Pump& pump, net::Buffer& early) {
    if (!early.empty()) {
        pump.moved(early.size());
        if (!co_await send_all(pump, early)) co_return;
    }
    early.release();
    net::Buffer buffer;
    bool limited = pump.rate() != 0;
    bool splice = pump.tunnel.limits.may_splice && pump.from.plain() && pump.to.plain() && !limited;
    while (!pump.tunnel.over) {
        if (!pump.from.watch.readable) {
            buffer.release();   // an idle tunnel holds no buffer
            auto waited = co_await net::readable(pump.from.watch, pump.limit());
            if (!pump.goes_on(waited, true)) co_return;
            if (!pump.from.watch.readable) continue;
        }
        buffer.acquire();
        std::size_t most = buffer.room_size();
        if (limited) most = co_await wait_for_rate(pump, most);
        if (most == 0) co_return;
        auto got = pump.from.read(buffer.room(), most);
        if (got.state == Io::State::blocked) continue;
        if (got.state == Io::State::end) co_return on_end(pump);
        if (got.state == Io::State::failed) co_return pump.failed(true, got.error);
        pump.moved(got.bytes);
        bool full = got.bytes == buffer.room_size();
        buffer.produced(got.bytes);
        iovec piece{buffer.data(), buffer.size()};
        // The FIN that follows rides with the last bytes. Not before a close(): what is not read then
        // makes it a reset, which would take these bytes along.
        auto sent = pump.to.write({&piece, 1}, got.last && pump.passes_end());
        if (sent.state == Io::State::failed) co_return pump.failed(false, sent.error);
        buffer.consume(sent.bytes);
        if (!buffer.empty() && !co_await send_all(pump, buffer)) co_return;
        buffer.clear();
        if (got.last) co_return on_end(pump);
        if (full && splice && pump.from.watch.readable) {
            buffer.release();
            if (!co_await splice_while_large(pump)) co_return;
        }
    }
}

net::Detached start_pump(Pump& pump, net::Buffer& early) {
    co_await run_pump(pump, early);
    auto& tunnel = pump.tunnel;
    if (--tunnel.running == 0 && tunnel.waiting) tunnel.client.watch.loop().post(tunnel.waiting);
}

struct BothEnded {
    Tunnel& tunnel;
    [[nodiscard]] bool await_ready() const noexcept { return tunnel.running == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { tunnel.waiting = handle; }
    void await_resume() const noexcept {}
};

}  // namespace

net::Task<TunnelResult> run_tunnel(net::Stream& client, net::Stream& server,
                                   net::Buffer to_server, net::Buffer to_client,
                                   TunnelLimits limits) {
    Tunnel tunnel{client, server, limits, {}, client.watch.loop().now()};
    Pump up{tunnel, client, server, true, tunnel.result.from_client, tunnel.last_activity};
    Pump down{tunnel, server, client, false, tunnel.result.from_server, tunnel.last_activity};
    start_pump(up, to_server);
    start_pump(down, to_client);
    co_await BothEnded{tunnel};
    co_return tunnel.result;
}

}  // namespace weir::exchange
