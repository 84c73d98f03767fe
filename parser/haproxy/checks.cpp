// SPDX-License-Identifier: Apache-2.0
// Rows of http-check and tcp-check lines: the steps of an active health check.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::many;
using keyword::word;
using Step = ir::HealthCheck::Step;
using What = Step::What;

// Reads "name value" options of a line one after the other.
class Options {
public:
    Options(keyword::Scope& scope_, const Call& call_) : scope(scope_), call(call_) {}

    [[nodiscard]] bool more() const { return at < call.size() && !failed; }
    const Argument& next() { return call[at++]; }
    const Argument& value() {
        static const Argument none{};
        if (at < call.size()) return call[at++];
        scope.error(call[at - 1].span, "argument-count",
                    fmt::format("\"{}\" needs a value after it", call[at - 1].text));
        failed = true;
        return none;
    }
    void unknown(const Argument& given, std::string_view known) {
        scope.error(given.span, "invalid-value",
                    fmt::format("unknown option \"{}\" of \"{}\"", given.text, call.row->name),
                    "options are " + std::string(known));
        failed = true;
    }

    keyword::Scope& scope;
    const Call& call;
    std::size_t at = 0;
    bool failed = false;
};

ir::Text plain(const Argument& argument) {
    auto text = ir::Text::of(std::string(argument.text));
    text.span = argument.span;
    return text;
}
// A format of a check sees no traffic, only constants, dates and variables of its own.
ir::Text formatted(keyword::Scope& scope, const Argument& argument) {
    own(scope).place = in::tcp_request_connection;
    return lower_format(own(scope), argument, FormatUse::body);
}

std::vector<Step>& steps_of(keyword::Scope& scope, const Call& call) {
    auto& back = own(scope).back();
    bool http = call.row->name.starts_with("http-check");
    // The first line of a section replaces what its defaults said.
    bool& started =
        http ? own(scope).draft->http_steps_started : own(scope).draft->tcp_steps_started;
    auto& steps = http ? back.http_steps : back.tcp_steps;
    if (!std::exchange(started, true)) steps.clear();
    return steps;
}

// A log-format text that must come out the same each time: checks are made where there is no request.
ir::Text constant(keyword::Scope& scope, const Argument& word) {
    auto text = formatted(scope, word);
    if (text.is_literal()) return text;
    scope.error(word.span, "not-supported",
                "a computed text in a check is known to HAProxy, not yet in weir",
                "write what is to be sent as it is");
    return {};
}

// ----------------------------------------------------------------------------- http-check

// http-check send [meth m] [uri u] [ver v] [hdr name value]* [body b]
void lower_http_send(keyword::Scope& scope, const Call& call) {
    Step step;
    step.what = What::send;
    const auto& back = own(scope).back();
    step.method = back.http_method;
    step.uri = back.http_uri;
    step.version = back.http_version;
    step.fields = back.http_fields;
    Options options(scope, call);
    while (options.more()) {
        const auto& what = options.next();
        if (what.text == "meth") {
            step.method = std::string(options.value().text);
        } else if (what.text == "uri") {
            step.uri = std::string(options.value().text);
        } else if (what.text == "uri-lf") {
            step.uri = constant(scope, options.value()).literal();
        } else if (what.text == "ver") {
            step.version = std::string(options.value().text);
        } else if (what.text == "hdr") {
            auto name = std::string(options.value().text);
            step.fields.push_back({std::move(name), constant(scope, options.value())});
        } else if (what.text == "body") {
            step.text = plain(options.value());
        } else if (what.text == "body-lf") {
            step.text = constant(scope, options.value());
        } else if (what.text == "comment") {
            step.comment = std::string(options.value().text);
        } else {
            options.unknown(what, "meth, uri, uri-lf, ver, hdr, body and body-lf");
        }
    }
    if (!options.failed) steps_of(scope, call).push_back(std::move(step));
}

// What expect lines of both kinds share before "[!] match pattern".
bool read_expect_option(Options& options, const Argument& what, Step& step) {
    if (what.text == "min-recv") {
        auto bytes = value::parse_number(options.value().text);
        if (bytes) step.min_receive = static_cast<std::uint32_t>(*bytes);
    } else if (what.text == "comment") {
        step.comment = std::string(options.value().text);
    } else if (what.text == "ok-status") {
        step.ok_status = std::string(options.value().text);
    } else if (what.text == "error-status") {
        step.error_status = std::string(options.value().text);
    } else if (what.text == "tout-status") {
        step.timeout_status = std::string(options.value().text);
    } else if (what.text == "on-success" || what.text == "on-error" || what.text == "status-code") {
        options.scope.sink.warning(
            what.span, "no-effect",
            fmt::format("\"{}\" has no effect: a check's result is reported in weir's own words", what.text));
        options.value();
    } else {
        return false;
    }
    return true;
}

