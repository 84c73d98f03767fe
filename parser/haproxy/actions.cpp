// SPDX-License-Identifier: Apache-2.0
// Actions of http-request, http-response, http-after-response and the tcp rules: the rows, and how
// "action arguments if condition" becomes the action of an ir::Rule. An action with parentheses,
// set-var(txn.x), has their content as its first argument.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::many;
using keyword::number;
using keyword::opt;
using keyword::text;
using keyword::word;

ir::Action& made(keyword::Scope& scope) { return own(scope).rule->action; }

ir::Text format(keyword::Scope& scope, const Argument& argument,
                FormatUse use = FormatUse::header) {
    return lower_format(own(scope), argument, use);
}

ir::action::Side side_of(keyword::Scope& scope) {
    return (own(scope).place & in::responses) != 0 ? ir::action::Side::response
                                                   : ir::action::Side::request;
}

// --------------------------------------------------------------------------------- headers

void lower_set_header(keyword::Scope& scope, const Call& call) {
    ir::action::EditHeader edit;
    edit.how = call.row->name == "add-header" ? ir::action::EditHeader::How::add
                                              : ir::action::EditHeader::How::set;
    edit.side = side_of(scope);
    edit.name = std::string(call[0].text);
    edit.value = format(scope, call[1]);
    made(scope) = std::move(edit);
}

void lower_early_hint(keyword::Scope& scope, const Call& call) {
    ir::action::EditHeader edit;
    edit.how = ir::action::EditHeader::How::set;   // a 103 of its own; see rules.cpp
    edit.side = ir::action::Side::early_hint;
    edit.name = std::string(call[0].text);
    edit.value = format(scope, call[1]);
    made(scope) = std::move(edit);
}

void lower_del_header(keyword::Scope& scope, const Call& call) {
    using Names = ir::action::EditHeader::Names;
    ir::action::EditHeader edit;
    edit.how = ir::action::EditHeader::How::remove;
    edit.side = side_of(scope);
    edit.name = std::string(call[0].text);
    if (call.size() > 1) {
        if (call[1].text != "-m" || call.size() != 3) {
            scope.error(call[1].span, "unexpected-argument",
                        fmt::format("unexpected \"{}\" after the name", call[1].text),
                        "syntax: del-header name [-m str|beg|end|sub|reg] [if condition]");
            return;
        }
        constexpr std::pair<std::string_view, Names> methods[] = {{"str", Names::exact},
                                                                  {"beg", Names::prefix},
                                                                  {"end", Names::suffix},
                                                                  {"sub", Names::substring},
                                                                  {"reg", Names::regex}};
        auto found = std::find_if(std::begin(methods), std::end(methods),
                                  [&](const auto& entry) { return entry.first == call[2].text; });
        if (found == std::end(methods)) {
            scope.error(call[2].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected str, beg, end, sub or reg",
                                    call[2].text));
            return;
        }
        edit.names = found->second;
        if (edit.names == Names::regex)
            if (auto valid = value::parse_regex(edit.name, true); !valid)
                scope.error(
                    call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected {}", call[0].text, valid.error()));
    }
    made(scope) = std::move(edit);
}

void lower_replace_header(keyword::Scope& scope, const Call& call) {
    ir::action::EditHeader edit;
    edit.how = call.row->name == "replace-value" ? ir::action::EditHeader::How::replace_value
                                                 : ir::action::EditHeader::How::replace_line;
    edit.side = side_of(scope);
    edit.name = std::string(call[0].text);
    edit.regex = std::string(call[1].text);
    edit.value = format(scope, call[2]);
    made(scope) = std::move(edit);
}

// ---------------------------------------------------------------------------------- target

template <ir::action::SetTarget::What What>
void lower_set_target(keyword::Scope& scope, const Call& call) {
    ir::action::SetTarget set;
    set.what = What;
    set.value = format(scope, call.args.back());
    if (call.size() == 2) set.regex = std::string(call[0].text);  // replace-path and its like
    made(scope) = std::move(set);
}

void lower_set_status(keyword::Scope& scope, const Call& call) {
    ir::action::SetStatus set;
    set.status = ir::Text::of(std::string(call[0].text));
    if (call.size() > 1) {
        if (call[1].text != "reason" || call.size() != 3) {
            scope.error(call[1].span, "unexpected-argument",
                        fmt::format("unexpected \"{}\" after the status", call[1].text),
                        "syntax: set-status status [reason text]");
            return;
        }
        set.reason = std::string(call[2].text);
    }
    made(scope) = std::move(set);
}

