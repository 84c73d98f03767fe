// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/connect.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <charconv>

#include "runtime/net/peer.hpp"
#include "runtime/net/stream.hpp"

namespace weir::forward {

bool parse_source(std::string_view text, ir::Endpoint& source) {
    source = {};
    std::string_view port;
    if (text.starts_with('[')) {
        auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        port = text.substr(end + 1);
        if (!port.empty() && port[0] != ':') return false;
        text = text.substr(1, end - 1);
    } else if (auto colon = text.find(':'); colon != std::string_view::npos && colon == text.rfind(':')) {
        port = text.substr(colon);
        text = text.substr(0, colon);
    }
    if (!port.empty()) {
        port.remove_prefix(1);
        auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), source.port);
        if (failure != std::errc() || end != port.data() + port.size()) return false;
    }
    return net::parse_ip(text, source.ip);
}

namespace {

// HAProxy: a server without a port is asked at the port the client came to, or that plus an offset.
pool::SocketAddress address_for(const pool::LiveServer& server, const route::Subject& subject) {
    auto address = server.address;
    auto port = htons(static_cast<std::uint16_t>(subject.local->port + server.conf->port_offset));
    if (address.family() == AF_INET)
        reinterpret_cast<sockaddr_in&>(address.storage).sin_port = port;
    else if (address.family() == AF_INET6)
        reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port = port;
    return address;
}

}  // namespace

int connect_to(const pool::LiveServer& server, const plan::Forwarding& forwarding,
               route::Subject& subject, bool datagram) {
    const auto& conf = *forwarding.source;
    net::ConnectOptions options;
    options.datagram = datagram;
    options.keepalive = conf.socket_keepalive;
    options.transparent = conf.bind_transparent;
    pool::SocketAddress from;
    if (server.conf->source) {
        from = pool::socket_address(*server.conf->source);
        options.bind = &from;
    } else if (conf.bind_address) {
        ir::Endpoint source;
        auto text = forwarding.bind_address.render(subject);
        // nginx: a value that turns out to be no address binds nothing.
        if (parse_source(text, source)) {
            from = pool::socket_address(source);
            options.bind = &from;
        }
    }
    if (!server.conf->port_is_offset) return net::start_connect(server.address, options);
    return net::start_connect(address_for(server, subject), options);
}

net::Task<Failure> wait_until_connected(net::Stream& stream, net::Time deadline, net::Watch* abort_when) {
    while (!stream.watch.writable) {
        auto waited = co_await net::writable(stream.watch, deadline, abort_when);
        if (waited == net::Waited::aborted) co_return Failure::client_gone;
        if (waited == net::Waited::timed_out) co_return Failure::connect_timeout;
    }
    co_return net::connect_error(stream.fd()) == 0 ? Failure::none : Failure::connect;
}

bool may_share_connection(const pool::LiveServer& server, const plan::Forwarding& forwarding) {
    const auto& conf = *forwarding.source;
    bool same_source = !conf.bind_address || forwarding.bind_address.is_literal();
    return same_source && server.conf->send_proxy_header == 0 && conf.send_proxy_header == 0 &&
           !server.conf->port_is_offset;
}

}  // namespace weir::forward
