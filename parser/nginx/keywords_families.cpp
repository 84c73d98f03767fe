// SPDX-License-Identifier: Apache-2.0
// Rows of the families of directives that send requests on: proxy_, grpc_, fastcgi_, scgi_ and uwsgi_. What
// several have in common is written once, in tables that are made for each prefix. A group other than
// proxy_ counts in the locations with its _pass. What proxy_ has for itself: keywords_proxy.cpp.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/upstreams.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::CacheSettings;
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

// --- texts of a family ---

template <std::size_t Size>
struct Letters {
    char text[Size]{};
    // NOLINTNEXTLINE(google-explicit-constructor): written as a literal
    constexpr Letters(const char (&from)[Size]) { std::copy_n(from, Size, text); }
    static constexpr std::size_t size = Size - 1;
};

template <Letters... Parts>
struct Joined {
    static constexpr auto letters = [] {
        std::array<char, (Parts.size + ...)> made{};
        char* at = made.data();
        ((at = std::copy_n(Parts.text, Parts.size, at)), ...);
        return made;
    }();
};
template <Letters... Parts>
constexpr std::string_view text{Joined<Parts...>::letters.data(), Joined<Parts...>::letters.size()};

template <Family F, Letters Proxy, Letters Grpc, Letters Others>
constexpr auto word = [] {
    if constexpr (F == Family::proxy) return Proxy;
    else if constexpr (F == Family::grpc) return Grpc;
    else return Others;
}();
template <Family F>
constexpr auto gateway_prefix = [] {
    if constexpr (F == Family::fastcgi) return Letters("fastcgi_");
    else if constexpr (F == Family::scgi) return Letters("scgi_");
    else return Letters("uwsgi_");
}();
template <Family F, Letters Rest>
constexpr std::string_view name = text<word<F, "proxy_", "grpc_", gateway_prefix<F>>, Rest>;

template <Family F>
constexpr auto grpc = word<F, "", "gRPC ", "">;
template <Family F>
constexpr auto kind = word<F, "", "gRPC ", "uwsgi ">;   // of those with TLS
template <Family F>
constexpr auto servers = word<F, "servers", "gRPC servers", "the servers">;

// Since when: gRPC came with all that the others had by then.
template <Family F>
constexpr std::string_view since(std::string_view version = {}) {
    return F == Family::grpc ? std::string_view("1.13.10") : version;
}
// Proxies and FastCGI are the oldest: what they had before the others came.
template <Family F>
constexpr std::string_view if_old(std::string_view version) {
    return F == Family::proxy || F == Family::fastcgi ? version : std::string_view();
}
template <Family F>
constexpr std::string_view if_fastcgi(std::string_view version) {
    return F == Family::fastcgi ? version : std::string_view();
}
template <Family F>
constexpr std::string_view if_proxy(std::string_view fallback) {
    return F == Family::proxy ? fallback : std::string_view();
}

// --- handlers ---

// What proxy_ says counts by itself, what the others say in the locations of their family.
template <Family F, keyword::Apply Lower>
constexpr keyword::Apply to = F == Family::proxy ? Lower : on_family<F, Lower>;
template <Family F, LowerTls Lower>
constexpr keyword::Apply to_tls = F == Family::proxy ? server_tls_row<Lower> : on_family_tls<F, Lower>;
template <Family F, auto InFamily, auto OfProxy>
constexpr keyword::Apply time = F == Family::proxy ? set<&Settings::timeouts, OfProxy> : lower_family_time<F, InFamily>;

// TLS of proxies has the same words in stream.
template <Family F>
constexpr Contexts tls_places = F == Family::proxy ? everywhere | stream | stream_server : everywhere;

void lower_grpc_pass(Scope& scope, const Call& call) {
    lower_pass({Family::grpc, "grpc://", "grpcs://"}, block_of(scope), call);
}

template <Family F>
void lower_gateway_pass(Scope& scope, const Call& call) {
    constexpr bool has_scheme = F == Family::uwsgi;
    lower_pass({F, has_scheme ? "uwsgi://" : "", has_scheme ? "suwsgi://" : ""}, block_of(scope), call);
}

