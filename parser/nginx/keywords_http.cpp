// SPDX-License-Identifier: Apache-2.0
// Rows of the HTTP core that change settings: limits and times of the client side, how answers look,
// error pages and added fields. server, listen and location are in keywords_server.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/addresses.hpp"
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
using keyword::set;
using ir::Settings;

constexpr Contexts everywhere = http | server | location;

// limit_rate, limit_rate_after: a size, or a text that is one for each request.
template <ir::Text ir::ReplyRate::*Member>
void lower_rate(Scope& scope, const Call& call) {
    if (!has_variables(call[0].text) && !value::parse_nginx_size(call[0].text))
        return scope.error(call[0].span, "invalid-value",
                           fmt::format("\"{}\" of \"{}\" is not valid; expected a size such as 100k",
                                       call[0].text, call.name));
    scope.settings().reply_rate.edit().*Member = scope.text(call[0]);
}

// Sizes that the IR holds in 32 bits.
constexpr std::int64_t four_gigabytes = 0xffffffff;

void lower_large_client_header_buffers(Scope& scope, const Call& call) {
    auto& limits = scope.settings().limits.edit();
    limits.max_line = static_cast<std::uint32_t>(call[1].number);
    limits.max_head = static_cast<std::uint32_t>(
        std::min<std::int64_t>(call[0].number * call[1].number, four_gigabytes));
}

void lower_keepalive_timeout(Scope& scope, const Call& call) {
    scope.settings().timeouts.edit().keepalive = ir::Milliseconds(call[0].number);
    auto& keepalive = scope.settings().keepalive.edit();
    keepalive.on = call[0].number != 0;
    keepalive.header = ir::Milliseconds(call.size() > 1 ? call[1].number : 0);
}

// 0 lets a connection serve one request, as 1 does; the IR's 0 is "no limit".
void lower_keepalive_requests(Scope& scope, const Call& call) {
    auto most = std::clamp<std::int64_t>(call[0].number, 1, four_gigabytes);
    scope.settings().keepalive.edit().max_requests = static_cast<std::uint32_t>(most);
}

void lower_server_tokens(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& style = block.own.style.edit();
    if (call[0].text == "on")
        style.server_field = "weir/" WEIR_VERSION;
    else if (call[0].text == "off")
        style.server_field = "weir";
    else if (call[0].text == "build")
        style.server_field = "weir/" WEIR_VERSION;   // weir's builds have no names
    else if (has_variables(call[0].text))
        refuse_parameter(block, call, call[0]);
    else
        style.server_field = std::string(call[0].text);   // nginx sells this one; empty: no field
}

// The codes of error_page, up to `count` arguments.
bool read_statuses(Block& block, const Call& call, std::size_t count, ir::ErrorPage& page) {
    for (std::size_t i = 0; i < count; ++i) {
        auto code = value::parse_number(call[i].text);
        if (!code) {
            block.error(call[i].span, "invalid-value",
                        fmt::format("invalid value \"{}\" of \"error_page\"", call[i].text),
                        "status codes come first, then =code, then the page");
            return false;
        }
        if (*code < 300 || *code > 599 || *code == 499) {
            auto message = *code == 499 ? fmt::format("value \"{}\" must not be 499", *code)
                                        : fmt::format("value \"{}\" must be between 300 and 599", *code);
            block.error(call[i].span, "invalid-value", std::move(message),
                        "only answers with such a status have an error page");
            return false;
        }
        page.statuses.push_back(static_cast<std::uint16_t>(*code));
    }
    return true;
}

// What does not start with '/' or '@' is where the client is sent. A value computed at run time is
// taken for a path.
bool is_redirect(std::string_view uri) {
    if (uri.starts_with("$scheme")) return true;
    return !uri.starts_with('/') && !uri.starts_with('@') && !uri.starts_with('$');
}

