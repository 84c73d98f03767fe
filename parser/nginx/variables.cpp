// SPDX-License-Identifier: Apache-2.0
// The variables of the dialect that weir computes, and how a name becomes an ir::Expr. A row gives
// the ir::Fetch; names ending in '_' are families whose rest says which field, cookie or argument.
// In nginx a variable without a value is an empty text wherever it stands.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"

namespace weir::nginx {

namespace {

using ir::Fetch;
using keyword::Keyword;
using namespace context;

constexpr std::uint16_t code(Fetch fetch) { return static_cast<std::uint16_t>(fetch); }

// clang-format off
constexpr Keyword rows[] = {
    {.name = "arg_", .where = http, .summary = "Argument NAME of the query string.",
     .code = code(Fetch::query_argument)},
    {.name = "args", .where = http, .summary = "Query string of the request.",
     .code = code(Fetch::query)},
    {.name = "binary_remote_addr", .where = http | stream, .summary = "Client address in binary: 4 or 16 bytes.",
     .code = code(Fetch::client_address_binary)},
    {.name = "body_bytes_sent", .where = http, .summary = "Bytes of the body sent to the client.",
     .code = code(Fetch::body_bytes_sent)},
    {.name = "brotli_ratio", .where = http, .summary = "How many times shorter brotli made the answer.",
     .code = code(Fetch::compression_ratio), .number = 1},
    {.name = "bytes_received", .where = stream, .summary = "Bytes received from the client.",
     .code = code(Fetch::bytes_received)},
    {.name = "bytes_sent", .where = http | stream, .summary = "Bytes sent to the client.",
     .code = code(Fetch::bytes_sent)},
    {.name = "connection", .where = http | stream, .summary = "Serial number of the connection.",
     .code = code(Fetch::connection_serial)},
    {.name = "connection_requests", .where = http, .summary = "Requests made so far through the connection.",
     .code = code(Fetch::connection_requests)},
    {.name = "connection_time", .where = http, .summary = "Age of the connection in seconds with milliseconds.",
     .code = code(Fetch::connection_time)},
    {.name = "content_length", .where = http, .summary = "Content-Length field of the request.",
     .code = code(Fetch::content_length)},
    {.name = "content_type", .where = http, .summary = "Content-Type field of the request.",
     .code = code(Fetch::content_type)},
    {.name = "cookie_", .where = http, .summary = "Cookie NAME of the request.",
     .code = code(Fetch::cookie)},
    {.name = "date_gmt", .where = http, .summary = "Time in GMT, in the format of <!--#config timefmt -->.",
     .code = code(Fetch::date_gmt)},
    {.name = "date_local", .where = http, .summary = "Local time, in the format of <!--#config timefmt -->.",
     .code = code(Fetch::date_local)},
    {.name = "document_root", .where = http, .summary = "Folder that root or alias names for the request.",
     .code = code(Fetch::document_root)},
    {.name = "document_uri", .where = http, .summary = "Path of the request, decoded and rewritten; same as $uri.",
     .code = code(Fetch::normalized_path)},
    {.name = "fastcgi_path_info", .where = http, .summary = "What fastcgi_split_path_info leaves behind the script's name.",
     .code = code(Fetch::path_info)},
    {.name = "fastcgi_script_name", .where = http, .summary = "Path of the request as far as it names a script, with fastcgi_index behind a slash.",
     .code = code(Fetch::script_name)},
    {.name = "grpc_internal_trailers", .where = http, .summary = "\"trailers\" where the TE field of the request has it.",
     .code = code(Fetch::te_trailers)},
    {.name = "gzip_ratio", .where = http, .summary = "How many times shorter gzip made the answer.",
     .code = code(Fetch::compression_ratio)},
    {.name = "host", .where = http, .summary = "Host of the request in lower case without port, or the server name.",
     .code = code(Fetch::host)},
    {.name = "hostname", .where = http | stream, .summary = "Name of the machine.",
     .code = code(Fetch::host_name)},
    {.name = "http2", .where = http, .summary = "h2 or h2c when HTTP/2 is spoken with the client, else empty.",
     .code = code(Fetch::http2_name)},
    {.name = "http_", .where = http, .summary = "Request field NAME, in lower case with underscores.",
     .code = code(Fetch::request_header)},
    {.name = "http_cookie", .where = http, .summary = "Cookie field of the request.",
     .code = code(Fetch::request_header)},
    {.name = "http_host", .where = http, .summary = "Host field of the request as sent.",
     .code = code(Fetch::request_header)},
    {.name = "http_referer", .where = http, .summary = "Referer field of the request.",
     .code = code(Fetch::request_header)},
    {.name = "http_user_agent", .where = http, .summary = "User-Agent field of the request.",
     .code = code(Fetch::request_header)},
    {.name = "http_via", .where = http, .summary = "Via field of the request.",
     .code = code(Fetch::request_header)},
    {.name = "http_x_forwarded_for", .where = http, .summary = "X-Forwarded-For field of the request.",
     .code = code(Fetch::request_header)},
    {.name = "https", .where = http, .summary = "\"on\" when the connection is encrypted, else empty.",
     .code = code(Fetch::tls_used)},
    {.name = "invalid_referer", .where = http, .summary = "\"1\" when the Referer field is none of valid_referers, else empty.",
     .code = code(Fetch::request_header)},
    {.name = "is_args", .where = http, .summary = "\"?\" when the request has a query string, else empty.",
     .code = code(Fetch::has_query)},
    {.name = "is_request_port", .where = http, .since = "1.29.3", .summary = "\":\" when the request names a port, else empty.",
     .code = code(Fetch::authority_has_port)},
    {.name = "limit_conn_status", .where = http | stream, .since = "1.17.6", .summary = "What limit_conn did: PASSED, REJECTED or REJECTED_DRY_RUN.",
     .code = code(Fetch::connection_limit)},
    {.name = "limit_rate", .where = http, .summary = "Rate limit of the answer in bytes per second.",
     .code = code(Fetch::limit_rate)},
    {.name = "limit_req_status", .where = http, .since = "1.17.6", .summary = "What limit_req did: PASSED, DELAYED, REJECTED, or the latter two with _DRY_RUN.",
     .code = code(Fetch::request_limit)},
    {.name = "msec", .where = http | stream, .summary = "Time in seconds with milliseconds.",
     .code = code(Fetch::time_msec)},
    {.name = "nginx_version", .where = http | stream, .summary = "Version of the program.",
     .code = code(Fetch::version)},
    {.name = "pid", .where = http | stream, .summary = "Process id of the worker.",
     .code = code(Fetch::process_id)},
    {.name = "pipe", .where = http, .summary = "\"p\" when the request was pipelined, else \".\".",
     .code = code(Fetch::pipelined)},
    {.name = "protocol", .where = stream, .summary = "TCP or UDP.",
     .code = code(Fetch::protocol)},
    {.name = "proxy_add_x_forwarded_for", .where = http, .summary = "X-Forwarded-For of the request with the client address appended.",
     .code = code(Fetch::forwarded_for)},
    {.name = "proxy_host", .where = http, .summary = "Host and port as written in proxy_pass.",
     .code = code(Fetch::forward_host)},
    {.name = "proxy_port", .where = http, .summary = "Port written in proxy_pass, or the default of its scheme.",
     .code = code(Fetch::forward_port)},
    {.name = "proxy_protocol_addr", .where = http | stream, .summary = "Client address from the PROXY protocol header.",
     .code = code(Fetch::proxy_protocol_address)},
    {.name = "proxy_protocol_port", .where = http | stream, .summary = "Client port from the PROXY protocol header.",
     .code = code(Fetch::proxy_protocol_port)},
    {.name = "proxy_protocol_server_addr", .where = http | stream, .summary = "Server address from the PROXY protocol header.",
     .code = code(Fetch::proxy_protocol_server_address)},
    {.name = "proxy_protocol_server_port", .where = http | stream, .summary = "Server port from the PROXY protocol header.",
     .code = code(Fetch::proxy_protocol_server_port)},
    {.name = "proxy_protocol_tlv_", .where = http | stream, .summary = "Value of the PROXY header by name or as 0xNN.",
     .details = "Names: alpn, authority, unique_id, ssl, netns; of ssl: ssl_version, ssl_cn, ssl_cipher, ssl_sig_alg, "
                "ssl_key_alg, ssl_verify; of vendors: aws_vpce_id, azure_pel_id, gcp_conn_id.",
     .code = code(Fetch::proxy_protocol_value)},
    {.name = "proxy_protocol_tlv_aws_vpce_id", .where = http | stream, .summary = "Id of the Amazon VPC endpoint in the PROXY header.",
     .code = code(Fetch::proxy_protocol_value)},
    {.name = "proxy_protocol_tlv_azure_pel_id", .where = http | stream, .summary = "Number of the Azure private endpoint link in the PROXY header.",
     .code = code(Fetch::proxy_protocol_value)},
    {.name = "proxy_protocol_tlv_gcp_conn_id", .where = http | stream, .summary = "Number of the Google private service connection in the PROXY header.",
     .code = code(Fetch::proxy_protocol_value)},
    {.name = "query_string", .where = http, .summary = "Query string of the request; same as $args.",
     .code = code(Fetch::query)},
    {.name = "realip_remote_addr", .where = http | stream, .summary = "Client address before the real IP was taken from a field.",
     .code = code(Fetch::peer_address)},
    {.name = "realip_remote_port", .where = http | stream, .summary = "Client port before the real IP was taken from a field.",
     .code = code(Fetch::peer_port)},
    {.name = "realpath_root", .where = http, .summary = "The same as $document_root without symbolic links.",
     .code = code(Fetch::realpath_root)},
    {.name = "remote_addr", .where = http | stream, .summary = "Client address.",
     .code = code(Fetch::client_address)},
    {.name = "remote_port", .where = http | stream, .summary = "Client port.",
     .code = code(Fetch::client_port)},
    {.name = "remote_user", .where = http, .summary = "User name of Basic authentication.",
     .code = code(Fetch::remote_user)},
    {.name = "request", .where = http, .summary = "Request line as received.",
     .code = code(Fetch::request_line)},
    {.name = "request_body", .where = http, .summary = "Body of the request where it was read whole, to be sent on, and lies in memory.",
     .code = code(Fetch::request_body)},
    {.name = "request_body_file", .where = http, .summary = "Path of the temporary file with the body of the request.",
     .code = code(Fetch::request_body_file)},
    {.name = "request_completion", .where = http, .summary = "\"OK\" when the request was served to its end, else empty.",
     .code = code(Fetch::request_completion)},
    {.name = "request_filename", .where = http, .summary = "File that the path of the request stands for.",
     .code = code(Fetch::request_filename)},
    {.name = "request_id", .where = http, .summary = "Unique id of the request: 32 hexadecimal digits.",
     .code = code(Fetch::unique_id)},
    {.name = "request_length", .where = http, .summary = "Length of the request: line, fields and body.",
     .code = code(Fetch::request_length)},
    {.name = "request_method", .where = http, .summary = "Method of the request.",
     .code = code(Fetch::method)},
    {.name = "request_port", .where = http, .since = "1.29.3", .summary = "Port that the request names, else empty.",
     .code = code(Fetch::authority_port)},
    {.name = "request_time", .where = http, .summary = "Time spent on the request in seconds with milliseconds.",
     .code = code(Fetch::request_time)},
    {.name = "request_uri", .where = http, .summary = "Target of the request as received.",
     .code = code(Fetch::request_target)},
    {.name = "scheme", .where = http, .summary = "http or https.",
     .code = code(Fetch::scheme)},
    {.name = "secure_link", .where = http, .summary = "Whether the link is valid, as secure_link and secure_link_md5 say.",
     .code = code(Fetch::request_header)},
    {.name = "secure_link_expires", .where = http, .summary = "When the link ends, as secure_link says.",
     .code = code(Fetch::request_header)},
    {.name = "sent_http_", .where = http, .summary = "Field NAME of the answer to the client.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_cache_control", .where = http, .summary = "Cache-Control fields of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_connection", .where = http, .summary = "Connection field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_content_length", .where = http, .summary = "Content-Length field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_content_type", .where = http, .summary = "Content-Type field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_keep_alive", .where = http, .summary = "Keep-Alive field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_last_modified", .where = http, .summary = "Last-Modified field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_link", .where = http, .summary = "Link fields of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_location", .where = http, .summary = "Location field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_http_transfer_encoding", .where = http, .summary = "Transfer-Encoding field of the answer.",
     .code = code(Fetch::sent_header)},
    {.name = "sent_trailer_", .where = http, .summary = "Trailer field NAME of the answer to the client.",
     .code = code(Fetch::sent_trailer)},
    {.name = "server_addr", .where = http | stream, .summary = "Address that accepted the connection.",
     .code = code(Fetch::local_address)},
    {.name = "server_name", .where = http | stream, .summary = "First name of the server that took the request.",
     .code = code(Fetch::site_name)},
    {.name = "server_port", .where = http | stream, .summary = "Port that accepted the connection.",
     .code = code(Fetch::local_port)},
    {.name = "server_protocol", .where = http, .summary = "HTTP/1.0, HTTP/1.1 or HTTP/2.0.",
     .code = code(Fetch::request_version)},
    {.name = "session_time", .where = stream, .summary = "Length of the session in seconds with milliseconds.",
     .code = code(Fetch::session_time)},
    {.name = "slice_range", .where = http, .summary = "The range of the piece that is asked for: bytes=0-1048575.",
     .code = code(Fetch::slice_range)},
    {.name = "ssl_preread_alpn_protocols", .where = stream, .summary = "ALPN list of the ClientHello.",
     .code = code(Fetch::hello_alpn)},
    {.name = "ssl_preread_protocol", .where = stream, .summary = "Highest TLS version of the ClientHello.",
     .code = code(Fetch::hello_protocol)},
    {.name = "ssl_preread_server_name", .where = stream, .summary = "Server name (SNI) of the ClientHello.",
     .code = code(Fetch::hello_sni)},
    {.name = "status", .where = http, .summary = "Status of the answer.",
     .code = code(Fetch::status)},
    {.name = "tcpinfo_rcv_space", .where = http, .summary = "TCP_INFO of the client connection: receive space.",
     .code = code(Fetch::tcp_info)},
    {.name = "tcpinfo_rtt", .where = http, .summary = "TCP_INFO of the client connection: round trip in microseconds.",
     .code = code(Fetch::tcp_info)},
    {.name = "tcpinfo_rttvar", .where = http, .summary = "TCP_INFO of the client connection: variance of the round trip.",
     .code = code(Fetch::tcp_info)},
    {.name = "tcpinfo_snd_cwnd", .where = http, .summary = "TCP_INFO of the client connection: congestion window.",
     .code = code(Fetch::tcp_info)},
    {.name = "time_iso8601", .where = http | stream, .summary = "Local time in ISO 8601.",
     .code = code(Fetch::time_iso8601)},
    {.name = "time_local", .where = http | stream, .summary = "Local time in the common log format.",
     .code = code(Fetch::time_local)},
    {.name = "upstream_addr", .where = http | stream, .summary = "Addresses of the servers tried.",
     .code = code(Fetch::upstream_address)},
    {.name = "upstream_bytes_received", .where = http | stream, .summary = "Bytes received from the servers tried.",
     .code = code(Fetch::upstream_bytes_received)},
    {.name = "upstream_bytes_sent", .where = http | stream, .summary = "Bytes sent to the servers tried.",
     .code = code(Fetch::upstream_bytes_sent)},
    {.name = "upstream_cache_etag", .where = http, .summary = "ETag of the kept answer that is to be renewed.",
     .code = code(Fetch::cache_etag)},
    {.name = "upstream_cache_key", .where = http, .summary = "Key under which the cache looks for an answer.",
     .code = code(Fetch::cache_key)},
    {.name = "upstream_cache_last_modified", .where = http, .summary = "Last-Modified of the kept answer that is to be renewed.",
     .code = code(Fetch::cache_modified)},
    {.name = "upstream_cache_status", .where = http, .summary = "HIT, MISS, ... of the cache.",
     .code = code(Fetch::cache_status)},
    {.name = "upstream_connect_time", .where = http | stream, .summary = "Time to connect to the servers tried, in seconds.",
     .code = code(Fetch::upstream_connect_time)},
    {.name = "upstream_cookie_", .where = http, .summary = "Cookie NAME that the server set.",
     .code = code(Fetch::response_cookie)},
    {.name = "upstream_first_byte_time", .where = stream, .summary = "Time to the first byte of the server, in seconds.",
     .code = code(Fetch::upstream_first_byte_time)},
    {.name = "upstream_header_time", .where = http, .summary = "Time to the head of the response, in seconds.",
     .code = code(Fetch::upstream_header_time)},
    {.name = "upstream_http_", .where = http, .summary = "Response field NAME as the server sent it.",
     .code = code(Fetch::response_header)},
    {.name = "upstream_response_length", .where = http, .summary = "Length of the responses of the servers tried.",
     .code = code(Fetch::upstream_response_length)},
    {.name = "upstream_response_time", .where = http, .summary = "Time to the end of the response, in seconds.",
     .code = code(Fetch::upstream_response_time)},
    {.name = "upstream_session_time", .where = stream, .summary = "Length of the sessions with the servers, in seconds.",
     .code = code(Fetch::upstream_session_time)},
    {.name = "upstream_status", .where = http, .summary = "Statuses of the servers tried.",
     .code = code(Fetch::upstream_status)},
    {.name = "upstream_trailer_", .where = http, .summary = "Trailer field NAME of the server.",
     .code = code(Fetch::response_trailer)},
    {.name = "uri", .where = http, .summary = "Path of the request, decoded and rewritten.",
     .code = code(Fetch::normalized_path)},
};

// Names that mean something else in stream.
constexpr Keyword stream_rows[] = {
    {.name = "status", .where = stream, .summary = "Status of the session: 200, 400, 403, 500, 502, 503.",
     .code = code(Fetch::session_status)},
};
// clang-format on

static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(stream_rows));

struct FetchTraits {
    ir::Type type;
    ir::Phase needs;
};
constexpr FetchTraits traits[] = {
#define X(name, type, phase) {ir::Type::type, ir::Phase::phase},
    WEIR_FETCHES(X)
#undef X
};

ir::Expr fetch_of(const Keyword& row, std::string_view name, Span span) {
    ir::Expr value{.op = ir::Expr::Op::fetch, .fetch = static_cast<Fetch>(row.code)};
    value.type = traits[row.code].type;
    value.needs = traits[row.code].needs;
    value.span = span;
    // Some names of a family have rows of their own, for the manual.
    std::string_view rest = name;
    if (row.name.ends_with('_'))
        rest.remove_prefix(row.name.size());
    else if (auto http_at = name.find("http_"); http_at != name.npos)
        rest.remove_prefix(http_at + 5);
    switch (value.fetch) {
        case Fetch::request_header:
        case Fetch::response_header:
        case Fetch::response_trailer:
        case Fetch::sent_header:
        case Fetch::sent_trailer:
            value.text = rest;
            std::replace(value.text.begin(), value.text.end(), '_', '-');
            break;
        case Fetch::query_argument:
        case Fetch::cookie:
        case Fetch::response_cookie: value.text = rest; break;
        case Fetch::tls_text:
        case Fetch::tls_number: value.number = row.number; break;
        case Fetch::tcp_info: value.text = name.substr(sizeof "tcpinfo_" - 1); break;
        default: break;
    }
    return value;
}

// $https is "on" or empty where the fetch is a boolean.
ir::Expr on_or_empty(ir::Expr flag) {
    ir::Expr value{.op = ir::Expr::Op::convert, .converter = ir::Converter::iif};
    value.text = "on";
    value.span = flag.span;
    value.in.push_back(std::move(flag));
    value.in.emplace_back();
    return value;
}

// The values that $proxy_protocol_tlv_NAME knows by name.
struct ProxyValueName {
    std::string_view name;
    std::int64_t type, part;
};
constexpr std::string_view proxy_value_prefix = "proxy_protocol_tlv_";
constexpr std::int64_t tls_value = 0x20;
constexpr ProxyValueName proxy_value_names[] = {
    {"alpn", 1, 0},
    {"authority", 2, 0},
    {"unique_id", 5, 0},
    {"ssl", tls_value, 0},
    {"netns", 0x30, 0},
    {"ssl_verify", tls_value, ir::proxy_value_part::verify},
    {"ssl_version", tls_value, 0x21},
    {"ssl_cn", tls_value, 0x22},
    {"ssl_cipher", tls_value, 0x23},
    {"ssl_sig_alg", tls_value, 0x24},
    {"ssl_key_alg", tls_value, 0x25},
    {"aws_vpce_id", 0xea, ir::proxy_value_part::vendor_id},
    {"azure_pel_id", 0xee, ir::proxy_value_part::vendor_id},
    {"gcp_conn_id", 0xe0, ir::proxy_value_part::vendor_id},
};

// False: no such value.
bool name_proxy_value(ir::Expr& value, std::string_view name) {
    for (const auto& known : proxy_value_names) {
        if (known.name != name) continue;
        value.number = known.type | known.part << 8;
        return true;
    }
    bool inside = name.starts_with("ssl_");
    auto digits = name.substr(inside ? 4 : 0);
    if (!digits.starts_with("0x")) return false;
    digits.remove_prefix(2);
    unsigned type = 0;
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), type, 16);
    if (failure != std::errc() || end != digits.data() + digits.size() || type > 255) return false;
    value.number = inside ? tls_value | std::int64_t{type} << 8 : type;
    return true;
}

