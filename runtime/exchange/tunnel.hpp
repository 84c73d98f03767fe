// SPDX-License-Identifier: Apache-2.0
// Tunnel: bytes both ways between two streams until both directions have ended. L4 sessions (nginx
// stream, HAProxy mode tcp) and connections after a 101 or CONNECT (RFC 9110 section 7.8).
#pragma once

#include "runtime/http/carrier.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"

namespace weir::exchange {

struct TunnelLimits {
    net::Time client_idle = net::never;   // ms without a byte in either direction
    net::Time server_idle = net::never;
    net::Time client_fin = net::never;    // the same after one side has ended
    net::Time server_fin = net::never;
    // The end of one direction leaves the other open (HAProxy; nginx proxy_half_close on).
    bool half_close = false;
    bool may_splice = true;
    const bool* stop = nullptr;   // true after a wait was canceled: end at once
    std::uint64_t upload_rate = 0, download_rate = 0;   // bytes per second; 0 = no limit
};

struct TunnelResult {
    std::uint64_t from_client = 0, from_server = 0;   // bytes
    std::int64_t first_server_byte_us = 0;            // loop time; 0 = none came
    enum class End : std::uint8_t {
        client_closed, server_closed, client_timeout, server_timeout, client_error, server_error,
        stopped
    } end = End::client_closed;
    int error = 0;
};

// `to_server` and `to_client` hold bytes that were read before the tunnel began.
net::Task<TunnelResult> run_tunnel(net::Stream& client, net::Stream& server,
                                   net::Buffer to_server, net::Buffer to_client,
                                   TunnelLimits limits);

// The same where the client's end is a stream of HTTP/2 (carried_tunnel.cpp).
net::Task<TunnelResult> run_tunnel(http::Carrier& client, net::Stream& server,
                                   net::Buffer to_client, TunnelLimits limits);

}  // namespace weir::exchange
