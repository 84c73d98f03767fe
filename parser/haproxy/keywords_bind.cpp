// SPDX-License-Identifier: Apache-2.0
// bind: the row, its addresses, and the rows of its options.
#include <fmt/format.h>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/logs.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::ignored;
using keyword::number;
using keyword::opt;
using keyword::word;

// Runs for each listener of the line.
template <class Change>
void each(keyword::Scope& scope, Change change) {
    for (auto& listener : *own(scope).listeners) change(listener);
}

template <auto Member>
void set_number(keyword::Scope& scope, const Call& call) {
    each(scope, [&](ir::Listener& listener) {
        listener.*Member =
            static_cast<std::remove_reference_t<decltype(listener.*Member)>>(call[0].number);
    });
}
template <auto Member>
void set_flag(keyword::Scope& scope, const Call&) {
    each(scope, [&](ir::Listener& listener) { listener.*Member = true; });
}
template <auto Member>
void set_text(keyword::Scope& scope, const Call& call) {
    each(scope, [&](ir::Listener& listener) { listener.*Member = std::string(call[0].text); });
}

void lower_name(keyword::Scope& scope, const Call& call) {
    set_text<&ir::Listener::name>(scope, call);
    each(scope, [](ir::Listener& listener) { listener.named = true; });
}
void lower_id(keyword::Scope& scope, const Call& call) {
    if (own(scope).listeners->size() == 1) return set_number<&ir::Listener::id>(scope, call);
    scope.error(call.span, "ambiguous-id", "\"id\" is for one socket, but this line has several",
                "write a line for each address");
}

void lower_v4v6(keyword::Scope& scope, const Call&) {
    each(scope, [](ir::Listener& listener) { listener.ipv6_only = false; });
}
void lower_v6only(keyword::Scope& scope, const Call&) {
    each(scope, [](ir::Listener& listener) { listener.ipv6_only = true; });
}
void lower_accept_proxy(keyword::Scope& scope, const Call& call) {
    set_flag<&ir::Listener::accepts_proxy_header>(scope, call);
    set_flag<&ir::Listener::proxy_header_names_client>(scope, call);
}

void lower_tfo(keyword::Scope& scope, const Call&) {
    each(scope, [](ir::Listener& listener) { listener.fast_open = 256; });
}
void lower_mode(keyword::Scope& scope, const Call& call) {
    auto mode = read_mode(own(scope), call[0]);
    each(scope, [&](ir::Listener& listener) { listener.permissions.mode = mode; });
}
void lower_user(keyword::Scope& scope, const Call& call) {
    each(scope,
         [&](ir::Listener& listener) { listener.permissions.user = std::string(call[0].text); });
}
void lower_group(keyword::Scope& scope, const Call& call) {
    each(scope,
         [&](ir::Listener& listener) { listener.permissions.group = std::string(call[0].text); });
}

// --------------------------------------------------------------------------------- address

void add_listener(Scope& scope, const Argument& word_, const Address& address,
                  std::vector<ir::Listener>& out) {
    ir::Listener listener;
    listener.endpoint = address.endpoint;
    listener.span = word_.span;
    if (address.kind != Address::Kind::inet) {
        out.push_back(std::move(listener));
        return;
    }
    if (!address.host.empty()) {
        auto found = scope.sources.resolve(address.host);
        if (!found && !found.error().left_out()) {
            scope.error(word_.span, "unknown-host",
                        fmt::format("cannot look up \"{}\": {}", address.host, found.error().text));
            return;
        }
        if (found && !found->empty()) listener.endpoint.ip = found->front();
    }
    for (unsigned port = address.endpoint.port; port <= address.last_port; ++port) {
        listener.endpoint.port = static_cast<std::uint16_t>(port);
        out.push_back(listener);
    }
}

bool add_address(Scope& scope, const Argument& word_, std::vector<ir::Listener>& out) {
    auto address = parse_address(with_environment(scope.sources, word_.text));
    if (!address) {
        scope.error(word_.span, "invalid-address",
                    fmt::format("\"{}\" is not valid; expected {}", word_.text, address.error()));
        return false;
    }
    if (address->kind == Address::Kind::descriptor) {
        ir::Listener listener;
        listener.span = word_.span;
        listener.endpoint.descriptor = address->descriptor;
        out.push_back(listener);
        return true;
    }
    if (address->datagram) {
        scope.error(
            word_.span, "not-supported",
            fmt::format("binding to \"{}\" is known to HAProxy, not yet in weir", word_.text));
        return false;
    }
    if (address->kind == Address::Kind::inet &&
        (!address->has_port || address->endpoint.port == 0 || address->offset)) {
        scope.error(word_.span, "invalid-address",
                    fmt::format("\"{}\" has no port to listen on", word_.text),
                    "write address:port, such as :80 or 127.0.0.1:8080");
        return false;
    }
    add_listener(scope, word_, *address, out);
    return true;
}

