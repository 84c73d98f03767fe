// SPDX-License-Identifier: Apache-2.0
// Rows of gRPC: requests sent to servers over HTTP/2. Most say what their proxy_ twins say, to a group
// that counts in the locations with grpc_pass and nowhere else.
#include <fmt/format.h>

#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/server_tls.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/nginx/upstreams.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::ForwardSettings;
using ir::Settings;
using keyword::Argument;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

constexpr Contexts everywhere = http | context::server | location;
constexpr std::int64_t four_gigabytes = 0xffffffff;

// Has a row of proxy_ write into the group of grpc_.
template <keyword::Apply Lower>
void on_grpc(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    std::swap(block.own.forward, block.grpc.forward);
    std::swap(block.header_list, block.grpc.header_list);
    Lower(scope, call);
    std::swap(block.own.forward, block.grpc.forward);
    std::swap(block.header_list, block.grpc.header_list);
}

template <LowerTls Lower>
void on_grpc_tls(Scope& scope, const Call& call) {
    on_grpc<server_tls_row<Lower>>(scope, call);
}

template <auto Time>
void lower_grpc_time(Scope& scope, const Call& call) {
    block_of(scope).grpc.*Time = ir::Milliseconds(call[0].number);
}

void lower_plain_target(Block& block, const Call& call, ir::Forward& forward) {
    Argument argument = call[0];
    forward.tls = take_prefix(argument.text, "grpcs://");
    if (!forward.tls) take_prefix(argument.text, "grpc://");
    auto host = parse_host_port(argument.text, false);
    if (!host)
        return block.error(call[0].span, "invalid-url",
                           fmt::format("{} of \"grpc_pass\"", host.error()),
                           "write grpc://host:port or grpc://upstream");
    bool is_unix = !host->path.empty();
    forward.host = is_unix ? "localhost" : std::string(argument.text);
    forward.port = host->has_port ? host->port : 0;
    forward.pool = pool_for_stream(block, *host, !is_unix && !host->has_port, call[0].span);
    if (forward.pool != ir::no_id) block.route->action = std::move(forward);
}

void lower_computed_target(Block& block, const Call& call, ir::Forward& forward) {
    auto rest = call[0].text;
    forward.tls = take_prefix(rest, "grpcs://");
    forward.pool_or_host = make_text(block, call[0].text, call[0].span);
    block.route->action = std::move(forward);
}

void lower_grpc_pass(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.passes_grpc = true;
    // "/x" is redirected to "/x/" when only the latter is a location.
    block.route->auto_redirect = !block.in(if_in_location) && block.route->pattern.ends_with('/');
    ir::Forward forward;
    if (call[0].text.empty())
        return block.error(call[0].span, "invalid-url", "invalid URL in \"grpc_pass\"",
                           "write grpc://host:port or grpc://upstream");
    if (has_variables(call[0].text)) lower_computed_target(block, call, forward);
    else lower_plain_target(block, call, forward);
}

constexpr auto kernel_sizes = ignored("the kernel sizes socket buffers");

