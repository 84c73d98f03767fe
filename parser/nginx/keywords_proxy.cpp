// SPDX-License-Identifier: Apache-2.0
// Rows that the HTTP proxy has for itself, and what its rows do that other families have, too
// (keywords_families.cpp).
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/upstreams.hpp"

namespace weir::nginx {

void lower_proxy_bind(keyword::Scope& scope, const keyword::Call& call) {
    Block& block = block_of(scope);
    auto& forward = block.own.forward.edit();
    forward.bind_transparent = false;
    if (call[0].text == "off") {
        forward.bind_address.reset();
        return;
    }
    forward.bind_address = block.text(call[0]);
    if (call.size() == 1) return;
    if (call[1].text != "transparent") return invalid_parameter(block, call, call[1]);
    forward.bind_transparent = true;
}

namespace {

using keyword::Call;
using keyword::Scope;
using ir::ForwardSettings;

template <auto Field>
void lower_field_list(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().*Field;
    if (block.first_use(*call.row)) list.clear();
    for (const auto& argument : call.args) list.emplace_back(argument.text);
}

}  // namespace

void lower_set_header(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.header_list.push_back({std::string(call[0].text), block.text(call[1])});
}

void lower_hide_header(Scope& scope, const Call& call) {
    lower_field_list<&ForwardSettings::hide_fields>(scope, call);
}

void lower_pass_header(Scope& scope, const Call& call) {
    lower_field_list<&ForwardSettings::pass_fields>(scope, call);
}

void lower_next_upstream(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ForwardSettings::Retry retry = block.own.forward->retry;
    retry.error = retry.timeout = retry.invalid_header = retry.non_idempotent = false;
    retry.statuses.clear();
    for (const auto& argument : call.args) {
        auto text = argument.text;
        if (text == "error") retry.error = true;
        else if (text == "timeout") retry.timeout = true;
        else if (text == "invalid_header") retry.invalid_header = true;
        else if (text == "non_idempotent") retry.non_idempotent = true;
        else if (text == "updating" || text == "off") continue;
        else if (text.size() == 8 && text.starts_with("http_") &&
                 std::string_view(" 500 502 503 504 403 404 429 ").find(text.substr(5)) != text.npos)
            retry.statuses.push_back(static_cast<std::uint16_t>(std::stoi(std::string(text.substr(5)))));
        else
            return block.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"{}\"", text, call.name),
                               "error, timeout, invalid_header, non_idempotent, http_500, http_502, http_503, "
                               "http_504, http_403, http_404, http_429 or off");
    }
    for (const auto& argument : call.args)
        if (argument.text == "off") retry.error = retry.timeout = retry.invalid_header = false;
    retry.stale = retry.error;
    block.own.forward.edit().retry = std::move(retry);
}

void lower_next_upstream_tries(Scope& scope, const Call& call) {
    scope.settings().forward.edit().retry.tries = static_cast<std::uint32_t>(call[0].number);
}

void lower_next_upstream_timeout(Scope& scope, const Call& call) {
    scope.settings().forward.edit().retry.time = ir::Milliseconds(call[0].number);
}

// Off is how weir passes answers on: as they come, with a bounded pipe in between.
void check_buffering(Scope& scope, const Call& call) {
    if (call[0].number != 0)
        scope.sink.warning(call.span, "ignored-keyword",
                           fmt::format("\"{} on\" has no effect: weir passes answers on as they come", call.name));
}

void lower_ignore_headers(Scope& scope, const Call& call) {
    constexpr std::string_view known[] = {
        "X-Accel-Redirect", "X-Accel-Expires", "X-Accel-Limit-Rate", "X-Accel-Buffering",
        "X-Accel-Charset",  "Expires",         "Cache-Control",      "Set-Cookie", "Vary"};
    Block& block = block_of(scope);
    for (const auto& argument : call.args)
        if (std::find(std::begin(known), std::end(known), argument.text) == std::end(known))
            return block.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"{}\"", argument.text, call.name),
                               "X-Accel-Redirect, X-Accel-Expires, X-Accel-Limit-Rate, X-Accel-Buffering, "
                               "X-Accel-Charset, Expires, Cache-Control, Set-Cookie or Vary");
    lower_field_list<&ForwardSettings::ignore_fields>(scope, call);
}

