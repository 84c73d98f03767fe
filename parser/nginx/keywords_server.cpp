// SPDX-License-Identifier: Apache-2.0
// Rows that make sites and routes of HTTP: server, listen, server_name, location. What listen says is
// in listen.cpp, for stream uses it too.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/health.hpp"
#include "parser/nginx/listen.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/tls.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Argument;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using Match = ir::Route::Match;

void lower_server(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    ir::Site site;
    site.span = call.span;
    ServerDraft draft;
    draft.span = call.span;
    std::unordered_set<std::string> locations;
    Block block(outer.run, context::server, &outer);
    block.site = &site;
    block.server = &draft;
    block.rules = &site.rules;
    block.routes = &site.routes;
    block.locations = &locations;
    // Where no location matches, the server itself answers.
    ir::Route fallback;
    fallback.span = call.span;
    fallback.action = ir::ServeFiles{};
    block.route = &fallback;
    lower_body(block, outer.current->body.directives);
    finish_tls(block);
    if (site.names.empty()) site.names.emplace_back();
    site.name = site_name_of(site);
    site.settings = block.own;
    fallback.settings = std::move(block.own);
    site.fallback = scope.config.add(std::move(fallback));
    add_site(block, std::move(site), draft);
}

void lower_listen(Scope& scope, const Call& call) { read_listen(block_of(scope), call); }

// One name of server_name. nginx warns about the bad ones and drops them.
void lower_one_name(Block& block, const Argument& argument, std::vector<ir::SiteName>& names) {
    auto text = argument.text;
    ir::SiteName name;
    if (text.starts_with('~')) {
        text.remove_prefix(1);
        if (text.empty())
            return block.error(argument.span, "invalid-value", "empty regex in server name \"~\"",
                               "write a regex after the \"~\"");
        bool ignore_case = std::any_of(text.begin(), text.end(),
                                       [](char c) { return c >= 'A' && c <= 'Z'; });
        if (!check_regex(block, text, ignore_case, argument.span)) return;
        name.kind = ir::SiteName::Kind::regex;
        name.text = text;
        names.push_back(std::move(name));
        return;
    }
    if (text.find('/') != text.npos)
        block.sink.warning(argument.span, "suspicious-name",
                           fmt::format("server name \"{}\" has suspicious symbols", text),
                           "a name is a host name alone, without scheme or path");
    if (text == "$hostname") {
        refuse_parameter(block, {.row = nullptr, .name = "server_name", .span = argument.span, .args = {}},
                         argument);
        return;
    }
    bool leading_star = text.starts_with("*."), leading_dot = text.starts_with('.');
    bool trailing_star = text.size() > 2 && text.ends_with(".*");
    auto bare = leading_star ? text.substr(2) : leading_dot ? text.substr(1) : text;
    if (trailing_star) bare.remove_suffix(2);
    bool broken = bare.find('*') != bare.npos || bare.find("..") != bare.npos ||
                  (trailing_star && (leading_star || leading_dot)) ||
                  ((leading_star || leading_dot) && bare.empty()) || bare.find('\0') != bare.npos;
    if (broken)
        return block.error(argument.span, "invalid-name",
                           fmt::format("invalid server name or wildcard \"{}\"", argument.text),
                           "a \"*\" may stand for the first or the last part only: *.example.com, www.example.*");
    name.kind = leading_star || leading_dot ? ir::SiteName::Kind::leading_wildcard
                : trailing_star             ? ir::SiteName::Kind::trailing_wildcard
                                            : ir::SiteName::Kind::exact;
    name.with_bare = leading_dot;
    name.text = bare;
    std::transform(name.text.begin(), name.text.end(), name.text.begin(), [](unsigned char c) {
        return c < 0x80 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
    });
    names.push_back(std::move(name));
}

void lower_server_name(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    for (const auto& argument : call.args) lower_one_name(block, argument, block.site->names);
}

