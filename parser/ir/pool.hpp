// SPDX-License-Identifier: Apache-2.0
// Pool: a group of servers and how one of them is chosen. nginx: upstream. HAProxy: backend's servers.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "parser/ir/listener.hpp"
#include "parser/ir/settings.hpp"

namespace weir::ir {

struct Balance {
    enum class How : std::uint8_t {
        round_robin,      // smooth weighted
        static_round_robin,  // fixed map of slots (HAProxy static-rr)
        least_connections,
        first,
        client_hash,      // ip_hash (nginx: first three bytes of IPv4) / source
        hash,             // of `key`
        random,           // the better of `draws`
        least_time,
        sticky,
    } how = How::round_robin;
    // Who is next among servers of equal claim, and the rules around it. smooth (nginx): interleaved
    // by current weight; a retry takes a server not tried yet; failures of requests take a server out.
    // positions (HAProxy, every algorithm): fixed places in a weighted cycle; a retry avoids only the
    // last server; what finds all servers full waits in a queue.
    enum class Turns : std::uint8_t { smooth, positions } turns = Turns::smooth;
    Text key;                        // hash: what is hashed; empty value = round robin
    bool consistent = false;         // ketama points / hash-type consistent
    enum class Ring : std::uint8_t { nginx_modula, nginx_ketama, haproxy_map, haproxy_ring };
    Ring ring = Ring::nginx_modula;
    enum class Function : std::uint8_t { crc32, sdbm, djb2, wt6, none } function = Function::crc32;
    bool avalanche = false;
    std::uint32_t balance_factor = 0;  // percent; bounded loads of the ring
    std::uint32_t draws = 2;
    bool random_least_connections = false;
    // uri: how much of it; handled by the front-end through `key` where it can.
};

// An active check. nginx: health_check, match. HAProxy: check, option httpchk, http-check, tcp-check.
struct HealthCheck {
    enum class Kind : std::uint8_t { connect, http, script } kind = Kind::connect;
    struct Step {
        enum class What : std::uint8_t { connect, send, expect, comment, set_variable, unset_variable };
        What what = What::connect;
        Text text;                         // send: bytes; for http the body
        // http send
        std::string method = "GET", uri = "/", version = "HTTP/1.0";
        std::vector<FieldEdit> fields;
        // connect
        std::uint16_t port = 0;
        bool tls = false, send_proxy = false, linger = false;
        // TLS and its names as HealthCheck has them (HAProxy: "default", or no connect line at all).
        bool as_check = false;
        std::string sni;                   // with tls: name asked for; empty: none
        std::vector<std::string> alpn;
        std::optional<Endpoint> address;
        // expect
        // protocol: the answer of a service that weir knows, named by `pattern` (smtp, ldap, ...).
        enum class Expect : std::uint8_t { status, text, regex, header, binary, status_regex, binary_regex, protocol };
        Expect expect = Expect::status;
        bool negate = false;
        std::string pattern;               // text, regex, or ranges "200-399,404"
        std::string header_name;
        enum class Compare : std::uint8_t { exists, equal, regex, prefix, suffix, substring } compare{};
        std::uint32_t min_receive = 0;
        std::string ok_status, error_status, timeout_status;   // L7OK, ... of the dialect
        std::string comment;
    };
    std::vector<Step> steps;               // empty: one connect
    Milliseconds interval{2000};           // inter | interval
    Milliseconds fast_interval{0};         // fastinter; 0 = interval
    Milliseconds down_interval{0};         // downinter; 0 = interval
    Milliseconds jitter{0};
    std::uint32_t rise = 2, fall = 3;      // passes | fails
    std::optional<Endpoint> address;       // addr
    std::uint16_t port = 0;                // port; 0 = the server's
    Milliseconds timeout = no_limit;       // connect and read; no_limit: interval
    Milliseconds connect_timeout = no_limit;
    bool mandatory = false;                // down until the first success (nginx health_check mandatory)
    bool disable_on_404 = false;
    bool sends_proxy_header = false;       // check-send-proxy: also where it has an address of its own
    std::uint64_t udp = 0;
    bool over_tls = false;                 // https:// | check-ssl, or as the server's traffic
    Shared<ServerTls> tls;                 // its names are literal; also of steps with tls
    // What differs between the dialects. haproxy: a server starts one failure from down, `timeout` is
    // for the whole exchange after the connect, jitter goes both ways. nginx: it starts `fall`
    // failures from down, `timeout` is between two reads, jitter is added. Also the words of the log.
    enum class Manner : std::uint8_t { haproxy, nginx } manner = Manner::haproxy;
    std::string name;                      // nginx: of the match block
};

// What a PROXY header of version 2 tells a server beyond the addresses: send-proxy-v2-ssl,
// proxy-v2-options, set-proxy-v2-tlv-fmt.
struct ProxyHeaderValues {
    // Of the client's TLS, and what of its certificate.
    bool tls = false, tls_cipher = false;
    bool certificate_name = false, certificate_key = false, certificate_signature = false;
    bool authority = false;                // the name the client asked for
    bool unique_id = false, checksum = false;
    struct Custom {
        std::uint8_t type = 0;
        Text value;
    };
    std::vector<Custom> custom;
};

struct Server {
    std::string name;                      // HAProxy: its name; nginx: as written
    std::string host;                      // name to look up; empty when endpoint is literal
    std::vector<Endpoint> endpoints;       // one, or what the name resolved to (nginx: each a peer)
    std::uint16_t port = 0;                // with host
    // HAProxy "host", "host:+80": the port the client connected to plus port_offset.
    bool port_is_offset = false;
    int port_offset = 0;
    std::uint32_t weight = 1;              // HAProxy 0..256: 0 drains
    bool backup = false;
    bool down = false;                     // down | disabled
    bool drain = false;
    bool remembered = true;                // by stick store rules; non-stick: not
    std::uint32_t max_connections = 0;     // max_conns | maxconn; 0 = no limit
    std::uint32_t min_connections = 0;     // minconn
    std::uint32_t max_queue = 0;           // maxqueue; 0 = no limit
    std::uint32_t max_fails = 1;           // 0: never marked by traffic
    Milliseconds fail_timeout{10000};
    Milliseconds slow_start{0};
    std::optional<HealthCheck> check;
    std::string cookie;                    // value for cookie persistence | route: its name for sticky
    std::uint32_t id = 0;
    bool over_tls = false;                 // | ssl: whatever the route says
    Shared<ServerTls> tls;
    std::uint8_t send_proxy_header = 0;
    ProxyHeaderValues proxy_values;
    bool http2 = false;                    // | proto h2: whatever the route says
    // | ws: what carries WebSocket: the same as other requests, or HTTP/1.
    enum class WebSocket : std::uint8_t { as_others, http1 } web_socket{};
    std::optional<Endpoint> source;
    std::optional<std::uint32_t> max_reuse, pool_max_idle;
    enum class OnMarkedDown : std::uint8_t { nothing, shutdown_sessions } on_marked_down{};
    std::string track;                     // pool/server whose health it shares
    Span span;
};

struct Pool {
    std::string name;
    enum class Kind : std::uint8_t { http, stream } kind = Kind::http;
    Balance balance;
    std::vector<Server> servers;
    // Backups: all of them as a second group (nginx, allbackups), or the first that is up (HAProxy).
    bool use_all_backups = true;
    bool implicit = false;                 // made from proxy_pass http://host
    // With one server max_fails never takes it out (nginx).
    bool single_server_stays = true;
    struct Idle {
        std::uint32_t max_per_worker = 32;   // keepalive N; 0 = off
        std::uint32_t max_requests = 1000;   // keepalive_requests; 0 = no limit
        Milliseconds timeout{60000};
        Milliseconds max_time{3600000};
    } idle;
    std::uint32_t full_connections = 0;    // fullconn
    Milliseconds queue_timeout{0};         // nginx queue directive (commercial)
    std::string zone;                      // name of the shared zone; empty: weir makes one
    bool disabled = false;
    // HAProxy's cookie: which server a client stays with stands in a cookie of weir's (insert), of the
    // servers' (rewrite), or before the value of theirs (prefix).
    struct Cookie {
        std::string name;
        enum class How : std::uint8_t { passive, insert, rewrite, prefix } how = How::passive;
        bool indirect = false;     // servers never see it, and clients that have it get no other
        bool no_cache = false;     // an answer that sets it is for no cache
        bool post_only = false;    // set in answers to POST alone
        bool preserve = false;     // one that a server sets stands
        std::string attributes;    // behind the value: "; path=/; HttpOnly", ready to send
    };
    std::optional<Cookie> cookie;
    std::vector<std::pair<Condition, std::string>> use_server;
    // stick on, match, store-request, store-response: a table remembers the server of a key.
    struct Stick {
        Expr key;
        std::string table;         // name of a Zone
        bool match = false, store_request = false, store_response = false;
        std::optional<Condition> when;
    };
    // nginx sticky: a client's requests go to the server that had the first of them.
    struct Sticky {
        enum class How : std::uint8_t {
            none,
            cookie,   // it gets one that names the server
            route,    // the request itself names the server
            learn,    // a table knows which server a session is at
        } how = How::none;
        // Names of servers, or of sessions to look up (learn). The first that is not empty counts.
        std::vector<Text> keys;
        std::vector<Text> create;      // learn: the name of a session that an answer begins
        std::string table;             // learn: name of a Zone
        bool from_head = false;        // learn: when the head of an answer is there, not at its end
        std::string cookie;            // its name
        Text domain, path, same_site;  // its attributes; empty: none
        std::optional<std::chrono::seconds> life;   // of the cookie; none: as long as the client runs
        bool secure = false, http_only = false;
    } sticky;
    std::vector<Stick> sticks;     // in order; the first match that finds a usable server wins
    std::uint32_t id = 0;
    // Email alerts, dns etc. are other issues' matter.
    bool log_health_checks = false;
    Span span;
};

// What tells pools apart: nginx's http and stream may each have an upstream of one name.
std::string key_of(const Pool& pool);

}  // namespace weir::ir
