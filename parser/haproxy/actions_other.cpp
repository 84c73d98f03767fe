// SPDX-License-Identifier: Apache-2.0
// Actions of rules:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "accept", .where = in::quic_initial, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Accepts and ends the rules of this list."},
    {.name = "add-acl", .where = in::http_request | in::http_response, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Adds a pattern to an ACL."},
    {.name = "add-headers-bin",
     .where = in::http_request | in::http_response | in::http_after_response,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Adds fields given in binary form."},
    {.name = "attach-srv", .where = in::tcp_request_session, .args = count(0, unbounded),
     .since = "3.x", .support = not_yet(),
     .summary = "Hands the connection to a server for reverse use."},
    {.name = "close", .where = in::tcp_response_content, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Closes the connection to the server."},
    {.name = "del-acl", .where = in::http_after_response, .args = count(0, unbounded),
     .since = "3.x", .support = not_yet(), .summary = "Removes a pattern from an ACL."},
    {.name = "del-headers-bin",
     .where = in::http_request | in::http_response | in::http_after_response,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Removes fields whose names are given in binary form."},
    {.name = "del-map", .where = in::http_after_response, .args = count(0, unbounded),
     .since = "3.x", .support = not_yet(), .summary = "Removes an entry from a map."},
    {.name = "dgram-drop", .where = in::quic_initial, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Drops the packet silently."},
    {.name = "do-log",
     .where = in::http_request | in::http_response | in::http_after_response |
               in::tcp_request_connection | in::tcp_request_session | in::tcp_request_content |
               in::tcp_response_content | in::quic_initial,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Writes a log line now."},
    {.name = "do-resolve", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .support = not_yet(), .summary = "Looks up a name by DNS."},
    {.name = "expect-netscaler-cip", .where = in::tcp_request_connection,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Expects the address insertion of a NetScaler."},
    {.name = "normalize-uri", .where = in::http_request, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Brings the URI into a normal form."},
    {.name = "ot-group",
     .where = in::http_request | in::http_response | in::http_after_response |
               in::tcp_request_content | in::tcp_response_content,
     .args = count(0, unbounded), .support = not_yet(), .summary = "Runs a group of trace scopes."},
    {.name = "pause", .where = in::http_request | in::http_response, .args = count(0, unbounded),
     .since = "3.x", .support = not_yet(), .summary = "Waits for a time."},
    {.name = "prometheus-exporter", .where = in::service, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Answers with metrics for Prometheus."},
    {.name = "reject", .where = in::quic_initial, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Closes the connection."},
    {.name = "send-retry", .where = in::quic_initial, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Makes the QUIC client prove its address."},
    {.name = "send-spoe-group",
     .where = in::http_request | in::http_response | in::tcp_request_content |
               in::tcp_response_content,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Sends a group of messages to an agent."},
    {.name = "set-bandwidth-limit",
     .where = in::http_request | in::http_response | in::tcp_request_content |
               in::tcp_response_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Applies a bandwidth limit."},
    {.name = "set-bc-mark", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Marks packets to the server."},
    {.name = "set-bc-tos", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Sets the type of service of packets to the server."},
    {.name = "set-fc-mark",
     .where = in::http_request | in::http_response | in::tcp_request_connection |
               in::tcp_request_session | in::tcp_request_content | in::tcp_response_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Marks packets to the client."},
    {.name = "set-fc-tos",
     .where = in::http_request | in::http_response | in::tcp_request_connection |
               in::tcp_request_session | in::tcp_request_content | in::tcp_response_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Sets the type of service of packets to the client."},
    {.name = "set-headers-bin",
     .where = in::http_request | in::http_response | in::http_after_response,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Sets fields given in binary form."},
    {.name = "set-map", .where = in::http_after_response, .args = count(0, unbounded),
     .since = "3.x", .support = not_yet(), .summary = "Sets an entry of a map."},
    {.name = "set-priority-class", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Sets the class in the server's queue."},
    {.name = "set-priority-offset", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Sets the place within a class of the server's queue."},
    {.name = "set-retries", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .since = "3.x", .support = not_yet(),
     .summary = "Sets the number of retries."},
    {.name = "set-timeout", .where = in::http_request, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Sets a timeout of this session."},
    {.name = "switch-mode", .where = in::tcp_request_content, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Switches from TCP to HTTP."},
    {.name = "use-service", .where = in::http_request | in::tcp_request_content,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Answers by an internal service."},
    {.name = "wait-for-body", .where = in::http_response, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Waits for the body of the response."},
};
constexpr Keyword more_rows[] = {
    {.name = "del-acl", .where = in::http_request | in::http_response, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Removes a pattern from an ACL."},
    {.name = "del-map", .where = in::http_request | in::http_response, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Removes an entry from a map."},
    {.name = "set-map", .where = in::http_request | in::http_response, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Sets an entry of a map."},
    {.name = "set-timeout", .where = in::http_response, .args = count(0, unbounded), .since = "3.x",
     .support = not_yet(), .summary = "Sets a timeout of this session."},
};
// clang-format on

static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(more_rows));

}  // namespace

std::vector<keyword::Table> actions_tables() { return {rows, more_rows}; }

}  // namespace weir::haproxy::other
