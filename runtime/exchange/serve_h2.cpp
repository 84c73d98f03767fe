// SPDX-License-Identifier: Apache-2.0
// The life of one client connection that speaks HTTP/2: reads for its session, and runs an exchange
// for each request, all of them at the same time.
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/serve_h2.hpp"
#include "runtime/http/h2_stream.hpp"
#include "runtime/net/time.hpp"
#include "runtime/plan/tls.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/exchange/track.hpp"

namespace weir::exchange {

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

using net::time_of;

net::Detached serve_stream(Connection& connection, http::H2Stream& stream) {
    stream.enter();
    {
        connection.use_newest_plan();
        connection.facts.glitches = stream.glitches();
        Exchange exchange(connection, stream);
        co_await exchange.run();
    }
    stream.leave();
}

http::H2Settings settings_of(const plan::Site& site) {
    const auto& from = *site.own.http2;
    http::H2Settings settings;
    settings.max_streams = from.max_streams;
    settings.window = from.window;
    settings.max_frame = from.max_frame;
    settings.table = from.table;
    settings.glitches = from.glitches;
    settings.total_streams = from.total_streams;
    settings.send_timeout = time_of(site.own.timeouts->client_send);
    settings.answers_malformed = site.source->is_nginx_style;
    settings.settings_may_lack = site.source->is_nginx_style;
    settings.window_at_once = site.source->is_nginx_style;
    settings.extended_connect = from.extended_connect;
    return settings;
}

http::H2Rules rules_of(const plan::Site& site) {
    http::H2Rules rules;
    rules.bounds = head_limits(*site.own.limits);
    rules.absolute_targets = !site.source->is_nginx_style;
    rules.needs_host = site.source->is_nginx_style;
    rules.extended_connect = site.own.http2->extended_connect;
    return rules;
}

// When the reader gives up: a client that has not asked for anything, or began a head and does not go
// on. Idle connections have the session's timer.
net::Time deadline_of(const Connection& connection, const http::H2Session& session) {
    auto head_time = time_of(connection.first_site().own.timeouts->request_head);
    if (head_time == net::never) return net::never;
    if (session.mid_head()) return connection.worker.loop.now() + head_time;
    if (session.idle() && connection.requests == 0)
        return connection.facts.accepted_us / 1000 + head_time;
    return net::never;
}

}  // namespace

namespace {

// Counts what came since; `counted` so far.
void count_new_glitches(const Connection& connection, const http::H2Session& session, std::uint32_t& counted) {
    const auto all = session.glitches();
    if (all == counted) return;
    if (connection.followers) count_glitches(*connection.followers, connection.worker.loop.now(), all - counted);
    counted = all;
}

}  // namespace

net::Task<void> serve_h2(Connection& connection) {
    auto& watch = connection.stream.watch;
    auto& input = connection.input;
    http::H2Session session(
        connection.stream, settings_of(connection.first_site()),
        [](void* owner, http::H2Stream& stream) {
            serve_stream(*static_cast<Connection*>(owner), stream);
        },
        &connection);
    bool told_to_stop = false;
    std::uint32_t glitches = 0;   // that were counted
    session.rules = rules_of(connection.first_site());
    session.idle_timeout = time_of(connection.first_site().own.timeouts->keepalive);
    session.start();
    if (!input.empty()) session.take(input.view());
    input.clear();
    count_new_glitches(connection, session, glitches);
    while (session.goes_on()) {
        if (connection.worker.stopping && !session.draining()) {
            told_to_stop = true;
            session.drain();
            continue;
        }
        if (watch.readable) {
            session.receive(input);
            count_new_glitches(connection, session, glitches);
            continue;
        }
        input.release();
        connection.idle = true;   // may be woken: see Connection::idle
        auto waited = co_await net::readable(watch, deadline_of(connection, session));
        connection.idle = false;
        if (waited == net::Waited::timed_out) {
            session.drain();
            break;
        }
        if (waited == net::Waited::ready) {
            // Requests from now on are read as the newest plan says.
            connection.use_newest_plan();
            session.rules = rules_of(connection.first_site());
        } else if (connection.worker.stopping) {
            // Once to end gracefully, once more to end.
            if (std::exchange(told_to_stop, true) && session.goes_on()) session.die();
        }
    }
    // What the client sends meanwhile would turn the close into a reset, and GOAWAY, or answers that it has
    // not taken yet, might be lost.
    connection.linger = session.failed() || (session.draining() && !connection.worker.stopping);
    connection.linger_time = connection.first_site().own.keepalive->linger_time.count();
    connection.linger_timeout = time_of(connection.first_site().own.timeouts->lingering);
    co_await session.end();
    input.release();
}

bool must_speak_h2(const Connection& connection) {
    const auto& listener = *connection.running->plan->listeners[connection.listener].source;
    if (listener.http2 == ir::Listener::Http2::only) return true;
    return connection.stream.tls() && connection.stream.tls()->alpn() == "h2";
}

bool may_speak_h2(const Connection& connection) {
    const auto& listener = *connection.running->plan->listeners[connection.listener].source;
    if (connection.facts.details().plain_on_tls) return false;
    return plan::speaks_h2(listener, *connection.first_site().source) || must_speak_h2(connection);
}

Beginning beginning_of(std::string_view bytes) {
    if (bytes.size() < preface.size())
        return preface.starts_with(bytes) ? Beginning::open : Beginning::http1;
    return bytes.starts_with(preface) ? Beginning::http2 : Beginning::http1;
}

}  // namespace weir::exchange