bool is_redirect_status(std::uint16_t status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

void lower_error_page(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::ErrorPage page;
    page.span = call.span;
    const auto& uri = call[call.size() - 1];
    if (uri.text.empty()) return invalid_parameter(block, call, uri);
    std::size_t codes = call.size() - 1;
    const auto& before = call[codes - 1];
    if (before.text.starts_with('=')) {
        if (codes == 1) return invalid_parameter(block, call, before);
        --codes;
        auto status = value::parse_number(before.text.substr(1));
        if (before.text == "=")
            page.take_status = true;
        else if (status && *status >= 0 && *status < 1000)
            page.new_status = static_cast<std::uint16_t>(*status);
        else
            return block.error(before.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"error_page\"", before.text),
                               "write =200, or = alone for the status of the page");
    }
    if (!read_statuses(block, call, codes, page)) return;
    auto text = block.text(uri);
    if (is_redirect(uri.text)) {
        std::uint16_t status = page.new_status.value_or(302);
        page.what = ir::ErrorPage::Redirect{std::move(text),
                                            is_redirect_status(status) ? status : std::uint16_t{302}};
    } else {
        page.what = ir::ErrorPage::Internal{std::move(text), uri.text.starts_with('@')};
    }
    auto& pages = block.own.error_pages.edit();
    if (block.first_use(*call.row)) pages.list.clear();
    pages.list.push_back(std::move(page));
}