namespace {

using namespace context;
using ir::Settings;
using keyword::Argument;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::set;
using Match = ir::Route::Match;

constexpr Contexts everywhere = http | context::server | location;

// proxy_pass URL taken apart: what names the server, and the URI after it.
struct Target {
    Argument server;
    std::string_view uri;
};

// unix:/path[:uri] or host[:port][/uri].
Target split_target(Argument argument) {
    auto rest = argument.text;
    auto end = rest.starts_with("unix:") ? rest.find(':', 5) : rest.find_first_of("/?");
    Target target{argument, {}};
    if (end == rest.npos) return target;
    target.server.text = rest.substr(0, end);
    target.uri = rest.substr(rest.starts_with("unix:") ? end + 1 : end);
    return target;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() &&
           std::equal(prefix.begin(), prefix.end(), text.begin(), [](char a, char b) {
               return a == (b >= 'A' && b <= 'Z' ? b + 32 : b);
           });
}

// Takes "http://" or "https://" off; false, and reported, when there is neither.
bool take_scheme(Block& block, Argument& argument, bool& tls) {
    tls = starts_with_ignoring_case(argument.text, "https://");
    if (tls || starts_with_ignoring_case(argument.text, "http://")) {
        argument.text.remove_prefix(tls ? 8 : 7);
        return true;
    }
    block.error(argument.span, "invalid-url",
                fmt::format("invalid URL prefix in \"{}\"", argument.text),
                "proxy_pass wants http:// or https:// in front of the host or the upstream's name");
    return false;
}

// Why a URI may not stand in proxy_pass here; empty when it may.
bool may_have_uri(const Block& block) {
    if (block.in(if_in_location)) return false;
    auto match = block.route->match;
    return match != Match::regex && match != Match::regex_ignore_case && match != Match::named;
}

void lower_plain_target(Block& block, const Call& call, ir::Forward& forward) {
    Argument argument = call[0];
    if (!take_scheme(block, argument, forward.tls)) return;
    std::uint16_t usual_port = forward.tls ? 443 : 80;
    auto target = split_target(argument);
    auto host = parse_host_port(target.server.text, false);
    if (!host)
        return block.error(call[0].span, "invalid-url",
                           fmt::format("{} of \"proxy_pass\"", host.error()),
                           "write http://host, http://host:port or http://upstream");
    if (!target.uri.empty()) {
        if (!may_have_uri(block))
            return block.error(call[0].span, "uri-not-allowed",
                               "\"proxy_pass\" cannot have URI part in location given by regular "
                               "expression, or inside named location, or inside \"if\" statement",
                               fmt::format("leave \"{}\" out, or use rewrite", target.uri));
        forward.uri = ir::Text::of(std::string(target.uri));
        forward.replaced_prefix = static_cast<std::uint32_t>(block.route->pattern.size());
    }
    bool is_unix = !host->path.empty();
    bool default_port = !host->has_port || host->port == usual_port;
    forward.host = is_unix ? "localhost" : default_port ? host->host
                                                        : std::string(target.server.text);
    if (!is_unix && target.server.text.starts_with('[') && default_port)
        forward.host = "[" + host->host + "]";
    forward.port = host->has_port ? host->port : usual_port;
    forward.pool = pool_for(block, *host, usual_port, call[0].span);
    if (forward.pool != ir::no_id) block.route->action = std::move(forward);
}

// The value decides at run time: the scheme may be part of it, and the URI.
void lower_computed_target(Block& block, const Call& call, ir::Forward& forward) {
    Argument argument = call[0];
    if (!argument.text.starts_with('$') && !take_scheme(block, argument, forward.tls)) return;
    forward.pool_or_host = make_text(block, call[0].text, argument.span);
    forward.port = forward.tls ? 443 : 80;
    block.route->action = std::move(forward);
}

void lower_proxy_pass(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.passes = Family::proxy;
    // "/x" is redirected to "/x/" when only the latter is a location.
    block.route->auto_redirect = !block.in(if_in_location) && block.route->pattern.ends_with('/');
    ir::Forward forward;
    if (call[0].text.empty())
        return block.error(call[0].span, "invalid-url", "invalid URL prefix in \"\"",
                           "write http://host or http://upstream");
    if (has_variables(call[0].text))
        lower_computed_target(block, call, forward);
    else
        lower_plain_target(block, call, forward);
}

void lower_proxy_http_version(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& forward = block.own.forward.edit();
    forward.http2 = call[0].number == 2;
    forward.http_minor = call[0].number == 0 ? 0 : 1;
    // HTTP/1.0 ends each connection with its answer.
    forward.keep_server_connection = forward.http_minor != 0;
}

// Of proxies and of grpc_pass alike.
void lower_early_hints(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& values = block.own.forward.edit().early_hints;
    values.clear();
    for (const auto& argument : call.args) values.push_back(block.text(argument));
}

// proxy_redirect default: allowed only where proxy_pass is known and plain.
bool check_default_redirect(Block& block, const Call& call) {
    auto* forward = block.route ? std::get_if<ir::Forward>(&block.route->action) : nullptr;
    if (!block.in(location)) forward = nullptr;
    if (forward && forward->pool != ir::no_id) return true;
    if (forward)
        block.error(call[0].span, "invalid-value",
                    "\"proxy_redirect default\" cannot be used with \"proxy_pass\" directive with variables",
                    "write the two prefixes: proxy_redirect from to;");
    else
        block.error(call[0].span, "invalid-value",
                    "\"proxy_redirect default\" should be placed after the \"proxy_pass\" directive",
                    "default is what holds without any proxy_redirect");
    return false;
}

void lower_proxy_redirect(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().redirects;
    if (block.first_use(*call.row)) list.clear();
    ForwardSettings::RedirectRewrite rewrite;
    if (call.size() == 1) {
        if (call[0].text == "off") return list.clear();
        if (call[0].text != "default")
            return invalid_parameter(block, call, call[0], "off, default, or two arguments: from to");
        if (!check_default_redirect(block, call)) return;
        rewrite.standard = true;
        list.push_back(std::move(rewrite));
        return;
    }
    Argument from = call[0];
    if (from.text.starts_with('~')) {
        rewrite.regex = true;
        from.text.remove_prefix(1);
        rewrite.ignore_case = from.text.starts_with('*');
        if (rewrite.ignore_case) from.text.remove_prefix(1);
        if (!check_regex(block, from.text, rewrite.ignore_case, from.span)) return;
        rewrite.from = ir::Text::of(std::string(from.text));
    } else {
        rewrite.from = block.text(from);
    }
    rewrite.to = block.text(call[1]);
    list.push_back(std::move(rewrite));
}

template <ForwardSettings::CookieRewrite::What What>
void lower_proxy_cookie(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().cookies;
    bool first = block.first_use(*call.row);
    if (first) std::erase_if(list, [](const auto& rewrite) { return rewrite.what == What; });
    if (call.size() == 1) {
        if (call[0].text != "off") invalid_parameter(block, call, call[0], "off, or two arguments: from to");
        return;
    }
    ForwardSettings::CookieRewrite rewrite;
    rewrite.what = What;
    Argument from = call[0], to = call[1];
    if (from.text.starts_with('~')) {
        rewrite.regex = true;
        from.text.remove_prefix(1);
        rewrite.ignore_case = from.text.starts_with('*');
        if (rewrite.ignore_case) from.text.remove_prefix(1);
        // Domains know no case.
        if (What == ForwardSettings::CookieRewrite::What::domain) rewrite.ignore_case = true;
        if (!check_regex(block, from.text, rewrite.ignore_case, from.span)) return;
        rewrite.from = ir::Text::of(std::string(from.text));
    } else {
        if (What == ForwardSettings::CookieRewrite::What::domain) {
            if (from.text.starts_with('.')) from.text.remove_prefix(1);
            if (to.text.starts_with('.')) to.text.remove_prefix(1);
        }
        rewrite.from = block.text(from);
    }
    rewrite.to = block.text(to);
    list.push_back(std::move(rewrite));
}

// proxy_cookie_flags cookie [flag ...].
void lower_proxy_cookie_flags(Scope& scope, const Call& call) {
    constexpr auto what = ForwardSettings::CookieRewrite::What::flags;
    constexpr std::string_view known[] = {"secure",   "nosecure",        "httponly",     "nohttponly",
                                          "samesite=strict", "samesite=lax", "samesite=none", "nosamesite"};
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().cookies;
    if (block.first_use(*call.row))
        std::erase_if(list, [](const auto& rewrite) { return rewrite.what == what; });
    if (call.size() == 1 && call[0].text == "off") return;
    ForwardSettings::CookieRewrite rewrite;
    rewrite.what = what;
    Argument from = call[0];
    if (from.text.starts_with('~')) {
        from.text.remove_prefix(1);
        rewrite.regex = rewrite.ignore_case = true;
        if (!check_regex(block, from.text, true, from.span)) return;
        rewrite.from = ir::Text::of(std::string(from.text));
    } else {
        rewrite.from = block.text(from);
    }
    std::string flags;
    for (const auto& argument : call.args.subspan(1)) {
        if (!has_variables(argument.text) &&
            std::find(std::begin(known), std::end(known), argument.text) == std::end(known))
            return invalid_parameter(block, call, argument,
                                     "secure, httponly, samesite=strict|lax|none, or one of them after \"no\"");
        flags += flags.empty() ? "" : " ";
        flags += argument.text;
    }
    rewrite.to = make_text(block, flags, call.span);
    list.push_back(std::move(rewrite));
}

constexpr auto own_buffers = ignored("weir sizes its own buffers");
constexpr auto tables_grow = ignored("weir's tables grow as needed");

// clang-format off
constexpr Keyword rows[] = {
    {.name = "early_hints", .where = everywhere, .args = {keyword::many(keyword::text("condition"))},
     .apply = lower_early_hints, .inherit = Inherit::replace_list, .since = "1.29.0",
     .summary = "Passes early hints (103) of servers on where no condition is empty or 0.", .once = true},
    {.name = "proxy_cookie_domain", .where = everywhere, .args = {keyword::text("off|from"), keyword::opt(keyword::text("to"))},
     .apply = lower_proxy_cookie<ForwardSettings::CookieRewrite::What::domain>, .inherit = Inherit::replace_list, .fallback = "off", .since = "1.1.15",
     .summary = "Changes the domain of cookies that servers set."},
    {.name = "proxy_cookie_flags", .where = everywhere, .args = {keyword::text("off|cookie"), keyword::any_number(keyword::text("flag"))},
     .apply = lower_proxy_cookie_flags, .inherit = Inherit::replace_list, .fallback = "off", .since = "1.19.3",
     .summary = "Sets or takes away flags of cookies that servers set."},
    {.name = "proxy_cookie_path", .where = everywhere, .args = {keyword::text("off|from"), keyword::opt(keyword::text("to"))},
     .apply = lower_proxy_cookie<ForwardSettings::CookieRewrite::What::path>, .inherit = Inherit::replace_list, .fallback = "off", .since = "1.1.15",
     .summary = "Changes the path of cookies that servers set."},
    {.name = "proxy_headers_hash_bucket_size", .where = everywhere, .args = {keyword::number("size")}, .fallback = "64",
     .support = tables_grow, .summary = "Size of the table of fields."},
    {.name = "proxy_headers_hash_max_size", .where = everywhere, .args = {keyword::number("size")}, .fallback = "512",
     .support = tables_grow, .summary = "Size of the table of fields."},
    {.name = "proxy_http_version", .where = everywhere, .args = {keyword::choice("1.0|1.1|2")},
     .apply = lower_proxy_http_version, .fallback = "1.1", .since = "1.1.4",
     .summary = "Version of HTTP spoken to servers.", .once = true},
    {.name = "proxy_method", .where = everywhere, .args = {keyword::text("method")},
     .apply = set<&Settings::forward, &ForwardSettings::method>, .summary = "Method of requests to servers.", .once = true},
    {.name = "proxy_pass", .where = location | if_in_location, .args = {keyword::text("URL")},
     .apply = lower_proxy_pass, .inherit = Inherit::none,
     .summary = "Sends requests to a server or an upstream.", .once = true},
    {.name = "proxy_redirect", .where = everywhere, .args = {keyword::text("off|default|from"), keyword::opt(keyword::text("to"))},
     .apply = lower_proxy_redirect, .inherit = Inherit::replace_list, .fallback = "default",
     .summary = "Changes Location and Refresh of responses."},
    {.name = "proxy_send_lowat", .where = everywhere, .args = {keyword::size("size")}, .fallback = "0",
     .support = own_buffers, .summary = "Least space in the socket before a write."},
    {.name = "proxy_set_body", .where = everywhere, .args = {keyword::text("value")},
     .apply = set<&Settings::forward, &ForwardSettings::body>, .summary = "Sends this instead of the body.", .once = true},
    {.name = "proxy_set_header", .where = everywhere, .args = {keyword::word("field"), keyword::text("value")},
     .apply = lower_set_header, .inherit = Inherit::replace_list, .fallback = "Host $proxy_host",
     .summary = "Sets a field of the request to the server; an empty value leaves it out."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table proxy_keywords() { return rows; }

}  // namespace weir::nginx
