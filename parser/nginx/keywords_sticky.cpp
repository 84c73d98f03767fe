// SPDX-License-Identifier: Apache-2.0
// The row of sticky: a client's requests go to the server that had the first of them. The server is
// named by a cookie, by the request itself, or by a table of sessions.
#include <fmt/format.h>

#include "parser/keyword/zones.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using keyword::Argument;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using How = ir::Pool::Sticky::How;
using Sticky = ir::Pool::Sticky;

constexpr std::chrono::seconds ten_years{315360000};

// One parameter of sticky cookie NAME; false: there is no such.
bool read_attribute(Block& block, const Argument& argument, Sticky& sticky) {
    std::string_view value;
    auto text = [&] { return make_text(block, value, argument.span); };
    if (key_value(argument.text, "expires=", value)) {
        if (value == "max") {
            sticky.life = ten_years;
            return true;
        }
        auto time = value::parse_nginx_duration(value, value::NginxTime::seconds);
        if (time) sticky.life = std::chrono::duration_cast<std::chrono::seconds>(*time);
        return time.has_value();
    }
    if (key_value(argument.text, "domain=", value)) sticky.domain = text();
    else if (key_value(argument.text, "path=", value)) sticky.path = text();
    else if (argument.text == "secure") sticky.secure = true;
    else if (argument.text == "httponly") sticky.http_only = true;
    else if (key_value(argument.text, "samesite=", value)) {
        if (!has_variables(value) && value != "strict" && value != "lax" && value != "none") return false;
        sticky.same_site = text();
    } else {
        return false;
    }
    return true;
}

void read_cookie(Block& block, const Call& call, Sticky& sticky) {
    sticky.cookie = call[1].text;
    ir::Expr sent{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::cookie};
    sent.text = sticky.cookie;
    sent.number = ir::occurrence::joined;
    sent.span = call[1].span;
    sticky.keys.emplace_back().pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(sent));
    for (const auto& argument : call.args.subspan(2))
        if (!read_attribute(block, argument, sticky))
            return invalid_parameter(block, call, argument,
                                     "expires=time, domain=, path=, secure, httponly and "
                                     "samesite=strict|lax|none");
}

void read_route(Block& block, const Call& call, Sticky& sticky) {
    for (const auto& argument : call.args.subspan(1)) {
        if (!has_variables(argument.text))
            return invalid_parameter(block, call, argument, "a variable, such as $cookie_route");
        sticky.keys.push_back(block.text(argument));
    }
}

// create=$variable lookup=$variable zone=name:size [timeout=time] [header]
void read_learn(Block& block, const Call& call, Sticky& sticky) {
    std::optional<keyword::ZoneWords> words;
    std::chrono::milliseconds life{600000};
    for (const auto& argument : call.args.subspan(1)) {
        std::string_view value;
        if (key_value(argument.text, "create=", value) && has_variables(value)) {
            sticky.create.push_back(make_text(block, value, argument.span));
        } else if (key_value(argument.text, "lookup=", value) && has_variables(value)) {
            sticky.keys.push_back(make_text(block, value, argument.span));
        } else if (key_value(argument.text, "zone=", value)) {
            words = keyword::parse_zone(block, argument, value);
            if (!words) return;
        } else if (key_value(argument.text, "timeout=", value)) {
            auto time = value::parse_nginx_duration(value, value::NginxTime::seconds);
            if (!time) return invalid_parameter(block, call, argument);
            life = *time;
        } else if (argument.text == "header") {
            sticky.from_head = true;
        } else if (argument.text == "sync") {
            return refuse_parameter(block, call, argument);
        } else {
            return invalid_parameter(block, call, argument,
                                     "create=$variable, lookup=$variable, zone=name:size, timeout=time "
                                     "and header");
        }
    }
    if (!words || sticky.create.empty() || sticky.keys.empty())
        return block.error(call.span, "argument-count",
                           "\"sticky learn\" needs \"create\", \"lookup\" and \"zone\"",
                           "sticky learn create=$upstream_cookie_id lookup=$cookie_id zone=sessions:1m;");
    sticky.table = words->name;
    auto& zone = block.config.zones[keyword::zone_of(block, words->name, "sticky", call.span)];
    if (!zone.columns.empty())
        return block.error(call.span, "duplicate-zone",
                           fmt::format("there is a zone \"{}\" already", words->name),
                           "give this one a name of its own");
    zone.bytes = words->bytes;
    zone.expire = life;
    zone.columns.push_back({.what = ir::Zone::Column::What::server});
}

void lower_sticky(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& sticky = block.pool->sticky;
    switch (call[0].number) {
        case 0: sticky.how = How::cookie; return read_cookie(block, call, sticky);
        case 1: sticky.how = How::route; return read_route(block, call, sticky);
        default: sticky.how = How::learn; return read_learn(block, call, sticky);
    }
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "sticky", .where = context::upstream,
     .args = {keyword::choice("cookie|route|learn"), keyword::many(keyword::text("parameter"))},
     .apply = lower_sticky, .inherit = Inherit::none, .since = "1.5.7",
     .summary = "Keeps a client at the server that answered it first.",
     .details = "cookie NAME [expires=time] [domain=name] [path=path] [secure] [httponly] [samesite=mode] gives the "
                "client a cookie that names its server: the route= of the server line, or a digest of its address. "
                "route $variable ... takes the name from the request. learn create=$variable lookup=$variable "
                "zone=name:size [timeout=time] [header] remembers sessions that servers begin.",
     .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table sticky_keywords() { return rows; }

}  // namespace weir::nginx
