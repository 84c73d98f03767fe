// SPDX-License-Identifier: Apache-2.0
// Rows of lines that are rules: acl, http-request and its kin, redirect, use_backend, use-server.
// What an action does is in actions.cpp.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::duration;
using keyword::many;
using keyword::word;

// Kinds of rules in the order HAProxy runs them. A line of an earlier kind behind one of a later
// kind reads as if it came after, so HAProxy warns.
enum Stage : unsigned {
    connection,
    session,
    content,
    monitor,
    request,
    redirects,
    switching,
    serving,
    response_stage
};
constexpr std::string_view stage_names[] = {"tcp-request connection",
                                            "tcp-request session",
                                            "tcp-request content",
                                            "monitor fail",
                                            "http-request",
                                            "redirect",
                                            "use_backend",
                                            "use-server"};

void note_stage(Scope& scope, const Call& call, Stage stage) {
    auto& seen = scope.draft->seen;
    if (stage == response_stage) return;
    for (unsigned later = stage + 1; later <= serving; ++later)
        if ((seen & (1u << later)) != 0) {
            scope.sink.warning(call.span, "rule-order",
                               fmt::format("a \"{}\" rule after a \"{}\" rule is still run before "
                                           "it",
                                           stage_names[stage], stage_names[later]),
                               "move it up, so that the order of lines is the order of things");
            break;
        }
    seen |= 1u << stage;
}

// HAProxy warns when a rule without a condition ends its list and more rules follow.
bool ends_list(const ir::Action& action) {
    return std::holds_alternative<ir::action::Respond>(action) ||
           std::holds_alternative<ir::action::Redirect>(action) ||
           std::holds_alternative<ir::action::Close>(action) ||
           std::holds_alternative<ir::action::Tarpit>(action) ||
           std::holds_alternative<ir::action::Allow>(action);
}

struct ListKind {
    Contexts place;
    ir::Phase phase;
    ir::Rule::List list;
    Stage stage;
    std::vector<ir::Rule> RuleWords::*rules;
};

ir::action::EditHeader* early_hint_of(ir::Action& action) {
    auto* edit = std::get_if<ir::action::EditHeader>(&action);
    return edit && edit->side == ir::action::Side::early_hint ? edit : nullptr;
}

void add_rule(Scope& scope, const Call& call, Args words, const ListKind& kind) {
    note_stage(scope, call, kind.stage);
    scope.place = kind.place;
    ir::Rule rule;
    rule.phase = kind.phase;
    rule.list = kind.list;
    rule.span = call.span;
    if (!lower_action(scope, words, kind.place, rule)) return;
    auto& list = scope.rules().*kind.rules;
    // Hints go out together only where the rule behind the first one always holds.
    if (auto* hint = early_hint_of(rule.action); hint && !rule.when && !list.empty() && early_hint_of(list.back().action))
        hint->how = ir::action::EditHeader::How::add;
    if (!list.empty() && !list.back().when && ends_list(list.back().action) &&
        list.size() > scope.draft->inherited_rules)
        scope.sink.warning(call.span, "unreachable",
                           fmt::format("this \"{}\" is never reached: the one before it always "
                                       "ends the list",
                                       call.name),
                           "give the rule before it a condition, or remove this one");
    list.push_back(std::move(rule));
}

using P = ir::Phase;
using List = ir::Rule::List;

template <Contexts Place, ir::Phase When, List Which, Stage At, auto Rules>
void lower_rule(keyword::Scope& scope, const Call& call) {
    add_rule(own(scope), call, call.args, {Place, When, Which, At, Rules});
}

void lower_content(keyword::Scope& scope, const Call& call) {
    own(scope).rules().waits_for_content = true;
    add_rule(own(scope), call, call.args,
             {in::tcp_request_content, P::request, List::content, content, &RuleWords::content});
}

void lower_http(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    if (call.name == "http-request")
        return add_rule(here, call, call.args,
                        {in::http_request, P::request, List::main, request, &RuleWords::request});
    if (call.name == "http-response")
        return add_rule(
            here, call, call.args,
            {in::http_response, P::response, List::main, response_stage, &RuleWords::response});
    add_rule(here, call, call.args,
             {in::http_after_response, P::reply, List::main, response_stage,
              &RuleWords::after_response});
}

// redirect location /x if ...: a rule of its own list, run after http-request.
void lower_redirect_line(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    note_stage(here, call, redirects);
    here.place = in::http_request;
    ir::Rule rule;
    rule.span = call.span;
    std::vector<Argument> words{{.text = "redirect", .span = call.span}};
    words.insert(words.end(), call.args.begin(), call.args.end());
    if (lower_action(here, words, in::http_request, rule))
        here.rules().redirects.push_back(std::move(rule));
}

