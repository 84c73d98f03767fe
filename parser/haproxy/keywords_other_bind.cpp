// SPDX-License-Identifier: Apache-2.0
// Options of bind lines and certificate lists:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "accept-netscaler-cip", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Expects the address insertion of a NetScaler."},
    {.name = "cc", .where = in::bind, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Chooses the congestion control of TCP."},
    {.name = "ech", .where = in::bind, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Names the folder with keys for encrypted client hello."},
    {.name = "expose-fd", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Hands listening sockets over at a restart."},
    {.name = "guid-prefix", .where = in::bind, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sets the start of unique ids of the sockets."},
    {.name = "idle-ping", .where = in::bind, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sends a ping to idle HTTP/2 clients."},
    {.name = "label", .where = in::bind, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Gives the socket a label."},
    {.name = "level", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets what the runtime socket may do."},
    {.name = "namespace", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Binds in a network namespace."},
    {.name = "nbconn", .where = in::bind, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Limits the connections of a reverse listener."},
    {.name = "quic-cc-algo", .where = in::bind, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Chooses the congestion control of QUIC."},
    {.name = "quic-force-retry", .where = in::bind, .support = not_yet(),
     .summary = "Makes QUIC clients prove their address."},
    {.name = "quic-socket", .where = in::bind, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Chooses how QUIC connections use sockets."},
    {.name = "severity-output", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Adds the severity to answers of the runtime socket."},
    {.name = "tcp-md5sig", .where = in::bind, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Signs TCP segments by MD5."},
    {.name = "tcp-ss", .where = in::bind, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Keeps the first packets of a connection for inspection."},
    {.name = "tcp-ut", .where = in::bind, .args = count(1, 1), .support = not_yet(),
     .summary = "Limits the time for which sent data may stay unacknowledged."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> bind_tables() { return {rows}; }

}  // namespace weir::haproxy::other
