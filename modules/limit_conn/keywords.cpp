// SPDX-License-Identifier: Apache-2.0
// The rows of limit_conn and its kin, in http and in stream.
#include <fmt/format.h>

#include <algorithm>

#include "modules/limit_conn/conf.hpp"
#include "modules/limit_conn/rows.hpp"
#include "parser/keyword/zones.hpp"
#include "parser/nginx/contexts.hpp"

namespace weir::modules::limit_conn {

namespace {

using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using namespace nginx::context;

constexpr std::string_view here = "limit_conn";

Conf& conf_of(Scope& scope) { return scope.module_conf<Conf>(here); }

// limit_conn_zone KEY zone=NAME:SIZE
void lower_zone(Scope& scope, const Call& call) {
    if (!call[1].text.starts_with("zone="))
        return scope.error(call[1].span, "invalid-parameter",
                           fmt::format("invalid parameter \"{}\" of \"limit_conn_zone\"", call[1].text),
                           "syntax: limit_conn_zone key zone=name:size");
    auto words = keyword::parse_zone(scope, call[1], call[1].text.substr(5));
    if (!words) return;
    if (auto* zone = keyword::declare_zone(scope, call, *words, here, call[0]))
        zone->columns.push_back({.what = ir::Zone::Column::What::connections});
}

// limit_conn ZONE NUMBER
void lower_limit(Scope& scope, const Call& call) {
    Conf::Limit limit;
    limit.zone = keyword::zone_of(scope, call[0].text, here, call[0].span);
    limit.most = static_cast<std::uint32_t>(call[1].number);
    auto& conf = conf_of(scope);
    if (keyword::begins_list(scope, conf.owner)) conf.limits.clear();
    auto same = [&](const Conf::Limit& one) { return one.zone == limit.zone; };
    if (std::any_of(conf.limits.begin(), conf.limits.end(), same))
        return scope.error(call.span, "duplicate",
                           fmt::format("\"limit_conn\" is duplicate for zone \"{}\"", call[0].text));
    conf.limits.push_back(limit);
}

void lower_status(Scope& scope, const Call& call) {
    conf_of(scope).status = static_cast<std::uint16_t>(call[0].number);
}
void lower_log_level(Scope& scope, const Call& call) {
    conf_of(scope).log_level = 6 - static_cast<int>(call[0].number);
}
void lower_dry_run(Scope& scope, const Call& call) { conf_of(scope).dry_run = call[0].number != 0; }

constexpr auto everywhere = http | server | location | stream | stream_server;

// clang-format off
constexpr Keyword table[] = {
    {.name = "limit_conn", .where = everywhere,
     .args = {keyword::word("zone"), keyword::number("number", 1, 65535)},
     .apply = lower_limit, .inherit = Inherit::replace_list,
     .summary = "Limits the connections for one key of a zone."},
    {.name = "limit_conn_dry_run", .where = everywhere, .args = {keyword::flag()},
     .apply = lower_dry_run, .fallback = "off", .since = "1.17.6",
     .summary = "Counts connections over the limit without refusing them."},
    {.name = "limit_conn_log_level", .where = everywhere, .args = {keyword::choice("info|notice|warn|error")},
     .apply = lower_log_level, .fallback = "error", .since = "0.8.18",
     .summary = "Sets the level of messages about refused connections."},
    {.name = "limit_conn_status", .where = http | server | location, .args = {keyword::number("code", 400, 599)},
     .apply = lower_status, .fallback = "503", .since = "1.3.15",
     .summary = "Sets the status of refused connections."},
    {.name = "limit_conn_zone", .where = http | stream, .args = {keyword::text("key"), keyword::word("zone=name:size")},
     .apply = lower_zone, .inherit = Inherit::none, .since = "1.1.8",
     .summary = "Declares the zone that counts connections by key."},
};
// clang-format on
static_assert(keyword::well_formed(table));

}  // namespace

keyword::Table nginx_rows() { return table; }

}  // namespace weir::modules::limit_conn
