// SPDX-License-Identifier: Apache-2.0
// The PROXY header of a client's connection (listen ... proxy_protocol, bind ... accept-proxy),
// read before anything else.
#include "runtime/exchange/connection.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/proxy_protocol.hpp"

namespace weir::exchange {

namespace {

constexpr net::Time longest_wait = 30000;  // ms, where the configuration sets no limit

route::Address address_of(const net::ProxyAddress& from) {
    route::Address address;
    address.ip = from.ip;
    address.port = from.port;
    return address;
}

void take(route::ConnectionFacts& facts, const net::ProxyHeader& header, bool names_client) {
    auto& details = facts.make_details();
    details.received_proxy_header = true;
    details.proxy_values = header.tlvs;
    if (header.own || header.source.ip.family == IpAddress::Family::none) return;
    details.proxy_client = address_of(header.source);
    details.proxy_local = address_of(header.destination);
    if (!names_client) return;
    facts.keep_peer();
    facts.client = details.proxy_client;
    facts.local = details.proxy_local;
}

enum class Outcome : std::uint8_t { taken, broken, timed_out };

net::Task<Outcome> read_header(Connection& connection, net::Time until, bool names_client,
                               bool checked) {
    auto& stream = connection.stream;
    auto& input = connection.input;
    net::ProxyHeader header;
    for (;;) {
        auto parsed =
            net::parse_proxy_header(input.held() ? input.view() : std::string_view(), header, checked);
        if (parsed.status == net::ProxyStatus::done) {
            take(connection.facts, header, names_client);
            input.consume(parsed.bytes);
            co_return Outcome::taken;
        }
        if (parsed.status != net::ProxyStatus::more) co_return Outcome::broken;
        if (!stream.watch.readable &&
            co_await net::readable(stream.watch, until) != net::Waited::ready)
            co_return Outcome::timed_out;
        input.acquire();
        if (input.room_size() == 0) co_return Outcome::broken;  // no header is that long
        auto got = stream.read(input.room(), input.room_size());
        if (got.state == net::Io::State::blocked) continue;
        if (got.state != net::Io::State::ok) co_return Outcome::broken;
        input.produced(got.bytes);
    }
}

}  // namespace

net::Task<bool> read_proxy_header(Connection& connection) {
    const auto& planned = connection.running->plan->listeners[connection.listener];
    const auto& site = connection.first_site();
    const auto& timeouts = *site.own.timeouts;
    bool is_http = site.source->kind == ir::Site::Kind::http;
    auto limit = !site.source->is_nginx_style ? timeouts.client_read
                 : is_http                    ? timeouts.request_head
                                              : timeouts.proxy_header;
    auto until =
        connection.worker.loop.now() + (limit == ir::no_limit ? longest_wait : limit.count());
    bool names_client =
        planned.source->proxy_header_names_client || connection.proxy_header_expected;
    auto outcome = co_await read_header(connection, until, names_client, !site.source->is_nginx_style);
    if (outcome == Outcome::taken) co_return true;
    bool silent = !connection.input.held() || connection.input.empty();
    if (!silent) {
        log::About about;
        about.connection = connection.facts.serial;
        about.doing = "reading PROXY protocol";
        about.client = connection.facts.client.text();
        about.site = site.source->name;
        log::process_log().write(log::error, "broken header", about,
                                 &site.source->settings.logs->errors);
    }
    // nginx: a session that began and ended.
    if (!is_http && site.source->is_nginx_style)
        log_refused_session(connection, silent && outcome == Outcome::timed_out ? 200 : 400);
    co_return false;
}

}  // namespace weir::exchange
