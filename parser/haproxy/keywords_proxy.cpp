// SPDX-License-Identifier: Apache-2.0
// Rows of defaults, frontend, listen and backend that are neither options, rules nor checks.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/logs.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::duration;
using keyword::ignored;
using keyword::many;
using keyword::number;
using keyword::opt;
using keyword::path;
using keyword::word;

using Timeouts = ir::Timeouts;

// A time of 0 means no limit.
template <auto... Fields>
void set_timeout(keyword::Scope& scope, const Call& call) {
    auto& group = scope.settings().timeouts.edit();
    auto time = call[0].number == 0 ? ir::no_limit : ir::Milliseconds(call[0].number);
    ((group.*Fields = time), ...);
    auto& draft = *own(scope).draft;
    if (call[0].number == 0) return;
    draft.client_timeout |= call.name == "timeout client";
    draft.connect_timeout |= call.name == "timeout connect";
    draft.server_timeout |= call.name == "timeout server";
}

template <auto Member>
void set_front(keyword::Scope& scope, const Call& call) {
    using Target = std::remove_reference_t<decltype(own(scope).front().*Member)>;
    own(scope).front().*Member = static_cast<Target>(call[0].number);
}
template <auto Member>
void set_back(keyword::Scope& scope, const Call& call) {
    using Target = std::remove_reference_t<decltype(own(scope).back().*Member)>;
    own(scope).back().*Member = static_cast<Target>(call[0].number);
}

void lower_mode(keyword::Scope& scope, const Call& call) {
    const Keyword* row = find_word(own(scope), call[0], in::mode, option_language);
    if (row) own(scope).draft->http = row->name == "http";
}

void lower_disabled(keyword::Scope& scope, const Call&) { own(scope).draft->disabled = true; }
void lower_enabled(keyword::Scope& scope, const Call&) { own(scope).draft->disabled = false; }

void lower_id(keyword::Scope& scope, const Call& call) {
    own(scope).draft->id = static_cast<std::uint32_t>(call[0].number);
}

void lower_default_backend(keyword::Scope& scope, const Call& call) {
    own(scope).draft->default_backend = std::string(call[0].text);
    own(scope).draft->default_backend_at = call[0].span;
}

// ----------------------------------------------------------------------------------- logs

void lower_proxy_log(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    if (here.negated) {
        here.front().logs.clear();
        return;
    }
    if (call.size() == 0) {
        scope.error(call.span, "argument-count", "\"log\" needs a target",
                    "write \"log global\", or an address and a facility");
        return;
    }
    if (call[0].text == "global") {
        if (call.size() > 1)
            scope.error(call[1].span, "unexpected-argument",
                        fmt::format("unexpected \"{}\" after \"log global\"", call[1].text));
        auto& logs = here.front().logs;
        logs.clear();
        logs.push_back({true, {}});
        return;
    }
    if (auto log = lower_log(here, call.args)) here.front().logs.push_back({false, *log});
}

void lower_log_format(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    here.place = in::log_format;
    here.front().custom_format = lower_format(here, call[0], FormatUse::log);
    here.front().shape = LogShape::custom;
    here.front().shape_at = call.span;
}

void lower_error_log_format(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    here.place = in::log_format;
    here.front().error_format = lower_format(here, call[0], FormatUse::log);
}

void lower_log_tag(keyword::Scope& scope, const Call& call) {
    own(scope).front().log_tag = std::string(call[0].text);
}

void lower_unique_id_format(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    here.place = in::http_request;
    here.front().unique_id_format = lower_format(here, call[0], FormatUse::unique_id);
}
void lower_unique_id_header(keyword::Scope& scope, const Call& call) {
    own(scope).front().unique_id_header = std::string(call[0].text);
}
void lower_monitor_uri(keyword::Scope& scope, const Call& call) {
    own(scope).front().monitor_uri = std::string(call[0].text);
}

void lower_monitor_fail(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    here.place = in::http_request;
    std::optional<ir::Condition> when;
    if (call[0].text != "if" && call[0].text != "unless") {
        scope.error(call[0].span, "bad-condition", "\"monitor fail\" needs if or unless");
        return;
    }
    if (take_condition(here, call.args, 0, when)) here.draft->monitor_fail.push_back(*when);
}

// -------------------------------------------------------------------------------- captures