void lower_param(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().params;
    if (block.first_use(*call.row)) list.clear();
    if (call.size() == 3 && call[2].text != "if_not_empty") return invalid_parameter(block, call, call[2]);
    list.push_back({std::string(call[0].text), block.text(call[1]), call.size() == 3});
}

void lower_catch_stderr(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.forward.edit().error_marks;
    if (block.first_use(*call.row)) list.clear();
    list.emplace_back(call[0].text);
}

void lower_split_path_info(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto groups = value::parse_regex(call[0].text);
    if (!groups || *groups != 2)
        return block.error(call[0].span, "invalid-regex",
                           fmt::format("pattern \"{}\" must have 2 captures", call[0].text),
                           "the first is the script's name, the second the rest: ^(.+\\.php)(.*)$");
    block.own.script.edit().split = std::string(call[0].text);
}

constexpr auto no_disk = ignored("weir passes answers on as they come and writes none to disk");
constexpr auto own_buffers = ignored("weir sizes its own buffers");
constexpr auto kernel_sizes = ignored("the kernel sizes socket buffers");

// clang-format off
// What every family has.
template <Family F>
constexpr Keyword each_rows[] = {
    {.name = name<F, "bind">, .where = everywhere, .args = {keyword::text("address|off"), keyword::opt(keyword::word("transparent"))},
     .apply = to<F, lower_proxy_bind>, .since = since<F>(if_old<F>("0.8.22")), .summary = text<"Connects to ", servers<F>, " from that address.">, .once = true},
    {.name = name<F, "buffer_size">, .where = everywhere, .args = {keyword::size("size", 1, four_gigabytes)},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::buffer_size>>, .fallback = "4k", .since = since<F>(),
     .summary = text<"Largest head of a ", grpc<F>, "response", word<F, "", "; weir takes up to 64 KB of fields in any case", "">, ".">, .once = true},
    {.name = name<F, "connect_timeout">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = time<F, &FamilyWords::connect, &ir::Timeouts::connect>, .fallback = "60s", .since = since<F>(),
     .summary = text<"Limits the time to open a connection to a ", grpc<F>, "server.">, .once = true},
    {.name = name<F, "hide_header">, .where = everywhere, .args = {keyword::word("field")},
     .apply = to<F, lower_hide_header>, .inherit = Inherit::replace_list, .since = since<F>(),
     .summary = text<"Leaves a field of the ", grpc<F>, "response out.">},
    {.name = name<F, "ignore_headers">, .where = everywhere, .args = {keyword::many(keyword::word("field"))},
     .apply = to<F, lower_ignore_headers>, .inherit = Inherit::replace_list, .since = since<F>(),
     .summary = text<"Fields of the ", grpc<F>, "response that change nothing here.">, .once = true},
    {.name = name<F, "intercept_errors">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::intercept_errors>>, .fallback = "off", .since = since<F>(),
     .summary = text<"Lets error_page answer for errors of ", grpc<F>, "servers.">, .once = true},
    {.name = name<F, "next_upstream">, .where = everywhere, .args = {keyword::many(keyword::word("case"))},
     .apply = to<F, lower_next_upstream>, .fallback = "error timeout", .since = since<F>(),
     .summary = text<"When a ", grpc<F>, "request goes to the next server.">, .once = true},
    {.name = name<F, "next_upstream_timeout">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = to<F, lower_next_upstream_timeout>, .fallback = "0", .since = since<F>("1.7.5"),
     .summary = text<"Limits the time in which another ", grpc<F>, "server is tried.">, .once = true},
    {.name = name<F, "next_upstream_tries">, .where = everywhere, .args = {keyword::number("number", 0, four_gigabytes)},
     .apply = to<F, lower_next_upstream_tries>, .fallback = "0", .since = since<F>("1.7.5"),
     .summary = text<"Most ", grpc<F>, "servers tried.">, .once = true},
    {.name = name<F, "pass_header">, .where = everywhere, .args = {keyword::word("field")},
     .apply = to<F, lower_pass_header>, .inherit = Inherit::replace_list, .since = since<F>(),
     .summary = text<"Passes a field of the ", grpc<F>, "response that is left out by default.">},
    {.name = name<F, "read_timeout">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = time<F, &FamilyWords::read, &ir::Timeouts::server_read>, .fallback = "60s", .since = since<F>(),
     .summary = text<"Limits the time between two reads from a ", grpc<F>, "server.">, .once = true},
    {.name = name<F, "send_timeout">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = time<F, &FamilyWords::send, &ir::Timeouts::server_send>, .fallback = "60s", .since = since<F>(),
     .summary = text<"Limits the time between two writes to a ", grpc<F>, "server.">, .once = true},
    {.name = name<F, "socket_keepalive">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::socket_keepalive>>, .fallback = "off", .since = "1.15.6",
     .summary = text<"Has the kernel probe idle connections to ", grpc<F>, "servers.">, .once = true},
};
static_assert(keyword::well_formed(each_rows<Family::proxy>));