bool valid_statuses(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789-,") == std::string_view::npos;
}

void not_yet(Options& options, const Argument& what) {
    options.scope.error(
        what.span, "not-supported",
        fmt::format("this use of \"{}\" is known to HAProxy, not yet in weir", what.text),
        "write the name of the field, and -m only before its value");
    options.failed = true;
}

// hdr name "x" [value "y"] with -m methods
void read_header_pattern(Options& options, Step& step) {
    using Compare = Step::Compare;
    auto method = [&] {
        if (!options.more() || options.call[options.at].text != "-m") return Compare::equal;
        ++options.at;
        auto text = options.value().text;
        return text == "beg"   ? Compare::prefix
               : text == "end" ? Compare::suffix
               : text == "sub" ? Compare::substring
               : text == "reg" ? Compare::regex
                               : Compare::equal;
    };
    step.compare = Compare::exists;
    while (options.more()) {
        const auto& what = options.next();
        if (what.text == "name-lf" || what.text == "value-lf") {
            not_yet(options, what);
            return;
        }
        if (what.text == "name") {
            if (method() != Compare::equal) {
                not_yet(options, what);
                return;
            }
            step.header_name = std::string(options.value().text);
        } else if (what.text == "value") {
            step.compare = method();
            step.pattern = std::string(options.value().text);
        } else {
            options.unknown(what, "name, value and -m");
        }
    }
}

void lower_expect(keyword::Scope& scope, const Call& call) {
    using Expect = Step::Expect;
    bool http = call.row->name.starts_with("http-check");
    Step step;
    step.what = What::expect;
    Options options(scope, call);
    bool matched = false;
    while (options.more()) {
        const auto& given = options.next();
        if (given.text == "!") {
            step.negate = !step.negate;
            continue;
        }
        Argument what = given;
        if (what.text.starts_with('!')) {
            step.negate = !step.negate;
            what.text.remove_prefix(1);
        }
        if (read_expect_option(options, what, step)) continue;
        const Keyword* row = find_word(
            own(scope), what, http ? in::http_check_expect : in::tcp_check_expect, option_language);
        if (!row) return;
        matched = true;
        step.expect = static_cast<Expect>(row->number);
        if (step.expect == Expect::header) {
            read_header_pattern(options, step);
            break;
        }
        const auto& pattern = options.value();
        step.pattern = std::string(pattern.text);
        bool regex = step.expect == Expect::regex || step.expect == Expect::status_regex;
        if (regex && !options.failed)
            if (auto valid = value::parse_regex(pattern.text); !valid)
                scope.error(
                    pattern.span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected {}", pattern.text, valid.error()));
        if (step.expect == Expect::status && !options.failed && !valid_statuses(pattern.text))
            scope.error(pattern.span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected statuses such as 200 or 200-399",
                                    pattern.text));
    }
    if (options.failed) return;
    if (!matched) {
        scope.error(call.span, "argument-count",
                    fmt::format("\"{}\" needs something to look for", call.row->name),
                    http ? "syntax: http-check expect [!] status|rstatus|hdr|string|rstring pattern"
                         : "syntax: tcp-check expect [!] string|rstring|binary|rbinary pattern");
        return;
    }
    steps_of(scope, call).push_back(std::move(step));
}

void lower_disable_on_404(keyword::Scope& scope, const Call&) {
    own(scope).back().disable_on_404 = true;
}

// --------------------------------------------------------------------------------- connect

void lower_connect(keyword::Scope& scope, const Call& call) {
    Step step;
    step.what = What::connect;
    Options options(scope, call);
    while (options.more()) {
        const auto& what = options.next();
        if (what.text == "port") {
            const auto& given = options.value();
            auto port = value::parse_number(given.text);
            if (port && *port > 0 && *port < 65536)
                step.port = static_cast<std::uint16_t>(*port);
            else if (!options.failed)
                scope.error(given.span, "invalid-value",
                            fmt::format("\"{}\" is not valid; expected a port from 1 to 65535",
                                        given.text));
        } else if (what.text == "addr") {
            const auto& given = options.value();
            auto address = parse_address(given.text);
            if (address && address->host.empty()) {
                step.address = address->endpoint;
                if (address->has_port) step.port = address->endpoint.port;
            } else if (!options.failed) {
                scope.error(given.span, "invalid-address",
                            fmt::format("\"{}\" is not valid; expected an address", given.text));
            }
        } else if (what.text == "send-proxy") {
            step.send_proxy = true;
        } else if (what.text == "linger") {
            step.linger = true;
        } else if (what.text == "comment") {
            step.comment = std::string(options.value().text);
        } else if (what.text == "default") {
            step.as_check = true;
        } else if (what.text == "via-socks4") {
            // weir has no socks4 on servers, so there is none to go through.
        } else if (what.text == "ssl") {
            step.tls = true;
        } else if (what.text == "sni") {
            step.sni = std::string(options.value().text);
        } else if (what.text == "alpn") {
            step.alpn = split_list(options.value().text);
        } else if (what.text == "proto") {
            scope.error(
                what.span, "not-supported",
                fmt::format("\"{}\" of a check is known to HAProxy, not yet in weir", what.text));
            return;
        } else {
            options.unknown(what, "port, addr, send-proxy, ssl, sni, alpn, default, linger and comment");
        }
    }
    if (!options.failed) steps_of(scope, call).push_back(std::move(step));
}

