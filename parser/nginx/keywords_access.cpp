// SPDX-License-Identifier: Apache-2.0
// Rows of who may ask: allow, deny, auth_basic, auth_request, satisfy, limit_except.
#include <fmt/format.h>

#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Body;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;
using ir::Settings;
using Access = ir::AccessSettings;

constexpr Contexts everywhere = http | server | location;

void add_rule(Scope& scope, const Call& call, bool allow) {
    Block& block = block_of(scope);
    Access::Rule rule;
    rule.allow = allow;
    auto text = call[0].text;
    if (text == "unix:") {
        rule.who = Access::Rule::Who::unix_socket;
    } else if (text != "all") {
        auto network = value::parse_cidr(text);
        if (!network) return invalid_parameter(block, call, call[0], "an address, a network such as 10.0.0.0/8, unix: or all");
        if (network->had_host_bits)
            block.sink.warning(call[0].span, "host-bits",
                               fmt::format("low address bits of {} are meaningless", text),
                               "they are left out");
        rule.who = Access::Rule::Who::network;
        rule.network = {network->address, network->bits};
    }
    auto& access = block.own.access.edit();
    // allow and deny make up one list.
    if (!std::exchange(block.addresses_given, true)) access.addresses.clear();
    access.addresses.push_back(rule);
}

void lower_allow(Scope& scope, const Call& call) { add_rule(scope, call, true); }
void lower_deny(Scope& scope, const Call& call) { add_rule(scope, call, false); }

void lower_auth_basic(Scope& scope, const Call& call) {
    auto& realm = scope.settings().access.edit().realm;
    realm.reset();
    if (call[0].text != "off") realm = scope.text(call[0]);
}

// The file is looked for beside the configuration, as certificates are.
void lower_auth_basic_user_file(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto text = block.text(call[0]);
    if (!text.pieces.empty() && !text.pieces[0].expr && !text.pieces[0].literal.starts_with('/'))
        text.pieces[0].literal = block.run.file_folder + text.pieces[0].literal;
    block.own.access.edit().users = std::move(text);
}

void lower_auth_request(Scope& scope, const Call& call) {
    auto& uri = scope.settings().access.edit().ask_uri;
    uri = call[0].text == "off" ? std::string() : std::string(call[0].text);
}

void lower_auth_request_set(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto word = call[0].text;
    auto name = word.starts_with('$') ? variable_name(word.substr(1)) : std::string();
    auto defined = block.names->definitions.find(name);
    if (name.empty())
        return block.error(call[0].span, "invalid-variable", fmt::format("invalid variable name \"{}\"", word),
                           "a variable starts with \"$\"");
    if (defined == block.names->definitions.end() || defined->second.kind != Definition::Kind::set)
        return refuse_parameter(block, call, call[0]);   // also a map's or a regex group's name
    auto& access = block.own.access.edit();
    if (block.first_use(*call.row)) access.notes.clear();
    access.notes.push_back({defined->second.slot, block.text(call[1])});
}

// The methods of limit_except, as the condition that another one is used. GET stands for HEAD, too.
ir::Condition other_method(const Call& call) {
    ir::PatternSet methods;
    for (const auto& argument : call.args) {
        methods.texts.emplace_back(argument.text);
        if (argument.text == "GET") methods.texts.emplace_back("HEAD");
    }
    ir::Expr method{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::method};
    method.span = call.span;
    ir::Condition known{.op = ir::Expr::Op::match, .type = ir::Type::boolean};
    known.in.push_back(std::move(method));
    known.patterns = std::make_shared<const ir::PatternSet>(std::move(methods));
    ir::Condition other{.op = ir::Expr::Op::negate, .type = ir::Type::boolean};
    other.in.push_back(std::move(known));
    return other;
}

// A location of its own for the other methods, with the settings and the action of the one around it.
void lower_limit_except(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    for (const auto& argument : call.args) {
        static constexpr std::string_view known =
            " GET HEAD POST PUT DELETE MKCOL COPY MOVE OPTIONS PROPFIND PROPPATCH LOCK UNLOCK PATCH ";
        if (known.find(fmt::format(" {} ", argument.text)) != known.npos) continue;
        outer.error(argument.span, "invalid-value", fmt::format("invalid method \"{}\"", argument.text),
                    "methods are in upper case: GET, POST, PUT, ...");
        return;
    }
    auto route = inner_route(outer, call.span);
    route.try_files = outer.route->try_files;
    Block block(outer.run, limit_except, &outer);
    block.route = &route;
    block.rules = &route.rules;
    lower_body(block, outer.current->body.directives);
    finish_forwarding(block);
    route.settings = std::move(block.own);
    route.rules.clear();
    auto id = outer.config.add(std::move(route));
    outer.rules->insert(outer.rules->begin(), {.when = other_method(call), .action = ir::action::UseRoute{id},
                                               .span = call.span});
    ++outer.ifs_placed;
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "allow", .where = everywhere | limit_except | stream | stream_server, .args = {keyword::word("address|network|unix:|all")}, .apply = lower_allow,
     .inherit = Inherit::replace_list, .summary = "Admits clients of an address or network; the first of allow and deny that fits counts."},
    {.name = "auth_basic", .where = everywhere | limit_except, .args = {keyword::text("text|off")}, .apply = lower_auth_basic,
     .fallback = "off", .summary = "Asks for a name and a password under that heading.", .once = true},
    {.name = "auth_basic_user_file", .where = everywhere | limit_except, .args = {keyword::text("file")}, .apply = lower_auth_basic_user_file,
     .summary = "File of names and passwords; what changes in it holds at once.", .once = true},
    {.name = "auth_delay", .where = everywhere, .args = {keyword::duration("time")}, .apply = set<&Settings::access, &Access::delay>,
     .fallback = "0s", .since = "1.17.10", .summary = "Delays answers with status 401 to slow down guessing.", .once = true},
    {.name = "auth_request", .where = everywhere, .args = {keyword::word("uri|off")}, .apply = lower_auth_request, .fallback = "off", .since = "1.5.4",
     .summary = "Lets an inner request decide: 2xx admits, 401 and 403 refuse.", .once = true},
    {.name = "auth_request_set", .where = everywhere, .args = {keyword::word("$variable"), keyword::text("value")}, .apply = lower_auth_request_set,
     .inherit = Inherit::replace_list, .since = "1.5.4", .summary = "Sets a variable from the answer of the inner request."},
    {.name = "deny", .where = everywhere | limit_except | stream | stream_server, .args = {keyword::word("address|network|unix:|all")}, .apply = lower_deny,
     .inherit = Inherit::replace_list, .summary = "Refuses clients of an address or network: 403, and in stream the end of the session."},
    {.name = "limit_except", .where = location, .args = {keyword::many(keyword::word("method"))}, .body = Body::block, .apply = lower_limit_except,
     .inherit = Inherit::none, .summary = "Holds what is said for all methods but these."},
    {.name = "satisfy", .where = everywhere, .args = {keyword::choice("all|any")}, .apply = set<&Settings::access, &Access::any>,
     .fallback = "all", .summary = "Says whether all of the access checks must agree, or one of them.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table access_keywords() { return rows; }

}  // namespace weir::nginx
