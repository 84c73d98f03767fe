// SPDX-License-Identifier: Apache-2.0
// Directives of stream that nginx sells:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "health_check_timeout", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "5s", .support = refused("use \"health_check\" with proxy_timeout"),
     .summary = "Limits the time of a check."},
    {.name = "keyval", .where = stream, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Makes a variable from a key and a store changed at run time."},
    {.name = "keyval_zone", .where = stream, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Declares the zone of a key-value store."},
    {.name = "mqtt", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .support = not_yet(),
     .summary = "Reads and writes MQTT messages in a session."},
    {.name = "mqtt_buffers", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "100 1k", .since = "1.25.1", .support = not_yet(),
     .summary = "Sets the buffers of MQTT messages."},
    {.name = "mqtt_preread", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .support = not_yet(),
     .summary = "Reads the MQTT connect message before a session is forwarded."},
    {.name = "mqtt_rewrite_buffer_size", .where = stream_server, .args = count(0, unbounded),
     .fallback = "4k", .support = not_yet(),
     .summary = "Sets the buffer that rewrites MQTT messages."},
    {.name = "mqtt_set_connect", .where = stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Sets a field of the MQTT connect message."},
    {.name = "num_map", .where = stream, .body = Body::entries, .support = not_yet(),
     .summary = "Makes a variable from ranges of numbers."},
    {.name = "state", .where = stream_upstream, .args = count(0, unbounded), .since = "1.9.7",
     .support = not_yet(),
     .summary = "Names the file that keeps the state of a group changed at run time."},
    {.name = "status_zone", .where = stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Names the zone that counts the sessions of a server."},
    {.name = "zone_sync", .where = stream_server, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Synchronizes shared zones between nodes."},
    {.name = "zone_sync_buffers", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "8 4k", .support = not_yet(),
     .summary = "Sets the buffers of zone synchronization."},
    {.name = "zone_sync_connect_retry_interval", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "1s", .support = not_yet(),
     .summary = "Sets the wait before a node is tried again."},
    {.name = "zone_sync_connect_timeout", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "5s", .support = not_yet(),
     .summary = "Limits the time to connect to a node."},
    {.name = "zone_sync_interval", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "1s", .support = not_yet(), .summary = "Sets how often zone changes are sent."},
    {.name = "zone_sync_recv_buffer_size", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "4k", .support = not_yet(),
     .summary = "Sets the buffer that receives zone changes."},
    {.name = "zone_sync_server", .where = stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Names another node of the cluster."},
    {.name = "zone_sync_ssl", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .support = not_yet(), .summary = "Uses TLS between nodes."},
    {.name = "zone_sync_ssl_certificate", .where = stream | stream_server,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Names the certificate shown to other nodes."},
    {.name = "zone_sync_ssl_certificate_key", .where = stream | stream_server,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Names the key of the certificate shown to other nodes."},
    {.name = "zone_sync_ssl_ciphers", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "DEFAULT", .support = not_yet(),
     .summary = "Lists the ciphers allowed between nodes."},
    {.name = "zone_sync_ssl_conf_command", .where = stream | stream_server,
     .args = count(0, unbounded), .since = "1.19.4", .support = not_yet(),
     .summary = "Passes a configuration command to OpenSSL for connections between nodes."},
    {.name = "zone_sync_ssl_crl", .where = stream | stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Names the file of revoked certificates of nodes."},
    {.name = "zone_sync_ssl_name", .where = stream | stream_server, .args = count(0, unbounded),
     .since = "1.15.7", .support = not_yet(),
     .summary = "Sets the name checked in certificates of nodes."},
    {.name = "zone_sync_ssl_password_file", .where = stream | stream_server,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Names the file with passphrases of the node's key."},
    {.name = "zone_sync_ssl_protocols", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "TLSv1.2 TLSv1.3", .support = not_yet(),
     .summary = "Lists the TLS versions allowed between nodes."},
    {.name = "zone_sync_ssl_server_name", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "off", .since = "1.15.7", .support = not_yet(),
     .summary = "Sends the node's name in the TLS handshake."},
    {.name = "zone_sync_ssl_trusted_certificate", .where = stream | stream_server,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Names the authorities of nodes' certificates."},
    {.name = "zone_sync_ssl_verify", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "off", .support = not_yet(), .summary = "Checks the certificates of nodes."},
    {.name = "zone_sync_ssl_verify_depth", .where = stream | stream_server,
     .args = count(0, unbounded), .fallback = "1", .support = not_yet(),
     .summary = "Limits the certificate chains of nodes."},
    {.name = "zone_sync_timeout", .where = stream | stream_server, .args = count(0, unbounded),
     .fallback = "5s", .support = not_yet(),
     .summary = "Limits the time without traffic between nodes."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_plus_tables() { return {rows}; }

}  // namespace weir::nginx::other
