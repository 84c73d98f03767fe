// SPDX-License-Identifier: Apache-2.0
// server, default-server, server-template: the rows, addresses of servers, and their options.
#include <fmt/format.h>

#include <charconv>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using ir::Milliseconds;
using keyword::duration;
using keyword::ignored;
using keyword::number;
using keyword::word;

ServerWords& made(keyword::Scope& scope) { return *own(scope).server; }

template <auto Member>
void set_number(keyword::Scope& scope, const Call& call) {
    auto& target = made(scope).server.*Member;
    target = static_cast<std::remove_reference_t<decltype(target)>>(call[0].number);
}
template <auto Member>
void set_time(keyword::Scope& scope, const Call& call) {
    made(scope).server.*Member = Milliseconds(call[0].number);
}
template <auto Member, bool Value>
void set_flag(keyword::Scope& scope, const Call&) {
    made(scope).server.*Member = Value;
}
template <auto Member>
void set_text(keyword::Scope& scope, const Call& call) {
    made(scope).server.*Member = std::string(call[0].text);
}
template <auto Member>
void set_check_time(keyword::Scope& scope, const Call& call) {
    made(scope).check.*Member = Milliseconds(call[0].number);
}
template <auto Member>
void set_check_number(keyword::Scope& scope, const Call& call) {
    auto& target = made(scope).check.*Member;
    target = static_cast<std::remove_reference_t<decltype(target)>>(call[0].number);
}
template <bool Value>
void set_checked(keyword::Scope& scope, const Call&) {
    made(scope).checked = Value;
}

void lower_addr(keyword::Scope& scope, const Call& call) {
    auto address = parse_address(call[0].text);
    if (!address || !address->host.empty()) {
        scope.error(call[0].span, "invalid-address",
                    fmt::format("\"{}\" is not valid; expected an address to check", call[0].text));
        return;
    }
    made(scope).check.address = address->endpoint;
    if (address->has_port) made(scope).check.port = address->endpoint.port;
}

// source ADDRESS[:PORT] [usesrc ...] [interface ...]
void lower_source(keyword::Scope& scope, const Call& call) {
    auto address = parse_address(call[0].text);
    if (!address || address->kind != Address::Kind::inet || !address->host.empty()) {
        scope.error(
            call[0].span, "invalid-address",
            fmt::format("\"{}\" is not valid; expected an address to connect from", call[0].text));
        return;
    }
    auto& here = own(scope);
    if (here.next < here.words.size() &&
        (here.words[here.next].text == "usesrc" || here.words[here.next].text == "interface")) {
        scope.error(here.words[here.next].span, "not-supported",
                    fmt::format("\"{}\" of \"source\" is known to HAProxy, not yet in weir",
                                here.words[here.next].text));
        here.next = std::min(here.next + 2, here.words.size());
        return;
    }
    if (!address->any) made(scope).server.source = address->endpoint;
}