// capture request header NAME len N; the value is taken by a rule of the site.
void lower_capture(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    if (call[1].text != "len") {
        scope.error(call[1].span, "invalid-value",
                    fmt::format("expected \"len\" before the length, not \"{}\"", call[1].text));
        return;
    }
    bool request = call.name == "capture request header";
    auto& slots = request ? here.draft->request_captures : here.draft->response_captures;
    auto expr = fetch_expr(
        request ? ir::Fetch::request_header_full : ir::Fetch::response_header_full, call[0].span);
    expr.text = std::string(call[0].text);
    expr.number = 1;  // HAProxy takes the first field of the name
    ir::action::Capture capture;
    capture.side = request ? ir::action::Side::request : ir::action::Side::response;
    capture.slot = static_cast<std::uint32_t>(slots.size());
    capture.length = static_cast<std::uint32_t>(call[2].number);
    capture.value = std::move(expr);
    slots.push_back({std::string(call[0].text), capture.length});
    ir::Rule rule;
    rule.phase = request ? ir::Phase::request : ir::Phase::response;
    rule.list = ir::Rule::List::content;
    rule.action = std::move(capture);
    rule.span = call.span;
    // Before every rule that may look at it.
    auto& list = request ? here.draft->captures_in : here.draft->captures_out;
    list.push_back(std::move(rule));
}

void lower_capture_cookie(keyword::Scope& scope, const Call& call) {
    if (call[1].text != "len") {
        scope.error(call[1].span, "invalid-value",
                    fmt::format("expected \"len\" before the length, not \"{}\"", call[1].text));
        return;
    }
    own(scope).draft->cookie_capture = {std::string(call[0].text),
                                        static_cast<std::uint32_t>(call[2].number)};
}

void lower_declare_capture(keyword::Scope& scope, const Call& call) {
    auto& draft = *own(scope).draft;
    auto& slots = call[0].number == 0 ? draft.request_captures : draft.response_captures;
    slots.push_back({"", static_cast<std::uint32_t>(call[2].number)});
}

// ------------------------------------------------------------------------------ error pages

constexpr std::uint16_t page_statuses[] = {200, 400, 401, 403, 404, 405, 407, 408, 410, 413,
                                           421, 422, 425, 429, 500, 501, 502, 503, 504};

bool check_status(keyword::Scope& scope, const Argument& status) {
    if (std::find(std::begin(page_statuses), std::end(page_statuses), status.number) !=
        std::end(page_statuses))
        return true;
    scope.error(status.span, "invalid-value",
                fmt::format("HAProxy makes no answer of its own with status {}", status.number),
                "statuses are 200 400 401 403 404 405 407 408 410 413 421 422 425 429 500 501 502 "
                "503 504");
    return false;
}

void put_page(keyword::Scope& scope, std::uint16_t status, ir::ErrorPage page) {
    page.statuses = {status};
    auto& list = scope.settings().error_pages.edit().list;
    std::erase_if(list, [&](const auto& known) { return known.statuses == page.statuses; });
    list.push_back(std::move(page));
}

void lower_errorfile(keyword::Scope& scope, const Call& call) {
    if (!check_status(scope, call[0])) return;
    ir::ErrorPage page;
    page.span = call.span;
    auto bytes = scope.sources.read(std::string(call[1].text), Purpose::content);
    if (!bytes && !bytes.error().left_out()) {
        scope.error(
            call[1].span, "cannot-read",
            fmt::format("cannot open the error file \"{}\": {}", call[1].text, bytes.error().text));
        return;
    }
    auto message = lower_message(own(scope), bytes ? *bytes : std::string_view(), call[1]);
    if (!message) return;
    page.what = ir::ErrorPage::Whole{std::move(message)};
    put_page(scope, static_cast<std::uint16_t>(call[0].number), std::move(page));
}

void lower_errorloc(keyword::Scope& scope, const Call& call) {
    if (!check_status(scope, call[0])) return;
    ir::ErrorPage page;
    page.span = call.span;
    page.what =
        ir::ErrorPage::Redirect{ir::Text::of(std::string(call[1].text)),
                                static_cast<std::uint16_t>(call.name == "errorloc303" ? 303 : 302)};
    put_page(scope, static_cast<std::uint16_t>(call[0].number), std::move(page));
}

