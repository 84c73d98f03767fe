// SPDX-License-Identifier: Apache-2.0
// The rows of limit_req and its kin.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "modules/limit_req/conf.hpp"
#include "modules/limit_req/rows.hpp"
#include "parser/keyword/zones.hpp"
#include "parser/nginx/contexts.hpp"
#include "parser/value/value.hpp"

namespace weir::modules::limit_req {

namespace {

using keyword::Argument;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using namespace nginx::context;

constexpr std::string_view here = "limit_req";

Conf& conf_of(Scope& scope) { return scope.module_conf<Conf>(here); }

void invalid(Scope& scope, const Call& call, const Argument& word, std::string hint) {
    scope.error(word.span, "invalid-parameter",
                fmt::format("invalid parameter \"{}\" of \"{}\"", word.text, call.name), std::move(hint));
}

// "10r/s", "30r/m" in thousandths per second; 0: none.
std::uint32_t parse_rate(std::string_view text) {
    const bool minutes = text.ends_with("r/m");
    if (!minutes && !text.ends_with("r/s")) return 0;
    auto number = value::parse_number(text.substr(0, text.size() - 3));
    if (!number || *number <= 0 || *number > 4000000) return 0;
    return static_cast<std::uint32_t>(*number * 1000 / (minutes ? 60 : 1));
}

// limit_req_zone KEY zone=NAME:SIZE rate=RATE [sync]
void lower_zone(Scope& scope, const Call& call) {
    std::optional<keyword::ZoneWords> words;
    std::uint32_t rate = 1000;
    for (const auto& word : call.args.subspan(1)) {
        if (word.text.starts_with("zone=")) {
            words = keyword::parse_zone(scope, word, word.text.substr(5));
            if (!words) return;
        } else if (word.text.starts_with("rate=")) {
            rate = parse_rate(word.text.substr(5));
            if (rate == 0)
                return scope.error(word.span, "invalid-rate", fmt::format("invalid rate \"{}\"", word.text),
                                   "write rate=10r/s or rate=30r/m");
        } else if (word.text == "sync") {
            return scope.error(word.span, "not-supported",
                               "\"sync\" of \"limit_req_zone\" is known to nginx, not yet in weir");
        } else {
            return invalid(scope, call, word, "syntax: limit_req_zone key zone=name:size rate=rate");
        }
    }
    if (!words)
        return scope.error(call.span, "argument-count", "\"limit_req_zone\" needs \"zone\"",
                           "syntax: limit_req_zone key zone=name:size rate=rate");
    if (auto* zone = keyword::declare_zone(scope, call, *words, here, call[0])) {
        zone->rate = rate;
        zone->columns.push_back({.what = ir::Zone::Column::What::level});
    }
}

// A number of requests behind "burst=" or "delay=".
bool read_count(Scope& scope, const Call& call, const Argument& word, std::size_t prefix, bool zero,
                std::uint64_t& into) {
    auto number = value::parse_number(word.text.substr(prefix));
    if (!number || *number < (zero ? 0 : 1)) {
        invalid(scope, call, word, "expected a number of requests, such as 20");
        return false;
    }
    into = static_cast<std::uint64_t>(*number) * 1000;
    return true;
}

// limit_req zone=NAME [burst=N] [nodelay | delay=N]
void lower_limit(Scope& scope, const Call& call) {
    Conf::Limit limit;
    for (const auto& word : call.args) {
        if (word.text.starts_with("zone=")) {
            limit.zone = keyword::zone_of(scope, word.text.substr(5), here, word.span);
        } else if (word.text.starts_with("burst=")) {
            if (!read_count(scope, call, word, 6, false, limit.burst)) return;
        } else if (word.text.starts_with("delay=")) {
            if (!read_count(scope, call, word, 6, false, limit.delay)) return;
        } else if (word.text == "nodelay") {
            limit.delay = std::numeric_limits<std::uint64_t>::max();
        } else {
            return invalid(scope, call, word, "parameters are zone, burst, delay and nodelay");
        }
    }
    if (limit.zone == ir::no_id)
        return scope.error(call.span, "argument-count", "\"limit_req\" needs \"zone\"",
                           "syntax: limit_req zone=name [burst=number] [nodelay | delay=number]");
    auto& conf = conf_of(scope);
    if (keyword::begins_list(scope, conf.owner)) conf.limits.clear();
    auto same = [&](const Conf::Limit& one) { return one.zone == limit.zone; };
    if (std::any_of(conf.limits.begin(), conf.limits.end(), same))
        return scope.error(call.span, "duplicate",
                           fmt::format("\"limit_req\" is duplicate for zone \"{}\"",
                                       scope.config.zones[limit.zone].name));
    conf.limits.push_back(limit);
}

void lower_status(Scope& scope, const Call& call) {
    conf_of(scope).status = static_cast<std::uint16_t>(call[0].number);
}
void lower_log_level(Scope& scope, const Call& call) {
    conf_of(scope).log_level = 6 - static_cast<int>(call[0].number);
}
void lower_fields(Scope& scope, const Call& call) { conf_of(scope).tells = call[0].number != 0; }
void lower_dry_run(Scope& scope, const Call& call) { conf_of(scope).dry_run = call[0].number != 0; }

// clang-format off
constexpr Keyword table[] = {
    {.name = "limit_req", .where = http | server | location,
     .args = {keyword::word("zone=name"), keyword::opt(keyword::word("burst=number")), keyword::opt(keyword::word("nodelay|delay=number"))},
     .apply = lower_limit, .inherit = Inherit::replace_list, .since = "0.7.21",
     .summary = "Limits the rate of requests for one key of a zone."},
    {.name = "limit_req_dry_run", .where = http | server | location, .args = {keyword::flag()},
     .apply = lower_dry_run, .fallback = "off", .since = "1.17.1",
     .summary = "Counts requests over the rate without delaying them."},
    {.name = "limit_req_fields", .where = http | server | location, .args = {keyword::flag()},
     .apply = lower_fields, .fallback = "off",
     .summary = "Tells clients how many requests they have left: RateLimit-Policy and RateLimit (weir's own)."},
    {.name = "limit_req_log_level", .where = http | server | location, .args = {keyword::choice("info|notice|warn|error")},
     .apply = lower_log_level, .fallback = "error", .since = "0.8.18",
     .summary = "Sets the level of messages about refused requests."},
    {.name = "limit_req_status", .where = http | server | location, .args = {keyword::number("code", 400, 599)},
     .apply = lower_status, .fallback = "503", .since = "1.3.15",
     .summary = "Sets the status of refused requests."},
    {.name = "limit_req_zone", .where = http,
     .args = {keyword::text("key"), keyword::word("zone=name:size"), keyword::word("rate=rate"), keyword::opt(keyword::word("sync"))},
     .apply = lower_zone, .inherit = Inherit::none, .since = "0.7.21",
     .summary = "Declares the zone that counts requests by key, with the rate."},
};
// clang-format on
static_assert(keyword::well_formed(table));

}  // namespace

keyword::Table nginx_rows() { return table; }

}  // namespace weir::modules::limit_req
