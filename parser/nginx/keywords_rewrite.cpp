// SPDX-License-Identifier: Apache-2.0
// Rows of the rewrite module: set, if, return, rewrite, break. They run in the order they stand in,
// so they become ir::Rules and not settings.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/health.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

void add_rule(Block& block, ir::Action action, Span span) {
    block.rules->push_back({.action = std::move(action), .span = span});
}

bool is_redirect_target(std::string_view text) {
    return text.starts_with("http://") || text.starts_with("https://") || text.starts_with("$scheme");
}

bool is_redirect_status(std::int64_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

ir::action::Redirect redirect_to(ir::Text target, std::int64_t status) {
    ir::action::Redirect redirect;
    redirect.status = static_cast<std::uint16_t>(status);
    redirect.target = std::move(target);
    redirect.short_body = false;
    return redirect;
}

void lower_return(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (call.size() == 1 && is_redirect_target(call[0].text))
        return add_rule(block, redirect_to(block.text(call[0]), 302), call.span);
    auto status = value::parse_number(call[0].text);
    if (!status || *status < 0 || *status > 999)
        return block.error(call[0].span, "invalid-value",
                           fmt::format("invalid return code \"{}\"", call[0].text),
                           "return code; return code text; return code URL; or return URL; with http:// or https://");
    if (*status == 444) return add_rule(block, ir::action::Close{}, call.span);
    if (call.size() == 2 && is_redirect_status(*status))
        return add_rule(block, redirect_to(block.text(call[1]), *status), call.span);
    ir::action::Respond respond;
    respond.status = static_cast<std::uint16_t>(*status);
    if (call.size() == 2) respond.body = block.text(call[1]);
    add_rule(block, std::move(respond), call.span);
}

// The flag of rewrite; false when it is none.
bool read_rewrite_flag(std::string_view flag, ir::action::Rewrite::Then& then) {
    using Then = ir::action::Rewrite::Then;
    if (flag == "last") return then = Then::last, true;
    if (flag == "break") return then = Then::stop, true;
    if (flag == "redirect") return then = Then::redirect, true;
    if (flag == "permanent") return then = Then::permanent, true;
    return false;
}

void lower_rewrite(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::action::Rewrite rewrite;
    rewrite.regex = call[0].text;
    auto replacement = call[1];
    if (replacement.text.empty())
        return block.error(replacement.span, "invalid-value", "empty replacement",
                           "to leave the path alone, leave the line out");
    if (is_redirect_target(replacement.text)) rewrite.then = ir::action::Rewrite::Then::redirect;
    if (call.size() > 2 && !read_rewrite_flag(call[2].text, rewrite.then))
        return invalid_parameter(block, call, call[2], "last, break, redirect or permanent");
    if (replacement.text.ends_with('?')) {
        rewrite.replaces_query = true;
        replacement.text.remove_suffix(1);
    }
    rewrite.replacement = block.text(replacement);
    add_rule(block, std::move(rewrite), call.span);
}

void lower_break(Scope& scope, const Call& call) {
    add_rule(block_of(scope), ir::action::Allow{}, call.span);
}

// A variable of nginx itself may not be set, but for the query.
void set_built_in(Block& block, const Call& call, std::string_view name) {
    if (name == "args") {
        ir::action::SetTarget target;
        target.what = ir::action::SetTarget::What::query;
        target.value = block.text(call[1]);
        return add_rule(block, std::move(target), call.span);
    }
    if (name == "limit_rate") {
        ir::action::SetVariable set;
        set.slot = block.config.variable_slot(name, true);
        set.value = block.text(call[1]);
        return add_rule(block, std::move(set), call.span);
    }
    block.error(call[0].span, "duplicate-variable", fmt::format("the duplicate \"{}\" variable", name),
                "nginx has a variable of that name; choose another");
}

void lower_set(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto word = call[0].text;
    if (word.size() < 2 || word[0] != '$')
        return block.error(call[0].span, "invalid-variable",
                           fmt::format("invalid variable name \"{}\"", word),
                           fmt::format("a variable starts with \"$\": set ${} value;", word));
    const auto name = variable_name(word.substr(1));
    if (is_built_in(block, name)) return set_built_in(block, call, name);
    auto defined = block.names->definitions.find(name);
    if (defined == block.names->definitions.end() || defined->second.kind != Definition::Kind::set)
        return refuse_parameter(block, call, call[0]);   // also a map's or a regex group's name
    ir::action::SetVariable set;
    set.slot = defined->second.slot;
    set.value = block.text(call[1]);
    add_rule(block, std::move(set), call.span);
}

// if in a location is a location of its own: it inherits the settings and what is done with the
// request, and may change both.
void use_pseudo_route(Block& outer, Block& block, const Call& call, ir::action::Rules& inside) {
    auto route = inner_route(outer, call.span);
    block.route = &route;
    lower_body(block, outer.current->body.directives);
    finish_forwarding(block);
    apply_health_check(block);
    route.settings = std::move(block.own);
    auto id = outer.config.add(std::move(route));
    inside.list.insert(inside.list.begin(),
                       {.action = ir::action::UseRoute{id}, .span = call.span});
}

void lower_if(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    auto place = outer.rules_before + outer.ifs_placed;
    auto condition = make_condition(outer, call);
    auto inside = std::make_shared<ir::action::Rules>();
    Block block(outer.run, outer.in(location) ? if_in_location : if_in_server, &outer);
    block.rules = &inside->list;
    if (outer.in(location))
        use_pseudo_route(outer, block, call, *inside);
    else
        lower_body(block, outer.current->body.directives);
    if (!condition) return;
    ir::Rule rule{.when = std::move(condition), .action = ir::action::Group{std::move(inside)},
                  .span = call.span};
    outer.rules->insert(outer.rules->begin() + static_cast<std::ptrdiff_t>(place), std::move(rule));
    ++outer.ifs_placed;
}

constexpr Contexts anywhere = context::server | location | if_in_server | if_in_location;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "break", .where = anywhere, .apply = lower_break, .inherit = Inherit::none,
     .summary = "Ends the rewrite directives here."},
    {.name = "if", .where = context::server | location, .args = {keyword::many(keyword::word("(condition)"))},
     .body = Body::block, .apply = lower_if, .inherit = Inherit::none,
     .summary = "Does what is inside when the condition holds."},
    {.name = "return", .where = anywhere, .args = {keyword::word("code|URL"), keyword::opt(keyword::text("text|URL"))},
     .apply = lower_return, .inherit = Inherit::none, .summary = "Answers at once; 444 closes the connection."},
    {.name = "rewrite", .where = anywhere, .args = {keyword::regex("regex"), keyword::text("replacement"), keyword::opt(keyword::word("last|break|redirect|permanent"))},
     .apply = lower_rewrite, .inherit = Inherit::none, .summary = "Changes the path where the regex matches."},
    {.name = "rewrite_log", .where = http | anywhere, .args = {keyword::flag()}, .fallback = "off",
     .support = ignored("weir logs what rules did at level debug"), .summary = "Logs rewrites at level notice."},
    {.name = "set", .where = anywhere | context::stream_server, .args = {keyword::word("$variable"), keyword::text("value")},
     .apply = lower_set, .inherit = Inherit::none, .summary = "Sets a variable."},
    {.name = "uninitialized_variable_warn", .where = http | anywhere, .args = {keyword::flag()}, .fallback = "on",
     .support = ignored("a variable without a value is an empty text"), .summary = "Warns about variables without a value."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table rewrite_keywords() { return rows; }

}  // namespace weir::nginx
