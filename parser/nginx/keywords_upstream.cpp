// SPDX-License-Identifier: Apache-2.0
// Rows of upstream { } in http and stream: servers, how one is chosen, idle connections.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/lower.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/upstreams.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::Balance;
using keyword::Argument;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

void set_endpoints(Block& block, ir::Server& server, const HostPort& host, Span span) {
    if (!host.path.empty()) {
        server.endpoints.emplace_back().path = host.path;
        return;
    }
    server.host = value::parse_ip(host.host) ? "" : host.host;
    server.port = host.port;
    for (const auto& ip : addresses_of(block, host.host, span)) {
        auto& endpoint = server.endpoints.emplace_back();
        endpoint.ip = ip;
        endpoint.port = host.port;
    }
    // A name that does not resolve does not stop the start: its server is down until it does.
    if (server.endpoints.empty()) server.down = true;
}

void lower_upstream(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    ir::Pool pool;
    pool.name = call[0].text;
    pool.kind = outer.in_stream() ? ir::Pool::Kind::stream : ir::Pool::Kind::http;
    pool.span = call.span;
    auto key = lower_case(call[0].text);
    bool duplicate = outer.names->pools.contains(key);
    if (duplicate)
        outer.error(call[0].span, "duplicate-upstream",
                    fmt::format("duplicate upstream \"{}\"", call[0].text),
                    "merge the two blocks or rename one");
    Block block(outer.run, outer.in_stream() ? stream_upstream : context::upstream, &outer);
    block.pool = &pool;
    lower_body(block, outer.current->body.directives);
    bool only_backups = std::none_of(pool.servers.begin(), pool.servers.end(),
                                   [](const ir::Server& server) { return !server.backup; });
    if (pool.servers.empty() && !block.action_failed)
        outer.error(call[0].span, "no-servers",
                    fmt::format("no servers are inside upstream \"{}\"", call[0].text),
                    "add server address; to it");
    else if (only_backups && !block.action_failed)
        outer.error(call[0].span, "no-servers",
                    fmt::format("no servers in upstream \"{}\" but backups", call[0].text),
                    "leave \"backup\" out of at least one server");
    if (!duplicate) outer.names->pools.emplace(std::move(key), scope.config.add(std::move(pool)));
}

bool balance_takes_backup(const Balance& balance) {
    return balance.how != Balance::How::hash && balance.how != Balance::How::client_hash &&
           balance.how != Balance::How::random;
}

// The parameters of one server line.
class ServerReader {
public:
    ServerReader(Block& block, const Call& call, ir::Server& server)
        : block_(block), call_(call), server_(server) {}

    bool read() {
        for (std::size_t i = 1; i < call_.size(); ++i)
            if (!parameter(call_[i])) return false;
        return true;
    }

private:
    static constexpr std::size_t most_route = 32;

    bool parameter(const Argument& argument) {
        auto text = argument.text;
        std::string_view value;
        if (key_value(text, "weight=", value)) return number(argument, value, 1, server_.weight);
        if (key_value(text, "max_conns=", value))
            return number(argument, value, 0, server_.max_connections);
        if (key_value(text, "max_fails=", value)) return number(argument, value, 0, server_.max_fails);
        if (key_value(text, "fail_timeout=", value))
            return duration(argument, value, server_.fail_timeout);
        if (key_value(text, "slow_start=", value)) return duration(argument, value, server_.slow_start);
        if (text == "down") return server_.down = true;
        if (text == "backup") return backup(argument);
        if (text == "drain" && !block_.in_stream()) return server_.drain = true;
        if (!block_.in_stream() && key_value(text, "route=", value)) {
            if (value.size() > most_route) return invalid(argument);
            server_.cookie = value;
            return true;
        }
        if (text == "resolve" || text.starts_with("service=")) {
            refuse_parameter(block_, call_, argument);
            return false;
        }
        return invalid(argument);
    }

    bool backup(const Argument& argument) {
        if (!balance_takes_backup(block_.pool->balance)) {
            block_.error(argument.span, "no-backup",
                         "balancing method does not support parameter \"backup\"",
                         "hash, ip_hash and random know no backups; use down, or another method");
            return false;
        }
        return server_.backup = true;
    }
    bool number(const Argument& argument, std::string_view value, std::int64_t least,
                std::uint32_t& into) {
        auto parsed = value::parse_number(value);
        if (!parsed || *parsed < least || *parsed > INT32_MAX) return invalid(argument);
        into = static_cast<std::uint32_t>(*parsed);
        return true;
    }
    bool duration(const Argument& argument, std::string_view value, ir::Milliseconds& into) {
        auto parsed = value::parse_nginx_duration(value, value::NginxTime::seconds);
        if (!parsed) return invalid(argument);
        into = *parsed;
        return true;
    }
    bool invalid(const Argument& argument) {
        invalid_parameter(block_, call_, argument,
                          "known are weight=, max_conns=, max_fails=, fail_timeout=, slow_start=, "
                          "backup, down; in http also drain and route= (of at most 32 letters)");
        return false;
    }