// ------------------------------------------------------------------------------- variables

void lower_set_var(keyword::Scope& scope, const Call& call) {
    ir::action::SetVariable set;
    set.slot = variable_slot(own(scope), call[0].text, call[0].span);
    std::size_t used = 0;
    auto expr = lower_sample(own(scope), call.args.subspan(1), used);
    if (expr && used + 1 < call.size()) {
        scope.error(call[used + 1].span, "unexpected-argument",
                    fmt::format("unexpected \"{}\" after the expression", call[used + 1].text));
        return;
    }
    if (expr) set.value = std::move(*expr);
    made(scope) = std::move(set);
}

void lower_set_var_fmt(keyword::Scope& scope, const Call& call) {
    ir::action::SetVariable set;
    set.slot = variable_slot(own(scope), call[0].text, call[0].span);
    set.value = format(scope, call[1], FormatUse::body);
    made(scope) = std::move(set);
}

void lower_unset_var(keyword::Scope& scope, const Call& call) {
    ir::action::SetVariable set;
    set.slot = variable_slot(own(scope), call[0].text, call[0].span);
    set.unset = true;
    made(scope) = std::move(set);
}

// redirect location|prefix|scheme TO [code n] [options]
void lower_redirect(keyword::Scope& scope, const Call& call) {
    using How = ir::action::Redirect::How;
    ir::action::Redirect redirect;
    redirect.short_body = true;
    bool target = false;
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto what = call[i].text;
        const Keyword* row = find_word(own(scope), call[i], in::redirect, option_language);
        if (!row) return;
        bool takes_value = what == "location" || what == "prefix" || what == "scheme" ||
                           what == "code" || what == "set-cookie" || what == "clear-cookie";
        if (takes_value && i + 1 == call.size()) {
            scope.error(call[i].span, "argument-count",
                        fmt::format("\"{}\" needs a value after it", what));
            return;
        }
        if (what == "location" || what == "prefix" || what == "scheme") {
            redirect.how = what == "location" ? How::location
                           : what == "prefix" ? How::prefix
                                              : How::scheme;
            redirect.target = format(scope, call[++i]);
            target = true;
        } else if (what == "code") {
            auto code = read_status(scope, call[++i], 301, 308);
            if (!code) return;
            if (*code != 301 && *code != 302 && *code != 303 && *code != 307 && *code != 308) {
                scope.error(
                    call[i].span, "invalid-value",
                    fmt::format("{} is no redirect; expected 301, 302, 303, 307 or 308", *code));
                return;
            }
            redirect.status = *code;
        } else if (what == "set-cookie") {
            auto cookie = std::string(call[++i].text);
            redirect.set_cookie = cookie + "; path=/;";
        } else if (what == "clear-cookie") {
            redirect.set_cookie = std::string(call[++i].text) + "; path=/; Max-Age=0;";
        } else if (what == "drop-query") {
            redirect.drop_query = true;
        } else if (what == "keep-query") {
            redirect.keep_query = true;
        } else if (what == "append-slash") {
            redirect.append_slash = true;
        } else if (what == "ignore-empty") {
            redirect.ignore_empty = true;
        }
    }
    if (!target) {
        scope.error(call.span, "argument-count",
                    "\"redirect\" needs a target: location, prefix or scheme",
                    "syntax: redirect location|prefix|scheme to [code n] [options]");
        return;
    }
    made(scope) = std::move(redirect);
}

// ----------------------------------------------------------------------------------- other

void lower_allow(keyword::Scope& scope, const Call&) { made(scope) = ir::action::Allow{}; }
void lower_reject(keyword::Scope& scope, const Call&) { made(scope) = ir::action::Close{}; }
void lower_silent_drop(keyword::Scope& scope, const Call&) { made(scope) = ir::action::Close{}; }