void lower_init_addr(keyword::Scope& scope, const Call& call) {
    auto list = call[0].text;
    while (!list.empty()) {
        auto comma = list.find(',');
        auto one = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        if (one == "none") {
            made(scope).may_stay_unresolved = true;
        } else if (one != "last" && one != "libc" && !value::parse_ip(one)) {
            scope.error(
                call[0].span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected last, libc, none or an address", one));
            return;
        }
    }
}

void lower_on_marked_down(keyword::Scope& scope, const Call&) {
    made(scope).server.on_marked_down = ir::Server::OnMarkedDown::shutdown_sessions;
}

// --------------------------------------------------------------------------------- address

// The servers' own names are looked up once, at start; a look-up that fails stops the start unless
// init-addr says none.
void look_up(Scope& scope, const Argument& word_, ServerWords& words) {
    auto& server = words.server;
    auto found = scope.sources.resolve(server.host);
    if (found) {
        if (found->empty()) return;
        ir::Endpoint endpoint;
        endpoint.ip = found->front();
        endpoint.port = server.port;
        server.endpoints.push_back(std::move(endpoint));
        return;
    }
    if (found.error().left_out() || words.may_stay_unresolved || words.named_resolvers) return;
    scope.error(word_.span, "unknown-host",
                fmt::format("cannot look up server \"{}\": {}", server.host, found.error().text),
                "add \"init-addr last,libc,none\" to start without the address");
}

bool read_server_address(Scope& scope, const Argument& word_, ServerWords& words) {
    auto address = parse_address(with_environment(scope.sources, word_.text));
    if (!address || address->kind == Address::Kind::descriptor || address->datagram ||
        (address->last_port != address->endpoint.port && !address->offset)) {
        scope.error(
            word_.span, "invalid-address",
            fmt::format("\"{}\" is not valid; expected {}", word_.text,
                        address ? "an address such as 10.0.0.1:80 or name:80" : address.error()));
        return false;
    }
    auto& server = words.server;
    server.port = address->endpoint.port;
    server.host = address->host;
    // Without a port, or with an offset, the port is the client's.
    server.port_is_offset =
        address->kind == Address::Kind::inet && (!address->has_port || address->offset);
    if (address->offset) server.port_offset = address->port_offset;
    if (server.host.empty()) server.endpoints.push_back(address->endpoint);
    return true;
}

// Option rows report more than once for one line, and one bad option hides no other line.
void read_options(Scope& scope, Args options, ServerWords& words) {
    scope.server = &words;
    lower_options(scope, options, in::server);
    scope.server = nullptr;
}

bool valid_name(Scope& scope, const Argument& name) {
    for (char c : name.text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-' || c == '.' || c == ':')) {
            scope.error(name.span, "invalid-name",
                        fmt::format("character '{}' is not allowed in the name of a server", c),
                        "use letters, digits, '-', '_', '.' and ':'");
            return false;
        }
    return true;
}

void lower_server(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    if (!valid_name(here, call[0])) return;
    // One that comes at run time takes no default-server, and waits to be enabled.
    auto& words = here.draft->servers.emplace_back(here.at_run_time ? *here.plain_server
                                                                    : here.draft->back->default_server);
    if (here.at_run_time) words.server.down = true;
    words.span = words.server.span = call[0].span;
    words.server.name = std::string(call[0].text);
    bool good = read_server_address(here, call[1], words);
    if (call.size() > 2) read_options(here, call.args.subspan(2), words);
    if (good && !words.server.host.empty()) look_up(here, call[1], words);
}

// ------------------------------------------------------------------- said at run time

std::optional<ir::Endpoint> ip_and_port(Scope& scope, const ServerWords& words, const std::string& ip, std::uint16_t port) {
    auto parsed = value::parse_ip(ip);
    if (!parsed) {
        scope.error(words.span, "invalid-value", fmt::format("\"{}\" is no address", ip));
        return std::nullopt;
    }
    ir::Endpoint endpoint;
    endpoint.ip = *parsed;
    endpoint.port = port;
    return endpoint;
}

std::optional<std::uint16_t> port_of(Scope& scope, const ServerWords& words, std::string_view text) {
    auto number = value::parse_number(text);
    if (number && *number >= 0 && *number <= 65535) return static_cast<std::uint16_t>(*number);
    scope.error(words.span, "invalid-value", fmt::format("\"{}\" is no port", text));
    return std::nullopt;
}

// "80"; with a sign it counts from the client's.
void take_port(Scope& scope, ServerWords& words, std::string_view text) {
    auto& server = words.server;
    server.port_is_offset = text.starts_with('+') || text.starts_with('-');
    auto number = port_of(scope, words, text.substr(server.port_is_offset ? 1 : 0));
    if (!number) return;
    server.port_offset = !server.port_is_offset ? 0 : text[0] == '-' ? -*number : *number;
    server.port = server.port_is_offset ? std::uint16_t{0} : *number;
    for (auto& endpoint : server.endpoints) endpoint.port = server.port;
}

}  // namespace

