// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/contexts.hpp"

namespace weir::nginx {

namespace {

constexpr keyword::ContextName names[] = {
    {context::main, "main"},
    {context::events, "events"},
    {context::http, "http"},
    {context::server, "server"},
    {context::location, "location"},
    {context::if_in_server, "if in server"},
    {context::if_in_location, "if in location"},
    {context::limit_except, "limit_except"},
    {context::upstream, "upstream"},
    {context::stream, "stream"},
    {context::stream_server, "server in stream"},
    {context::stream_upstream, "upstream in stream"},
    {context::mail, "mail"},
    {context::mail_server, "server in mail"},
    {context::map_block, "map"},
    {context::geo_block, "geo"},
    {context::stream_map_block, "map in stream"},
    {context::stream_geo_block, "geo in stream"},
    {context::match_block, "match"},
    {context::stream_match_block, "match in stream"},
    {context::mgmt, "mgmt"},
    {context::oidc_provider, "oidc_provider"},
    {context::acme_issuer, "acme_issuer"},
    {context::otel_exporter, "otel_exporter"},
};

}  // namespace

const keyword::Language directive_language{"nginx", "directive", keyword::Units::nginx, names};
const keyword::Language variable_language{"nginx", "variable", keyword::Units::nginx, names};

}  // namespace weir::nginx
