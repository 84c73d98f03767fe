// SPDX-License-Identifier: Apache-2.0
// The PROXY header of a client's connection (listen ... proxy_protocol, bind ... accept-proxy), read
// before anything else.
#include "runtime/exchange/connection.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/proxy_protocol.hpp"

namespace weir::exchange {

namespace {

constexpr net::Time longest_wait = 30000;   // ms, where the configuration sets no limit

route::Address address_of(const net::ProxyAddress& from) {
    route::Address address;
    address.ip = from.ip;
    address.port = from.port;
    return address;
}

void take(route::ConnectionFacts& facts, const net::ProxyHeader& header, bool names_client) {
    auto& details = facts.make_details();
    details.peer = facts.client;
    details.received_proxy_header = true;
    if (header.own || header.source.ip.family == IpAddress::Family::none) return;
    details.proxy_client = address_of(header.source);
    details.proxy_local = address_of(header.destination);
    if (!names_client) return;
    facts.client = details.proxy_client;
    facts.local = details.proxy_local;
}

}  // namespace

net::Task<bool> read_proxy_header(Connection& connection) {
    const auto& listener = *connection.running->plan->listeners[connection.listener].source;
    const auto& plan_listener = connection.running->plan->listeners[connection.listener];
    const auto& site = connection.running->plan->sites[plan_listener.names.fallback()];
    auto& stream = connection.stream;
    auto& input = connection.input;
    auto& loop = connection.worker.loop;
    bool head_time = site.source->is_nginx_style && site.source->kind == ir::Site::Kind::http;
    auto limit = head_time ? site.own.timeouts->request_head : site.own.timeouts->client_read;
    auto until = loop.now() + (limit == ir::no_limit ? longest_wait : limit.count());
    net::ProxyHeader header;
    for (;;) {
        auto parsed = net::parse_proxy_header(input.held() ? input.view() : std::string_view(), header);
        if (parsed.status == net::ProxyStatus::done) {
            take(connection.facts, header, listener.proxy_header_names_client);
            input.consume(parsed.bytes);
            co_return true;
        }
        if (parsed.status != net::ProxyStatus::more) break;
        if (!stream.watch.readable && co_await net::readable(stream.watch, until) != net::Waited::ready)
            co_return false;
        input.acquire();
        if (input.room_size() == 0) break;   // no header is that long
        auto got = stream.read(input.room(), input.room_size());
        if (got.state == net::Io::State::blocked) continue;
        if (got.state != net::Io::State::ok) co_return false;
        input.produced(got.bytes);
    }
    log::About about;
    about.connection = connection.facts.serial;
    about.doing = "reading PROXY protocol";
    about.client = connection.facts.client.text();
    about.site = site.source->name;
    log::process_log().write(log::error, "broken header", about, &site.source->settings.logs->errors);
    co_return false;
}

}  // namespace weir::exchange