void lower_errorfiles(keyword::Scope& scope, const Call& call) {
    const auto& sections = own(scope).load.http_errors;
    auto found = sections.find(call[0].text);
    if (found == sections.end()) {
        scope.error(
            call[0].span, "unknown-section",
            fmt::format("there is no http-errors section \"{}\" before this line", call[0].text));
        return;
    }
    for (const auto& page : found->second) {
        bool wanted = call.size() == 1;
        for (std::size_t i = 1; i < call.size(); ++i) wanted |= call[i].number == page.statuses[0];
        if (wanted) put_page(scope, page.statuses[0], page);
    }
}

// ------------------------------------------------------------------------------- balancing

// "name(inner)" in two; inner is empty without parentheses.
std::pair<std::string_view, std::string_view> split_call(std::string_view text) {
    auto open = text.find('(');
    if (open == std::string_view::npos || !text.ends_with(')')) return {text, {}};
    return {text.substr(0, open), text.substr(open + 1, text.size() - open - 2)};
}

ir::Text text_of(ir::Expr expr, std::uint32_t limit = 0) {
    ir::Text text;
    text.span = expr.span;
    ir::Text::Piece piece;
    piece.expr = std::make_shared<const ir::Expr>(std::move(expr));
    piece.limit = limit;
    text.pieces.push_back(std::move(piece));
    return text;
}

// balance uri [len N] [depth N] [whole] [path-only]
void lower_balance_uri(Scope& scope, Args args, ir::Balance& balance) {
    auto fetch = ir::Fetch::path;
    std::uint32_t limit = 0;
    std::int64_t depth = 0;
    for (std::size_t i = 1; i < args.size(); ++i) {
        if (args[i].text == "whole") {
            fetch = ir::Fetch::request_target;
        } else if (args[i].text == "path-only") {
            fetch = ir::Fetch::path;
        } else if (args[i].text == "len" && i + 1 < args.size()) {
            auto length = value::parse_number(args[++i].text);
            if (!length || *length < 1) {
                scope.error(args[i].span, "invalid-value", "\"len\" takes a positive number");
                return;
            }
            limit = static_cast<std::uint32_t>(*length);
        } else if (args[i].text == "depth" && i + 1 < args.size()) {
            auto slashes = value::parse_number(args[++i].text);
            if (!slashes || *slashes < 1) {
                scope.error(args[i].span, "invalid-value", "\"depth\" takes a positive number");
                return;
            }
            depth = *slashes;
        } else {
            scope.error(args[i].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected len, depth, whole or path-only",
                                    args[i].text));
            return;
        }
    }
    balance.how = ir::Balance::How::hash;
    auto key = fetch_expr(fetch, args[0].span);
    if (depth != 0) {
        key = convert_expr(ir::Converter::uri_depth, std::move(key));
        key.number = depth;
    }
    balance.key = text_of(std::move(key), limit);
}

