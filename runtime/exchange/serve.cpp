// SPDX-License-Identifier: Apache-2.0
// The life of one client connection of an http site: wait, serve, again; then close so that the last
// answer arrives.
#include <sys/socket.h>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/serve_h2.hpp"
#include "runtime/http/h1_carrier.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

namespace {

// A frame of its own, so that an idle connection does not hold the memory of an exchange.
net::Task<bool> serve_exchange(Connection& connection) {
    http::H1Carrier carrier(connection.stream, connection.input, connection.requests != 0);
    Exchange exchange(connection, carrier);
    co_return co_await exchange.run();
}

// Bytes that come after we closed would reset the connection, and the client might lose the answer.
net::Task<void> linger(Connection& connection) {
    auto& stream = connection.stream;
    stream.finish_writing();
    auto& loop = connection.worker.loop;
    auto end = loop.now() + connection.linger_time;
    connection.input.acquire();
    while (loop.now() < end) {
        connection.input.clear();
        auto got = stream.read(connection.input.room(), connection.input.room_size());
        if (got.state == net::Io::State::end || got.state == net::Io::State::failed) co_return;
        if (got.state == net::Io::State::ok) continue;
        auto until = std::min(end, loop.now() + connection.linger_timeout);
        if (co_await net::readable(stream.watch, until) != net::Waited::ready) co_return;
    }
}

// Reads the first bytes of a connection, which stay in its input. All else that may happen to them is
// found again by the exchange.
net::Task<bool> begins_with_http2(Connection& connection) {
    auto& input = connection.input;
    auto& stream = connection.stream;
    auto head_time = connection.first_site().own.timeouts->request_head;
    for (;;) {
        // Bytes behind a PROXY header may be here already.
        auto beginning = input.held() ? beginning_of(input.view()) : Beginning::open;
        if (beginning != Beginning::open) co_return beginning == Beginning::http2;
        // Does not suspend when there is something already.
        auto waited = co_await net::readable(stream.watch, net::after(connection.worker.loop.now(), head_time));
        if (waited != net::Waited::ready) co_return false;
        input.acquire();
        auto got = stream.read(input.room(), input.room_size());
        if (got.state == net::Io::State::ok) input.produced(got.bytes);
        else if (got.state != net::Io::State::blocked) co_return false;
    }
}

net::Task<bool> serve_first(Connection& connection) {
    bool is_h2 = must_speak_h2(connection);
    if (!is_h2) is_h2 = co_await begins_with_http2(connection);
    if (!is_h2) co_return co_await serve_exchange(connection);
    co_await serve_h2(connection);
    co_return false;
}

net::Task<bool> serve_next(Connection& connection) {
    if (connection.requests == 0 && may_speak_h2(connection)) return serve_first(connection);
    return serve_exchange(connection);
}

// The beginning of a request that is here already. False: nothing is; a wait outside of any exchange
// costs the least memory. An end or an error is left for the exchange to see.
bool take_what_is_here(Connection& connection) {
    auto& input = connection.input;
    if (!connection.stream.watch.readable) return false;
    input.acquire();
    input.clear();
    auto got = connection.stream.read(input.room(), input.room_size());
    if (got.state == net::Io::State::ok) input.produced(got.bytes);
    return got.state != net::Io::State::blocked;
}

net::Time limit_of_first_byte(const Connection& connection) {
    const auto& timeouts = *connection.first_site().own.timeouts;
    return net::after(connection.worker.loop.now(),
                      connection.requests == 0 ? timeouts.request_head : timeouts.keepalive);
}

}  // namespace

// No local that lives across a wait: an idle connection pays for this frame.
net::Task<void> serve_http(Connection& connection) {
    while (true) {
        connection.use_newest_plan();
        if (connection.input.empty() && !take_what_is_here(connection)) {
            connection.input.release();
            connection.idle = connection.requests != 0;
            auto waited = co_await net::readable(connection.stream.watch, limit_of_first_byte(connection));
            connection.idle = false;
            if (waited == net::Waited::aborted || (waited == net::Waited::timed_out && connection.requests != 0)) break;
            connection.use_newest_plan();
        }
        if (!co_await serve_next(connection)) break;
        if (connection.worker.stopping && connection.input.empty()) break;
    }
    if (connection.linger && connection.stream.is_open()) co_await linger(connection);
}

}  // namespace weir::exchange