// The kind and the pattern of a location, from "= /x", "=/x", "/x", ...
bool read_location(Block& block, const Call& call, ir::Route& route, Argument& pattern) {
    std::string_view modifier;
    pattern = call[call.size() - 1];
    if (call.size() == 2) {
        modifier = call[0].text;
    } else {
        for (std::string_view glued : {"=", "^~", "~*", "~"}) {
            if (!pattern.text.starts_with(glued)) continue;
            modifier = glued;
            pattern.text.remove_prefix(glued.size());
            break;
        }
    }
    if (modifier.empty())
        route.match = pattern.text.starts_with('@') ? Match::named : Match::prefix;
    else if (modifier == "=")
        route.match = Match::exact;
    else if (modifier == "^~")
        route.match = Match::prefix_final;
    else if (modifier == "~")
        route.match = Match::regex;
    else if (modifier == "~*")
        route.match = Match::regex_ignore_case;
    else {
        block.error(call[0].span, "invalid-modifier",
                    fmt::format("invalid location modifier \"{}\"", modifier),
                    "=, ^~, ~, ~* or none");
        return false;
    }
    route.pattern = pattern.text;
    bool is_regex = route.match == Match::regex || route.match == Match::regex_ignore_case;
    return !is_regex || check_regex(block, pattern.text, route.match == Match::regex_ignore_case,
                                    pattern.span);
}

bool is_prefix(Match match) { return match == Match::prefix || match == Match::prefix_final; }

// What nginx demands of a location inside another.
bool check_nesting(Block& outer, const ir::Route& route, Span span) {
    if (!outer.in(location)) return true;
    const ir::Route& around = *outer.route;
    std::string problem;
    if (around.match == Match::exact)
        problem = fmt::format("location \"{}\" cannot be inside the exact location \"{}\"",
                              route.pattern, around.pattern);
    else if (around.match == Match::named)
        problem = fmt::format("location \"{}\" cannot be inside the named location \"{}\"",
                              route.pattern, around.pattern);
    else if (route.match == Match::named)
        problem = fmt::format("named location \"{}\" can be on the server level only", route.pattern);
    else if ((is_prefix(route.match) || route.match == Match::exact) &&
             !route.pattern.starts_with(around.pattern))
        problem = fmt::format("location \"{}\" is outside location \"{}\"", route.pattern,
                              around.pattern);
    if (problem.empty()) return true;
    outer.error(span, "misplaced-location", std::move(problem),
                "move it out of that block, or write the whole path");
    return false;
}

// Two exact ones, or two of the prefix kinds, may not have one path.
bool check_duplicate(Block& outer, const ir::Route& route, Span span) {
    if (!outer.locations || (route.match != Match::exact && !is_prefix(route.match))) return true;
    std::string key = (route.match == Match::exact ? "=" : " ") + route.pattern;
    if (outer.locations->insert(std::move(key)).second) return true;
    outer.error(span, "duplicate-location", fmt::format("duplicate location \"{}\"", route.pattern),
                "the server has a location with this path already; merge them");
    return false;
}

void lower_location(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    ir::Route route;
    route.span = call.span;
    route.action = ir::ServeFiles{};
    Argument pattern;
    const auto* body = &outer.current->body.directives;
    bool usable = read_location(outer, call, route, pattern) &&
                  check_nesting(outer, route, pattern.span) &&
                  check_duplicate(outer, route, pattern.span);
    std::unordered_set<std::string> locations;
    Block block(outer.run, location, &outer);
    block.route = &route;
    block.rules = &route.rules;
    block.routes = &route.nested;
    block.locations = &locations;
    lower_body(block, *body);
    finish_forwarding(block);
    apply_health_check(block);
    route.settings = std::move(block.own);
    if (usable) outer.routes->push_back(scope.config.add(std::move(route)));
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "listen", .where = context::server, .args = {keyword::address("address[:port]|port|unix:path"), keyword::any_number(keyword::word("parameter"))},
     .apply = lower_listen, .inherit = Inherit::none, .fallback = "*:80 | *:8000",
     .summary = "Accepts connections at that address."},
    {.name = "location", .where = context::server | location, .args = {keyword::opt(keyword::word("=|~|~*|^~")), keyword::word("uri|@name")},
     .body = Body::block, .apply = lower_location, .inherit = Inherit::none,
     .summary = "Says what is done with requests whose path matches."},
    {.name = "server", .where = http, .body = Body::block, .apply = lower_server, .inherit = Inherit::none,
     .summary = "Defines a virtual server."},
    {.name = "server_name", .where = context::server | context::stream_server, .args = {keyword::many(keyword::word("name"))},
     .apply = lower_server_name, .inherit = Inherit::none, .fallback = "\"\"",
     .summary = "Names the server answers to: exact, with a wildcard, or a regex after \"~\"."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table server_keywords() { return rows; }

}  // namespace weir::nginx