void lower_balance(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    if (call.size() == 0) {
        here.back().balance.how = ir::Balance::How::round_robin;
        here.back().balance.key = {};
        return;
    }
    auto [name, inner] = split_call(call[0].text);
    Argument algorithm{.text = name, .span = call[0].span};
    const Keyword* row = find_word(here, algorithm, in::balance, option_language);
    if (!row) return;
    auto& balance = here.back().balance;
    here.back().balance_given = true;
    balance.key = {};
    auto rest = call.args.subspan(1);
    using How = ir::Balance::How;
    auto no_more = [&] {
        if (!rest.empty())
            scope.error(
                rest[0].span, "unexpected-argument",
                fmt::format("unexpected \"{}\" after \"balance {}\"", rest[0].text, call[0].text));
    };
    if (name == "uri") return lower_balance_uri(here, call.args, balance);
    if (name == "url_param") {
        if (rest.empty()) {
            scope.error(call[0].span, "argument-count",
                        "\"balance url_param\" needs the name of an argument");
            return;
        }
        if (rest.size() > 1)
            scope.error(rest[1].span, "not-supported",
                        fmt::format("\"{}\" is known to HAProxy, not yet in weir", rest[1].text),
                        "the argument is looked for in the URL only");
        auto expr = fetch_expr(ir::Fetch::query_argument, rest[0].span);
        expr.text = std::string(rest[0].text);
        expr.number = 1;
        balance.how = How::hash;
        balance.key = text_of(std::move(expr));
        return;
    }
    if (name == "hdr") {
        if (inner.empty()) {
            scope.error(call[0].span, "argument-count",
                        "\"balance hdr\" needs the name of a field: hdr(name)");
            return;
        }
        bool domain = !rest.empty() && rest[0].text == "use_domain_only";
        if (!rest.empty() && !domain)
            scope.error(rest[0].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected use_domain_only", rest[0].text));
        // The first of the values that commas part.
        auto expr = fetch_expr(ir::Fetch::request_header, call[0].span);
        expr.text = std::string(inner);
        expr.number = 1;
        balance.how = How::hash;
        if (domain) expr = convert_expr(ir::Converter::main_domain, std::move(expr));
        balance.key = text_of(std::move(expr));
        return;
    }
    no_more();
    if (name == "random") {
        balance.how = How::random;
        balance.random_least_connections = true;
        if (inner.empty()) return;
        auto draws = value::parse_number(inner);
        if (!draws || *draws < 1)
            scope.error(call[0].span, "invalid-value", "\"random\" takes a number of draws from 1");
        else
            balance.draws = static_cast<std::uint32_t>(*draws);
        return;
    }
    balance.how = static_cast<How>(row->number);
}

void lower_hash_type(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto& balance = here.back().balance;
    for (const auto& argument : call.args) {
        const Keyword* row = find_word(here, argument, in::hash_type, option_language);
        if (!row) return;
        if (argument.text == "consistent" || argument.text == "map-based") {
            balance.consistent = argument.text == "consistent";
            // HAProxy: without a function named, a consistent hash is spread by the avalanche too.
            balance.avalanche = balance.consistent && call.size() == 1;
            balance.ring = balance.consistent ? ir::Balance::Ring::haproxy_ring
                                              : ir::Balance::Ring::haproxy_map;
        } else if (argument.text == "avalanche") {
            balance.avalanche = true;
        } else {
            balance.function = static_cast<ir::Balance::Function>(row->number);
        }
    }
}

void lower_balance_factor(keyword::Scope& scope, const Call& call) {
    if (call[0].number != 0 && call[0].number < 100)
        scope.error(
            call[0].span, "invalid-value",
            fmt::format("\"{}\" is not valid; expected 0 or a percentage above 100", call[0].text));
    own(scope).back().balance.balance_factor = static_cast<std::uint32_t>(call[0].number);
}

// -------------------------------------------------------------------------------- servers

void lower_retries(keyword::Scope& scope, const Call& call) {
    scope.settings().forward.edit().retry.tries = static_cast<std::uint32_t>(call[0].number) + 1;
    own(scope).draft->retries_given = true;
}

void lower_retry_on(keyword::Scope& scope, const Call& call) {
    auto& retry = scope.settings().forward.edit().retry;
    retry.error = retry.timeout = retry.empty_response = retry.junk_response = false;
    retry.invalid_header = false;
    retry.statuses.clear();
    retry.connect = retry.early_data = false;
    for (const auto& what : call.args) {
        const Keyword* row = find_word(own(scope), what, in::retry_on, option_language);
        if (!row) return;
        if (what.text == "none") {
            retry.tries = 1;
        } else if (what.text == "conn-failure") {
            retry.connect = true;
        } else if (what.text == "empty-response") {
            retry.empty_response = true;
        } else if (what.text == "response-timeout") {
            retry.timeout = true;
        } else if (what.text == "junk-response") {
            retry.junk_response = true;
        } else if (what.text == "0rtt-rejected") {
            retry.early_data = true;
        } else if (what.text == "all-retryable-errors") {
            retry.connect = retry.timeout = retry.empty_response = retry.junk_response = true;
            retry.early_data = true;
            retry.statuses = {500, 502, 503, 504};
        } else if (auto status = value::parse_number(what.text)) {
            retry.statuses.push_back(static_cast<std::uint16_t>(*status));
        }
    }
}

void lower_http_reuse(keyword::Scope& scope, const Call& call) {
    const Keyword* row = find_word(own(scope), call[0], in::http_reuse, option_language);
    if (!row) return;
    auto& forward = scope.settings().forward.edit();
    forward.reuse = static_cast<ir::ForwardSettings::Reuse>(row->number);
}

void lower_source(keyword::Scope& scope, const Call& call) {
    auto address = parse_address(call[0].text);
    if (!address || address->kind != Address::Kind::inet || !address->host.empty()) {
        scope.error(call[0].span, "invalid-address",
                    fmt::format("\"{}\" is not valid; expected an address such as 10.0.0.1 or "
                                "10.0.0.1:0",
                                call[0].text));
        return;
    }
    if (call.size() > 1) {
        scope.error(
            call[1].span, "not-supported",
            fmt::format("\"{}\" of \"source\" is known to HAProxy, not yet in weir", call[1].text));
        return;
    }
    auto& forward = scope.settings().forward.edit();
    if (address->any)
        forward.bind_address.reset();
    else
        forward.bind_address = ir::Text::of(ir::to_string(address->endpoint));
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary,
                      std::string_view fallback = {}) {
    return {.name = name,
            .where = where,
            .args = args,
            .apply = apply,
            .fallback = fallback,
            .summary = summary};
}
constexpr Keyword harmless(std::string_view name, Contexts where, std::uint8_t low,
                           std::uint8_t high, std::string_view reason, std::string_view summary) {
    return {.name = name,
            .where = where,
            .args = keyword::Signature::count(low, high),
            .support = ignored(reason),
            .summary = summary};
}

constexpr keyword::Signature time_arg = {duration("time", 0)};
constexpr keyword::Signature length_args = {word("name"), word("len"), number("length", 1)};

constexpr auto rows = sorted({
    row("backlog", in::front_side, {number("connections", 0)}, set_front<&FrontWords::backlog>,
        "Most connections that wait to be accepted."),
    row("balance", in::back_side, {any_number(word("algorithm"))}, lower_balance,
        "How a server is chosen.", "roundrobin"),
    harmless("bind-process", in::any_proxy, 1, keyword::unbounded,
             "every worker serves every section", "Binds a section to processes."),
    row("capture cookie", in::frontend | in::listen, length_args, lower_capture_cookie,
        "Keeps a cookie for the log."),
    row("capture request header", in::frontend | in::listen, length_args, lower_capture,
        "Keeps a field of the request for the log."),
    row("capture response header", in::frontend | in::listen, length_args, lower_capture,
        "Keeps a field of the response for the log."),
    row("declare capture", in::frontend | in::listen,
        {keyword::choice("request|response"), word("len"), number("length", 1)},
        lower_declare_capture, "Makes a slot for a capture action."),
    row("default_backend", in::front_side, {keyword::pool("backend")}, lower_default_backend,
        "The backend when no use_backend holds."),
    harmless("description", in::frontend | in::listen | in::backend, 1, keyword::unbounded,
             "nothing shows it yet", "A text about this section."),
    row("disabled", in::any_proxy | in::peers, {}, lower_disabled, "Turns the section off."),
    row("enabled", in::any_proxy | in::peers, {}, lower_enabled, "Turns the section on."),
    row("error-log-format", in::front_side, {keyword::text("format")}, lower_error_log_format,
        "What is logged of a connection that fails before its first request."),
    row("http-error", in::any_proxy, {many(word("status, and what the page is"))}, lower_http_error,
        "The page of a status."),
    row("errorfile", in::any_proxy | in::http_errors, {number("status"), path("file")},
        lower_errorfile, "A file that is sent for a status."),
    row("errorfiles", in::any_proxy, {word("section"), any_number(number("status"))},
        lower_errorfiles, "Takes the pages of an http-errors section."),
    row("errorloc", in::any_proxy, {number("status"), word("url")}, lower_errorloc,
        "A redirect that is sent for a status."),
    row("errorloc302", in::any_proxy, {number("status"), word("url")}, lower_errorloc,
        "A redirect that is sent for a status."),
    row("errorloc303", in::any_proxy, {number("status"), word("url")}, lower_errorloc,
        "A redirect, to be followed with GET, that is sent for a status."),
    row("fullconn", in::back_side, {number("connections", 1)},
        set_back<&BackWords::full_connections>, "Connections at which a backend counts as full."),
    row("hash-balance-factor", in::back_side, {number("percent", 0, 65535)}, lower_balance_factor,
        "Bounds the load of a server on the ring.", "0"),
    row("hash-type", in::back_side, {many(word("method, function and modifier"))}, lower_hash_type,
        "How a hash finds a server.", "map-based sdbm"),
    row("http-reuse", in::back_side, {word("strategy")}, lower_http_reuse,
        "When a server connection is shared.", "safe"),
    row("id", in::frontend | in::listen | in::backend, {number("number", 1)}, lower_id,
        "A number for this section."),
    row("log", in::any_proxy, {any_number(word("global, or an address and a facility"))},
        lower_proxy_log, "Where log lines go."),
    row("log-format", in::front_side, {keyword::text("format")}, lower_log_format,
        "What a log line says."),
    row("log-tag", in::any_proxy, {word("tag")}, lower_log_tag, "Tag of syslog lines."),
    harmless("max-keep-alive-queue", in::back_side, 1, 1,
             "a kept connection is used whenever it is free",
             "Queue length from which affinity is given up."),
    row("maxconn", in::front_side, {number("connections", 0)},
        set_front<&FrontWords::max_connections>, "Most connections of a frontend."),
    row("mode", in::any_proxy, {word("mode")}, lower_mode, "tcp or http.", "tcp"),
    row("monitor fail", in::frontend | in::listen, {many(word("if condition"))}, lower_monitor_fail,
        "When monitor-uri answers 503."),
    row("monitor-uri", in::front_side, {word("uri")}, lower_monitor_uri,
        "A URI that answers 200 by itself."),
    {.name = "rate-limit sessions", .where = in::front_side, .args = {number("rate", 0)},
     .support = keyword::not_yet(), .summary = "Most new sessions per second."},
    row("retries", in::back_side, {number("retries", 0)}, lower_retries,
        "How often a connect is tried again.", "3"),
    row("retry-on", in::back_side, {many(word("failure"))}, lower_retry_on,
        "Failures after which a request is tried again.", "conn-failure"),
    row("source", in::back_side, {word("address"), any_number(word("option"))}, lower_source,
        "Address to connect from."),
    row("timeout check", in::back_side, time_arg, set_timeout<&Timeouts::check>,
        "Time for a check's answer."),
    row("timeout client", in::front_side, time_arg,
        set_timeout<&Timeouts::client_read, &Timeouts::client_send>,
        "Time a client may stay silent."),
    row("timeout client-fin", in::front_side, time_arg, set_timeout<&Timeouts::client_fin>,
        "The same once one side has closed."),
    row("timeout connect", in::back_side, time_arg, set_timeout<&Timeouts::connect>,
        "Time to connect to a server."),
    row("timeout http-keep-alive", in::any_proxy, time_arg, set_timeout<&Timeouts::keepalive>,
        "Time a kept connection waits for a request."),
    row("timeout http-request", in::any_proxy, time_arg, set_timeout<&Timeouts::request_head>,
        "Time for a whole request head."),
    row("timeout queue", in::back_side, time_arg, set_timeout<&Timeouts::queue>,
        "Time to wait for a free server."),
    row("timeout server", in::back_side, time_arg,
        set_timeout<&Timeouts::server_read, &Timeouts::server_send>,
        "Time a server may stay silent."),
    row("timeout server-fin", in::back_side, time_arg, set_timeout<&Timeouts::server_fin>,
        "The same once one side has closed."),
    row("timeout tarpit", in::any_proxy, time_arg, set_timeout<&Timeouts::tarpit>,
        "How long a tarpit holds."),
    row("timeout tunnel", in::back_side, time_arg, set_timeout<&Timeouts::tunnel>,
        "Time both sides of a tunnel may stay silent."),
    row("unique-id-format", in::any_proxy, {keyword::text("format")}, lower_unique_id_format,
        "How the identifier of a request is made."),
    row("unique-id-header", in::front_side, {word("name")}, lower_unique_id_header,
        "Field that carries the identifier to servers."),
});
static_assert(keyword::well_formed(rows));

// Words with values of their own.
constexpr Keyword choice(std::string_view name, Contexts where, std::int64_t value,
                         std::string_view summary) {
    return {.name = name, .where = where, .summary = summary, .number = value};
}
using How = ir::Balance::How;
using Function = ir::Balance::Function;
using Reuse = ir::ForwardSettings::Reuse;
constexpr auto code = [](auto value) { return static_cast<std::int64_t>(value); };

constexpr auto values = sorted({
    choice("first", in::balance, code(How::first), "The first server with a free slot."),
    choice("hdr", in::balance, code(How::hash), "By a field of the request."),
    choice("leastconn", in::balance, code(How::least_connections), "The least busy server."),
    choice("random", in::balance, code(How::random), "The better of some drawn servers."),
    choice("roundrobin", in::balance, code(How::round_robin), "Each in turn, by weight."),
    choice("source", in::balance, code(How::client_hash), "By the client's address."),
    choice("static-rr", in::balance, code(How::static_round_robin), "Each in turn, fixed."),
    choice("uri", in::balance, code(How::hash), "By the target."),
    choice("url_param", in::balance, code(How::hash), "By an argument of the query."),
    choice("avalanche", in::hash_type, 0, "Spreads the bits of the hash."),
    choice("consistent", in::hash_type, 0, "Places servers on a ring."),
    choice("crc32", in::hash_type, code(Function::crc32), "CRC-32."),
    choice("djb2", in::hash_type, code(Function::djb2), "DJB2."),
    choice("map-based", in::hash_type, 0, "Divides the hash by the weights."),
    choice("none", in::hash_type, code(Function::none), "Takes the key as a number."),
    choice("sdbm", in::hash_type, code(Function::sdbm), "SDBM."),
    choice("wt6", in::hash_type, code(Function::wt6), "WT6."),
    choice("aggressive", in::http_reuse, code(Reuse::aggressive), "Shares what was shared before."),
    choice("always", in::http_reuse, code(Reuse::always), "Shares always."),
    choice("never", in::http_reuse, code(Reuse::never), "Shares never."),
    choice("safe", in::http_reuse, code(Reuse::safe), "Shares but for the first request."),
    choice("http", in::mode, 0, "Understands HTTP."),
    choice("tcp", in::mode, 0, "Passes bytes."),
});
static_assert(keyword::well_formed(values));

constexpr auto retry_values = sorted({
    choice("0rtt-rejected", in::retry_on, 0, "Early data that was rejected."),
    choice("all-retryable-errors", in::retry_on, 0, "Everything that can be tried again."),
    choice("conn-failure", in::retry_on, 0, "A connection that could not be made."),
    choice("empty-response", in::retry_on, 0, "A connection closed without an answer."),
    choice("junk-response", in::retry_on, 0, "An answer that is no HTTP."),
    choice("none", in::retry_on, 0, "Never."),
    choice("response-timeout", in::retry_on, 0, "A server that does not answer in time."),
    choice("401", in::retry_on, 401, "Status 401."),
    choice("403", in::retry_on, 403, "Status 403."),
    choice("404", in::retry_on, 404, "Status 404."),
    choice("408", in::retry_on, 408, "Status 408."),
    choice("425", in::retry_on, 425, "Status 425."),
    choice("500", in::retry_on, 500, "Status 500."),
    choice("501", in::retry_on, 501, "Status 501."),
    choice("502", in::retry_on, 502, "Status 502."),
    choice("503", in::retry_on, 503, "Status 503."),
    choice("504", in::retry_on, 504, "Status 504."),
});
static_assert(keyword::well_formed(retry_values));

constexpr Keyword section(std::string_view name, std::string_view summary) {
    return {.name = name,
            .where = in::top,
            .args = keyword::Signature::count(0, 3),
            .summary = summary};
}
constexpr auto sections = sorted({
    section("backend", "Servers and how they are used."),
    section("cache", "Answers that are kept in memory, for cache-use and cache-store."),
    section("crt-store", "Certificates with the files that belong to them, by name."),
    section("defaults", "What the sections after it inherit."),
    section("frontend", "Addresses clients connect to, and where requests go."),
    section("global", "The process."),
    section("http-errors", "Error pages, for errorfiles."),
    section("peers", "Instances that tell each other what changes in tables."),
    section("listen", "A frontend and a backend in one."),
});
static_assert(keyword::well_formed(sections));

}  // namespace

keyword::Table proxy_table() { return rows; }

keyword::Table value_table() { return values; }
keyword::Table retry_table() { return retry_values; }
keyword::Table section_table() { return sections; }

}  // namespace weir::haproxy
