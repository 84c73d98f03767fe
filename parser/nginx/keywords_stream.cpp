// SPDX-License-Identifier: Apache-2.0
// Rows of stream: TCP and UDP servers and the proxy between them and their pools.
#include <fmt/format.h>

#include "parser/nginx/health.hpp"
#include "parser/nginx/listen.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/tls.hpp"
#include "parser/nginx/upstreams.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::ForwardSettings;
using ir::Settings;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

constexpr Contexts both = stream | stream_server;
constexpr std::int64_t four_gigabytes = 0xffffffff;

// A stream server is a site with one route: its proxy_pass.
void lower_stream_server(Scope& scope, const Call& call) {
    Block& outer = block_of(scope);
    ir::Site site;
    site.kind = ir::Site::Kind::stream;
    site.span = call.span;
    ServerDraft draft;
    draft.span = call.span;
    ir::Route route;
    route.span = call.span;
    Block block(outer.run, stream_server, &outer);
    block.site = &site;
    block.server = &draft;
    block.route = &route;
    block.rules = &site.rules;
    lower_body(block, outer.current->body.directives);
    finish_server_tls(block);
    apply_health_check(block);
    finish_tls(block);
    if (draft.listens.empty())
        outer.error(call.span, "no-listen", "no \"listen\" is defined for server",
                    "add listen port; or listen address:port;");
    if (std::holds_alternative<ir::NoAction>(route.action) && !block.action_failed)
        outer.sink.warning(call.span, "no-handler", "no handler for server: its connections are closed at once",
                           "add proxy_pass; a stream server has to do something");
    if (!site.names.empty()) site.name = site_name_of(site);
    site.settings = block.own;
    route.settings = std::move(block.own);
    site.fallback = scope.config.add(std::move(route));
    add_site(block, std::move(site), draft);
}

void lower_stream_listen(Scope& scope, const Call& call) { read_listen(block_of(scope), call); }

void lower_stream_proxy_pass(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::Forward forward;
    block.action_failed = true;
    if (has_variables(call[0].text)) {
        forward.pool_or_host = block.text(call[0]);
        block.route->action = std::move(forward);
        return;
    }
    auto host = parse_host_port(call[0].text, false);
    if (!host)
        return block.error(call[0].span, "invalid-address",
                           fmt::format("{} of \"proxy_pass\"", host.error()),
                           "write host:port, unix:/path or the name of an upstream; no http://");
    bool is_pool = host->path.empty() && !host->has_port;
    forward.pool = pool_for_stream(block, *host, is_pool, call[0].span);
    if (forward.pool == ir::no_id) return;
    forward.host = call[0].text;
    block.route->action = std::move(forward);
}

void lower_stream_return(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::Answer answer;
    answer.respond.body = block.text(call[0]);
    block.action_failed = true;
    block.route->action = std::move(answer);
}

void lower_pass(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.action_failed = true;
    if (!has_variables(call[0].text)) {
        auto host = parse_host_port(call[0].text, true);
        if (!host || (!host->has_port && host->path.empty()))
            return block.error(call[0].span, "invalid-address",
                               fmt::format("{} of \"pass\"", host ? "no port" : host.error()),
                               "write the address:port of another listen");
    }
    block.route->action = ir::Pass{block.text(call[0])};
}

void lower_next_upstream(Scope& scope, const Call& call) {
    auto& retry = scope.settings().forward.edit().retry;
    retry.error = retry.timeout = call[0].number != 0;
}

void lower_next_upstream_tries(Scope& scope, const Call& call) {
    scope.settings().forward.edit().retry.tries = static_cast<std::uint32_t>(call[0].number);
}

void lower_next_upstream_timeout(Scope& scope, const Call& call) {
    scope.settings().forward.edit().retry.time = ir::Milliseconds(call[0].number);
}

void lower_proxy_protocol(Scope& scope, const Call& call) {
    scope.settings().forward.edit().send_proxy_header = static_cast<std::uint8_t>(call[0].number);
}

template <auto Field>
void lower_rate(Scope& scope, const Call& call) {
    scope.settings().forward.edit().*Field = static_cast<std::uint64_t>(call[0].number);
}

constexpr auto own_buffers = ignored("weir sizes its own buffers");

