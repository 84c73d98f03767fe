// SPDX-License-Identifier: Apache-2.0
// Rows of gRPC: requests sent to servers over HTTP/2. Most say what their proxy_ twins say, to a group
// that counts in the locations with grpc_pass and nowhere else.
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/upstreams.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::ForwardSettings;
using ir::Settings;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

constexpr Contexts everywhere = http | context::server | location;
constexpr std::int64_t four_gigabytes = 0xffffffff;

void lower_grpc_pass(Scope& scope, const Call& call) {
    lower_pass({Family::grpc, "grpc://", "grpcs://"}, block_of(scope), call);
}

constexpr auto kernel_sizes = ignored("the kernel sizes socket buffers");

// clang-format off
constexpr Keyword rows[] = {
    {.name = "grpc_bind", .where = everywhere, .args = {keyword::text("address|off"), keyword::opt(keyword::word("transparent"))},
     .apply = on_family<Family::grpc, lower_proxy_bind>, .since = "1.13.10", .summary = "Connects to gRPC servers from that address.", .once = true},
    {.name = "grpc_buffer_size", .where = everywhere, .args = {keyword::size("size", 1, four_gigabytes)},
     .apply = on_family<Family::grpc, set<&Settings::forward, &ForwardSettings::buffer_size>>, .fallback = "4k", .since = "1.13.10",
     .summary = "Largest head of a gRPC response; weir takes up to 64 KB of fields in any case.", .once = true},
    {.name = "grpc_connect_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_family_time<Family::grpc, &FamilyWords::connect>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time to open a connection to a gRPC server.", .once = true},
    {.name = "grpc_hide_header", .where = everywhere, .args = {keyword::word("field")},
     .apply = on_family<Family::grpc, lower_hide_header>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Leaves a field of the gRPC response out."},
    {.name = "grpc_ignore_headers", .where = everywhere, .args = {keyword::many(keyword::word("field"))},
     .apply = on_family<Family::grpc, lower_ignore_headers>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Fields of the gRPC response that change nothing here.", .once = true},
    {.name = "grpc_intercept_errors", .where = everywhere, .args = {keyword::flag()},
     .apply = on_family<Family::grpc, set<&Settings::forward, &ForwardSettings::intercept_errors>>, .fallback = "off", .since = "1.13.10",
     .summary = "Lets error_page answer for errors of gRPC servers.", .once = true},
    {.name = "grpc_next_upstream", .where = everywhere, .args = {keyword::many(keyword::word("case"))},
     .apply = on_family<Family::grpc, lower_next_upstream>, .fallback = "error timeout", .since = "1.13.10",
     .summary = "When a gRPC request goes to the next server.", .once = true},
    {.name = "grpc_next_upstream_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = on_family<Family::grpc, lower_next_upstream_timeout>, .fallback = "0", .since = "1.13.10",
     .summary = "Limits the time in which another gRPC server is tried.", .once = true},
    {.name = "grpc_next_upstream_tries", .where = everywhere, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = on_family<Family::grpc, lower_next_upstream_tries>, .fallback = "0", .since = "1.13.10",
     .summary = "Most gRPC servers tried.", .once = true},
    {.name = "grpc_pass", .where = location | if_in_location, .args = {keyword::text("address")},
     .apply = lower_grpc_pass, .inherit = Inherit::none, .since = "1.13.10",
     .summary = "Sends requests to a gRPC server or an upstream of them, over HTTP/2.", .once = true},
    {.name = "grpc_pass_header", .where = everywhere, .args = {keyword::word("field")},
     .apply = on_family<Family::grpc, lower_pass_header>, .inherit = Inherit::replace_list, .since = "1.13.10",
     .summary = "Passes a field of the gRPC response that is left out by default."},
    {.name = "grpc_read_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_family_time<Family::grpc, &FamilyWords::read>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time between two reads from a gRPC server.", .once = true},
    {.name = "grpc_send_timeout", .where = everywhere, .args = {keyword::duration("time")},
     .apply = lower_family_time<Family::grpc, &FamilyWords::send>, .fallback = "60s", .since = "1.13.10",
     .summary = "Limits the time between two writes to a gRPC server.", .once = true},
    {.name = "grpc_set_header", .where = everywhere, .args = {keyword::word("field"), keyword::text("value")},
     .apply = on_family<Family::grpc, lower_set_header>, .inherit = Inherit::replace_list, .fallback = "Content-Length $content_length", .since = "1.13.10",
     .summary = "Sets a field of the request to the gRPC server; an empty value leaves it out."},
    {.name = "grpc_socket_keepalive", .where = everywhere, .args = {keyword::flag()},
     .apply = on_family<Family::grpc, set<&Settings::forward, &ForwardSettings::socket_keepalive>>, .fallback = "off", .since = "1.15.6",
     .summary = "Has the kernel probe idle connections to gRPC servers.", .once = true},
    {.name = "grpc_socket_rcvbuf", .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = "Receive buffer of sockets to gRPC servers."},
    {.name = "grpc_socket_sndbuf", .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = "Send buffer of sockets to gRPC servers."},
    {.name = "grpc_ssl_certificate", .where = everywhere, .args = {keyword::text("file")}, .apply = on_family_tls<Family::grpc, lower_tls_certificate>,
     .since = "1.13.10", .summary = "Names the client certificate that is shown to a gRPC server over TLS.", .once = true},
    {.name = "grpc_ssl_certificate_cache", .where = everywhere,
     .args = {keyword::word("off|max=N"), keyword::opt(keyword::word("inactive=time")), keyword::opt(keyword::word("valid=time"))},
     .apply = on_family_tls<Family::grpc, lower_tls_certificate_cache>, .fallback = "off", .since = "1.27.4",
     .summary = "Keeps client certificates and keys named by variables in memory.", .once = true},
    {.name = "grpc_ssl_certificate_follow", .where = everywhere, .args = {keyword::flag()}, .apply = on_family_tls<Family::grpc, lower_tls_certificate_follow>,
     .fallback = "off", .summary = "Takes the client certificate, its key, authorities and CRLs anew when the files change, without a reload (weir's own).", .once = true},
    {.name = "grpc_ssl_certificate_key", .where = everywhere, .args = {keyword::text("file")}, .apply = on_family_tls<Family::grpc, lower_tls_certificate_key>,
     .since = "1.13.10", .summary = "Names the private key of the client certificate for gRPC servers.", .once = true},
    {.name = "grpc_ssl_ciphers", .where = everywhere, .args = {keyword::word("ciphers")}, .apply = on_family_tls<Family::grpc, lower_tls_ciphers>,
     .fallback = "DEFAULT", .since = "1.13.10", .summary = "Lists the ciphers allowed on TLS connections to gRPC servers.", .once = true},
    {.name = "grpc_ssl_conf_command", .where = everywhere, .args = {keyword::word("name"), keyword::word("value")},
     .apply = on_family_tls<Family::grpc, lower_tls_conf_command>, .inherit = Inherit::replace_list, .since = "1.19.4",
     .summary = "Passes a configuration command to OpenSSL for connections to gRPC servers."},
    {.name = "grpc_ssl_crl", .where = everywhere, .args = {keyword::path("file")}, .apply = on_family_tls<Family::grpc, lower_tls_crl>, .since = "1.13.10",
     .summary = "Names the file of revoked certificates against which gRPC servers are checked.", .once = true},
    {.name = "grpc_ssl_name", .where = everywhere, .args = {keyword::text("name")}, .apply = on_family_tls<Family::grpc, lower_tls_name>,
     .since = "1.13.10", .summary = "Sets the name that is checked in the gRPC server's certificate and sent as SNI; without it the host of grpc_pass.", .once = true},
    {.name = "grpc_ssl_password_file", .where = everywhere, .args = {keyword::path("file")}, .apply = on_family_tls<Family::grpc, lower_tls_password_file>, .since = "1.13.10",
     .summary = "Names the file with passphrases of the client certificate's key.", .once = true},
    {.name = "grpc_ssl_protocols", .where = everywhere, .args = {keyword::many(keyword::word("version"))}, .apply = on_family_tls<Family::grpc, lower_tls_protocols>,
     .fallback = "TLSv1.2 TLSv1.3", .since = "1.13.10", .summary = "Lists the TLS versions allowed towards gRPC servers.", .once = true},
    {.name = "grpc_ssl_server_name", .where = everywhere, .args = {keyword::flag()}, .apply = on_family_tls<Family::grpc, lower_tls_server_name>, .fallback = "off",
     .since = "1.13.10", .summary = "Sends the gRPC server's name in the TLS handshake (SNI).", .once = true},
    {.name = "grpc_ssl_session_reuse", .where = everywhere, .args = {keyword::flag()}, .apply = on_family_tls<Family::grpc, lower_tls_session_reuse>, .fallback = "on",
     .since = "1.13.10", .summary = "Resumes TLS sessions with gRPC servers.", .once = true},
    {.name = "grpc_ssl_trusted_certificate", .where = everywhere, .args = {keyword::path("file")}, .apply = on_family_tls<Family::grpc, lower_tls_trusted_certificate>,
     .since = "1.13.10", .summary = "Names the authorities by which certificates of gRPC servers are checked.", .once = true},
    {.name = "grpc_ssl_verify", .where = everywhere, .args = {keyword::flag()}, .apply = on_family_tls<Family::grpc, lower_tls_verify>, .fallback = "off",
     .since = "1.13.10", .summary = "Checks the certificate of a gRPC server.", .once = true},
    {.name = "grpc_ssl_verify_depth", .where = everywhere, .args = {keyword::number("number", 0, 100)}, .apply = on_family_tls<Family::grpc, lower_tls_verify_depth>,
     .fallback = "1", .since = "1.13.10", .summary = "Limits the length of the certificate chain of a gRPC server.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table grpc_keywords() { return rows; }

}  // namespace weir::nginx