void lower_inspect_delay(keyword::Scope& scope, const Call& call) {
    scope.settings().timeouts.edit().inspect = ir::Milliseconds(call[0].number);
}

void lower_acl_line(keyword::Scope& scope, const Call& call) { lower_acl(own(scope), call.args); }

// ------------------------------------------------------------------------------- switching

// The condition behind the name; an error when something else stands there.
bool read_when(Scope& scope, const Call& call, std::optional<ir::Condition>& when) {
    if (call.size() == 1) return true;
    if (call[1].text != "if" && call[1].text != "unless") {
        scope.error(call[1].span, "unexpected-argument",
                    fmt::format("unexpected \"{}\" after \"{} {}\"; only if or unless may follow",
                                call[1].text, call.name, call[0].text));
        return false;
    }
    return take_condition(scope, call.args, 1, when);
}

void lower_use_backend(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    note_stage(here, call, switching);
    here.place = here.draft->http ? in::http_request : in::tcp_request_content | in::http_request;
    SwitchWords pick;
    pick.span = call[0].span;
    if (!read_when(here, call, pick.when)) return;
    if (call[0].text.find('%') != std::string_view::npos) {
        pick.dynamic = lower_format(here, call[0], FormatUse::body);
        if (pick.dynamic.empty()) return;  // reported already
        if (pick.dynamic.is_literal()) pick.name = pick.dynamic.literal();
        if (!pick.name.empty()) pick.dynamic = {};
    } else {
        pick.name = std::string(call[0].text);
    }
    here.draft->switches.push_back(std::move(pick));
}

void lower_use_server(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    note_stage(here, call, serving);
    here.place = in::http_request | in::tcp_request_content;
    UseServerWords use;
    use.span = call[0].span;
    use.name = std::string(call[0].text);
    if (call.size() == 1) {
        scope.error(call.span, "argument-count", "\"use-server\" needs if or unless",
                    "syntax: use-server name if condition");
        return;
    }
    if (call[0].text.find('%') != std::string_view::npos) {
        scope.error(call[0].span, "not-supported",
                    "a computed name in \"use-server\" is known to HAProxy, not yet in weir");
        return;
    }
    if (read_when(here, call, use.when)) here.draft->use_servers.push_back(std::move(use));
}

// ----------------------------------------------------------------------------------- rows

constexpr keyword::Signature rule_args = {many(word("action and condition"))};

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary) {
    return {.name = name, .where = where, .args = args, .apply = apply, .summary = summary};
}

constexpr Contexts rules_front = in::named_defaults | in::frontend | in::listen;
constexpr Contexts rules_back = in::named_defaults | in::listen | in::backend;

constexpr auto rows = sorted({
    row("acl", in::rules_anywhere, {word("name"), many(word("test, flags and patterns"))},
        lower_acl_line, "Gives a test a name."),
    row("http-after-response", in::rules_anywhere, rule_args, lower_http,
        "A rule for every answer that goes out."),
    row("http-request", in::rules_anywhere, rule_args, lower_http, "A rule for requests."),
    row("http-response", in::rules_anywhere, rule_args, lower_http,
        "A rule for responses of servers."),
    row("redirect", in::frontend | in::listen | in::backend, rule_args, lower_redirect_line,
        "Answers with a redirect."),
    row("tcp-request connection", rules_front, rule_args,
        lower_rule<in::tcp_request_connection, P::connect, List::main, connection,
                   &RuleWords::connection>,
        "A rule for new connections."),
    row("tcp-request content", in::rules_anywhere, rule_args, lower_content,
        "A rule for the first bytes of a connection."),
    row("tcp-request inspect-delay", in::rules_anywhere, {duration("time")}, lower_inspect_delay,
        "How long content rules wait for bytes."),
    row("tcp-request session", rules_front, rule_args,
        lower_rule<in::tcp_request_session, P::handshake, List::main, session, &RuleWords::session>,
        "A rule for connections after their handshakes."),
    row("tcp-response content", rules_back, rule_args,
        lower_rule<in::tcp_response_content, P::response, List::content, response_stage,
                   &RuleWords::response_content>,
        "A rule for the first bytes of a server."),
    row("use-server", in::listen | in::backend,
        {word("server"), any_number(keyword::word("if condition"))}, lower_use_server,
        "Sends what meets a condition to one server."),
    row("use_backend", in::frontend | in::listen,
        {keyword::pool("backend"), any_number(keyword::word("if condition"))}, lower_use_backend,
        "Sends what meets a condition to a backend."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table rule_table() { return rows; }

}  // namespace weir::haproxy
