// SPDX-License-Identifier: Apache-2.0
// Options of server lines:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "agent-addr", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the address of the agent."},
    {.name = "agent-check", .where = in::server, .support = not_yet(),
     .summary = "Asks an agent on the server for its state."},
    {.name = "agent-inter", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the time between questions to the agent."},
    {.name = "agent-port", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the port of the agent."},
    {.name = "agent-send", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the text sent to the agent."},
    {.name = "cc", .where = in::server, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Chooses the congestion control of TCP."},
    {.name = "check-pool-conn-name", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(),
     .summary = "Sets the name under which idle connections are reused by checks."},
    {.name = "check-proto", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the protocol of checks."},
    {.name = "check-reuse-pool", .where = in::server, .since = "3.x", .support = not_yet(),
     .summary = "Lets checks use idle connections."},
    {.name = "check-via-socks4", .where = in::server, .support = not_yet(),
     .summary = "Checks the server through its SOCKS proxy."},
    {.name = "from", .where = in::server, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Takes options from a named set of defaults."},
    {.name = "guid", .where = in::server, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Gives the server a unique id over reloads."},
    {.name = "hash-key", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Chooses what places the server on the hash ring."},
    {.name = "healthcheck", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Names the healthcheck section to use."},
    {.name = "idle-ping", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sends a ping over idle HTTP/2 connections."},
    {.name = "init-state", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sets the state before the first check."},
    {.name = "ktls", .where = in::server, .args = count(1, 1), .since = "3.x", .support = not_yet(),
     .summary = "Uses kernel TLS."},
    {.name = "log-bufsize", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sets the buffer of a log server."},
    {.name = "log-proto", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets the framing towards a log server."},
    {.name = "namespace", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Connects in a network namespace."},
    {.name = "no-agent-check", .where = in::server, .support = not_yet(),
     .summary = "Turns the agent off."},
    {.name = "no-check-reuse-pool", .where = in::server, .since = "3.x", .support = not_yet(),
     .summary = "Keeps checks from idle connections."},
    {.name = "no-tfo", .where = in::server, .support = not_yet(),
     .summary = "Does not use TCP fast open."},
    {.name = "npn", .where = in::server, .args = count(1, 1), .support = refused("use alpn"),
     .summary = "Offers protocols by an extension that is gone."},
    {.name = "observe", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Watches traffic for errors."},
    {.name = "on-error", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets what happens after too many observed errors."},
    {.name = "on-marked-up", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Sets what happens when the server comes up."},
    {.name = "pool-conn-name", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sets the name under which idle connections are shared."},
    {.name = "quic-cc-algo", .where = in::server, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Chooses the congestion control of QUIC."},
    {.name = "redir", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Redirects requests to this address instead of forwarding them."},
    {.name = "resolvers", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Names the DNS servers of the server's name."},
    {.name = "shard", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Sets which part of a table a peer holds."},
    {.name = "socks4", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Connects through a SOCKS proxy."},
    {.name = "strict-maxconn", .where = in::server, .since = "3.x", .support = not_yet(),
     .summary = "Counts idle connections against the limit, too."},
    {.name = "tcp-md5sig", .where = in::server, .args = count(1, 1), .since = "3.x",
     .support = not_yet(), .summary = "Signs TCP segments by MD5."},
    {.name = "tcp-ut", .where = in::server, .args = count(1, 1), .support = not_yet(),
     .summary = "Limits the time for which sent data may stay unacknowledged."},
    {.name = "tfo", .where = in::server, .support = not_yet(), .summary = "Uses TCP fast open."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> server_tables() { return {rows}; }

}  // namespace weir::haproxy::other