// What all but gRPC have: answers are looked at before they are passed on.
template <Family F>
constexpr Keyword answer_rows[] = {
    {.name = name<F, "buffering">, .where = everywhere, .args = {keyword::flag()},
     .apply = check_buffering, .fallback = "on", .since = if_fastcgi<F>("1.5.6"),
     .summary = "Reads the response as fast as the server sends it.", .once = true},
    {.name = name<F, "buffers">, .where = everywhere, .args = {keyword::number("number", 2), keyword::size("size", 1)},
     .fallback = "8 4k", .support = own_buffers, .summary = "Buffers of one response."},
    {.name = name<F, "busy_buffers_size">, .where = everywhere, .args = {keyword::size("size")}, .fallback = "8k",
     .support = own_buffers, .summary = "Buffers that may be busy sending."},
    {.name = name<F, "cache">, .where = everywhere, .args = {keyword::text("zone|off")},
     .apply = to<F, lower_cache>, .fallback = "off",
     .summary = text<"Names the cache zone in which answers ", word<F, "of HTTP servers ", "", "">, "are kept.">, .once = true},
    {.name = name<F, "cache_background_update">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::cache, &CacheSettings::background_update>>, .fallback = "off", .since = "1.11.10",
     .summary = "Renews an expired answer in the background while the old one is served.", .once = true},
    {.name = name<F, "cache_bypass">, .where = everywhere, .args = {keyword::many(keyword::text("condition"))},
     .apply = to<F, lower_cache_bypass>, .inherit = Inherit::replace_list,
     .summary = "Takes no answer from the cache where a condition is neither empty nor 0."},
    {.name = name<F, "cache_key">, .where = everywhere, .args = {keyword::text("key")},
     .apply = to<F, set<&Settings::cache, &CacheSettings::key>>, .fallback = if_proxy<F>("$scheme$proxy_host$request_uri"),
     .summary = text<"Sets the text under which an answer is found in the cache", word<F, "", "", "; without it all answers have one place">, ".">, .once = true},
    {.name = name<F, "cache_lock">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::cache, &CacheSettings::lock>>, .fallback = "off", .since = "1.1.12",
     .summary = "Lets only one request at a time ask for an answer that is missing.", .once = true},
    {.name = name<F, "cache_lock_age">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = to<F, set<&Settings::cache, &CacheSettings::lock_age>>, .fallback = "5s", .since = "1.7.8",
     .summary = "Lets another request ask when the one that does has taken that long.", .once = true},
    {.name = name<F, "cache_lock_timeout">, .where = everywhere, .args = {keyword::duration("time")},
     .apply = to<F, set<&Settings::cache, &CacheSettings::lock_timeout>>, .fallback = "5s", .since = "1.1.12",
     .summary = "Limits how long a request waits for the answer to another one.", .once = true},
    {.name = name<F, "cache_max_range_offset">, .where = everywhere, .args = {keyword::size("bytes")},
     .apply = to<F, set<&Settings::cache, &CacheSettings::max_range_offset>>, .since = "1.11.6",
     .summary = "Passes requests for ranges behind that offset on and does not keep the answer.", .once = true},
    {.name = name<F, "cache_methods">, .where = everywhere, .args = {keyword::many(keyword::word("method"))},
     .apply = to<F, lower_cache_methods>, .fallback = "GET HEAD", .since = if_old<F>("0.7.59"),
     .summary = "Lists the methods whose answers may be kept; GET and HEAD always are.", .once = true},
    {.name = name<F, "cache_min_uses">, .where = everywhere, .args = {keyword::number("number", 1, 0x7fffffff)},
     .apply = to<F, set<&Settings::cache, &CacheSettings::min_uses>>, .fallback = "1",
     .summary = "Keeps an answer only once it was asked for so many times.", .once = true},
    {.name = name<F, "cache_path">, .where = http,
     .args = {keyword::path("folder"), keyword::word("keys_zone=name:size"), keyword::any_number(keyword::word("parameter"))},
     .apply = lower_cache_path, .inherit = Inherit::none,
     .summary = "Declares a cache: its folder and how that is laid out, its zone of memory and its limits.",
     .details = cache_path_details},
    {.name = name<F, "cache_purge">, .where = everywhere, .args = {keyword::many(keyword::text("condition"))},
     .apply = to<F, lower_cache_purge>, .inherit = Inherit::replace_list, .since = "1.5.7",
     .summary = "Takes what is kept under the request's key out of the cache where a condition is neither empty nor 0.",
     .details = cache_purge_details},
    {.name = name<F, "cache_revalidate">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::cache, &CacheSettings::revalidate>>, .fallback = "off", .since = "1.5.7",
     .summary = "Renews answers that have expired by conditional requests.", .once = true},
    {.name = name<F, "cache_use_stale">, .where = everywhere, .args = {keyword::many(keyword::word("case"))},
     .apply = to<F, lower_cache_use_stale>, .fallback = "off",
     .summary = "Lists the failures in which an answer that has expired is served all the same.", .once = true},
    {.name = name<F, "cache_valid">, .where = everywhere, .args = {keyword::many(keyword::word("status|any|time"))},
     .apply = to<F, lower_cache_valid>, .inherit = Inherit::replace_list,
     .summary = "Sets how long answers are kept that say nothing about it, by status."},
    {.name = name<F, "force_ranges">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::force_ranges>>, .fallback = "off", .since = "1.7.7",
     .summary = "Gives ranges of answers even where the server does not offer them.", .once = true},
    {.name = name<F, "ignore_client_abort">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::ignore_client_abort>>, .fallback = "off",
     .summary = "Goes on when the client has gone.", .once = true},
    {.name = name<F, "limit_rate">, .where = everywhere, .args = {keyword::size("rate")},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::limit_rate>>, .fallback = "0", .since = "1.7.7",
     .summary = "Bytes per second read from a server.", .once = true},
    {.name = name<F, "max_temp_file_size">, .where = everywhere, .args = {keyword::size("size")}, .fallback = "1024m",
     .support = no_disk, .summary = "Largest temporary file."},
    {.name = name<F, "no_cache">, .where = everywhere, .args = {keyword::many(keyword::text("condition"))},
     .apply = to<F, lower_no_cache>, .inherit = Inherit::replace_list,
     .summary = "Keeps an answer out of the cache where a condition is neither empty nor 0."},
    {.name = name<F, "pass_request_body">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::pass_request_body>>, .fallback = "on",
     .summary = "Sends the body of the request.", .once = true},
    {.name = name<F, "pass_request_headers">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::pass_request_fields>>, .fallback = "on",
     .summary = "Sends the fields of the request.", .once = true},
    {.name = name<F, "request_buffering">, .where = everywhere, .args = {keyword::flag()},
     .apply = to<F, set<&Settings::forward, &ForwardSettings::buffer_request>>, .fallback = "on", .since = "1.7.11",
     .summary = "Reads the body of the request before it is sent.", .once = true},
    {.name = name<F, "store">, .where = everywhere, .args = {keyword::text("on|off|path")},
     .apply = to<F, lower_store>, .fallback = "off",
     .summary = "Makes a file of each whole answer with status 200: where root or alias put the path, or at that path.", .once = true},
    {.name = name<F, "store_access">, .where = everywhere, .args = {keyword::many(keyword::word("user|group|all:r|rw"))},
     .apply = to<F, lower_store_access>, .fallback = "user:rw", .summary = "Says who may read and write files made of answers.", .once = true},
    {.name = name<F, "temp_file_write_size">, .where = everywhere, .args = {keyword::size("size")}, .fallback = "8k",
     .support = no_disk, .summary = "Bytes written to a temporary file at once."},
    {.name = name<F, "temp_path">, .where = everywhere, .args = keyword::Signature::count(1, 4), .fallback = if_proxy<F>("proxy_temp"),
     .support = no_disk, .summary = "Folder of temporary files."},
};
static_assert(keyword::well_formed(answer_rows<Family::proxy>));

