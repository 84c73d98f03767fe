// SPDX-License-Identifier: Apache-2.0
// Words within one line: balance, cookie, redirect, stick-table and others:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "binary-lf", .where = in::tcp_check_expect, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Expects bytes made from a format."},
    {.name = "bwlim-in", .where = in::filter, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Limits the rate of uploads."},
    {.name = "bwlim-out", .where = in::filter, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Limits the rate of downloads."},
    {.name = "dynamic", .where = in::cookie, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Makes cookie values from a secret and the server."},
    {.name = "fcgi-app", .where = in::filter, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Speaks FastCGI as a section describes."},
    {.name = "fhdr", .where = in::http_check_expect, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Expects a field as a whole."},
    {.name = "hash", .where = in::balance, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Picks a server by the hash of an expression."},
    {.name = "health", .where = in::mode,
     .support = refused("use monitor-uri or http-request return"),
     .summary = "Answered every connection as healthy."},
    {.name = "iso", .where = in::log_name, .support = not_yet(),
     .summary = "Adds an ISO 8601 date in front."},
    {.name = "local", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the old syslog form without a host name."},
    {.name = "log", .where = in::mode, .since = "3.x", .support = not_yet(),
     .summary = "Takes log messages."},
    {.name = "log-hash", .where = in::balance, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Picks a log server by the hash of the message."},
    {.name = "maxidle", .where = in::cookie, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Limits how long the cookie holds without use."},
    {.name = "maxlife", .where = in::cookie, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Limits how long the cookie holds."},
    {.name = "opentracing", .where = in::filter, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Sends traces by OpenTracing."},
    {.name = "priority", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the priority in front of the message."},
    {.name = "raw", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the message alone."},
    {.name = "rdp-cookie", .where = in::balance, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Picks a server by the hash of the RDP cookie."},
    {.name = "rfc3164", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the old syslog form."},
    {.name = "rfc5424", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the new syslog form."},
    {.name = "short", .where = in::log_name, .support = not_yet(),
     .summary = "Writes the level in front of the message."},
    {.name = "spoe", .where = in::filter, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Asks external agents about traffic."},
    {.name = "spop", .where = in::mode, .since = "3.x", .support = not_yet(),
     .summary = "Speaks the agent protocol."},
    {.name = "sticky", .where = in::balance, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Keeps to one log server until it fails."},
    {.name = "string-lf", .where = in::tcp_check_expect, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Expects a text made from a format."},
    {.name = "timed", .where = in::log_name, .support = not_yet(),
     .summary = "Writes level and date in front of the message."},
    {.name = "trace", .where = in::filter, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Prints what filters see, for debugging."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> options_tables() { return {rows}; }

}  // namespace weir::haproxy::other
