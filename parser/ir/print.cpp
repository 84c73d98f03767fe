// SPDX-License-Identifier: Apache-2.0
// The canonical text of a configuration: one fact per line, in the order in which things are used.
// What equals the built-in default is left out, so that the text of a small file is small.
#include "parser/ir/printer.hpp"

namespace weir::ir {

namespace printing {

namespace {

const char* name_of(Balance::How how) {
    switch (how) {
        case Balance::How::round_robin: return "round_robin";
        case Balance::How::static_round_robin: return "static_round_robin";
        case Balance::How::least_connections: return "least_connections";
        case Balance::How::first: return "first";
        case Balance::How::client_hash: return "client_hash";
        case Balance::How::hash: return "hash";
        case Balance::How::random: return "random";
        case Balance::How::least_time: return "least_time";
        case Balance::How::sticky: return "sticky";
    }
    return "?";
}

const char* name_of(Balance::Ring ring) {
    switch (ring) {
        case Balance::Ring::nginx_modula: return "nginx_modula";
        case Balance::Ring::nginx_ketama: return "nginx_ketama";
        case Balance::Ring::haproxy_map: return "haproxy_map";
        case Balance::Ring::haproxy_ring: return "haproxy_ring";
    }
    return "?";
}

const char* name_of(Balance::Function function) {
    switch (function) {
        case Balance::Function::crc32: return "crc32";
        case Balance::Function::sdbm: return "sdbm";
        case Balance::Function::djb2: return "djb2";
        case Balance::Function::wt6: return "wt6";
        case Balance::Function::none: return "none";
    }
    return "?";
}

void put(Printer& to, const Balance& b) {
    const Balance d;
    to.line("balance {}", name_of(b.how));
    Printer::Deeper deeper(to);
    to.field("key", b.key);
    to.field("consistent", b.consistent, d.consistent);
    if (b.ring != d.ring) to.line("ring {}", name_of(b.ring));
    if (b.function != d.function) to.line("function {}", name_of(b.function));
    to.field("avalanche", b.avalanche, d.avalanche);
    to.field("balance_factor", b.balance_factor, d.balance_factor);
    to.field("draws", b.draws, d.draws);
    to.field("random_least_connections", b.random_least_connections, d.random_least_connections);
}

const char* name_of(HealthCheck::Step::Expect expect) {
    using Expect = HealthCheck::Step::Expect;
    switch (expect) {
        case Expect::status: return "status";
        case Expect::text: return "text";
        case Expect::regex: return "regex";
        case Expect::header: return "header";
        case Expect::binary: return "binary";
        case Expect::status_regex: return "status_regex";
        case Expect::binary_regex: return "binary_regex";
        case Expect::protocol: return "protocol";
    }
    return "?";
}

const char* name_of(HealthCheck::Step::Compare compare) {
    using Compare = HealthCheck::Step::Compare;
    switch (compare) {
        case Compare::exists: return "exists";
        case Compare::equal: return "equal";
        case Compare::regex: return "regex";
        case Compare::prefix: return "prefix";
        case Compare::suffix: return "suffix";
        case Compare::substring: return "substring";
    }
    return "?";
}

std::string connect_line(const HealthCheck::Step& step) {
    std::string out = "connect";
    if (step.address) out += " " + to_string(*step.address);
    if (step.port != 0) out += fmt::format(" port {}", step.port);
    if (step.as_check) out += " as_check";
    if (step.tls) out += " tls";
    if (!step.sni.empty()) out += " sni " + show(step.sni);
    for (const auto& protocol : step.alpn) out += " alpn " + show(protocol);
    if (step.send_proxy) out += " send_proxy_header";
    if (step.linger) out += " linger";
    return out;
}

std::string expect_line(const HealthCheck::Step& step) {
    using Step = HealthCheck::Step;
    std::string out = fmt::format("expect {}{}", step.negate ? "not " : "", name_of(step.expect));
    if (step.expect == Step::Expect::header)
        out += fmt::format(" {} {}", show(step.header_name), name_of(step.compare));
    if (!step.pattern.empty()) out += " " + show(step.pattern);
    if (step.min_receive != 0) out += fmt::format(" min_receive {}", step.min_receive);
    if (!step.ok_status.empty()) out += " ok " + show(step.ok_status);
    if (!step.error_status.empty()) out += " error " + show(step.error_status);
    if (!step.timeout_status.empty()) out += " timeout " + show(step.timeout_status);
    if (!step.comment.empty()) out += " comment " + show(step.comment);
    return out;
}

void put(Printer& to, const HealthCheck::Step& step, HealthCheck::Kind kind) {
    using What = HealthCheck::Step::What;
    const char* what = "send";
    switch (step.what) {
        case What::connect: return to.line("{}", connect_line(step));
        case What::expect: return to.line("{}", expect_line(step));
        case What::comment: return to.line("comment {}", show(step.comment));
        case What::set_variable: what = "set_variable"; break;
        case What::unset_variable: what = "unset_variable"; break;
        case What::send: break;
    }
    if (step.what == What::send && kind == HealthCheck::Kind::http)
        to.line("send {} {} {}", show(step.method), show(step.uri), show(step.version));
    else
        to.line("{}", what);
    Printer::Deeper deeper(to);
    for (const auto& edit : step.fields)
        to.line("field {} {}", show(edit.name), show(edit.value, to.config));
    to.field("text", step.text);
}

void put_proxy_values(Printer& to, const ProxyHeaderValues& v) {
    const ProxyHeaderValues d;
    to.field("proxy_values.tls", v.tls, d.tls);
    to.field("proxy_values.tls_cipher", v.tls_cipher, d.tls_cipher);
    to.field("proxy_values.certificate_name", v.certificate_name, d.certificate_name);
    to.field("proxy_values.certificate_key", v.certificate_key, d.certificate_key);
    to.field("proxy_values.certificate_signature", v.certificate_signature, d.certificate_signature);
    to.field("proxy_values.authority", v.authority, d.authority);
    to.field("proxy_values.unique_id", v.unique_id, d.unique_id);
    to.field("proxy_values.checksum", v.checksum, d.checksum);
    for (const auto& one : v.custom)
        to.line("proxy_value {:#04x} {}", one.type, show(one.value, to.config));
}

void put(Printer& to, const Server& s) {
    const Server d;
    to.line("server {}", show(s.name));
    Printer::Deeper deeper(to);
    if (!s.host.empty()) to.line("host {} port {}", show(s.host), s.port);
    for (const auto& endpoint : s.endpoints) to.line("address {}", to_string(endpoint));
    to.field("port_is_offset", s.port_is_offset, d.port_is_offset);
    to.field("port_offset", s.port_offset, d.port_offset);
    to.field("weight", s.weight, d.weight);
    to.field("backup", s.backup, d.backup);
    to.field("down", s.down, d.down);
    to.field("remembered", s.remembered, d.remembered);
    to.field("drain", s.drain, d.drain);
    to.field("max_connections", s.max_connections, d.max_connections);
    to.field("min_connections", s.min_connections, d.min_connections);
    to.field("max_queue", s.max_queue, d.max_queue);
    to.field("max_fails", s.max_fails, d.max_fails);
    to.field("fail_timeout", s.fail_timeout, d.fail_timeout);
    to.field("slow_start", s.slow_start, d.slow_start);
    to.field("cookie", s.cookie, d.cookie);
    to.field("id", s.id, d.id);
    to.field("over_tls", s.over_tls, d.over_tls);
    to.server_tls(*s.tls);
    to.field("send_proxy_header", s.send_proxy_header, d.send_proxy_header);
    put_proxy_values(to, s.proxy_values);
    to.field("http2", s.http2, d.http2);
    using WebSocket = Server::WebSocket;
    if (s.web_socket == WebSocket::http1) to.line("web_socket http1");
    if (s.source) to.line("source {}", to_string(*s.source));
    to.field("max_reuse", s.max_reuse);
    to.field("pool_max_idle", s.pool_max_idle);
    if (s.on_marked_down != d.on_marked_down) to.line("on_marked_down shutdown_sessions");
    to.field("track", s.track, d.track);
    if (s.check) to.health_check(*s.check);
}

const char* name_of(SiteName::Kind kind) {
    switch (kind) {
        case SiteName::Kind::exact: return "exact";
        case SiteName::Kind::leading_wildcard: return "suffix";
        case SiteName::Kind::trailing_wildcard: return "prefix";
        case SiteName::Kind::regex: return "regex";
    }
    return "?";
}

}  // namespace

void Printer::health_check(const HealthCheck& c) {
    const HealthCheck d;
    const char* kind = c.kind == HealthCheck::Kind::connect ? "connect"
                       : c.kind == HealthCheck::Kind::http  ? "http"
                                                            : "script";
    line("check {}", kind);
    Deeper deeper(*this);
    field("interval", c.interval, d.interval);
    field("fast_interval", c.fast_interval, d.fast_interval);
    field("down_interval", c.down_interval, d.down_interval);
    field("jitter", c.jitter, d.jitter);
    field("rise", c.rise, d.rise);
    field("fall", c.fall, d.fall);
    if (c.address) line("address {}", to_string(*c.address));
    field("port", c.port, d.port);
    field("timeout", c.timeout, d.timeout);
    field("connect_timeout", c.connect_timeout, d.connect_timeout);
    field("mandatory", c.mandatory, d.mandatory);
    field("disable_on_404", c.disable_on_404, d.disable_on_404);
    field("sends_proxy_header", c.sends_proxy_header, d.sends_proxy_header);
    field("udp", c.udp, d.udp);
    field("over_tls", c.over_tls, d.over_tls);
    server_tls(*c.tls);
    if (c.manner != d.manner) line("manner nginx");
    field("name", c.name, d.name);
    for (const auto& step : c.steps) put(*this, step, c.kind);
}

namespace {

void put(Printer& to, const Pool::Sticky& s) {
    using How = Pool::Sticky::How;
    if (s.how == How::none) return;
    to.line("sticky {}", s.how == How::cookie ? "cookie" : s.how == How::route ? "route" : "learn");
    Printer::Deeper deeper(to);
    for (const auto& key : s.keys) to.line("key {}", show(key, to.config));
    for (const auto& key : s.create) to.line("create {}", show(key, to.config));
    to.field("table", s.table, std::string());
    to.field("from_head", s.from_head, false);
    to.field("cookie", s.cookie, std::string());
    if (!s.domain.empty()) to.line("domain {}", show(s.domain, to.config));
    if (!s.path.empty()) to.line("path {}", show(s.path, to.config));
    if (!s.same_site.empty()) to.line("same_site {}", show(s.same_site, to.config));
    if (s.life) to.line("life {}s", s.life->count());
    to.field("secure", s.secure, false);
    to.field("http_only", s.http_only, false);
}

}  // namespace

void Printer::pool(const Pool& p) {
    const Pool d;
    line("pool {}", show(p.name));
    Deeper deeper(*this);
    if (p.kind != d.kind) line("kind stream");
    put(*this, p.balance);
    field("use_all_backups", p.use_all_backups, d.use_all_backups);
    field("implicit", p.implicit, d.implicit);
    field("single_server_stays", p.single_server_stays, d.single_server_stays);
    field("idle.max_per_worker", p.idle.max_per_worker, d.idle.max_per_worker);
    field("idle.max_requests", p.idle.max_requests, d.idle.max_requests);
    field("idle.timeout", p.idle.timeout, d.idle.timeout);
    field("idle.max_time", p.idle.max_time, d.idle.max_time);
    field("full_connections", p.full_connections, d.full_connections);
    field("queue_timeout", p.queue_timeout, d.queue_timeout);
    field("zone", p.zone, d.zone);
    field("disabled", p.disabled, d.disabled);
    field("id", p.id, d.id);
    field("log_health_checks", p.log_health_checks, d.log_health_checks);
    for (const auto& server : p.servers) put(*this, server);
    for (const auto& [condition, server] : p.use_server)
        line("use_server {} if {}", show(server), show(condition, config));
    put(*this, p.sticky);
    for (const auto& one : p.sticks) stick(one);
    if (!p.cookie) return;
    const auto& cookie = *p.cookie;
    constexpr const char* hows[] = {"passive", "insert", "rewrite", "prefix"};
    line("cookie {} {}{}{}{}{} {}", show(cookie.name), hows[static_cast<int>(cookie.how)],
         cookie.indirect ? " indirect" : "", cookie.no_cache ? " no_cache" : "", cookie.post_only ? " post_only" : "",
         cookie.preserve ? " preserve" : "", show(cookie.attributes));
}

void Printer::stick(const Pool::Stick& stick) {
    line("stick{}{}{} {} in {}{}", stick.match ? " match" : "", stick.store_request ? " store_request" : "",
         stick.store_response ? " store_response" : "", show(stick.key, config), show(stick.table),
         stick.when ? " if " + show(*stick.when, config) : std::string());
}

namespace {

void put_socket(Printer& to, const Listener& l) {
    const Listener d;
    to.field("backlog", l.backlog, d.backlog);
    to.field("reuseport", l.reuseport, d.reuseport);
    to.field("ipv6_only", l.ipv6_only);
    to.field("transparent", l.transparent, d.transparent);
    to.field("defer_accept", l.defer_accept, d.defer_accept);
    to.field("fast_open", l.fast_open, d.fast_open);
    to.field("keepalive", l.keepalive);
    to.field("keepalive_idle", l.keepalive_idle, d.keepalive_idle);
    to.field("keepalive_interval", l.keepalive_interval, d.keepalive_interval);
    to.field("keepalive_count", l.keepalive_count, d.keepalive_count);
    to.field("receive_buffer", l.receive_buffer, d.receive_buffer);
    to.field("send_buffer", l.send_buffer, d.send_buffer);
    to.field("mss", l.mss, d.mss);
    to.field("device", l.device, d.device);
    to.field("user", l.permissions.user, d.permissions.user);
    to.field("group", l.permissions.group, d.permissions.group);
    if (l.permissions.mode) to.line("mode {:04o}", *l.permissions.mode);
    to.field("max_connections", l.max_connections, d.max_connections);
}

std::string label_of(SiteId id, const Config& config) {
    if (id >= config.sites.size()) return "missing";
    return fmt::format("{} {}", id, show(config.sites[id].name));
}

void put_captures(Printer& to, const Site& s) {
    for (const auto& slot : s.request_captures)
        to.line("capture request {} length {}", show(slot.name), slot.length);
    for (const auto& slot : s.response_captures)
        to.line("capture response {} length {}", show(slot.name), slot.length);
    if (s.cookie_capture)
        to.line("capture cookie {} length {}", show(s.cookie_capture->prefix),
                s.cookie_capture->length);
}

}  // namespace

void Printer::listener(const Listener& l) {
    auto endpoint = to_string(l.endpoint);
    line("listener {}{}", endpoint, l.transport == Transport::udp ? " udp" : "");
    Deeper deeper(*this);
    if (!l.name.empty() && l.name != endpoint) fact("name", l.name);
    field("id", l.id, Listener{}.id);
    put_socket(*this, l);
    field("accepts_proxy_header", l.accepts_proxy_header, false);
    field("proxy_header_names_client", l.proxy_header_names_client, false);
    if (l.http2 != Listener::Http2::as_site)
        line("http2 {}", l.http2 == Listener::Http2::also   ? "also"
                         : l.http2 == Listener::Http2::only ? "only"
                                                            : "never");
    if (l.tls) listener_tls(*l.tls);
    for (auto id : l.sites)
        line("site {}{}", label_of(id, config), id == l.default_site ? " default" : "");
}

void Printer::site(const Site& s, SiteId id) {
    const Site d;
    line("site {} {}", id, show(s.name));
    Deeper deeper(*this);
    if (s.kind != d.kind) line("kind stream");
    field("path_routes", s.is_nginx_style, d.is_nginx_style);
    for (const auto& name : s.names)
        line("name {} {}{}", name_of(name.kind), show(name.text),
             name.with_bare ? " and the bare name" : "");
    field("max_connections", s.max_connections, d.max_connections);
    field("disabled", s.disabled, d.disabled);
    field("counted_as_backend", s.counted_as_backend, d.counted_as_backend);
    field("id", s.id, d.id);
    put_captures(*this, s);
    field("unique_id_format", s.unique_id_format);
    field("unique_id_header", s.unique_id_header, d.unique_id_header);
    field("monitor_uri", s.monitor_uri, d.monitor_uri);
    for (const auto& condition : s.monitor_fail)
        line("monitor_fail if {}", show(condition, config));
    field("tcp_content_rules", s.tcp_content_rules, d.tcp_content_rules);
    settings(s.settings, Settings{});
    rules(s.rules, s.settings);
    routes(s.routes, s.settings);
    for (const auto& pick : s.picks) {
        line("pick{}{}", pick.route == no_id ? " " + show(pick.dynamic_name, config) : "",
             pick.when ? " if " + show(*pick.when, config) : std::string());
        Deeper more(*this);
        if (pick.route != no_id) route(pick.route, s.settings);
    }
    if (s.fallback != no_id) {
        line("otherwise");
        Deeper more(*this);
        route(s.fallback, s.settings);
    }
}

namespace {

const char* name_of(Type type) {
    return type == Type::integer ? "integer" : type == Type::address ? "address" : "bytes";
}

}  // namespace

void Printer::map(const Map& m) {
    if (m.compared) {
        line("map {} compares {} yields {}{}", show(m.name), name_of(*m.compared), name_of(m.output),
             m.fills_groups ? " fills_groups" : "");
        Deeper deeper(*this);
        // Ranges and networks are read from the keys.
        for (const auto& entry : m.entries)
            line("{} is {}", show(entry.key), show(entry.value, config));
        if (m.has_fallback) line("otherwise {}", show(m.fallback, config));
        return;
    }
    static constexpr const char* kinds[] = {"map", "networks", "shares", "referers"};
    line("{} {} of {}", kinds[static_cast<std::size_t>(m.kind)], show(m.name), show(m.key, config));
    Deeper deeper(*this);
    field("hostnames", m.hostnames, false);
    for (const auto& entry : m.entries) {
        using Kind = Map::Entry::Kind;
        std::string key = show(entry.key);
        switch (entry.kind) {
            case Kind::exact: break;
            case Kind::regex: key = "regex " + key; break;
            case Kind::regex_ignore_case: key = "regex any_case " + key; break;
            case Kind::network:
                key = fmt::format("{}/{}", to_string(entry.network.address), entry.network.bits);
                break;
            case Kind::share: key = fmt::format("below {}", entry.below); break;
            case Kind::absent: key = "absent"; break;
            case Kind::hidden: key = "hidden"; break;
        }
        if (!entry.path.empty()) key += " " + show(entry.path);
        line("{} is {}", key, show(entry.value, config));
    }
    line("otherwise {}", show(m.fallback, config));
}

namespace {

const char* name_of(Zone::Key key) {
    switch (key) {
        case Zone::Key::text: return "text";
        case Zone::Key::binary: return "binary";
        case Zone::Key::integer: return "integer";
        case Zone::Key::ipv4: return "ipv4";
        case Zone::Key::ipv6: return "ipv6";
    }
    return "?";
}

}  // namespace

void Printer::zone(const Zone& z) {
    line("zone {}", show(z.name));
    Deeper deeper(*this);
    field("purpose", z.purpose, {});
    field("bytes", z.bytes, std::uint64_t{0});
    field("entries", z.entries, std::uint64_t{0});
    field("expire", z.expire, Milliseconds{0});
    const Zone d;
    if (!z.columns.empty()) line("key {} bytes {}", name_of(z.key), z.key_bytes);
    for (const auto& column : z.columns) {
        auto text = fmt::format("column {}", column_name(column.what));
        if (column.count != 1) text += fmt::format(" count {}", column.count);
        if (column.array) text += " array";
        if (column.period.count() != 0) text += " period " + show(column.period);
        line("{}", text);
    }
    field("evicts", z.evicts, d.evicts);
    field("of", z.of);
    field("rate", z.rate, d.rate);
    field("peers", z.peers, d.peers);
    field("shared_name", z.shared_name, d.shared_name);
    field("receives_only", z.receives_only, d.receives_only);
    field("servers_by_address", z.servers_by_address, d.servers_by_address);
    field("write_to", z.write_to, d.write_to);
}

void Printer::peers(const PeerGroup& group) {
    line("peers {}", show(group.name));
    Deeper deeper(*this);
    field("enabled", group.enabled, true);
    field("local_name", group.local_name, {});
    if (group.listener) line("listen {}", to_string(group.listener->endpoint));
    for (const auto& peer : group.peers) line("peer {} {}", show(peer.name), to_string(peer.endpoint));
}

namespace {

void put(Printer& to, const ControlSocket& socket) {
    const char* level = socket.level == ControlSocket::Level::user    ? "user"
                        : socket.level == ControlSocket::Level::admin ? "admin"
                                                                      : "operator";
    to.line("control_socket {} level {}", to_string(socket.endpoint), level);
    Printer::Deeper deeper(to);
    to.field("expose_listeners", socket.expose_listeners, false);
    to.field("timeout", socket.timeout, Milliseconds{10000});
    to.field("user", socket.permissions.user, {});
    to.field("group", socket.permissions.group, {});
    if (socket.permissions.mode) to.line("mode {:04o}", *socket.permissions.mode);
}

}  // namespace

void Printer::process() {
    const Process& p = config.process;
    const Process d;
    line("process");
    Deeper deeper(*this);
    field("workers", p.workers, d.workers);
    field("daemon", p.daemon.value_or(false), false);
    field("master", p.master, d.master);
    field("user", p.user, d.user);
    field("group", p.group, d.group);
    field("chroot", p.chroot, d.chroot);
    field("pid_file", p.pid_file, d.pid_file);
    field("working_directory", p.working_directory, d.working_directory);
    for (const auto& log : p.error_logs) error_log(log);
    for (const auto& log : p.status_logs) access_log("status_log", log);
    field("max_connections", p.max_connections, d.max_connections);
    field("max_descriptors", p.max_descriptors, d.max_descriptors);
    field("max_core", p.max_core);
    field("priority", p.priority);
    for (auto mask : p.affinity) line("affinity {:#x}", mask);
    field("shutdown_timeout", p.shutdown_timeout, d.shutdown_timeout);
    for (const auto& [name, value] : p.environment)
        line("environment {} {}", show(name), show(value));
    each("unset_environment", p.unset_environment);
    for (const auto& socket : p.control_sockets) put(*this, socket);
    field("node", p.node, d.node);
    field("description", p.description, d.description);
    field("compression.level", p.compression.level, d.compression.level);
    field("compression.memory_level", p.compression.memory_level, d.compression.memory_level);
    field("compression.window_bits", p.compression.window_bits, d.compression.window_bits);
    field("compression.memory", p.compression.memory, d.compression.memory);
}

}  // namespace printing

std::string print(const Config& config) {
    printing::Printer to(config);
    to.process();
    if (!config.asked_by_name.empty()) to.line("asked_by_name");
    for (const auto& zone : config.zones) to.zone(zone);
    for (const auto& group : config.peer_groups) to.peers(group);
    for (const auto& store : config.caches) to.cache(store);
    if (config.followers != Config().followers) to.line("followers {}", config.followers);
    for (const auto& map : config.charset_maps) {
        to.line("charset_map {} to {}", printing::show(map.from), printing::show(map.to));
        printing::Printer::Deeper deeper(to);
        for (const auto& [byte, letter] : map.pairs) to.line("{:02x} {}", byte, printing::show(letter));
    }
    for (const auto& map : config.maps) to.map(map);
    for (const auto& pool : config.pools) to.pool(pool);
    for (const auto& listener : config.listeners) to.listener(listener);
    for (SiteId id = 0; id < config.sites.size(); ++id) to.site(config.sites[id], id);
    return std::move(to.out);
}

std::string print(const HealthCheck& check, const Config& config) {
    printing::Printer to(config);
    to.health_check(check);
    return std::move(to.out);
}

}  // namespace weir::ir
