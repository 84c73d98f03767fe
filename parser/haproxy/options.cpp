// SPDX-License-Identifier: Apache-2.0
// Rows of "option ...". Plain ones are on or off ("no option"); those with number
// option_with_value take words and cannot be negated.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::ignored;
using keyword::opt;
using keyword::word;

bool on(keyword::Scope& scope) { return !own(scope).negated && !own(scope).defaulted; }

template <auto Group, auto Field>
void set_flag(keyword::Scope& scope, const Call&) {
    (scope.settings().*Group).edit().*Field = on(scope);
}
template <auto Field>
void set_back_flag(keyword::Scope& scope, const Call&) {
    own(scope).back().*Field = on(scope);
}

// ------------------------------------------------------------------ keeping connections

// httpclose, http-server-close and http-keep-alive exclude each other; the last one wins.
void lower_httpclose(keyword::Scope& scope, const Call&) {
    scope.settings().keepalive.edit().on = !on(scope);
    scope.settings().forward.edit().close_server_connection = on(scope);
}
// Until HAProxy 2.0 a stronger form; its users mean the same.
void lower_forceclose(keyword::Scope& scope, const Call& call) {
    scope.sink.warning(call.span, "old-keyword",
                       "\"option forceclose\" means \"option httpclose\" since HAProxy 2.0",
                       "write option httpclose");
    lower_httpclose(scope, call);
}
void lower_server_close(keyword::Scope& scope, const Call&) {
    scope.settings().forward.edit().close_server_connection = on(scope);
    if (on(scope)) scope.settings().keepalive.edit().on = true;
}
void lower_keep_alive(keyword::Scope& scope, const Call&) {
    if (!on(scope)) return;
    scope.settings().keepalive.edit().on = true;
    scope.settings().forward.edit().close_server_connection = false;
}

void lower_buffer_request(keyword::Scope& scope, const Call&) {
    own(scope).rules().buffers_request = on(scope);
}

void lower_unsafe_requests(keyword::Scope& scope, const Call&) {
    auto& limits = scope.settings().limits.edit();
    limits.fragments = limits.fragment_behind_host = limits.target_host_wins = on(scope);
}

void lower_abortonclose(keyword::Scope& scope, const Call&) {
    scope.settings().forward.edit().ignore_client_abort = !on(scope);
}

