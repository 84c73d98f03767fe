// SPDX-License-Identifier: Apache-2.0
// Listener: a bound address. nginx: listen. HAProxy: bind.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parser/base/source_set.hpp"
#include "parser/ir/endpoint.hpp"
#include "parser/ir/rule.hpp"
#include "parser/ir/tls.hpp"

namespace weir::ir {

enum class Transport : std::uint8_t { tcp, udp };

struct UnixPermissions {
    std::string user, group;
    std::optional<unsigned> mode;
};

struct Listener {
    std::string name;             // HAProxy: name option; otherwise the endpoint as text
    bool named = false;           // by the name option
    std::uint32_t id = 0;         // bind id; 0 = its place among the listeners of its site
    Endpoint endpoint;
    Transport transport = Transport::tcp;
    int backlog = 511;            // connections
    bool reuseport = false;       // a socket per worker
    std::optional<bool> ipv6_only;
    bool transparent = false;
    bool defer_accept = false;
    int fast_open = 0;            // queue length, 0 = off
    bool accepts_proxy_header = false;
    // With it: the client is who the header says (HAProxy); else the header has values of its own.
    bool proxy_header_names_client = false;
    std::optional<ListenerTls> tls;
    // HTTP/2, also without TLS (prior knowledge): as its site says; beside HTTP/1 (nginx listen http2);
    // nothing else (HAProxy proto h2); never (proto h1).
    enum class Http2 : std::uint8_t { as_site, also, only, never } http2 = Http2::as_site;
    std::optional<bool> keepalive;               // SO_KEEPALIVE
    int keepalive_idle = 0, keepalive_interval = 0, keepalive_count = 0;  // seconds, seconds, probes
    int receive_buffer = 0, send_buffer = 0;     // bytes, 0 = kernel's choice
    std::uint32_t mss = 0;
    std::string device;           // SO_BINDTODEVICE
    UnixPermissions permissions;
    std::uint32_t max_connections = 0;           // HAProxy bind maxconn; 0 = no limit
    std::vector<SiteId> sites;    // who may answer here; by name, else the first is the default
    SiteId default_site = no_id;
    Span span;
};

}  // namespace weir::ir