// http-request capture EXPR len N | id N; tcp-request content capture EXPR len N.
void lower_capture(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    std::size_t used = 0;
    auto expr = lower_sample(here, call.args, used);
    if (!expr) return;
    if (used + 2 != call.size() || (call[used].text != "len" && call[used].text != "id")) {
        scope.error(call.span, "argument-count",
                    "\"capture\" needs \"len\" and a length, or "
                    "\"id\" and a slot, after the expression");
        return;
    }
    auto given = value::parse_number(call[used + 1].text);
    bool response = side_of(scope) == ir::action::Side::response;
    auto& slots = response ? here.draft->response_captures : here.draft->request_captures;
    ir::action::Capture capture;
    capture.side = response ? ir::action::Side::response : ir::action::Side::request;
    capture.value = std::move(*expr);
    if (!given || *given < 0) {
        scope.error(call[used + 1].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected a number", call[used + 1].text));
        return;
    }
    if (call[used].text == "id") {
        // Slots may be declared further down: finish.cpp checks it and fills in the length.
        capture.slot = static_cast<std::uint32_t>(*given);
    } else {
        capture.slot = static_cast<std::uint32_t>(slots.size());
        capture.length = static_cast<std::uint32_t>(*given);
        slots.push_back({"", capture.length});
    }
    made(scope) = std::move(capture);
}

template <ir::action::SetAddress::What What>
void lower_set_address(keyword::Scope& scope, const Call& call) {
    std::size_t used = 0;
    auto expr = lower_sample(own(scope), call.args, used);
    if (expr && used == call.size())
        made(scope) = ir::action::SetAddress{What, std::move(*expr)};
    else if (expr)
        scope.error(call[used].span, "unexpected-argument",
                    fmt::format("unexpected \"{}\" after the expression", call[used].text));
}

void lower_log_level(keyword::Scope& scope, const Call& call) {
    made(scope) = ir::action::SetLogLevel{static_cast<int>(call[0].number) - 1};
}

void lower_disable_retry(keyword::Scope& scope, const Call&) {
    made(scope) = ir::action::DisableRetry{};
}

void lower_expect_proxy(keyword::Scope& scope, const Call&) {
    made(scope) = ir::action::ExpectProxyHeader{};
}

template <ir::action::SetMark::What What>
void lower_mark(keyword::Scope& scope, const Call& call) {
    auto text_ = call[0].text;
    std::int64_t number_ = 0;
    bool hex = text_.starts_with("0x") || text_.starts_with("0X");
    auto body = hex ? text_.substr(2) : text_;
    auto [rest, failure] =
        std::from_chars(body.data(), body.data() + body.size(), number_, hex ? 16 : 10);
    if (failure != std::errc() || rest != body.data() + body.size()) {
        scope.error(
            call[0].span, "invalid-value",
            fmt::format("\"{}\" is not valid; expected a number such as 10 or 0x0a", text_));
        return;
    }
    made(scope) = ir::action::SetMark{What, number_};
}

// wait-for-body time T [at-least N]
void lower_wait_for_body(keyword::Scope& scope, const Call& call) {
    ir::action::WaitForBody wait;
    bool timed = false;
    for (std::size_t i = 0; i + 1 < call.size(); i += 2) {
        if (call[i].text == "time") {
            auto time = value::parse_haproxy_duration(call[i + 1].text);
            if (time) wait.time = *time;
            timed = time.has_value();
        } else if (call[i].text == "at-least") {
            auto bytes = value::parse_haproxy_size(call[i + 1].text);
            if (bytes) wait.bytes = *bytes;
        }
    }
    if (!timed)
        scope.error(call.span, "argument-count", "\"wait-for-body\" needs a time",
                    "syntax: wait-for-body time t [at-least bytes]");
    else
        made(scope) = wait;
}

void lower_wait_for_handshake(keyword::Scope& scope, const Call&) {
    made(scope) = ir::action::WaitForHandshake{};
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary) {
    return {.name = name, .where = where, .args = args, .apply = apply, .summary = summary};
}

constexpr Contexts http = in::http_request | in::http_response | in::http_after_response;
constexpr Contexts tcp_in =
    in::tcp_request_connection | in::tcp_request_session | in::tcp_request_content;
constexpr Contexts tcp_all = tcp_in | in::tcp_response_content;
using Target = ir::action::SetTarget::What;
using Which = ir::action::SetAddress::What;
using Mark = ir::action::SetMark::What;
constexpr keyword::Signature header_args = {word("name"), text("format")};
constexpr keyword::Signature answer_args = {any_number(word("option"))};
constexpr keyword::Signature expr_args = {many(word("expression"))};

constexpr auto rows = sorted({
    row("accept", tcp_all, {}, lower_allow, "Ends these rules."),
    row("add-header", http, header_args, lower_set_header, "Adds a field."),
    row("allow", http, {}, lower_allow, "Ends these rules."),
    row("capture",
        in::http_request | in::http_response | in::tcp_request_content | in::http_after_response,
        {many(word("expression and length"))}, lower_capture, "Keeps a value for the log."),
    row("del-header", http, {word("name"), opt(word("-m")), opt(word("method"))}, lower_del_header,
        "Removes a field."),
    row("auth", in::http_request, {opt(word("realm")), opt(word("name"))}, lower_auth,
        "Asks for a user and password."),
    row("deny", in::http_request | in::http_response, answer_args, lower_deny,
        "Answers with an error."),
    row("disable-l7-retry", in::http_request, {}, lower_disable_retry,
        "Turns retries off for this request."),
    row("early-hint", in::http_request, {word("name"), text("format")}, lower_early_hint,
        "Tells a field before the answer (status 103)."),
    row("expect-proxy", in::tcp_request_connection, {keyword::choice("layer4")}, lower_expect_proxy,
        "Expects a PROXY header."),
    row("redirect", in::http_request | in::http_response, {many(word("target and options"))},
        lower_redirect, "Answers with a redirect."),
    row("reject", tcp_all | in::http_request, {}, lower_reject, "Closes the connection."),
    row("replace-header", http, {word("name"), keyword::regex("regex"), text("format")},
        lower_replace_header, "Replaces what matches in a field."),
    row("replace-path", in::http_request, {keyword::regex("regex"), text("format")},
        lower_set_target<Target::path>, "Replaces what matches in the path."),
    row("replace-pathq", in::http_request, {keyword::regex("regex"), text("format")},
        lower_set_target<Target::path_and_query>, "Replaces what matches in path and query."),
    row("replace-uri", in::http_request, {keyword::regex("regex"), text("format")},
        lower_set_target<Target::uri>, "Replaces what matches in the target."),
    row("replace-value", http, {word("name"), keyword::regex("regex"), text("format")},
        lower_replace_header, "Replaces what matches in each value of a field."),
    row("return", in::http_request | in::http_response, answer_args, lower_return,
        "Answers from here."),
    row("set-dst", tcp_in | in::http_request, expr_args, lower_set_address<Which::destination>,
        "Changes the address the client connected to."),
    row("set-dst-port", tcp_in | in::http_request, expr_args,
        lower_set_address<Which::destination_port>, "Changes the port the client connected to."),
    row("set-header", http, header_args, lower_set_header, "Sets a field."),
    row("set-log-level", http | in::tcp_request_content | in::tcp_response_content,
        {keyword::choice("silent|emerg|alert|crit|err|warning|notice|info|debug")}, lower_log_level,
        "Sets the level of the log line."),
    row("set-mark", tcp_in | in::tcp_response_content | in::http_request | in::http_response,
        {word("mark")}, lower_mark<Mark::mark>, "Marks the packets to the client."),
    row("set-method", in::http_request, {text("format")}, lower_set_target<Target::method>,
        "Sets the method."),
    {.name = "set-nice",
     .where = in::http_request | in::http_response | in::tcp_request_content | in::tcp_response_content,
     .args = {word("nice")}, .support = keyword::ignored("what is ready is served in turn"),
     .summary = "Sets the urgency of the request."},
    row("set-path", in::http_request, {text("format")}, lower_set_target<Target::path>,
        "Sets the path."),
    row("set-pathq", in::http_request, {text("format")}, lower_set_target<Target::path_and_query>,
        "Sets path and query."),
    row("set-query", in::http_request, {text("format")}, lower_set_target<Target::query>,
        "Sets the query."),
    row("set-src", tcp_in | in::http_request, expr_args, lower_set_address<Which::source>,
        "Changes the client's address."),
    row("set-src-port", tcp_in | in::http_request, expr_args, lower_set_address<Which::source_port>,
        "Changes the client's port."),
    row("set-status", in::http_response | in::http_after_response,
        {number("status", 100, 999), opt(word("reason")), opt(word("text"))}, lower_set_status,
        "Sets the status."),
    row("set-tos", tcp_in | in::tcp_response_content | in::http_request | in::http_response,
        {word("tos")}, lower_mark<Mark::tos>, "Sets the TOS of packets to the client."),
    row("set-uri", in::http_request, {text("format")}, lower_set_target<Target::uri>,
        "Sets the target."),
    row("set-var", http | tcp_all, {word("name"), many(word("expression"))}, lower_set_var,
        "Keeps a value in a variable."),
    row("set-var-fmt", http | tcp_all, {word("name"), text("format")}, lower_set_var_fmt,
        "Keeps a text in a variable."),
    row("silent-drop", tcp_all | in::http_request | in::http_response, {}, lower_silent_drop,
        "Ends the connection without telling the client."),
    {.name = "strict-mode", .where = http, .args = {keyword::flag()},
     .support = keyword::ignored("rewrites have the room they need, so none fails"),
     .summary = "Whether a rewrite that fails ends the request."},
    row("tarpit", in::http_request, answer_args, lower_tarpit,
        "Holds the client, then answers with an error."),
    row("unset-var", http | tcp_all, {word("name")}, lower_unset_var, "Forgets a variable."),
    row("wait-for-body", in::http_request,
        {word("time"), word("value"), opt(word("at-least")), opt(word("bytes"))},
        lower_wait_for_body, "Waits for the body."),
    row("wait-for-handshake", in::http_request, {}, lower_wait_for_handshake,
        "Waits for the end of the TLS handshake where early data has overtaken it."),
});
static_assert(keyword::well_formed(rows));

constexpr Keyword choice(std::string_view name, std::string_view summary) {
    return {.name = name, .where = in::redirect, .summary = summary};
}
constexpr auto redirect_words = sorted({
    choice("append-slash", "Ends the path with a slash."),
    choice("clear-cookie", "Clears a cookie."),
    choice("code", "Status of the redirect."),
    choice("drop-query", "Leaves the query out."),
    choice("ignore-empty", "Does nothing when the target is empty."),
    choice("keep-query", "Keeps the query with location."),
    choice("location", "The whole target."),
    choice("prefix", "What goes before the target."),
    choice("scheme", "The scheme in front of host and target."),
    choice("set-cookie", "Sets a cookie."),
});
static_assert(keyword::well_formed(redirect_words));

}  // namespace

