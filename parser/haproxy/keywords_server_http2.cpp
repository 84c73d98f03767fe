// SPDX-License-Identifier: Apache-2.0
// Rows of HTTP/2 towards servers: proto and ws of server lines, tune.h2.be.* of the global section.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::ignored;
using keyword::number;
using keyword::word;

constexpr std::int64_t largest_window = 0x7fffffff;   // RFC 9113 section 6.9.1

ir::Server& server_of(keyword::Scope& scope) { return own(scope).server->server; }

void lower_proto(keyword::Scope& scope, const Call& call) {
    if (auto http2 = reads_as_http2(scope, call, "server")) server_of(scope).http2 = *http2;
}

void lower_ws(keyword::Scope& scope, const Call& call) {
    using WebSocket = ir::Server::WebSocket;
    if (call[0].text == "h2") {
        scope.error(call[0].span, "not-supported",
                    "\"ws h2\" is known to HAProxy, not yet in weir",
                    "use \"ws h1\" where the server speaks HTTP/1 as well");
        return;
    }
    server_of(scope).web_socket = call[0].text == "h1" ? WebSocket::http1 : WebSocket::as_others;
}

template <auto Member>
void set_number(keyword::Scope& scope, const Call& call) {
    own(scope).load.server_http2.*Member = static_cast<std::uint32_t>(call[0].number);
}

using H = ir::ForwardSettings::Http2;

constexpr auto rows = sorted({
    {.name = "proto", .where = in::server, .args = {word("name")}, .apply = lower_proto, .since = "1.8",
     .summary = "The protocol spoken to the server, without negotiation: h1 or h2."},
    {.name = "tune.h2.be.glitches-threshold", .where = in::global,
     .args = {number("count", 0, largest_window)}, .apply = set_number<&H::max_idle_frames>,
     .fallback = "0", .since = "3.0",
     .summary = "Ends HTTP/2 connections of servers after so many frames in a row that lead nowhere."},
    {.name = "tune.h2.be.initial-window-size", .where = in::global,
     .args = {number("bytes", 0, largest_window)}, .apply = set_number<&H::window>,
     .fallback = "65535", .since = "2.7",
     .summary = "How much of an answer a server may send before anybody reads it."},
    {.name = "tune.h2.be.max-concurrent-streams", .where = in::global,
     .args = {number("count", 1, largest_window)}, .apply = set_number<&H::max_streams>,
     .fallback = "100", .since = "2.7",
     .summary = "Most requests at one time on a connection to a server."},
    {.name = "tune.h2.be.max-frames-at-once", .where = in::global,
     .args = keyword::Signature::count(1, 1), .since = "3.4",
     .support = ignored("a connection reads a bounded amount in its turn"),
     .summary = "Limits the HTTP/2 frames of a server handled at once."},
    {.name = "tune.h2.be.rxbuf", .where = in::global, .args = keyword::Signature::count(1, 1),
     .since = "3.1", .support = ignored("the window of each stream bounds what lies here"),
     .summary = "Sets the HTTP/2 receive buffers towards servers."},
    {.name = "ws", .where = in::server, .args = {keyword::choice("auto|h1|h2")}, .apply = lower_ws,
     .fallback = "auto", .since = "2.5",
     .summary = "What carries WebSocket to the server: as other requests, HTTP/1, or HTTP/2."},
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table server_http2_table() { return rows; }

}  // namespace weir::haproxy