ir::Expr value_of(const Definition& definition, Span span) {
    ir::Expr value{.op = ir::Expr::Op::fetch};
    value.number = definition.slot;
    value.span = span;
    switch (definition.kind) {
        case Definition::Kind::set: value.fetch = Fetch::variable; break;
        case Definition::Kind::capture: value.fetch = Fetch::named_capture; break;
        case Definition::Kind::map: value.op = ir::Expr::Op::map; break;
        case Definition::Kind::unsupported: break;
    }
    return value;
}

std::optional<ir::Expr> unknown_variable(Block& block, std::string_view name, Span span) {
    std::string hint = "variables come from set, map or the modules of nginx";
    if (!block.run.variables.find(name).empty()) {
        hint = block.in_stream() ? "it exists in http, not in stream" : "it exists in stream, not in http";
    } else if (block.run.unknown_words++ < 50) {
        auto near = block.run.variables.nearest(name, block.names ? block.names->bit : 0);
        if (!near.empty()) hint = fmt::format("did you mean \"${}\"?", near);
    }
    block.error(span, "unknown-variable", fmt::format("unknown \"{}\" variable", name),
                std::move(hint));
    return std::nullopt;
}

}  // namespace

std::string variable_name(std::string_view word) {
    std::string name(word);
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return name;
}