// Those of proxy_ are also in stream.
template <Family F>
constexpr Keyword socket_rows[] = {
    {.name = name<F, "socket_rcvbuf">, .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = text<"Receive buffer of sockets to ", servers<F>, ".">},
    {.name = name<F, "socket_sndbuf">, .where = everywhere, .args = {keyword::size("size")}, .since = "1.31.3",
     .support = kernel_sizes, .summary = text<"Send buffer of sockets to ", servers<F>, ".">},
};
static_assert(keyword::well_formed(socket_rows<Family::grpc>));

template <Family F>
constexpr Keyword tls_rows[] = {
    {.name = name<F, "ssl_certificate">, .where = tls_places<F>, .args = {keyword::text("file")}, .apply = to_tls<F, lower_tls_certificate>,
     .since = since<F>("1.7.8"), .summary = text<"Names the client certificate that is shown to a ", kind<F>, "server over TLS.">, .once = true},
    {.name = name<F, "ssl_certificate_cache">, .where = tls_places<F>,
     .args = {keyword::word("off|max=N"), keyword::opt(keyword::word("inactive=time")), keyword::opt(keyword::word("valid=time"))},
     .apply = to_tls<F, lower_tls_certificate_cache>, .fallback = "off", .since = "1.27.4",
     .summary = "Keeps client certificates and keys named by variables in memory.", .once = true},
    {.name = name<F, "ssl_certificate_follow">, .where = tls_places<F>, .args = {keyword::flag()}, .apply = to_tls<F, lower_tls_certificate_follow>,
     .fallback = "off", .summary = "Takes the client certificate, its key, authorities and CRLs anew when the files change, without a reload (weir's own).", .once = true},
    {.name = name<F, "ssl_certificate_key">, .where = tls_places<F>, .args = {keyword::text("file")}, .apply = to_tls<F, lower_tls_certificate_key>,
     .since = since<F>("1.7.8"), .summary = text<"Names the private key of the client certificate", word<F, "", " for gRPC servers", " for uwsgi servers">, ".">, .once = true},
    {.name = name<F, "ssl_ciphers">, .where = tls_places<F>, .args = {keyword::word("ciphers")}, .apply = to_tls<F, lower_tls_ciphers>,
     .fallback = "DEFAULT", .since = F == Family::proxy ? "1.5.6" : since<F>("1.5.8"), .summary = text<"Lists the ciphers allowed on TLS connections to ", kind<F>, "servers.">, .once = true},
    {.name = name<F, "ssl_conf_command">, .where = tls_places<F>, .args = {keyword::word("name"), keyword::word("value")},
     .apply = to_tls<F, lower_tls_conf_command>, .inherit = Inherit::replace_list, .since = "1.19.4",
     .summary = text<"Passes a configuration command to OpenSSL for connections to ", kind<F>, "servers.">},
    {.name = name<F, "ssl_crl">, .where = tls_places<F>, .args = {keyword::path("file")}, .apply = to_tls<F, lower_tls_crl>, .since = since<F>("1.7.0"),
     .summary = text<"Names the file of revoked certificates against which ", kind<F>, "servers are checked.">, .once = true},
    {.name = name<F, "ssl_name">, .where = tls_places<F>, .args = {keyword::text("name")}, .apply = to_tls<F, lower_tls_name>, .fallback = if_proxy<F>("$proxy_host"), .since = since<F>("1.7.0"),
     .summary = text<"Sets the name that is checked in the ", kind<F>, "server's certificate and sent as SNI", word<F, "", "; without it the host of grpc_pass", "; without it the host of uwsgi_pass">, ".">, .once = true},
    {.name = name<F, "ssl_password_file">, .where = tls_places<F>, .args = {keyword::path("file")}, .apply = to_tls<F, lower_tls_password_file>, .since = since<F>("1.7.8"),
     .summary = "Names the file with passphrases of the client certificate's key.", .once = true},
    {.name = name<F, "ssl_protocols">, .where = tls_places<F>, .args = {keyword::many(keyword::word("version"))}, .apply = to_tls<F, lower_tls_protocols>,
     .fallback = "TLSv1.2 TLSv1.3", .since = F == Family::proxy ? "1.5.6" : since<F>("1.5.8"), .summary = text<"Lists the TLS versions allowed towards ", kind<F>, "servers.">, .once = true},
    {.name = name<F, "ssl_server_name">, .where = tls_places<F>, .args = {keyword::flag()}, .apply = to_tls<F, lower_tls_server_name>, .fallback = "off",
     .since = since<F>("1.7.0"), .summary = text<"Sends the ", kind<F>, "server's name in the TLS handshake (SNI).">, .once = true},
    {.name = name<F, "ssl_session_reuse">, .where = tls_places<F>, .args = {keyword::flag()}, .apply = to_tls<F, lower_tls_session_reuse>, .fallback = "on",
     .since = F == Family::proxy ? "" : since<F>("1.5.8"), .summary = text<"Resumes TLS sessions with ", kind<F>, "servers.">, .once = true},
    {.name = name<F, "ssl_trusted_certificate">, .where = tls_places<F>, .args = {keyword::path("file")}, .apply = to_tls<F, lower_tls_trusted_certificate>,
     .since = since<F>("1.7.0"), .summary = text<"Names the authorities by which certificates of ", kind<F>, "servers are checked.">, .once = true},
    {.name = name<F, "ssl_verify">, .where = tls_places<F>, .args = {keyword::flag()}, .apply = to_tls<F, lower_tls_verify>, .fallback = "off",
     .since = since<F>("1.7.0"), .summary = text<"Checks the certificate of a ", kind<F>, "server.">, .once = true},
    {.name = name<F, "ssl_verify_depth">, .where = tls_places<F>, .args = {keyword::number("number", 0, 100)}, .apply = to_tls<F, lower_tls_verify_depth>,
     .fallback = "1", .since = since<F>("1.7.0"), .summary = text<"Limits the length of the certificate chain of a ", kind<F>, "server.">, .once = true},
};
static_assert(keyword::well_formed(tls_rows<Family::proxy>));