    Block& block_;
    const Call& call_;
    ir::Server& server_;
};

void lower_pool_server(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    bool failed_before = block.action_failed;
    block.action_failed = true;   // until the end is reached
    ir::Server server;
    server.name = call[0].text;
    server.span = call.span;
    auto host = parse_host_port(call[0].text, false);
    if (!host)
        return block.error(call[0].span, "invalid-address",
                           fmt::format("{} of \"server\" in upstream \"{}\"", host.error(),
                                       block.pool->name),
                           "write host, host:port, [ipv6]:port or unix:/path; no scheme, no path");
    if (host->host.find('/') != std::string::npos)
        return block.error(call[0].span, "invalid-address",
                           fmt::format("invalid host in \"{}\" of \"server\" in upstream \"{}\"",
                                       call[0].text, block.pool->name),
                           "write host:port; scheme and path belong to proxy_pass");
    if (!host->has_port && host->path.empty()) {
        if (block.in_stream())
            return block.error(call[0].span, "invalid-address",
                               fmt::format("no port in upstream \"{}\"", call[0].text),
                               "stream has no port of its own: add one");
        host->port = 80;
    }
    if (!ServerReader(block, call, server).read()) return;
    set_endpoints(block, server, *host, call[0].span);
    block.pool->servers.push_back(std::move(server));
    block.action_failed = failed_before;
}

// A second method replaces the first, with a warning.
Balance& new_balance(Block& block, const Call& call, Balance::How how) {
    auto& balance = block.pool->balance;
    if (balance.how != Balance::How::round_robin)
        block.sink.warning(call.span, "redefined-method", "load balancing method redefined",
                           "keep one of them");
    balance = {};
    balance.how = how;
    return balance;
}

void lower_hash(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& balance = new_balance(block, call, Balance::How::hash);
    balance.key = block.text(call[0]);
    if (call.size() == 1) return;
    balance.consistent = true;
    balance.ring = Balance::Ring::nginx_ketama;
}

void lower_ip_hash(Scope& scope, const Call& call) {
    new_balance(block_of(scope), call, Balance::How::client_hash);
}

void lower_least_conn(Scope& scope, const Call& call) {
    new_balance(block_of(scope), call, Balance::How::least_connections);
}

// random: by weight. random two: the better of two draws.
void lower_random(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& balance = new_balance(block, call, Balance::How::random);
    balance.draws = call.size() > 0 ? 2 : 1;
    if (call.size() > 0 && call[0].text != "two") return invalid_parameter(block, call, call[0]);
    balance.random_least_connections = balance.draws == 2;
    if (call.size() < 2) return;
    if (call[1].text.starts_with("least_time")) return refuse_parameter(block, call, call[1]);
    if (call[1].text != "least_conn") return invalid_parameter(block, call, call[1]);
}

void lower_keepalive(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.pool->idle.max_per_worker = static_cast<std::uint32_t>(call[0].number);
    if (call.size() > 1 && call[1].text != "local") invalid_parameter(block, call, call[1]);
}

void lower_keepalive_requests(Scope& scope, const Call& call) {
    auto most = std::clamp<std::int64_t>(call[0].number, 1, UINT32_MAX);
    block_of(scope).pool->idle.max_requests = static_cast<std::uint32_t>(most);
}

void lower_keepalive_time(Scope& scope, const Call& call) {
    block_of(scope).pool->idle.max_time = ir::Milliseconds(call[0].number);
}

void lower_keepalive_timeout(Scope& scope, const Call& call) {
    block_of(scope).pool->idle.timeout = ir::Milliseconds(call[0].number);
}

void lower_zone(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    std::string name(call[0].text);
    constexpr std::int64_t least = 8 * 4096;   // nginx wants eight pages
    std::int64_t bytes = 0;
    if (call.size() > 1) {
        bytes = call[1].number;
        if (bytes < least)
            return block.error(call[1].span, "zone-too-small", fmt::format("zone \"{}\" is too small", name),
                               "at least 32k");
    }
    block.pool->zone = name;
    auto& zones = block.config.zones;
    bool known = std::any_of(zones.begin(), zones.end(),
                             [&](const ir::Zone& zone) { return zone.purpose == "pool" && zone.name == name; });
    if (!known)
        zones.push_back({.name = std::move(name),
                         .purpose = "pool",
                         .bytes = static_cast<std::uint64_t>(bytes),
                         .span = call.span});
}