// ------------------------------------------------------------------------------- tcp-check

void lower_tcp_send(keyword::Scope& scope, const Call& call) {
    Step step;
    step.what = What::send;
    auto name = call.row->name;
    if (name.find("binary") != std::string_view::npos) {
        std::string bytes;
        auto text = call[0].text;
        for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
            auto pair = text.substr(i, 2);
            auto digits = std::string_view("0123456789abcdefABCDEF");
            if (pair.find_first_not_of(digits) != std::string_view::npos) break;
            bytes += static_cast<char>(std::stoi(std::string(pair), nullptr, 16));
        }
        if (bytes.size() * 2 != text.size()) {
            scope.error(
                call[0].span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected pairs of hexadecimal digits", text));
            return;
        }
        step.text = ir::Text::of(std::move(bytes));
    } else {
        step.text = name.ends_with("-lf") ? constant(scope, call[0]) : plain(call[0]);
    }
    if (call.size() > 2 && call[1].text == "comment") step.comment = std::string(call[2].text);
    steps_of(scope, call).push_back(std::move(step));
}

void lower_comment(keyword::Scope& scope, const Call& call) {
    Step step;
    step.what = What::comment;
    step.comment = std::string(call[0].text);
    steps_of(scope, call).push_back(std::move(step));
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary) {
    return {.name = name, .where = in::back_side, .args = args, .apply = apply, .summary = summary};
}
constexpr keyword::Signature options_args = {any_number(word("option"))};
constexpr keyword::Signature expect_args = {many(word("match and pattern"))};
constexpr keyword::Signature send_args = {word("data"), keyword::opt(word("comment")),
                                          keyword::opt(word("text"))};

constexpr auto rows = sorted({
    row("http-check comment", {word("text")}, lower_comment, "Names a step in reports."),
    row("http-check connect", options_args, lower_connect, "Opens a connection."),
    row("http-check disable-on-404", {}, lower_disable_on_404,
        "Gives a server that answers 404 no new sessions."),
    row("http-check expect", expect_args, lower_expect, "What the answer must be like."),
    row("http-check send", options_args, lower_http_send, "What the request says."),
    row("tcp-check comment", {word("text")}, lower_comment, "Names a step in reports."),
    row("tcp-check connect", options_args, lower_connect, "Opens a connection."),
    row("tcp-check expect", expect_args, lower_expect, "What the answer must be like."),
    row("tcp-check send", send_args, lower_tcp_send, "Sends text."),
    row("tcp-check send-binary", send_args, lower_tcp_send, "Sends bytes in hexadecimal."),
    row("tcp-check send-lf", send_args, lower_tcp_send, "Sends a formatted text."),
});
static_assert(keyword::well_formed(rows));

using Expect = Step::Expect;
constexpr Keyword match(std::string_view name, Contexts where, Expect expect,
                        std::string_view summary) {
    return {.name = name,
            .where = where,
            .summary = summary,
            .number = static_cast<std::int64_t>(expect)};
}
constexpr Contexts both = in::http_check_expect | in::tcp_check_expect;
constexpr auto matches = sorted({
    match("binary", in::tcp_check_expect, Expect::binary, "Bytes in hexadecimal."),
    match("hdr", in::http_check_expect, Expect::header, "A field."),
    match("rbinary", in::tcp_check_expect, Expect::binary_regex, "A regex over hexadecimal."),
    match("rstatus", in::http_check_expect, Expect::status_regex, "A regex over the status."),
    match("rstring", both, Expect::regex, "A regex over the text."),
    match("status", in::http_check_expect, Expect::status, "Statuses."),
    match("string", both, Expect::text, "A text."),
});
static_assert(keyword::well_formed(matches));

}  // namespace

keyword::Table check_table() { return rows; }
keyword::Table match_table() { return matches; }

}  // namespace weir::haproxy
