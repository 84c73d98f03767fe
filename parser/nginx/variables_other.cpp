// SPDX-License-Identifier: Apache-2.0
// Variables that weir knows by name and does not compute yet.
#include "parser/nginx/contexts.hpp"
#include "parser/nginx/tables.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Keyword;
using keyword::not_yet;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "acme_certificate", .where = http, .support = not_yet(),
     .summary = "Certificate that an ACME authority has issued for the server."},
    {.name = "acme_certificate_key", .where = http, .support = not_yet(),
     .summary = "Key of the certificate that an ACME authority has issued."},
    {.name = "ancient_browser", .where = http, .support = not_yet(),
     .summary = "Value set by ancient_browser_value when the browser counts as ancient."},
    {.name = "connections_active", .where = http, .support = not_yet(),
     .summary = "Connections open now."},
    {.name = "connections_reading", .where = http, .support = not_yet(),
     .summary = "Connections on which a request is being read."},
    {.name = "connections_waiting", .where = http, .support = not_yet(),
     .summary = "Connections that are idle."},
    {.name = "connections_writing", .where = http, .support = not_yet(),
     .summary = "Connections on which an answer is being sent."},
    {.name = "geoip_area_code", .where = http | stream, .support = not_yet(),
     .summary = "Telephone area code of the client's address."},
    {.name = "geoip_city", .where = http | stream, .support = not_yet(),
     .summary = "City of the client's address."},
    {.name = "geoip_city_continent_code", .where = http | stream, .support = not_yet(),
     .summary = "Continent of the client's address, by the city database."},
    {.name = "geoip_city_country_code", .where = http | stream, .support = not_yet(),
     .summary = "Country of the client's address in two letters, by the city database."},
    {.name = "geoip_city_country_code3", .where = http | stream, .support = not_yet(),
     .summary = "Country of the client's address in three letters, by the city database."},
    {.name = "geoip_city_country_name", .where = http | stream, .support = not_yet(),
     .summary = "Name of the client's country, by the city database."},
    {.name = "geoip_country_code", .where = http | stream, .support = not_yet(),
     .summary = "Country of the client's address in two letters."},
    {.name = "geoip_country_code3", .where = http | stream, .support = not_yet(),
     .summary = "Country of the client's address in three letters."},
    {.name = "geoip_country_name", .where = http | stream, .support = not_yet(),
     .summary = "Name of the client's country."},
    {.name = "geoip_dma_code", .where = http | stream, .support = not_yet(),
     .summary = "Media market code of the client's address."},
    {.name = "geoip_latitude", .where = http | stream, .support = not_yet(),
     .summary = "Latitude of the client's address."},
    {.name = "geoip_longitude", .where = http | stream, .support = not_yet(),
     .summary = "Longitude of the client's address."},
    {.name = "geoip_org", .where = http | stream, .support = not_yet(),
     .summary = "Organization that holds the client's address."},
    {.name = "geoip_postal_code", .where = http | stream, .support = not_yet(),
     .summary = "Postal code of the client's address."},
    {.name = "geoip_region", .where = http | stream, .support = not_yet(),
     .summary = "Region code of the client's address."},
    {.name = "geoip_region_name", .where = http | stream, .support = not_yet(),
     .summary = "Name of the client's region."},
    {.name = "http3", .where = http, .support = not_yet(),
     .summary = "\"h3\" when HTTP/3 is spoken with the client."},
    {.name = "jwt_claim_", .where = http, .support = not_yet(),
     .summary = "Claim NAME of the JSON web token."},
    {.name = "jwt_header_", .where = http, .support = not_yet(),
     .summary = "Header field NAME of the JSON web token."},
    {.name = "jwt_payload", .where = http, .since = "1.21.2", .support = not_yet(),
     .summary = "Content of a nested or encrypted JSON web token."},
    {.name = "memcached_key", .where = http, .support = not_yet(),
     .summary = "Key under which an answer is looked up in memcached."},
    {.name = "modern_browser", .where = http, .support = not_yet(),
     .summary = "Value set by modern_browser_value when the browser counts as modern."},
    {.name = "mqtt_preread_clientid", .where = stream, .support = not_yet(),
     .summary = "Client id of the MQTT connect message."},
    {.name = "mqtt_preread_username", .where = stream, .support = not_yet(),
     .summary = "User name of the MQTT connect message."},
    {.name = "msie", .where = http, .support = not_yet(),
     .summary = "\"1\" when the browser is an Internet Explorer."},
    {.name = "oidc_access_token", .where = http, .support = not_yet(),
     .summary = "Access token from the OpenID Connect provider."},
    {.name = "oidc_claim_", .where = http, .support = not_yet(),
     .summary = "Claim NAME of the OpenID Connect token."},
    {.name = "oidc_id_token", .where = http, .support = not_yet(),
     .summary = "Identity token from the OpenID Connect provider."},
    {.name = "oidc_userinfo", .where = http, .since = "1.29.0", .support = not_yet(),
     .summary = "Claims of the user from the OpenID Connect provider."},
    {.name = "otel_parent_id", .where = http | stream, .support = not_yet(),
     .summary = "Id of the parent span of the request."},
    {.name = "otel_parent_sampled", .where = http | stream, .support = not_yet(),
     .summary = "\"1\" when the parent span is sampled."},
    {.name = "otel_span_id", .where = http | stream, .support = not_yet(),
     .summary = "Id of the request's span."},
    {.name = "otel_trace_id", .where = http | stream, .support = not_yet(),
     .summary = "Id of the trace the request belongs to."},
    {.name = "proxy_add_via", .where = http, .support = not_yet(),
     .summary = "Via field of the request with this proxy added."},
    {.name = "proxy_internal_body_length", .where = http, .support = not_yet(),
     .summary = "Length of the body sent to the server."},
    {.name = "proxy_internal_chunked", .where = http, .support = not_yet(),
     .summary = "\"chunked\" when the body goes to the server in chunks."},
    {.name = "session_log_binary_id", .where = http, .support = not_yet(),
     .summary = "Id of the logged session in binary form."},
    {.name = "session_log_id", .where = http, .support = not_yet(),
     .summary = "Id of the logged session."},
    {.name = "ssl_ech_outer_server_name", .where = http | stream, .since = "1.29.4",
     .support = not_yet(), .summary = "Name in the outer part of an encrypted client hello."},
    {.name = "ssl_ech_status", .where = http | stream, .since = "1.29.4", .support = not_yet(),
     .summary = "Outcome of an encrypted client hello."},
    {.name = "time_iso8601_ms", .where = http | stream, .since = "1.29.8", .support = not_yet(),
     .summary = "Local time in ISO 8601 form with milliseconds."},
    {.name = "uid_got", .where = http, .support = not_yet(),
     .summary = "Name and value of the identifying cookie received."},
    {.name = "uid_reset", .where = http, .support = not_yet(),
     .summary = "When set, makes the identifying cookie new."},
    {.name = "uid_set", .where = http, .support = not_yet(),
     .summary = "Name and value of the identifying cookie sent."},
    {.name = "upstream_last_addr", .where = http | stream, .since = "1.29.3", .support = not_yet(),
     .summary = "Address of the last server that was tried."},
    {.name = "upstream_last_server_name", .where = http, .since = "1.25.3", .support = not_yet(),
     .summary = "Name of the last server that was tried."},
    {.name = "upstream_queue_time", .where = http, .since = "1.13.9", .support = not_yet(),
     .summary = "Time spent waiting for a free server."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

constexpr keyword::Table tables[] = {rows};

}  // namespace

std::span<const keyword::Table> other_variables() { return tables; }

}  // namespace weir::nginx