// bind [address]:port[-port][, ...] [options]
void lower_bind(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    std::vector<ir::Listener> made;
    auto rest = call[0].text;
    for (std::size_t at = 0; at <= call[0].text.size();) {
        auto comma = call[0].text.find(',', at);
        auto end = comma == std::string_view::npos ? call[0].text.size() : comma;
        Argument one{.text = rest.substr(at, end - at), .span = inside(call[0], at, end - at)};
        if (!add_address(here, one, made)) break;
        at = end + 1;
    }
    // Options apply to all of them; with none left they are still checked.
    bool none = made.empty();
    if (none) made.emplace_back();
    here.listeners = &made;
    BindTlsWords tls;
    tls.profile = here.load.bind_tls.profile;
    here.bind_tls = &tls;
    lower_options(here, call.args.subspan(1), in::bind);
    here.listeners = nullptr;
    here.bind_tls = nullptr;
    finish_bind_tls(here, tls, made);
    if (none) return;
    auto& all = here.draft->listeners;
    all.insert(all.end(), std::make_move_iterator(made.begin()),
               std::make_move_iterator(made.end()));
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary) {
    return {.name = name, .where = in::bind, .args = args, .apply = apply, .summary = summary};
}
constexpr Keyword harmless(std::string_view name, std::uint8_t count, std::string_view reason,
                           std::string_view summary) {
    return {.name = name,
            .where = in::bind,
            .args = keyword::Signature::count(count, count),
            .support = ignored(reason),
            .summary = summary};
}

using L = ir::Listener;
constexpr std::string_view all_workers = "every worker serves every socket";

constexpr auto options = sorted({
    row("accept-proxy", {}, lower_accept_proxy, "Expects a PROXY header."),
    row("backlog", {number("connections", 0)}, set_number<&L::backlog>,
        "Most connections that wait to be accepted."),
    row("defer-accept", {}, set_flag<&L::defer_accept>, "Accepts when data came."),
    row("gid", {word("number")}, lower_group, "Group of a Unix socket, by number."),
    row("group", {word("name")}, lower_group, "Group of a Unix socket."),
    row("id", {number("id", 1, 0xffffffff)}, lower_id, "A number for the socket (so_id)."),
    row("interface", {word("name")}, set_text<&L::device>, "Takes packets of one interface."),
    row("maxconn", {number("connections", 0)}, set_number<&L::max_connections>,
        "Most connections of this socket."),
    row("mode", {word("mode")}, lower_mode, "Mode of a Unix socket."),
    row("mss", {number("bytes", 1, 65535)}, set_number<&L::mss>, "Largest TCP segment."),
    row("name", {word("name")}, lower_name, "Name of the socket (so_name)."),
    harmless("nice", 1, "all sockets have the same urgency", "Urgency of the socket's sessions."),
    harmless("process", 1, all_workers, "Binds the socket to processes."),
    harmless("shards", 1, "weir chooses how workers share a socket", "Number of sockets."),
    row("tfo", {}, lower_tfo, "TCP Fast Open."),
    harmless("thread", 1, all_workers, "Binds the socket to threads."),
    row("transparent", {}, set_flag<&L::transparent>, "Binds to a foreign address."),
    row("uid", {word("number")}, lower_user, "User of a Unix socket, by number."),
    row("user", {word("name")}, lower_user, "User of a Unix socket."),
    row("v4v6", {}, lower_v4v6, "Takes IPv4 on an IPv6 socket."),
    row("v6only", {}, lower_v6only, "Takes IPv6 only."),
});
static_assert(keyword::well_formed(options));

constexpr Keyword lines[] = {
    {.name = "bind",
     .where = in::frontend | in::listen | in::peers,
     .args = {word("address"), keyword::any_number(word("option"))},
     .apply = lower_bind,
     .summary = "An address that clients connect to."},
};
static_assert(keyword::well_formed(lines));

}  // namespace

keyword::Table bind_table() { return options; }
keyword::Table bind_line_table() { return lines; }

}  // namespace weir::haproxy