// Lines "text/html html htm;" of types.
void lower_types(Scope& scope, const Call&) {
    Block& block = block_of(scope);
    auto types = std::make_shared<ir::ContentTypes>();
    for (const auto& line : block.current->body.directives) {
        auto words = line.words.list;
        if (line.body.present) {
            block.error(words[0].span, "unexpected-body", "unexpected \"{\" in \"types\"",
                        "lines are: type extension ...;");
            continue;
        }
        for (const auto& word : words.subspan(1)) {
            std::string extension(word.text);
            std::transform(extension.begin(), extension.end(), extension.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
            auto [slot, is_new] = types->by_extension.insert_or_assign(std::move(extension),
                                                                       std::string(words[0].text));
            if (!is_new)
                block.sink.warning(word.span, "duplicate-name",
                                   fmt::format("duplicate extension \"{}\"", slot->first),
                                   "the last content type wins");
        }
    }
    block.own.style.edit().types = std::move(types);
}

bool read_on_off(std::string_view value, bool& into) {
    into = value == "on";
    return into || value == "off";
}

// resolver address[:port] ... [valid=time] [ipv4=on|off] [ipv6=on|off] [status_zone=zone].
void lower_resolver(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::NameServers made;
    made.timeout = block.own.name_servers->timeout;
    for (const auto& argument : call.args) {
        std::string_view value;
        if (key_value(argument.text, "valid=", value)) {
            auto time = value::parse_nginx_duration(value, value::NginxTime::seconds);
            if (!time) return invalid_parameter(block, call, argument);
            made.valid = *time;
        } else if (key_value(argument.text, "ipv4=", value)) {
            if (!read_on_off(value, made.ipv4)) return invalid_parameter(block, call, argument);
        } else if (key_value(argument.text, "ipv6=", value)) {
            if (!read_on_off(value, made.ipv6)) return invalid_parameter(block, call, argument);
        } else if (argument.text.starts_with("status_zone=")) {
            return refuse_parameter(block, call, argument);
        } else {
            auto host = parse_host_port(argument.text, false);
            if (!host || !host->path.empty())
                return invalid_parameter(block, call, argument,
                                         "an address of a name server, with or without a port");
            for (const auto& ip : addresses_of(block, host->host, argument.span)) {
                ir::Endpoint endpoint;
                endpoint.ip = ip;
                endpoint.port = host->has_port ? host->port : 53;
                made.list.push_back(endpoint);
            }
        }
    }
    if (!made.ipv4 && !made.ipv6)
        return block.error(call.span, "invalid-value", "\"ipv4\" and \"ipv6\" cannot both be \"off\"",
                           "leave one of them out");
    block.own.name_servers.edit() = std::move(made);
}

// A request from outside gets 404 here.
void lower_internal(Scope& scope, const Call&) { block_of(scope).route->internal = true; }

constexpr auto tables_grow = ignored("weir's tables grow as needed");
constexpr auto own_buffers = ignored("weir sizes its own buffers");

// The files have no names, so they need no subfolders.
void lower_body_folder(Scope& scope, const Call& call) {
    scope.settings().limits.edit().body_folder = block_of(scope).run.full_path(call[0].text);
}

// On is how weir sends.
void check_tcp_nodelay(Scope& scope, const Call& call) {
    if (call[0].number == 0)
        scope.sink.warning(call.span, "ignored-keyword", "\"tcp_nodelay off\" has no effect: weir sends at once");
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "absolute_redirect", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::style, &ir::ReplyStyle::absolute_redirect>, .fallback = "on", .since = "1.11.8",
     .summary = "Redirects with scheme and host in Location.", .once = true},
    {.name = "chunked_transfer_encoding", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::style, &ir::ReplyStyle::chunk_unsized>, .fallback = "on",
     .summary = "Sends answers of unknown length in chunks, else until the connection ends.", .once = true},
    {.name = "client_body_buffer_size", .where = everywhere, .args = {keyword::size("size", 0, four_gigabytes)},
     .apply = set<&Settings::limits, &ir::ClientLimits::body_buffer>, .fallback = "16k",
     .summary = "Buffer for the body of a request.", .once = true},
    {.name = "client_body_in_file_only", .where = everywhere, .args = {keyword::choice("off|clean|on")},
     .apply = set<&Settings::limits, &ir::ClientLimits::body_file>, .fallback = "off",
     .summary = "Writes every body to a file before it is sent on; \"clean\" removes it after the request.", .once = true},
    {.name = "client_body_in_single_buffer", .where = everywhere, .args = {keyword::flag()}, .fallback = "off",
     .support = own_buffers, .summary = "Keeps the body of a request in one buffer."},
    {.name = "client_body_temp_path", .where = everywhere,
     .args = {keyword::path("folder"), keyword::opt(keyword::number("level1", 1, 3)), keyword::opt(keyword::number("level2", 1, 3)), keyword::opt(keyword::number("level3", 1, 3))},
     .apply = lower_body_folder, .fallback = "client_body_temp",
     .summary = "Folder for bodies of requests that do not fit in their buffer.", .once = true},
    {.name = "client_body_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::client_read>, .fallback = "60s",
     .summary = "Limits the time between two reads of the body of a request.", .once = true},
    {.name = "client_header_buffer_size", .where = http | server, .args = {keyword::size("size", 0, four_gigabytes)},
     .fallback = "1k", .support = own_buffers, .summary = "First buffer for the head of a request."},
    {.name = "client_header_timeout", .where = http | server, .args = {keyword::duration("time")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::request_head>, .fallback = "60s",
     .summary = "Limits the time to read the head of a request.", .once = true},
    {.name = "client_max_body_size", .where = everywhere, .args = {keyword::size("size")},
     .apply = set<&Settings::limits, &ir::ClientLimits::max_body>, .fallback = "1m",
     .summary = "Refuses larger bodies of requests with 413; 0 takes any.", .once = true},
    {.name = "connection_pool_size", .where = http | server, .args = {keyword::size("size")}, .fallback = "512",
     .support = own_buffers, .summary = "Memory of a connection."},
    {.name = "default_type", .where = everywhere, .args = {keyword::word("type")},
     .apply = set<&Settings::style, &ir::ReplyStyle::default_type>, .fallback = "text/plain",
     .summary = "Content type of answers made here when their name tells none.", .once = true},
    {.name = "error_page", .where = everywhere | if_in_location,
     .args = {keyword::many(keyword::word("code")), keyword::opt(keyword::word("=code")), keyword::text("uri")},
     .apply = lower_error_page, .inherit = Inherit::replace_list,
     .summary = "Answers errors with the page of that URI, a named location or a redirect."},
    {.name = "ignore_invalid_headers", .where = http | server, .args = {keyword::flag()},
     .apply = set<&Settings::limits, &ir::ClientLimits::drop_invalid>, .fallback = "on",
     .summary = "Drops fields with invalid names.", .once = true},
    {.name = "internal", .where = location, .apply = lower_internal, .inherit = Inherit::none,
     .summary = "Serves only requests made inside: error pages, rewrites."},
    {.name = "keepalive_disable", .where = everywhere, .args = keyword::Signature::count(1, 2), .fallback = "msie6",
     .support = ignored("the browsers it is for are gone"), .summary = "Browsers that get no keep-alive."},
    {.name = "keepalive_min_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .fallback = "0", .since = "1.27.4", .support = keyword::not_yet(),
     .summary = "Keeps idle connections at least that long at a shutdown."},
    {.name = "keepalive_requests", .where = everywhere, .args = {keyword::number("number")},
     .apply = lower_keepalive_requests, .fallback = "1000", .since = "0.8.0",
     .summary = "Most requests of one connection.", .once = true},
    {.name = "keepalive_time", .where = everywhere, .args = {keyword::duration("time")},
     .apply = set<&Settings::keepalive, &ir::KeepAlive::max_time>, .fallback = "1h", .since = "1.19.10",
     .summary = "Longest time requests are taken from one connection.", .once = true},
    {.name = "keepalive_timeout", .where = everywhere, .args = {keyword::duration("timeout"), keyword::opt(keyword::duration("header_timeout"))},
     .apply = lower_keepalive_timeout, .fallback = "75s",
     .summary = "How long an idle connection stays open; 0 closes after each answer.", .once = true},
    {.name = "large_client_header_buffers", .where = http | server, .args = {keyword::number("number", 1, 1000000), keyword::size("size", 1, four_gigabytes)},
     .apply = lower_large_client_header_buffers, .fallback = "4 8k",
     .summary = "Number and size of buffers for large heads: the longest line and the whole.", .once = true},
    {.name = "limit_rate", .where = everywhere | if_in_location, .args = {keyword::text("rate")},
     .apply = lower_rate<&ir::ReplyRate::rate>, .fallback = "0",
     .summary = "Limits the rate of an answer to the client, in bytes per second."},
    {.name = "limit_rate_after", .where = everywhere | if_in_location, .args = {keyword::text("size")},
     .apply = lower_rate<&ir::ReplyRate::after>, .fallback = "0", .since = "0.8.0",
     .summary = "Sets how much of an answer goes out before the rate is limited."},
    {.name = "lingering_close", .where = everywhere, .args = {keyword::choice("off|on|always")},
     .apply = set<&Settings::keepalive, &ir::KeepAlive::linger>, .fallback = "on", .since = "1.1.0",
     .summary = "Reads what the client still sends before closing.", .once = true},
    {.name = "lingering_time", .where = everywhere, .args = {keyword::duration("time")},
     .apply = set<&Settings::keepalive, &ir::KeepAlive::linger_time>, .fallback = "30s",
     .summary = "Longest time of a lingering close.", .once = true},
    {.name = "lingering_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::lingering>, .fallback = "5s",
     .summary = "Time without data that ends a lingering close.", .once = true},
    {.name = "max_headers", .where = http | server, .args = {keyword::number("number", 1, four_gigabytes)},
     .apply = set<&Settings::limits, &ir::ClientLimits::max_fields>, .fallback = "1000", .since = "1.29.8",
     .summary = "Most fields of a request.", .once = true},
    {.name = "merge_slashes", .where = http | server, .args = {keyword::flag()},
     .apply = set<&Settings::limits, &ir::ClientLimits::merge_slashes>, .fallback = "on",
     .summary = "Takes several slashes in a path for one.", .once = true},
    {.name = "msie_padding", .where = everywhere, .args = {keyword::flag()}, .fallback = "on",
     .support = ignored("the browser it is for is gone"), .summary = "Pads short error pages."},
    {.name = "msie_refresh", .where = everywhere, .args = {keyword::flag()}, .fallback = "off",
     .support = ignored("the browser it is for is gone"), .summary = "Refreshes instead of redirects."},
    {.name = "port_in_redirect", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::style, &ir::ReplyStyle::port_in_redirect>, .fallback = "on",
     .summary = "Names the port in redirects.", .once = true},
    {.name = "postpone_output", .where = everywhere, .args = {keyword::size("size")}, .fallback = "1460",
     .support = own_buffers, .summary = "Gathers that much before a write."},
    {.name = "recursive_error_pages", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::error_pages, &ir::ErrorPages::recursive>, .fallback = "off",
     .summary = "Lets an error page have an error page.", .once = true},
    {.name = "request_pool_size", .where = http | server, .args = {keyword::size("size")}, .fallback = "4k",
     .support = own_buffers, .summary = "Memory of a request."},
    {.name = "reset_timedout_connection", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::keepalive, &ir::KeepAlive::reset_timed_out>, .fallback = "off",
     .summary = "Resets connections that timed out.", .once = true},
    {.name = "resolver", .where = everywhere | stream | stream_server, .args = {keyword::many(keyword::word("address"))},
     .apply = lower_resolver, .summary = "Name servers for names that proxy_pass computes.", .once = true},
    {.name = "resolver_timeout", .where = everywhere | stream | stream_server, .args = {keyword::duration("time")},
     .apply = set<&Settings::name_servers, &ir::NameServers::timeout>, .fallback = "30s",
     .summary = "Limits the time for a name.", .once = true},
    {.name = "send_lowat", .where = everywhere, .args = {keyword::size("size")}, .fallback = "0",
     .support = own_buffers, .summary = "Least space in the socket before a write."},
    {.name = "send_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::client_send>, .fallback = "60s",
     .summary = "Limits the time between two writes to the client.", .once = true},
    {.name = "server_name_in_redirect", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::style, &ir::ReplyStyle::site_name_in_redirect>, .fallback = "off",
     .summary = "Redirects to the first server_name instead of the Host asked for.", .once = true},
    {.name = "server_names_hash_bucket_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "64",
     .support = tables_grow, .summary = "Size of the table of server names."},
    {.name = "server_names_hash_max_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "512",
     .support = tables_grow, .summary = "Size of the table of server names."},
    {.name = "server_tokens", .where = everywhere, .args = {keyword::word("on|off|build|string")},
     .apply = lower_server_tokens, .fallback = "on", .summary = "Names the version in the Server field.", .once = true},
    {.name = "subrequest_output_buffer_size", .where = everywhere, .args = {keyword::size("size")},
     .apply = set<&Settings::inner, &ir::InnerRequests::most_kept>, .fallback = "4k", .since = "1.13.10",
     .summary = "Longest answer of an inner request that is kept in memory (set of ssi).", .once = true},
    {.name = "tcp_nodelay", .where = everywhere | stream | stream_server, .args = {keyword::flag()},
     .apply = check_tcp_nodelay, .fallback = "on", .summary = "Sends small packets at once.", .once = true},
    {.name = "tcp_nopush", .where = everywhere, .args = {keyword::flag()}, .fallback = "off",
     .support = ignored("weir writes head and body together"), .summary = "Gathers full packets."},
    {.name = "types", .where = everywhere, .body = Body::entries, .apply = lower_types, .inherit = Inherit::replace,
     .fallback = "text/html html; image/gif gif; image/jpeg jpg;", .summary = "Content types by extension."},
    {.name = "types_hash_bucket_size", .where = everywhere, .args = {keyword::number("size")}, .fallback = "64",
     .support = tables_grow, .summary = "Size of the table of types."},
    {.name = "types_hash_max_size", .where = everywhere, .args = {keyword::number("size")}, .fallback = "1024",
     .support = tables_grow, .summary = "Size of the table of types."},
    {.name = "underscores_in_headers", .where = http | server, .args = {keyword::flag()},
     .apply = set<&Settings::limits, &ir::ClientLimits::underscores>, .fallback = "off",
     .summary = "Takes underscores in field names for valid.", .once = true},
    {.name = "variables_hash_bucket_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "64",
     .support = tables_grow, .summary = "Size of the table of variables."},
    {.name = "variables_hash_max_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "1024",
     .support = tables_grow, .summary = "Size of the table of variables."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table http_keywords() { return rows; }

}  // namespace weir::nginx