template <Family F>
constexpr Keyword gateway_rows[] = {
    {.name = name<F, "param">, .where = everywhere,
     .args = {keyword::word("name"), keyword::text("value"), keyword::opt(keyword::word("if_not_empty"))},
     .apply = to<F, lower_param>, .inherit = Inherit::replace_list, .fallback = "HTTP_HOST $host$is_request_port$request_port",
     .summary = "Sets a parameter of the request to the server; one named HTTP_X takes the place of the client's field X."},
    {.name = name<F, "pass">, .where = location | if_in_location, .args = {keyword::text("address")},
     .apply = lower_gateway_pass<F>, .inherit = Inherit::none,
     .summary = "Sends requests to an application or an upstream of them.", .once = true},
};
static_assert(keyword::well_formed(gateway_rows<Family::fastcgi>));

constexpr Keyword grpc_rows[] = {
    {.name = "grpc_pass", .where = location | if_in_location, .args = {keyword::text("address")},
     .apply = lower_grpc_pass, .inherit = Inherit::none, .since = since<Family::grpc>(),
     .summary = "Sends requests to a gRPC server or an upstream of them, over HTTP/2.", .once = true},
    {.name = "grpc_set_header", .where = everywhere, .args = {keyword::word("field"), keyword::text("value")},
     .apply = to<Family::grpc, lower_set_header>, .inherit = Inherit::replace_list, .fallback = "Content-Length $content_length", .since = since<Family::grpc>(),
     .summary = "Sets a field of the request to the gRPC server; an empty value leaves it out."},
};
static_assert(keyword::well_formed(grpc_rows));