bool is_built_in(Block& block, std::string_view name) {
    for (const auto* row : block.run.variables.find(name))
        if (row->name == name && (row->where & block.names->bit) != 0) return true;
    return false;
}

std::optional<ir::Expr> make_variable(Block& block, std::string_view word, Span span) {
    Subsystem* names = block.names;
    const auto name = variable_name(word);
    if (names && !names->definitions.empty()) {
        auto defined = names->definitions.find(name);
        if (defined != names->definitions.end()) {
            if (defined->second.kind == Definition::Kind::unsupported) return std::nullopt;
            return value_of(defined->second, span);
        }
    }
    const Keyword* row = block.run.variables.find(name, names ? names->bit : 0);
    if (!row) return unknown_variable(block, name, span);
    if (row->support.level != keyword::Support::Level::full) {
        keyword::check_support(*row, name, span, variable_language, block.sink);
        return std::nullopt;
    }
    if (row->name == "invalid_referer") {
        // Without a list every field is as good as any other.
        if (block.referers == ir::no_id) return ir::Expr{};
        ir::Expr list{.op = ir::Expr::Op::map};
        list.number = block.referers;
        list.span = span;
        return list;
    }
    if (row->name.starts_with("secure_link")) return secure_link_value(block, row->name != "secure_link");
    auto value = fetch_of(*row, name, span);
    if (value.fetch == Fetch::tls_used) return on_or_empty(std::move(value));
    if (value.fetch == Fetch::proxy_protocol_value &&
        !name_proxy_value(value, std::string_view(name).substr(proxy_value_prefix.size()))) {
        block.sink.warning(span, "unknown-value", fmt::format("\"${}\" never has a value", name),
                           "write proxy_protocol_tlv_ and alpn, authority, unique_id, netns, ssl, "
                           "ssl_cn, ... or a type such as 0xe0");
        value.number = 256 * 256;
    }
    return value;
}

void offer_names(Block& block) { block.run.offers_names = true; }

void collect_names(Run& run) {
    if (!run.offers_names) return;
    auto& names = run.config.asked_by_name;
    for (const auto* row : run.variables.all()) {
        if ((row->where & http) == 0 || row->support.level != keyword::Support::Level::full) continue;
        if (row->name == "invalid_referer" || row->name.starts_with("secure_link")) continue;
        auto value = fetch_of(*row, row->name, {});
        if (value.fetch == Fetch::proxy_protocol_value) continue;
        if (value.fetch == Fetch::tls_used) value = on_or_empty(std::move(value));
        names.emplace_back(row->name, std::move(value));
    }
    for (const auto& [name, definition] : run.http.definitions)
        if (definition.kind != Definition::Kind::unsupported) names.emplace_back(name, value_of(definition, {}));
}

std::vector<keyword::Table> variable_tables() {
    std::vector<keyword::Table> all{rows, stream_rows, tls_variables()};
    for (auto table : other_variables()) all.push_back(table);
    return all;
}

}  // namespace weir::nginx