void move_server(Scope& scope, std::string_view section, ServerWords& words) {
    if (!scope.sources.has_places()) return;
    auto& server = words.server;
    auto& check = words.check;
    const auto says = fmt::format("{} {} {} {}", server.host.empty() && !server.endpoints.empty()
                                                     ? ir::to_string(server.endpoints.front())
                                                     : server.host,
                                  server.port, check.address ? ir::to_string(*check.address) : std::string("-"), check.port);
    const auto* place = scope.sources.place_of(fmt::format("{}/{}", section, server.name), says);
    if (!place) return;
    for (const auto& [word, value] : *place) {
        if (word == "addr") {
            if (auto endpoint = ip_and_port(scope, words, value, server.port)) server.endpoints = {*endpoint};
        } else if (word == "port") {
            take_port(scope, words, value);
        } else if (word == "check-addr") {
            check.address = ip_and_port(scope, words, value, 0);
        } else if (word == "check-port") {
            check.port = port_of(scope, words, value).value_or(check.port);
        }
    }
}

void lower_peer(Scope& here, const Call& call) {
    auto& words = here.draft->servers.emplace_back(here.draft->back->default_server);
    words.span = words.server.span = call[0].span;
    words.server.name = std::string(call[0].text);
    if (call.size() == 1) return;
    if (!read_server_address(here, call[1], words)) return;
    if (call.size() > 2) read_options(here, call.args.subspan(2), words);
    if (!words.server.host.empty()) look_up(here, call[1], words);
}

namespace {

void lower_default_server(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    read_options(here, call.args, here.back().default_server);
}

// server-template PREFIX NUM|FROM-TO ADDRESS [options]
void lower_server_template(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto range = call[1].text;
    int first = 1, last = 0;
    auto dash = range.find('-');
    auto number_of = [](std::string_view text, int& out) {
        auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), out);
        return failure == std::errc() && rest == text.data() + text.size();
    };
    bool good = dash == std::string_view::npos ? number_of(range, last)
                                               : number_of(range.substr(0, dash), first) &&
                                                     number_of(range.substr(dash + 1), last);
    if (!good || first < 0 || last < first || last - first > 65535) {
        scope.error(
            call[1].span, "invalid-value",
            fmt::format("\"{}\" is not valid; expected a count or a range such as 1-10", range));
        return;
    }
    ServerWords model = here.draft->back->default_server;
    model.span = model.server.span = call[0].span;
    if (!valid_name(here, call[0]) || !read_server_address(here, call[2], model)) return;
    read_options(here, call.args.subspan(3), model);
    // One address of the name for each; those without one start down.
    std::vector<IpAddress> addresses;
    bool named = !model.server.host.empty();
    if (named) {
        auto found = here.sources.resolve(model.server.host);
        if (found) addresses = *found;
    }
    for (int i = first; i <= last; ++i) {
        auto words = model;
        words.server.name = fmt::format("{}{}", call[0].text, i);
        auto index = static_cast<std::size_t>(i - first);
        if (named && index < addresses.size()) {
            ir::Endpoint endpoint;
            endpoint.ip = addresses[index];
            endpoint.port = model.server.port;
            words.server.endpoints = {endpoint};
        } else if (named && !addresses.empty()) {
            words.server.down = true;
        }
        here.draft->servers.push_back(std::move(words));
    }
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary, std::string_view fallback = {}) {
    return {.name = name,
            .where = in::server,
            .args = args,
            .apply = apply,
            .fallback = fallback,
            .summary = summary};
}
constexpr Keyword harmless(std::string_view name, std::uint8_t count, std::string_view reason,
                           std::string_view summary) {
    return {.name = name,
            .where = in::server,
            .args = keyword::Signature::count(count, count),
            .support = ignored(reason),
            .summary = summary};
}

using S = ir::Server;
using H = ir::HealthCheck;
constexpr keyword::Signature time_arg = {duration("time", 1)};
constexpr keyword::Signature count_arg = {number("count", 1)};
constexpr std::string_view idle = "idle connections are bounded per pool";
constexpr std::string_view looks_up_once = "names are looked up when the configuration is loaded";