// clang-format off
constexpr Keyword rows[] = {
    {.name = "grpc_bind", .where = everywhere, .args = {keyword::text("address|off"), keyword::opt(keyword::word("transparent"))},
     .apply = on_grpc<lower_proxy_bind>, .since = "1.13.10", .summary = "Connects to gRPC servers from that address.", .once = true},
    {.name = "grpc_buffer_size", .where = everywhere, .args = {keyword::size("size", 1, four_gigabytes)},
     .apply = on_grpc<set<&Settings::forward, &ForwardSettings::buffer_size>>, .fallback = "4k", .since = "1.13.10",
     .summary = "Largest head of a gRPC response; weir takes up to 64 KB of fields in any case.", .once = true},
    {.name = "grpc_connect_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_grpc_time<&Block::Grpc::connect>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time to open a connection to a gRPC server.", .once = true},
    {.name = "grpc_hide_header", .where = everywhere, .args = {keyword::word("field")},
     .apply = on_grpc<lower_hide_header>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Leaves a field of the gRPC response out."},
    {.name = "grpc_ignore_headers", .where = everywhere, .args = {keyword::many(keyword::word("field"))},
     .apply = on_grpc<lower_ignore_headers>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Fields of the gRPC response that change nothing here.", .once = true},
    {.name = "grpc_intercept_errors", .where = everywhere, .args = {keyword::flag()},
     .apply = on_grpc<set<&Settings::forward, &ForwardSettings::intercept_errors>>, .fallback = "off", .since = "1.13.10",
     .summary = "Lets error_page answer for errors of gRPC servers.", .once = true},
    {.name = "grpc_next_upstream", .where = everywhere, .args = {keyword::many(keyword::word("case"))},
     .apply = on_grpc<lower_next_upstream>, .fallback = "error timeout", .since = "1.13.10",
     .summary = "When a gRPC request goes to the next server.", .once = true},
    {.name = "grpc_next_upstream_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = on_grpc<lower_next_upstream_timeout>, .fallback = "0", .since = "1.13.10",
     .summary = "Limits the time in which another gRPC server is tried.", .once = true},
    {.name = "grpc_next_upstream_tries", .where = everywhere, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = on_grpc<lower_next_upstream_tries>, .fallback = "0", .since = "1.13.10",
     .summary = "Most gRPC servers tried.", .once = true},
    {.name = "grpc_pass", .where = location | if_in_location, .args = {keyword::text("address")},
     .apply = lower_grpc_pass, .inherit = Inherit::none, .since = "1.13.10",
     .summary = "Sends requests to a gRPC server or an upstream of them, over HTTP/2.", .once = true},
    {.name = "grpc_pass_header", .where = everywhere, .args = {keyword::word("field")},
     .apply = on_grpc<lower_pass_header>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Passes a field of the gRPC response that is left out by default."},
    {.name = "grpc_read_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_grpc_time<&Block::Grpc::read>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time between two reads from a gRPC server.", .once = true},
    {.name = "grpc_send_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_grpc_time<&Block::Grpc::send>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time between two writes to a gRPC server.", .once = true},
    {.name = "grpc_set_header", .where = everywhere, .args = {keyword::word("field"), keyword::text("value")},
     .apply = on_grpc<lower_set_header>, .inherit = Inherit::replace_list, .fallback = "Content-Length $content_length", .since = "1.13.10",
     .summary = "Sets a field of the request to the gRPC server; an empty value leaves it out."},
    {.name = "grpc_socket_keepalive", .where = everywhere, .args = {keyword::flag()},
     .apply = on_grpc<set<&Settings::forward, &ForwardSettings::socket_keepalive>>, .fallback = "off", .since = "1.15.6",
     .summary = "Has the kernel probe idle connections to gRPC servers.", .once = true},
    {.name = "grpc_socket_rcvbuf", .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = "Receive buffer of sockets to gRPC servers."},
    {.name = "grpc_socket_sndbuf", .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = "Send buffer of sockets to gRPC servers."},
    {.name = "grpc_ssl_certificate", .where = everywhere, .args = {keyword::text("file")}, .apply = on_grpc_tls<lower_tls_certificate>,
     .since = "1.13.10", .summary = "Names the client certificate that is shown to a gRPC server over TLS.", .once = true},
    {.name = "grpc_ssl_certificate_cache", .where = everywhere,
     .args = {keyword::word("off|max=N"), keyword::opt(keyword::word("inactive=time")), keyword::opt(keyword::word("valid=time"))},
     .apply = on_grpc_tls<lower_tls_certificate_cache>, .fallback = "off", .since = "1.27.4",
     .summary = "Keeps client certificates and keys named by variables in memory.", .once = true},
    {.name = "grpc_ssl_certificate_key", .where = everywhere, .args = {keyword::text("file")}, .apply = on_grpc_tls<lower_tls_certificate_key>,
     .since = "1.13.10", .summary = "Names the private key of the client certificate for gRPC servers.", .once = true},
    {.name = "grpc_ssl_ciphers", .where = everywhere, .args = {keyword::word("ciphers")}, .apply = on_grpc_tls<lower_tls_ciphers>,
     .fallback = "DEFAULT", .since = "1.13.10", .summary = "Lists the ciphers allowed on TLS connections to gRPC servers.", .once = true},
    {.name = "grpc_ssl_conf_command", .where = everywhere, .args = {keyword::word("name"), keyword::word("value")},
     .apply = on_grpc_tls<lower_tls_conf_command>, .inherit = Inherit::replace_list, .since = "1.19.4",
     .summary = "Passes a configuration command to OpenSSL for connections to gRPC servers."},
    {.name = "grpc_ssl_crl", .where = everywhere, .args = {keyword::path("file")}, .apply = on_grpc_tls<lower_tls_crl>, .since = "1.13.10",
     .summary = "Names the file of revoked certificates against which gRPC servers are checked.", .once = true},
    {.name = "grpc_ssl_name", .where = everywhere, .args = {keyword::text("name")}, .apply = on_grpc_tls<lower_tls_name>,
     .since = "1.13.10", .summary = "Sets the name that is checked in the gRPC server's certificate and sent as SNI; without it the host of grpc_pass.", .once = true},
    {.name = "grpc_ssl_password_file", .where = everywhere, .args = {keyword::path("file")}, .apply = on_grpc_tls<lower_tls_password_file>, .since = "1.13.10",
     .summary = "Names the file with passphrases of the client certificate's key.", .once = true},
    {.name = "grpc_ssl_protocols", .where = everywhere, .args = {keyword::many(keyword::word("version"))}, .apply = on_grpc_tls<lower_tls_protocols>,
     .fallback = "TLSv1.2 TLSv1.3", .since = "1.13.10", .summary = "Lists the TLS versions allowed towards gRPC servers.", .once = true},
    {.name = "grpc_ssl_server_name", .where = everywhere, .args = {keyword::flag()}, .apply = on_grpc_tls<lower_tls_server_name>, .fallback = "off",
     .since = "1.13.10", .summary = "Sends the gRPC server's name in the TLS handshake (SNI).", .once = true},
    {.name = "grpc_ssl_session_reuse", .where = everywhere, .args = {keyword::flag()}, .apply = on_grpc_tls<lower_tls_session_reuse>, .fallback = "on",
     .since = "1.13.10", .summary = "Resumes TLS sessions with gRPC servers.", .once = true},
    {.name = "grpc_ssl_trusted_certificate", .where = everywhere, .args = {keyword::path("file")}, .apply = on_grpc_tls<lower_tls_trusted_certificate>,
     .since = "1.13.10", .summary = "Names the authorities by which certificates of gRPC servers are checked.", .once = true},
    {.name = "grpc_ssl_verify", .where = everywhere, .args = {keyword::flag()}, .apply = on_grpc_tls<lower_tls_verify>, .fallback = "off",
     .since = "1.13.10", .summary = "Checks the certificate of a gRPC server.", .once = true},
    {.name = "grpc_ssl_verify_depth", .where = everywhere, .args = {keyword::number("number", 0, 100)}, .apply = on_grpc_tls<lower_tls_verify_depth>,
     .fallback = "1", .since = "1.13.10", .summary = "Limits the length of the certificate chain of a gRPC server.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

bool take_prefix(std::string_view& text, std::string_view scheme) {
    if (text.size() < scheme.size()) return false;
    for (std::size_t at = 0; at < scheme.size(); ++at) {
        char byte = text[at];
        if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte + 32);
        if (byte != scheme[at]) return false;
    }
    text.remove_prefix(scheme.size());
    return true;
}

ForwardSettings default_grpc_settings() {
    ForwardSettings settings;
    settings.http2 = true;
    settings.target_as_authority = true;
    settings.pass_te = true;
    settings.pass_trailers = true;
    settings.buffer_request = false;
    return settings;
}

void finish_grpc(Block& block) {
    if (!block.passes_grpc) return;
    auto hints = block.own.forward->early_hints;
    block.own.forward = block.grpc.forward;
    if (!hints.empty()) block.own.forward.edit().early_hints = std::move(hints);
    auto& times = block.own.timeouts.edit();
    times.connect = block.grpc.connect;
    times.server_send = block.grpc.send;
    times.server_read = block.grpc.read;
}

void finish_forwarding(Block& block) {
    finish_grpc(block);
    finish_server_tls(block, block.passes_grpc ? "grpc" : "proxy");
}

keyword::Table grpc_keywords() { return rows; }

}  // namespace weir::nginx