constexpr Keyword fastcgi_rows[] = {
    {.name = "fastcgi_catch_stderr", .where = everywhere, .args = {keyword::word("text")},
     .apply = to<Family::fastcgi, lower_catch_stderr>, .inherit = Inherit::replace_list,
     .summary = "Takes an answer for a broken one when that text is among what the application writes to its standard error."},
    {.name = "fastcgi_index", .where = everywhere, .args = {keyword::word("name")},
     .apply = set<&Settings::script, &ir::ScriptNames::index>,
     .summary = "Name that $fastcgi_script_name gets appended behind a slash.", .once = true},
    {.name = "fastcgi_keep_conn", .where = everywhere, .args = {keyword::flag()},
     .apply = to<Family::fastcgi, set<&Settings::forward, &ForwardSettings::keep_server_connection>>, .fallback = "off", .since = "1.1.4",
     .summary = "Tells applications to keep the connection open, so that other requests can use it.", .once = true},
    {.name = "fastcgi_send_lowat", .where = everywhere, .args = {keyword::size("size")}, .fallback = "0",
     .support = own_buffers, .summary = "Least space in the socket before a write."},
    {.name = "fastcgi_split_path_info", .where = everywhere, .args = {keyword::regex("regex")},
     .apply = lower_split_path_info,
     .summary = "Splits paths into $fastcgi_script_name and $fastcgi_path_info, by the two groups of a regex.", .once = true},
};
static_assert(keyword::well_formed(fastcgi_rows));