void lower_redispatch(keyword::Scope& scope, const Call& call) {
    int every = -1;
    if (call.size() > 0) {
        auto given = value::parse_number(call[0].text);
        if (!given) {
            scope.error(
                call[0].span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected a number of retries", call[0].text));
            return;
        }
        every = static_cast<int>(*given);
    }
    scope.settings().forward.edit().retry.redispatch = on(scope) ? every : 0;
}

void lower_clitcpka(keyword::Scope& scope, const Call&) {
    own(scope).draft->client_keepalive = on(scope);
}
void lower_srvtcpka(keyword::Scope& scope, const Call&) {
    scope.settings().forward.edit().socket_keepalive = on(scope);
}
void lower_tcpka(keyword::Scope& scope, const Call& call) {
    lower_clitcpka(scope, call);
    lower_srvtcpka(scope, call);
}

// ------------------------------------------------------------------------------ forwarding

// option forwardfor [except net] [header name] [if-none]
void lower_forwardfor(keyword::Scope& scope, const Call& call) {
    auto& forward = scope.settings().forward.edit();
    if (!on(scope)) {
        forward.forwarded_for_field.clear();
        return;
    }
    own(scope).draft->forwardfor_own = true;
    forward.forwarded_for_field = "X-Forwarded-For";
    forward.forwarded_for_except.clear();
    forward.forwarded_for_if_none = false;
    for (std::size_t i = 0; i < call.size(); ++i) {
        const auto& what = call[i];
        bool has_value = i + 1 < call.size();
        if (what.text == "if-none") {
            forward.forwarded_for_if_none = true;
        } else if (what.text == "except" && has_value) {
            const auto& network = call[++i];
            auto cidr = value::parse_haproxy_cidr(network.text);
            if (cidr)
                forward.forwarded_for_except.push_back({cidr->address, cidr->bits});
            else
                scope.error(
                    network.span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected {}", network.text, cidr.error()));
        } else if (what.text == "header" && has_value) {
            forward.forwarded_for_field = std::string(call[++i].text);
        } else if (what.text == "except" || what.text == "header") {
            scope.error(what.span, "argument-count",
                        fmt::format("\"{}\" needs a value after it", what.text));
        } else {
            scope.error(
                what.span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected except, header or if-none", what.text));
        }
    }
}

// option originalto [except net] [header name]
void lower_originalto(keyword::Scope& scope, const Call& call) {
    auto& forward = scope.settings().forward.edit();
    forward.original_to_field = on(scope) ? "X-Original-To" : "";
    forward.original_to_except.clear();
    for (std::size_t i = 0; i < call.size(); ++i) {
        const auto& what = call[i];
        bool has_value = i + 1 < call.size();
        if (what.text == "header" && has_value) {
            forward.original_to_field = std::string(call[++i].text);
        } else if (what.text == "except" && has_value) {
            const auto& network = call[++i];
            if (auto cidr = value::parse_haproxy_cidr(network.text))
                forward.original_to_except.push_back({cidr->address, cidr->bits});
            else
                scope.error(network.span, "invalid-value",
                            fmt::format("\"{}\" is not valid; expected {}", network.text, cidr.error()));
        } else {
            scope.error(what.span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected except or header and a value", what.text));
        }
    }
}

// ------------------------------------------------------------------------------------ logs

void set_shape(keyword::Scope& scope, const Call& call, LogShape shape) {
    auto& here = own(scope);
    if (here.draft->place == in::backend) {
        scope.sink.warning(call.span, "no-effect",
                           fmt::format("\"{}\" has no effect in a backend", call.name),
                           "the frontend decides how its log lines look");
        return;
    }
    if (!on(scope)) {
        if (here.draft->front->shape == shape) here.front().shape = LogShape::plain;
        return;
    }
    here.front().shape = shape;
    here.front().shape_at = call.span;
}

void lower_httplog(keyword::Scope& scope, const Call& call) {
    bool clf = call.size() > 0 && call[0].text == "clf";
    if (call.size() > 0 && !clf) {
        scope.error(
            call[0].span, "invalid-value",
            fmt::format("\"{}\" is not valid; \"option httplog\" takes only clf", call[0].text));
        return;
    }
    set_shape(scope, call, clf ? LogShape::http_clf : LogShape::http);
}
void lower_httpslog(keyword::Scope& scope, const Call& call) {
    set_shape(scope, call, LogShape::https);
}
void lower_tcplog(keyword::Scope& scope, const Call& call) {
    set_shape(scope, call, LogShape::tcp);
}

// ---------------------------------------------------------------------------------- checks

// option httpchk [[method] uri [version [Host field]]]
void lower_httpchk(keyword::Scope& scope, const Call& call) {
    auto& back = own(scope).back();
    back.check = BackWords::Check::http;
    back.http_method = "OPTIONS";
    back.http_uri = "/";
    back.http_version = "HTTP/1.0";
    back.http_fields.clear();
    if (call.size() == 1) {
        back.http_uri = std::string(call[0].text);
    } else if (call.size() > 1) {
        back.http_method = std::string(call[0].text);
        back.http_uri = std::string(call[1].text);
    }
    if (call.size() <= 2) return;
    // Old configurations carry header fields behind the version: "HTTP/1.1\r\nHost:\ www".
    std::string_view version = call[2].text;
    auto end = version.find("\r\n");
    back.http_version = std::string(version.substr(0, end));
    while (end != std::string_view::npos) {
        version.remove_prefix(end + 2);
        end = version.find("\r\n");
        auto line = version.substr(0, end);
        auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ')) value.remove_prefix(1);
        back.http_fields.push_back(
            {std::string(line.substr(0, colon)), ir::Text::of(std::string(value))});
    }
    if (call.size() > 3) back.http_fields.push_back({"Host", ir::Text::of(std::string(call[3].text))});
    if (!back.http_version.starts_with("HTTP/"))
        scope.error(
            call[2].span, "invalid-value",
            fmt::format("\"{}\" is no version; expected HTTP/1.0 or HTTP/1.1", call[2].text));
}

void lower_tcp_check(keyword::Scope& scope, const Call&) {
    own(scope).back().check = on(scope) ? BackWords::Check::tcp : BackWords::Check::connect;
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword flag(std::string_view name, Contexts where, keyword::Apply apply,
                       std::string_view summary) {
    return {.name = name, .where = where, .apply = apply, .summary = summary};
}
constexpr Keyword valued(std::string_view name, Contexts where, keyword::Signature args,
                         keyword::Apply apply, std::string_view summary) {
    return {.name = name,
            .where = where,
            .args = args,
            .apply = apply,
            .summary = summary,
            .number = option_with_value};
}
constexpr Keyword harmless(std::string_view name, Contexts where, std::string_view reason,
                           std::string_view summary) {
    return {.name = name,
            .where = where,
            .args = keyword::Signature::count(0, 0),
            .support = ignored(reason),
            .summary = summary};
}

using L = ir::LogSettings;
using G = ir::ForwardSettings;
using S = ir::Settings;
constexpr std::string_view splices = "weir splices where it measures faster";

constexpr auto rows = sorted({
    harmless("option accept-invalid-http-request", in::front_side,
             "weir stays strict: what another program could read otherwise is refused",
             "Takes requests with invalid characters."),
    harmless("option accept-invalid-http-response", in::back_side,
             "weir passes on what it can parse and refuses the rest",
             "Takes responses with invalid characters."),
    flag("option accept-unsafe-violations-in-http-request", in::front_side, lower_unsafe_requests,
         "Takes requests with a fragment in their target, without Host, or with a Host other than that of the target."),
    flag("option allbackups", in::back_side, set_back_flag<&BackWords::all_backups>,
         "Uses all backup servers at once."),
    flag("option abortonclose", in::any_proxy, lower_abortonclose,
         "Gives up a request when its client has gone."),
    flag("option clitcpka", in::front_side, lower_clitcpka,
         "TCP keep-alive probes towards clients."),
    harmless("option contstats", in::front_side, "counters are always up to date",
             "Counts while a transfer goes on."),
    flag("option dontlog-normal", in::front_side, set_flag<&S::logs, &L::dont_log_normal>,
         "Logs no requests that went well."),
    flag("option dontlognull", in::front_side, set_flag<&S::logs, &L::dont_log_null>,
         "Logs no connections without a request."),
    flag("option forceclose", in::any_proxy, lower_forceclose,
         "The old name of option httpclose."),
    valued("option forwardfor", in::any_proxy, {any_number(word("except net, header name"))},
           lower_forwardfor, "Adds X-Forwarded-For."),
    flag("option http-buffer-request", in::any_proxy, lower_buffer_request,
         "Waits for the request body before the rules run."),
    harmless("option http-ignore-probes", in::front_side,
             "a connection closed before a request gets no answer anyway",
             "Says nothing to connections without a request."),
    flag("option http-keep-alive", in::any_proxy, lower_keep_alive,
         "Keeps connections on both sides."),
    harmless("option http-no-delay", in::any_proxy, "weir never delays small segments",
             "Sends small segments at once."),
    harmless("option http-pretend-keepalive", in::back_side,
             "weir asks servers to keep the connection",
             "Hides from servers that the connection will be closed."),
    flag("option http-server-close", in::any_proxy, lower_server_close,
         "Closes server connections after each request."),
    flag("option httpclose", in::any_proxy, lower_httpclose,
         "Closes both connections after each request."),
    valued("option httpchk", in::back_side,
           {opt(word("method")), opt(word("uri")), opt(word("version")), opt(word("host"))}, lower_httpchk,
           "Checks servers with an HTTP request."),
    valued("option httplog", in::any_proxy, {opt(word("clf"))}, lower_httplog,
           "Log lines with all of a request."),
    flag("option httpslog", in::any_proxy, lower_httpslog,
         "Log lines with all of a request and of TLS, and those of failed handshakes."),
    harmless("option idle-close-on-response", in::front_side,
             "idle connections close when they are answered",
             "Keeps idle connections open until a response at a soft stop."),
    harmless("option independent-streams", in::any_proxy, "each direction has its own time already",
             "Does not refresh a read timeout by writes."),
    flag("option log-health-checks", in::back_side, set_back_flag<&BackWords::log_health_checks>,
         "Logs changes of a server's health."),
    flag("option log-separate-errors", in::front_side, set_flag<&S::logs, &L::separate_errors>,
         "Logs errors at level err."),
    flag("option logasap", in::front_side, set_flag<&S::logs, &L::log_asap>,
         "Logs once the response begins."),
    harmless("option nolinger", in::any_proxy, "closed connections are left to the kernel",
             "Resets connections instead of closing."),
    harmless("option prefer-last-server", in::back_side,
             "a kept connection is used whenever the choice falls on its server",
             "Stays with the last server."),
    valued("option originalto", in::any_proxy, {any_number(word("except net, header name"))},
           lower_originalto, "Adds X-Original-To."),
    {.name = "option redispatch",
     .where = in::back_side,
     .args = {opt(word("interval"))},
     .apply = lower_redispatch,
     .summary = "Lets the last retry go to another server."},
    harmless("option socket-stats", in::front_side, "counters are kept per site",
             "Counts per listening socket."),
    harmless("option splice-auto", in::any_proxy, splices, "Splices by itself."),
    harmless("option splice-request", in::any_proxy, splices, "Splices requests."),
    harmless("option splice-response", in::any_proxy, splices, "Splices responses."),
    flag("option srvtcpka", in::back_side, lower_srvtcpka,
         "TCP keep-alive probes towards servers."),
    flag("option tcp-check", in::back_side, lower_tcp_check,
         "Checks servers with the tcp-check lines."),
    harmless("option tcp-smart-accept", in::front_side, "the kernel decides about ACKs",
             "Saves an ACK at accept."),
    harmless("option tcp-smart-connect", in::back_side, "the kernel decides about ACKs",
             "Saves an ACK at connect."),
    flag("option tcpka", in::any_proxy, lower_tcpka, "TCP keep-alive probes on both sides."),
    flag("option tcplog", in::any_proxy, lower_tcplog, "Log lines for connections."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table option_table() { return rows; }

}  // namespace weir::haproxy
