// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/contexts.hpp"

namespace weir::nginx {

namespace {

struct Name {
    Contexts bit;
    const char* text;
};

constexpr Name names[] = {
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

const char* name_of_context(Contexts one) {
    for (const auto& name : names)
        if ((name.bit & one) != 0) return name.text;
    return "nowhere";
}

std::string names_of_contexts(Contexts set) {
    if (set == context::any) return "any block";
    std::string all;
    for (const auto& name : names) {
        if ((name.bit & set) == 0) continue;
        if (!all.empty()) all += ", ";
        all += name.text;
    }
    return all;
}

}  // namespace weir::nginx