template <std::uint8_t ForwardSettings::*Modifier>
constexpr keyword::Apply set_modifier = to<Family::uwsgi, set<&Settings::forward, Modifier>>;

constexpr Keyword uwsgi_rows[] = {
    {.name = "uwsgi_modifier1", .where = everywhere, .args = {keyword::number("number", 0, 255)},
     .apply = set_modifier<&ForwardSettings::modifier1>, .fallback = "0", .summary = "First modifier of a uwsgi packet.", .once = true},
    {.name = "uwsgi_modifier2", .where = everywhere, .args = {keyword::number("number", 0, 255)},
     .apply = set_modifier<&ForwardSettings::modifier2>, .fallback = "0", .summary = "Second modifier of a uwsgi packet.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(uwsgi_rows));

}  // namespace

std::vector<keyword::Table> family_keywords() {
    using enum Family;
    return {each_rows<proxy>, answer_rows<proxy>, tls_rows<proxy>,
            each_rows<grpc>, socket_rows<grpc>, tls_rows<grpc>, grpc_rows,
            each_rows<fastcgi>, answer_rows<fastcgi>, socket_rows<fastcgi>, gateway_rows<fastcgi>, fastcgi_rows,
            each_rows<scgi>, answer_rows<scgi>, socket_rows<scgi>, gateway_rows<scgi>,
            each_rows<uwsgi>, answer_rows<uwsgi>, socket_rows<uwsgi>, gateway_rows<uwsgi>, tls_rows<uwsgi>, uwsgi_rows};
}

}  // namespace weir::nginx