constexpr Contexts both = context::upstream | stream_upstream;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "hash", .where = both, .args = {keyword::text("key"), keyword::opt(keyword::choice("consistent"))},
     .apply = lower_hash, .inherit = Inherit::none, .since = "1.7.2",
     .summary = "Chooses the server by a hash of the key."},
    {.name = "ip_hash", .where = context::upstream, .apply = lower_ip_hash, .inherit = Inherit::none,
     .summary = "Chooses the server by the network of the client."},
    {.name = "keepalive", .where = context::upstream, .args = {keyword::number("connections", 0, 1000000), keyword::opt(keyword::word("local"))},
     .apply = lower_keepalive, .inherit = Inherit::none, .fallback = "32 local", .since = "1.1.4",
     .summary = "Most idle connections to the servers that a worker keeps; 0 keeps none.", .once = true},
    {.name = "keepalive_requests", .where = context::upstream, .args = {keyword::number("number")},
     .apply = lower_keepalive_requests, .inherit = Inherit::none, .fallback = "1000", .since = "1.15.3",
     .summary = "Most requests of one connection to a server.", .once = true},
    {.name = "keepalive_time", .where = context::upstream, .args = {keyword::duration("time")},
     .apply = lower_keepalive_time, .inherit = Inherit::none, .fallback = "1h", .since = "1.19.10",
     .summary = "Longest time requests are sent over one connection to a server.", .once = true},
    {.name = "keepalive_timeout", .where = context::upstream, .args = {keyword::duration("timeout")},
     .apply = lower_keepalive_timeout, .inherit = Inherit::none, .fallback = "60s", .since = "1.15.3",
     .summary = "How long an idle connection to a server stays open.", .once = true},
    {.name = "least_conn", .where = both, .apply = lower_least_conn, .inherit = Inherit::none, .since = "1.3.1",
     .summary = "Chooses the server with the fewest connections for its weight."},
    {.name = "random", .where = both, .args = {keyword::opt(keyword::word("two")), keyword::opt(keyword::word("method"))},
     .apply = lower_random, .inherit = Inherit::none, .since = "1.15.1",
     .summary = "Chooses a server by chance, or the better of two."},
    {.name = "server", .where = both, .args = {keyword::address("address"), keyword::any_number(keyword::word("parameter"))},
     .apply = lower_pool_server, .inherit = Inherit::none, .summary = "Adds a server to the pool."},
    {.name = "upstream", .where = http | stream, .args = {keyword::word("name")}, .body = Body::block,
     .apply = lower_upstream, .inherit = Inherit::none, .summary = "Defines a pool of servers."},
    {.name = "zone", .where = both, .args = {keyword::zone("name"), keyword::opt(keyword::size("size"))},
     .apply = lower_zone, .inherit = Inherit::none, .since = "1.9.0",
     .summary = "Names the memory in which workers share the state of the pool.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

ir::PoolId pool_for(Block& block, const HostPort& host, std::uint16_t default_port, Span span) {
    Subsystem& names = *block.names;
    if (host.path.empty()) {
        auto known = names.pools.find(lower_case(host.host));
        if (known != names.pools.end()) {
            if (!host.has_port) return known->second;
            block.error(span, "upstream-with-port",
                        fmt::format("upstream \"{}\" may not have port {}", host.host, host.port),
                        "the servers of the upstream have the ports; remove it here");
            return ir::no_id;
        }
    }
    HostPort whole = host;
    if (!whole.has_port) whole.port = default_port;
    bool brackets = whole.host.find(':') != std::string::npos;
    auto name = !host.path.empty() ? "unix:" + host.path
                : brackets         ? fmt::format("[{}]:{}", whole.host, whole.port)
                                   : fmt::format("{}:{}", lower_case(whole.host), whole.port);
    if (auto made = names.implicit.find(name); made != names.implicit.end()) return made->second;
    ir::Pool pool;
    pool.name = name;
    pool.kind = block.in_stream() ? ir::Pool::Kind::stream : ir::Pool::Kind::http;
    pool.implicit = true;
    pool.span = span;
    auto& only = pool.servers.emplace_back();
    only.name = name;
    only.span = span;
    set_endpoints(block, only, whole, span);
    return names.implicit[std::move(name)] = block.config.add(std::move(pool));
}

ir::PoolId pool_for_stream(Block& block, const HostPort& host, bool needs_upstream, Span span) {
    if (needs_upstream && !block.names->pools.contains(lower_case(host.host))) {
        block.error(span, "unknown-upstream",
                    fmt::format("no port in upstream \"{}\"", host.host),
                    "there is no upstream of that name; add one, or write host:port");
        return ir::no_id;
    }
    return pool_for(block, host, 0, span);
}

keyword::Table upstream_keywords() { return rows; }

}  // namespace weir::nginx
