// SPDX-License-Identifier: Apache-2.0
// Rows of HTTP/2 towards clients: tune.h2.* of the global section, "proto" of bind lines, the options
// of proxies.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::ignored;
using keyword::number;
using keyword::word;

constexpr std::int64_t largest_window = 0x7fffffff;   // RFC 9113 section 6.9.1

template <auto Member>
void set_number(keyword::Scope& scope, const Call& call) {
    own(scope).load.http2.*Member = static_cast<std::uint32_t>(call[0].number);
}

void lower_no_websocket(keyword::Scope& scope, const Call&) {
    own(scope).load.http2.extended_connect = false;
}

void lower_proto(keyword::Scope& scope, const Call& call) {
    auto http2 = reads_as_http2(scope, call, "listener");
    if (!http2) return;
    for (auto& listener : *own(scope).listeners)
        listener.http2 = *http2 ? ir::Listener::Http2::only : ir::Listener::Http2::never;
}

void lower_disable_upgrade(keyword::Scope& scope, const Call&) {
    scope.settings().http2.edit().on = own(scope).negated || own(scope).defaulted;
}

constexpr Keyword tune(std::string_view name, keyword::Signature args, keyword::Apply apply,
                       std::string_view fallback, std::string_view since, std::string_view summary) {
    return {.name = name,
            .where = in::global,
            .args = args,
            .apply = apply,
            .fallback = fallback,
            .since = since,
            .summary = summary};
}

using H = ir::Http2;

constexpr auto rows = sorted({
    {.name = "h2-workaround-bogus-websocket-clients", .where = in::global,
     .apply = lower_no_websocket,
     .summary = "Does not offer WebSocket over HTTP/2 (RFC 8441)."},
    {.name = "option disable-h2-upgrade", .where = in::defaults | in::frontend | in::listen,
     .apply = lower_disable_upgrade,
     .summary = "Takes a connection that begins with the preface of HTTP/2 for HTTP/1 all the same."},
    {.name = "proto", .where = in::bind, .args = {word("name")}, .apply = lower_proto,
     .summary = "The protocol of the listener, without negotiation: h1 or h2."},
    tune("tune.h2.fe.glitches-threshold", {number("count", 0, largest_window)},
         set_number<&H::glitches>, "0", "3.0",
         "Ends HTTP/2 connections of clients with so many violations; 0 counts work alone."),
    tune("tune.h2.fe.initial-window-size", {number("bytes", 0, largest_window)},
         set_number<&H::window>, "65535", "2.7",
         "How much of a body a client may send before anybody reads it."),
    tune("tune.h2.fe.max-concurrent-streams", {number("count", 1, largest_window)},
         set_number<&H::max_streams>, "100", "2.7",
         "Most requests at one time on a client's HTTP/2 connection."),
    {.name = "tune.h2.fe.max-rst-at-once", .where = in::global,
     .args = {number("count", 0, largest_window)}, .since = "3.2",
     .support = ignored("weir holds what a client cancels against the work it caused"),
     .summary = "Most resets of a client handled at once."},
    tune("tune.h2.fe.max-total-streams", {number("count", 0, largest_window)},
         set_number<&H::total_streams>, "0", "2.9",
         "Closes a client's HTTP/2 connection after so many requests; 0 never."),
    tune("tune.h2.header-table-size", {number("bytes", 0, 65535)}, set_number<&H::table>, "4096",
         "1.8", "Size of the table that compresses request fields."),
    tune("tune.h2.initial-window-size", {number("bytes", 0, largest_window)},
         set_number<&H::window>, "65535", "1.8", "Window of HTTP/2 streams."),
    tune("tune.h2.max-concurrent-streams", {number("count", 1, largest_window)},
         set_number<&H::max_streams>, "100", "1.8", "Most requests at one time on a connection."),
    tune("tune.h2.max-frame-size", {number("bytes", 16384, 16777215)}, set_number<&H::max_frame>,
         "16384", "1.8", "Largest HTTP/2 frame taken."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

std::optional<bool> reads_as_http2(keyword::Scope& scope, const Call& call, std::string_view whose) {
    auto name = call[0].text;
    if (name == "h1" || name == "h2") return name == "h2";
    if (name == "fcgi" || name == "spop" || name == "quic")
        scope.error(call[0].span, "not-supported",
                    fmt::format("\"proto {}\" is known to HAProxy, not yet in weir", name),
                    "weir speaks h1 and h2 here");
    else
        scope.error(call[0].span, "invalid-value", fmt::format("\"{}\" is not valid; expected h1 or h2", name),
                    fmt::format("of the protocols a {} can have without negotiation weir speaks these two", whose));
    return std::nullopt;
}

keyword::Table http2_table() { return rows; }

}  // namespace weir::haproxy