constexpr auto options = sorted({
    row("addr", {word("address")}, lower_addr, "Address that is checked."),
    row("backup", {}, set_flag<&S::backup, true>, "Used when the others are down."),
    row("check", {}, set_checked<true>, "Checks the server's health."),
    row("cookie", {word("value")}, set_text<&S::cookie>, "Value of the persistence cookie."),
    row("disabled", {}, set_flag<&S::down, true>, "Starts out of use."),
    row("downinter", time_arg, set_check_time<&H::down_interval>, "Interval while down."),
    row("enabled", {}, set_flag<&S::down, false>, "Starts in use."),
    harmless("error-limit", 1, "it counts only with observe", "Errors before on-error."),
    row("fall", count_arg, set_check_number<&H::fall>, "Failures before down.", "3"),
    row("fastinter", time_arg, set_check_time<&H::fast_interval>, "Interval between states."),
    row("id", {number("number", 1)}, set_number<&S::id>, "A number for the server."),
    row("init-addr", {word("methods")}, lower_init_addr, "How the name is looked up at start."),
    row("inter", time_arg, set_check_time<&H::interval>, "Interval between checks.", "2s"),
    row("max-reuse", {number("count", -1)}, set_number<&S::max_reuse>,
        "Requests on one connection."),
    row("maxconn", {number("connections", 0)}, set_number<&S::max_connections>,
        "Most connections at a time.", "0"),
    row("maxqueue", {number("requests", 0)}, set_number<&S::max_queue>, "Most queued requests.",
        "0"),
    row("minconn", {number("connections", 0)}, set_number<&S::min_connections>,
        "Connections at low load.", "0"),
    row("no-backup", {}, set_flag<&S::backup, false>, "Undoes backup."),
    row("no-check", {}, set_checked<false>, "Undoes check."),
    row("non-stick", {}, set_flag<&S::remembered, false>, "Is not remembered by stick lines."),
    row("on-marked-down", {keyword::choice("shutdown-sessions")}, lower_on_marked_down,
        "What happens to sessions when the server goes down."),
    harmless("pool-low-conn", 1, idle, "Idle connections to keep."),
    row("pool-max-conn", {number("connections", -1)}, set_number<&S::pool_max_idle>,
        "Most idle connections."),
    harmless("pool-purge-delay", 1, "an idle connection is closed after a minute",
             "How long idle connections stay."),
    row("port", {number("port", 0, 65535)}, set_check_number<&H::port>, "Port that is checked."),
    harmless("resolve-net", 1, looks_up_once, "Networks to prefer."),
    harmless("resolve-opts", 1, looks_up_once, "How answers are used."),
    harmless("resolve-prefer", 1, looks_up_once, "Family to prefer."),
    row("rise", count_arg, set_check_number<&H::rise>, "Successes before up.", "2"),
    row("slowstart", time_arg, set_time<&S::slow_start>, "Weight grows for this time."),
    row("source", {word("address")}, lower_source, "Address to connect from."),
    row("stick", {}, set_flag<&S::remembered, true>, "Is remembered by stick lines."),
    row("track", {word("server")}, set_text<&S::track>, "Shares the health of another server."),
    row("weight", {number("weight", 0, 256)}, set_number<&S::weight>, "Share of the load.", "1"),
});
static_assert(keyword::well_formed(options));

constexpr Keyword lines[] = {
    {.name = "default-server",
     .where = in::back_side | in::peers,
     .args = {keyword::many(word("option"))},
     .apply = lower_default_server,
     .summary = "Options of the servers that follow."},
    {.name = "server",
     .where = in::listen | in::backend,
     .args = {word("name"), word("address"), keyword::any_number(word("option"))},
     .apply = lower_server,
     .summary = "A server."},
    {.name = "server-template",
     .where = in::listen | in::backend,
     .args = {word("prefix"), word("count or range"), word("address"),
              keyword::any_number(word("option"))},
     .apply = lower_server_template,
     .summary = "A number of servers behind one name."},
};
static_assert(keyword::well_formed(lines));

}  // namespace

keyword::Table server_table() { return options; }
keyword::Table server_line_table() { return lines; }

}  // namespace weir::haproxy