keyword::Table action_table() { return rows; }
keyword::Table redirect_table() { return redirect_words; }

bool lower_action(Scope& scope, Args words, Contexts place, ir::Rule& rule) {
    Argument name = words[0];
    std::vector<Argument> args;
    if (auto open = name.text.find('('); open != std::string_view::npos) {
        auto inner = name.text.substr(open + 1);
        if (!inner.ends_with(')')) {
            scope.error(name.span, "bad-action",
                        fmt::format("\"(\" in \"{}\" is not closed by \")\"", name.text));
            return false;
        }
        inner.remove_suffix(1);
        args.push_back({.text = inner, .span = inside(name, open + 1, inner.size())});
        name.text = name.text.substr(0, open);
        name.span = inside(words[0], 0, open);
    }
    const Keyword* row_ = scope.load.registry.find(name.text, place);
    // tune.stick-counters makes room for more of them than the rows name.
    constexpr std::string_view track = "track-sc";
    if (!row_ && name.text.size() > track.size() && name.text.starts_with(track) &&
        name.text.find_first_not_of("0123456789", track.size()) == std::string_view::npos)
        row_ = scope.load.registry.find("track-sc0", place);
    // A fetch carries the bits of the rules in which its value exists; that makes it no action.
    if (row_ && (row_->where & in::sample) != 0) {
        scope.error(name.span, "unknown-keyword",
                    fmt::format("unknown action \"{}\"; it is a sample fetch", name.text),
                    "fetches stand in conditions and expressions: if { ... }, %[...]");
        return false;
    }
    if (!row_) {
        if (!scope.load.registry.find(name.text).empty()) {
            keyword::check_keyword(scope.load.registry, name.text, name.span, place,
                                   action_language, scope.sink);
            return false;
        }
        find_word(scope, name, place, action_language);
        return false;
    }
    if (!keyword::check_support(*row_, name.text, name.span, action_language, scope.sink))
        return false;
    // The condition cannot stand before what the action needs.
    std::size_t from = 1 + (row_->args.min > args.size() ? row_->args.min - args.size() : 0);
    auto at = find_condition(words, std::min(from, words.size()));
    args.insert(args.end(), words.begin() + 1, words.begin() + static_cast<std::ptrdiff_t>(at));
    Call call{.row = row_, .name = name.text, .span = name.span};
    if (!keyword::check_arguments(*row_, call, args, keyword::Units::haproxy, scope.sink))
        return false;
    auto errors = scope.sink.count(diag::Severity::error);
    scope.rule = &rule;
    row_->apply(scope, call);
    scope.rule = nullptr;
    bool good = take_condition(scope, words, at, rule.when);
    return good && scope.sink.count(diag::Severity::error) == errors;
}

}  // namespace weir::haproxy