// clang-format off
constexpr Keyword rows[] = {
    {.name = "pass", .where = stream_server, .args = {keyword::text("address")}, .apply = lower_pass,
     .inherit = Inherit::none, .since = "1.25.5",
     .summary = "Hands the connection to another listening address of this process.", .once = true},
    {.name = "preread_buffer_size", .where = both, .args = {keyword::size("size", 1, four_gigabytes)},
     .apply = set<&Settings::limits, &ir::ClientLimits::preread_buffer>, .fallback = "16k", .since = "1.11.5",
     .summary = "Sets the buffer for data that is looked at before a session is forwarded.", .once = true},
    {.name = "preread_timeout", .where = both, .args = {keyword::duration("timeout")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::inspect>, .fallback = "30s", .since = "1.11.5",
     .summary = "Limits the time to read what the choice of the server needs.", .once = true},
    {.name = "proxy_bind", .where = both, .args = {keyword::text("address|off"), keyword::opt(keyword::word("transparent"))},
     .apply = lower_proxy_bind, .since = "1.9.2", .summary = "Connects to servers from that address.", .once = true},
    {.name = "proxy_buffer_size", .where = both, .args = {keyword::size("size")}, .fallback = "16k", .since = "1.9.4",
     .support = own_buffers, .summary = "Buffer of a session."},
    {.name = "proxy_connect_timeout", .where = both, .args = {keyword::duration("time")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::connect>, .fallback = "60s",
     .summary = "Limits the time to open a connection to a server.", .once = true},
    {.name = "proxy_download_rate", .where = both, .args = {keyword::size("rate")},
     .apply = lower_rate<&ForwardSettings::download_rate>, .fallback = "0", .since = "1.9.3",
     .summary = "Bytes per second read from the server.", .once = true},
    {.name = "proxy_half_close", .where = both, .args = {keyword::flag()},
     .apply = set<&Settings::forward, &ForwardSettings::half_close>, .fallback = "off", .since = "1.21.4",
     .summary = "Lets each direction close by itself.", .once = true},
    {.name = "proxy_next_upstream", .where = both, .args = {keyword::flag()}, .apply = lower_next_upstream, .fallback = "on",
     .summary = "Tries the next server when a connection cannot be opened.", .once = true},
    {.name = "proxy_next_upstream_timeout", .where = both, .args = {keyword::duration("time")}, .apply = lower_next_upstream_timeout,
     .fallback = "0", .summary = "Limits the time in which another server is tried.", .once = true},
    {.name = "proxy_next_upstream_tries", .where = both, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = lower_next_upstream_tries, .fallback = "0", .summary = "Most servers tried.", .once = true},
    {.name = "proxy_pass", .where = stream_server, .args = {keyword::text("address")}, .apply = lower_stream_proxy_pass,
     .inherit = Inherit::none, .summary = "Connects clients to a server or an upstream.", .once = true},
    {.name = "proxy_protocol", .where = both, .args = {keyword::choice("off|on|v2")}, .apply = lower_proxy_protocol,
     .fallback = "off", .since = "1.9.2", .summary = "Tells the server the client's address by the PROXY protocol.",
     .details = "v2 sends the binary form of the header (since 1.31.4).", .once = true},
    {.name = "proxy_protocol_timeout", .where = both, .args = {keyword::duration("timeout")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::proxy_header>, .fallback = "30s", .since = "1.11.4",
     .summary = "Limits the wait for the PROXY header.", .once = true},
    {.name = "proxy_requests", .where = both, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = set<&Settings::forward, &ForwardSettings::udp_requests>, .fallback = "0", .since = "1.15.7",
     .summary = "Datagrams of a client that make a session; 0 has no limit.", .once = true},
    {.name = "proxy_responses", .where = both, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = set<&Settings::forward, &ForwardSettings::udp_responses>, .since = "1.9.13",
     .summary = "Datagrams expected from the server for one of the client.", .once = true},
    {.name = "proxy_socket_keepalive", .where = both, .args = {keyword::flag()},
     .apply = set<&Settings::forward, &ForwardSettings::socket_keepalive>, .fallback = "off", .since = "1.15.6",
     .summary = "Has the kernel probe idle connections to servers.", .once = true},
    {.name = "proxy_timeout", .where = both, .args = {keyword::duration("timeout")},
     .apply = set<&Settings::timeouts, &ir::Timeouts::tunnel>, .fallback = "10m",
     .summary = "Closes a session without data in either direction.", .once = true},
    {.name = "proxy_upload_rate", .where = both, .args = {keyword::size("rate")},
     .apply = lower_rate<&ForwardSettings::upload_rate>, .fallback = "0", .since = "1.9.3",
     .summary = "Bytes per second read from the client.", .once = true},
    {.name = "return", .where = stream_server, .args = {keyword::text("value")}, .apply = lower_stream_return,
     .inherit = Inherit::none, .since = "1.11.2", .summary = "Sends a text to the client and ends the session.", .once = true},
    {.name = "server", .where = stream, .body = Body::block, .apply = lower_stream_server, .inherit = Inherit::none,
     .summary = "Defines a TCP or UDP server."},
    {.name = "ssl_preread", .where = both, .args = {keyword::flag()},
     .apply = set<&Settings::limits, &ir::ClientLimits::reads_hello>, .fallback = "off", .since = "1.11.5",
     .summary = "Reads the TLS client hello without ending TLS.", .once = true},
};

constexpr Keyword server_rows[] = {
    {.name = "listen", .where = stream_server, .args = {keyword::address("address:port|port|unix:path"), keyword::any_number(keyword::word("parameter"))},
     .apply = lower_stream_listen, .inherit = Inherit::none, .summary = "Accepts connections or, with udp, datagrams at that address."},
};
// clang-format on
static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(server_rows));

}  // namespace

keyword::Table stream_keywords() { return rows; }
keyword::Table stream_server_keywords() { return server_rows; }

}  // namespace weir::nginx
