// SPDX-License-Identifier: Apache-2.0
// Sample fetches: the rows, and how "fetch(args),converter(args)" becomes an ir::Expr. A row's
// plain form: the first word argument becomes Expr::text, the first number Expr::number; fetches
// that need more have an apply.
#include <fmt/format.h>

#include <charconv>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/syntax.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

using keyword::any_number;
using keyword::number;
using keyword::opt;
using keyword::word;

ir::Expr fetch_expr(ir::Fetch code, Span span) {
    const auto& facts = fetch_facts[static_cast<std::size_t>(code)];
    ir::Expr expr;
    expr.op = ir::Expr::Op::fetch;
    expr.fetch = code;
    expr.type = facts.type;
    expr.needs = facts.phase;
    expr.span = span;
    return expr;
}

ir::Expr literal_expr(bool value, Span span) {
    ir::Expr expr;
    expr.type = ir::Type::boolean;
    expr.number = value ? 1 : 0;
    expr.span = span;
    return expr;
}

ir::Expr convert_expr(ir::Converter code, ir::Expr input) {
    ir::Expr expr;
    expr.op = ir::Expr::Op::convert;
    expr.converter = code;
    expr.type = converter_facts[static_cast<std::size_t>(code)].output;
    expr.needs = input.needs;
    expr.span = input.span;
    expr.in.push_back(std::move(input));
    return expr;
}

std::uint32_t variable_slot(Scope& scope, std::string_view name, Span span) {
    auto dot = name.find('.');
    auto kind = name.substr(0, dot);
    if (dot == std::string_view::npos || dot + 1 == name.size() ||
        !(kind == "proc" || kind == "sess" || kind == "txn" || kind == "req" || kind == "res" ||
          kind == "check")) {
        scope.error(span, "bad-variable",
                    fmt::format("\"{}\" is no variable; expected a scope and a name", name),
                    "scopes are proc, sess, txn, req, res and check: txn.name");
        return ir::no_id;
    }
    if (kind == "proc") {
        scope.error(span, "not-supported",
                    "variables of the process (proc.NAME) are known to HAProxy, not yet in weir",
                    "use sess.NAME, or an environment variable");
        return ir::no_id;
    }
    return scope.config.variable_slot(name, false);
}

namespace {

// ------------------------------------------------------------------- fetches with an apply

ir::Expr& made(keyword::Scope& scope) { return *own(scope).expr; }

void literal(ir::Expr& expr, ir::Type type, std::string text, std::int64_t number_value = 0) {
    auto span = expr.span;
    expr = {};
    expr.type = type;
    expr.text = std::move(text);
    expr.number = number_value;
    expr.span = span;
}

void lower_str(keyword::Scope& scope, const Call& call) {
    literal(made(scope), ir::Type::bytes, std::string(call.size() > 0 ? call[0].text : ""));
}

void lower_int(keyword::Scope& scope, const Call& call) {
    literal(made(scope), ir::Type::integer, {}, call[0].number);
}

void lower_bool(keyword::Scope& scope, const Call& call) {
    auto text = call[0].text;
    bool yes = text == "1" || text == "true" || text == "yes" || text == "on";
    bool no = text == "0" || text == "false" || text == "no" || text == "off";
    if (!yes && !no)
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected true or false", text));
    literal(made(scope), ir::Type::boolean, {}, yes);
}

void lower_bin(keyword::Scope& scope, const Call& call) {
    auto text = call[0].text;
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned value = 0;
        auto [rest, failure] = std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        if (failure != std::errc() || rest != text.data() + i + 2) break;
        bytes += static_cast<char>(value);
    }
    if (bytes.size() * 2 != text.size())
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected pairs of hexadecimal digits", text));
    literal(made(scope), ir::Type::bytes, std::move(bytes));
}

void lower_ip(keyword::Scope& scope, const Call& call) {
    if (auto ip = value::parse_ip(call[0].text); !ip)
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected {}", call[0].text, ip.error()));
    literal(made(scope), ir::Type::address, std::string(call[0].text));
}

void lower_var(keyword::Scope& scope, const Call& call) {
    made(scope).number = variable_slot(own(scope), call[0].text, call[0].span);
    if (call.size() > 1) {
        ir::Expr fallback;
        fallback.text = std::string(call[1].text);
        fallback.span = call[1].span;
        made(scope).in.push_back(std::move(fallback));  // the value when it is not set
    }
}

void lower_acl_fetch(keyword::Scope& scope, const Call& call) {
    ir::Expr all;
    all.op = ir::Expr::Op::all_of;
    all.type = ir::Type::boolean;
    all.span = made(scope).span;
    for (const auto& name : call.args)
        if (auto one = lower_condition(own(scope), Args(&name, 1), false)) {
            all.needs = std::max(all.needs, one->needs);
            all.in.push_back(std::move(*one));
        }
    made(scope) = std::move(all);
}

// hdr_val, cook_val, urlp_val: the value as a number.
void lower_as_integer(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    if (call.size() > 0) expr.text = std::string(call[0].text);
    expr.number = call.size() > 1 ? call[1].number : call.row->number;
    expr.type = ir::Type::bytes;
    expr = convert_expr(ir::Converter::to_integer, std::move(expr));
}

// nbsrv(pool) and its like: no argument means the current pool.
void lower_of_pool(keyword::Scope& scope, const Call& call) {
    if (call.size() == 0) return;
    made(scope).text = std::string(call[0].text);
    refer(own(scope), Reference::Kind::pool, call[0].text, call[0].span);
}

void lower_of_server(keyword::Scope& scope, const Call& call) {
    auto name = std::string(call[0].text);
    if (name.find('/') == std::string::npos && own(scope).draft)
        name = own(scope).draft->name + "/" + name;
    refer(own(scope), Reference::Kind::server, name, call[0].span);
    made(scope).text = std::move(name);
}

void lower_of_site(keyword::Scope& scope, const Call& call) {
    if (call.size() == 0) return;
    made(scope).text = std::string(call[0].text);
    refer(own(scope), Reference::Kind::frontend, call[0].text, call[0].span);
}

void lower_payload(keyword::Scope& scope, const Call& call) {
    made(scope).number = call[0].number;
    made(scope).text = std::string(call[1].text);
}

void lower_date(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    if (call.size() > 0) expr.number = call[0].number;
    if (call.size() < 2 || call[1].text == "s") return;
    if (call[1].text == "us" && call[0].number == 0) {
        expr.fetch = ir::Fetch::date_microseconds;
        return;
    }
    scope.error(
        call[1].span, "not-supported",
        fmt::format("unit \"{}\" of \"date\" is known to HAProxy, not yet in weir", call[1].text),
        "use date in seconds or date_us");
}

// ----------------------------------------------------------------------------------- rows

using F = ir::Fetch;
constexpr auto last = ir::occurrence::last;
constexpr keyword::Signature header_args = {opt(word("name")), opt(number("occurrence"))};
constexpr keyword::Signature name_arg = {opt(word("name"))};
constexpr keyword::Signature pool_arg = {opt(word("backend"))};
constexpr auto request_and_after = in::requests | in::responses | in::log_format;
constexpr auto response_and_log = in::responses | in::log_format;

constexpr auto rows = sorted({
    // constants and the process
    fetch("always_true", F::always_true, in::everywhere, "Always true."),
    fetch("always_false", F::always_false, in::everywhere, "Always false."),
    fetch("acl", F::always_true, in::everywhere, "True when all named ACLs hold.",
          {keyword::many(word("name"))}, 0, lower_acl_fetch),
    fetch("bool", F::always_true, in::everywhere, "The given boolean.", {word("value")}, 0,
          lower_bool),
    fetch("int", F::random, in::everywhere, "The given number.", {number("value")}, 0, lower_int),
    fetch("str", F::host_name, in::everywhere, "The given text.", {opt(word("text"))}, 0,
          lower_str),
    fetch("bin", F::host_name, in::everywhere, "The given bytes, in hexadecimal.",
          {word("digits")}, 0, lower_bin),
    fetch("ipv4", F::client_address, in::everywhere, "The given IPv4 address.",
          {word("address")}, 0, lower_ip),
    fetch("ipv6", F::client_address, in::everywhere, "The given IPv6 address.",
          {word("address")}, 0, lower_ip),
    fetch("meth", F::host_name, in::everywhere, "The given method.", {word("method")}, 0,
          lower_str),
    fetch("env", F::environment, in::everywhere, "Value of a variable of the environment.",
          {word("name")}),
    fetch("hostname", F::host_name, in::everywhere, "Name of the machine."),
    fetch("nbproc", F::worker_count, in::everywhere, "Number of workers."),
    fetch("pid", F::process_id, in::everywhere, "Number of the process."),
    fetch("rand", F::random, in::everywhere, "A random number below the range.",
          {opt(number("range", 1))}),
    fetch("uuid", F::uuid, in::everywhere, "A random UUID.", {opt(number("version", 4, 4))}),
    fetch("unique-id", F::unique_id_format, in::everywhere,
          "The identifier that unique-id-format makes."),
    fetch("var", F::variable, in::everywhere, "Value of a variable.",
          {word("name"), opt(word("default"))}, 0, lower_var),
    fetch("date", F::date_seconds, in::everywhere, "Seconds since 1970.",
          {opt(number("offset")), opt(word("unit"))}, 0, lower_date),
    fetch("date_us", F::date_microseconds, in::everywhere, "Microseconds of the current second."),

    // client side
    fetch("src", F::client_address, in::everywhere, "Address of the client."),
    fetch("src_port", F::client_port, in::everywhere, "Port of the client."),
    fetch("dst", F::local_address, in::everywhere, "Address the client connected to."),
    fetch("dst_port", F::local_port, in::everywhere, "Port the client connected to."),
    fetch("fc_src", F::peer_address, in::everywhere,
          "Address of the connection itself, before a PROXY header or set-src changed it."),
    fetch("fc_src_port", F::peer_port, in::everywhere, "Port of the connection itself."),
    fetch("fc_glitches", F::client_glitches, in::everywhere,
          "What the client did so far that HTTP/2 forbids."),
    fetch("fc_http_major", F::http_major, in::everywhere, "Major version of HTTP in use."),
    fetch("fc_rcvd_proxy", F::received_proxy_header, in::everywhere,
          "True when the connection began with a PROXY header."),
    fetch("so_name", F::listener_name, in::everywhere, "Name of the bind line."),
    fetch("so_id", F::listener_id, in::everywhere, "Number of the bind line."),
    fetch("ssl_fc", F::tls_used, in::session_on, "True over TLS."),
    fetch("ssl_fc_sni", F::tls_sni, in::session_on, "Name the client asked for in TLS."),
    fetch("ssl_fc_has_sni", F::tls_sni, in::session_on, "True when the client named a host.", {},
          0,
          [](keyword::Scope& scope, const Call&) {
              auto& expr = made(scope);
              ir::Expr found;
              found.op = ir::Expr::Op::match;
              found.type = ir::Type::boolean;
              found.needs = expr.needs;
              found.span = expr.span;
              auto patterns = std::make_shared<ir::PatternSet>();
              patterns->how = ir::PatternSet::How::found;
              found.patterns = std::move(patterns);
              found.in.push_back(std::move(expr));
              expr = std::move(found);
              expr.in[0].type = ir::Type::bytes;
          }),
    fetch("ssl_fc_protocol", F::tls_protocol, in::session_on, "Version of TLS in use."),
    fetch("ssl_fc_cipher", F::tls_cipher, in::session_on, "Cipher of TLS in use."),
    fetch("ssl_fc_alpn", F::tls_alpn, in::session_on, "Protocol agreed by ALPN."),

    // first bytes of the client
    fetch("req.ssl_sni", F::hello_sni, in::requests, "Name in a TLS hello that is passed on."),
    fetch("req_ssl_sni", F::hello_sni, in::requests, "Older name of req.ssl_sni."),
    fetch("req.ssl_alpn", F::hello_alpn, in::requests, "ALPN list of a TLS hello."),
    fetch("req.ssl_hello_type", F::hello_type, in::requests, "1 when a TLS client hello came."),
    fetch("req_ssl_hello_type", F::hello_type, in::requests, "Older name of req.ssl_hello_type."),
    fetch("req.len", F::payload_length, in::requests, "Bytes received so far."),
    fetch("req_len", F::payload_length, in::requests, "Older name of req.len."),
    fetch("req.payload", F::payload, in::requests, "Some of the bytes received.",
          {number("offset", 0), number("length", 0)}, 0, lower_payload),
    fetch("payload", F::payload, in::requests, "Older name of req.payload.",
          {number("offset", 0), number("length", 0)}, 0, lower_payload),

    // request
    fetch("method", F::method, request_and_after, "Method of the request."),
    fetch("capture.req.method", F::method, request_and_after, "Method of the request."),
    fetch("url", F::request_target, in::requests, "Target of the request as sent."),
    fetch("capture.req.uri", F::request_target, request_and_after, "Target of the request."),
    fetch("path", F::path, in::requests, "Path of the target, without the query."),
    fetch("pathq", F::path_and_query, in::requests, "Path and query of the target."),
    fetch("query", F::query, in::requests, "Query of the target, without the \"?\"."),
    fetch("base", F::base, in::requests, "Host and path."),
    fetch("base32", F::base32, in::requests, "A hash of host and path."),
    fetch("url_param", F::query_argument, in::requests, "An argument of the query.",
          {word("name")}, last),
    fetch("urlp", F::query_argument, in::requests, "Short for url_param.", {word("name")}, last),
    fetch("urlp_val", F::query_argument, in::requests, "An argument of the query as a number.",
          {word("name")}, last, lower_as_integer),
    fetch("req.ver", F::request_version_number, request_and_after, "Version such as 1.1."),
    fetch("req_ver", F::request_version_number, request_and_after, "Older name of req.ver."),
    fetch("capture.req.ver", F::request_version, request_and_after, "Version such as HTTP/1.1."),
    fetch("req.hdr", F::request_header, in::requests, "A value of a header field.", header_args,
          last),
    fetch("hdr", F::request_header, in::requests | in::responses, "Short for req.hdr.",
          header_args, last,
          [](keyword::Scope& scope, const Call& call) {
              auto& expr = made(scope);
              if (call.size() > 0) expr.text = std::string(call[0].text);
              expr.number = call.size() > 1 ? call[1].number : last;
              if ((own(scope).place & in::responses) == 0) return;
              expr.fetch = F::response_header;   // in rules of responses it means theirs
              expr.needs = ir::Phase::response;
          }),
    fetch("req.fhdr", F::request_header_full, in::requests, "A whole header field.", header_args,
          last),
    fetch("req.hdr_cnt", F::request_header_count, in::requests, "Number of values.", name_arg),
    fetch("hdr_cnt", F::request_header_count, in::requests, "Short for req.hdr_cnt.", name_arg),
    fetch("req.fhdr_cnt", F::request_header_full_count, in::requests, "Number of fields.",
          name_arg),
    fetch("req.hdr_ip", F::request_header_address, in::requests, "A value as an address.",
          header_args, last),
    fetch("hdr_ip", F::request_header_address, in::requests, "Short for req.hdr_ip.", header_args,
          last),
    fetch("req.hdr_val", F::request_header, in::requests, "A value as a number.", header_args,
          last, lower_as_integer),
    fetch("hdr_val", F::request_header, in::requests, "Short for req.hdr_val.", header_args, last,
          lower_as_integer),
    fetch("req.hdr_names", F::request_header_names, in::requests, "Names of the fields.",
          {opt(word("delimiter"))}),
    fetch("req.hdrs", F::request_headers, in::requests, "The whole head after its first line."),
    fetch("req.cook", F::cookie, in::requests, "Value of a cookie.", name_arg, last),
    fetch("cook", F::cookie, in::requests, "Short for req.cook.", name_arg, last),
    fetch("cookie", F::cookie, in::requests, "Older name of req.cook.", name_arg, last),
    fetch("req.cook_val", F::cookie, in::requests, "Value of a cookie as a number.", name_arg,
          last, lower_as_integer),
    fetch("cook_val", F::cookie, in::requests, "Short for req.cook_val.", name_arg, last,
          lower_as_integer),
    fetch("req.body", F::request_body, in::requests, "The body, as far as it is there."),
    fetch("req.body_len", F::request_body_length, in::requests, "Bytes of the body received."),
    fetch("req.body_size", F::request_body_size, in::requests, "Announced size of the body."),
    fetch("req.proto_http", F::http_valid, request_and_after, "True for a valid HTTP request."),
    fetch("req_proto_http", F::http_valid, request_and_after, "Older name of req.proto_http."),
    fetch("http_first_req", F::first_request, request_and_after,
          "True for the first request of a connection."),
    fetch("wait_end", F::wait_end, in::requests, "True when the inspection time is over."),
    fetch("capture.req.hdr", F::request_captured_header, request_and_after,
          "What a capture of the request kept.", {number("index", 0)}),

    // where it goes
    fetch("fe_name", F::frontend_name, in::everywhere, "Name of the frontend."),
    fetch("fe_id", F::frontend_id, in::everywhere, "Number of the frontend."),
    fetch("be_name", F::pool_name, in::requests | response_and_log, "Name of the backend.", {}, 0,
          [](keyword::Scope& scope, const Call&) {
              // Until a backend is chosen it is the section itself.
              const auto* draft = own(scope).draft;
              if ((own(scope).place & in::requests) == 0 || !draft) return;
              if (draft->is_defaults())
                  made(scope).needs = ir::Phase::request;  // of whoever inherits the rule
              else
                  literal(made(scope), ir::Type::bytes, draft->name);
          }),
    fetch("srv_name", F::server_name, response_and_log, "Name of the server."),
    fetch("bc_dst", F::server_address, response_and_log, "Address of the server."),
    fetch("bc_dst_port", F::server_port, response_and_log, "Port of the server."),
    fetch("bc_src", F::server_source_address, response_and_log, "Address weir connected from."),
    fetch("bc_src_port", F::server_source_port, response_and_log, "Port weir connected from."),
    fetch("bc_http_major", F::server_http_major, response_and_log, "Major version of HTTP spoken with the server."),

    // load
    fetch("nbsrv", F::servers_up, in::everywhere, "Number of usable servers.", pool_arg, 0,
          lower_of_pool),
    fetch("be_conn", F::pool_connections, in::everywhere, "Connections of a backend.", pool_arg,
          0, lower_of_pool),
    fetch("be_conn_free", F::pool_free_connections, in::everywhere,
          "Connections a backend can still take.", pool_arg, 0, lower_of_pool),
    fetch("be_sess_rate", F::pool_session_rate, in::everywhere, "Sessions per second.", pool_arg,
          0, lower_of_pool),
    fetch("avg_queue", F::pool_average_queue, in::everywhere, "Queue length per server.",
          pool_arg, 0, lower_of_pool),
    fetch("queue", F::pool_queue, in::everywhere, "Length of a backend's queues.", pool_arg, 0,
          lower_of_pool),
    fetch("connslots", F::pool_slots, in::everywhere, "Slots left in a backend.", pool_arg, 0,
          lower_of_pool),
    fetch("fe_conn", F::site_connections, in::everywhere, "Connections of a frontend.",
          {opt(word("frontend"))}, 0, lower_of_site),
    fetch("fe_req_rate", F::site_request_rate, in::everywhere, "Requests per second.",
          {opt(word("frontend"))}, 0, lower_of_site),
    fetch("fe_sess_rate", F::site_session_rate, in::everywhere, "Sessions per second.",
          {opt(word("frontend"))}, 0, lower_of_site),
    fetch("act_conn", F::process_connections, in::everywhere, "Connections of the process."),
    fetch("srv_conn", F::server_connections, in::everywhere, "Connections of a server.",
          {word("server")}, 0, lower_of_server),
    fetch("srv_queue", F::server_queue, in::everywhere, "Length of a server's queue.",
          {word("server")}, 0, lower_of_server),
    fetch("srv_is_up", F::server_is_up, in::everywhere, "True when a server is usable.",
          {word("server")}, 0, lower_of_server),
    fetch("srv_weight", F::server_weight, in::everywhere, "Weight of a server.",
          {word("server")}, 0, lower_of_server),

    // response
    fetch("status", F::status, response_and_log, "Status of the response."),
    fetch("res.comp", F::compressed, response_and_log, "True when the answer is compressed here."),
    fetch("res.comp_algo", F::compression_name, response_and_log, "Algorithm by which the answer is compressed here."),
    fetch("res.cache_hit", F::cache_hit, response_and_log, "True when the answer came from a cache."),
    fetch("res.cache_name", F::cache_name, response_and_log, "Name of the cache that the answer came from."),
    fetch("res.ver", F::response_version, response_and_log, "Version such as 1.1."),
    fetch("resp_ver", F::response_version, response_and_log, "Older name of res.ver."),
    fetch("res.hdr", F::response_header, in::responses, "A value of a header field.",
          header_args, last),
    fetch("shdr", F::response_header, in::responses, "Older name of res.hdr.", header_args, last),
    fetch("res.fhdr", F::response_header_full, in::responses, "A whole header field.",
          header_args, last),
    fetch("res.hdr_cnt", F::response_header_count, in::responses, "Number of values.", name_arg),
    fetch("shdr_cnt", F::response_header_count, in::responses, "Older name of res.hdr_cnt.",
          name_arg),
    fetch("res.hdr_val", F::response_header, in::responses, "A value as a number.", header_args,
          last, lower_as_integer),
    fetch("shdr_val", F::response_header, in::responses, "Older name of res.hdr_val.",
          header_args, last, lower_as_integer),
    fetch("res.hdr_names", F::response_header_names, in::responses, "Names of the fields.",
          {opt(word("delimiter"))}),
    fetch("res.hdrs", F::response_headers, in::responses, "The whole head after its first line."),
    fetch("res.cook", F::response_cookie, in::responses, "Value of a cookie.", name_arg, last),
    fetch("scook", F::response_cookie, in::responses, "Older name of res.cook.", name_arg, last),
    fetch("capture.res.hdr", F::response_captured_header, response_and_log,
          "What a capture of the response kept.", {number("index", 0)}),
});
static_assert(keyword::well_formed(rows));

// The plain mapping of arguments.
void plain_fetch(ir::Expr& expr, const Keyword& row, const Call& call) {
    bool have_text = false, have_number = false;
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto at = std::min<std::size_t>(i, row.args.described - 1u);
        if (row.args.args[at].kind == keyword::Kind::number) {
            if (!std::exchange(have_number, true)) expr.number = call[i].number;
        } else if (!std::exchange(have_text, true)) {
            expr.text = std::string(call[i].text);
        }
    }
}

std::vector<Argument> arguments_of(const ast::CallExpr& call, const Argument& word,
                                   std::size_t offset, const Keyword& row) {
    std::vector<Argument> out;
    // "name()" and "name" both have none.
    if (call.args.size() == 1 && call.args[0].text.empty()) return out;
    for (const auto& arg : call.args)
        out.push_back({.text = arg.text, .span = inside(word, offset + arg.at, arg.text.size())});
    // Trailing empty arguments count as not given.
    while (out.size() > row.args.min && out.back().text.empty()) out.pop_back();
    return out;
}

// Says where a fetch may be used when it may not be here.
bool check_place(Scope& scope, const Keyword& row, Span span) {
    if (scope.place == 0 || (row.where & scope.place) != 0) return true;
    bool late = (row.where & in::requests) == 0;
    scope.error(span, "value-not-available",
                fmt::format("\"{}\" has no value here: {}", row.name,
                            late ? "the response has not come yet"
                                 : "what it reads of the request is gone, or not there yet"),
                late ? "use it in http-response rules or in logs"
                     : "keep it with \"http-request set-var(txn.name)\" and use var(txn.name)");
    return false;
}

std::optional<ir::Expr> lower_fetch(Scope& scope, const ast::CallExpr& call, const Argument& word,
                                    std::size_t offset) {
    auto span = inside(word, offset + call.at, call.name.size());
    Argument name{.text = call.name, .span = span};
    const Keyword* row = find_word(scope, name, in::sample, fetch_language);
    if (!row || !check_place(scope, *row, span)) return std::nullopt;
    auto expr = fetch_expr(static_cast<ir::Fetch>(row->code), span);
    expr.number = row->number;
    auto args = arguments_of(call, word, offset, *row);
    Call use{.row = row, .name = call.name, .span = span};
    if (!keyword::check_arguments(*row, use, args, keyword::Units::haproxy, scope.sink))
        return std::nullopt;
    if (!row->apply) {
        plain_fetch(expr, *row, use);
        return expr;
    }
    auto* outer = std::exchange(scope.expr, &expr);
    row->apply(scope, use);
    scope.expr = outer;
    return expr;
}

// A converter in a chain.
bool lower_converter(Scope& scope, const ast::CallExpr& call, const Argument& word,
                     std::size_t offset, ir::Expr& input) {
    auto span = inside(word, offset + call.at, call.name.size());
    Argument name{.text = call.name, .span = span};
    const Keyword* row = find_word(scope, name, in::converter, converter_language);
    if (!row) return false;
    auto args = arguments_of(call, word, offset, *row);
    Call use{.row = row, .name = call.name, .span = span};
    if (!keyword::check_arguments(*row, use, args, keyword::Units::haproxy, scope.sink))
        return false;
    auto expr = convert_expr(static_cast<ir::Converter>(row->code), std::move(input));
    expr.number = row->number;
    if (row->apply) {
        auto* outer = std::exchange(scope.expr, &expr);
        row->apply(scope, use);
        scope.expr = outer;
    } else {
        plain_converter(expr, *row, use);
    }
    input = std::move(expr);
    return true;
}

}  // namespace

// First word -> text, first number -> number, the others become literals behind the input.
void plain_converter(ir::Expr& expr, const Keyword& row, const Call& call) {
    bool have_text = false, have_number = false;
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto at = std::min<std::size_t>(i, row.args.described - 1u);
        bool is_number = row.args.args[at].kind == keyword::Kind::number;
        if (is_number && !std::exchange(have_number, true)) {
            expr.number = call[i].number;
        } else if (!is_number && !std::exchange(have_text, true)) {
            expr.text = std::string(call[i].text);
        } else {
            ir::Expr more;
            more.span = call[i].span;
            if (is_number) {
                more.type = ir::Type::integer;
                more.number = call[i].number;
            } else {
                more.text = std::string(call[i].text);
            }
            expr.in.push_back(std::move(more));
        }
    }
}

keyword::Table sample_table() { return rows; }

// Where the value of a fetch exists; built from the rows.
Contexts places_of(ir::Fetch code) {
    static const auto places = [] {
        std::array<Contexts, static_cast<std::size_t>(ir::Fetch::count_)> all{};
        for (auto table : {keyword::Table(rows), first_bytes_table(), tls_sample_table(), server_sample_table(), stick_fetch_table()})
            for (const auto& row : table)
                if (row.name != "hdr") all[row.code] |= row.where;  // it means either side's fields
        return all;
    }();
    return places[static_cast<std::size_t>(code)];
}

bool lower_converters(Scope& scope, const ast::Chain& chain, const Argument& word,
                      std::size_t offset, ir::Expr& input) {
    for (std::size_t i = 1; i < chain.calls.size(); ++i)
        if (!lower_converter(scope, chain.calls[i], word, offset, input)) return false;
    return true;
}

std::optional<ir::Expr> lower_chain(Scope& scope, const ast::Chain& chain, const Argument& word,
                                    std::size_t offset) {
    if (chain.calls.empty()) return std::nullopt;
    auto expr = lower_fetch(scope, chain.calls[0], word, offset);
    if (!expr || !lower_converters(scope, chain, word, offset, *expr)) return std::nullopt;
    return expr;
}

std::optional<ir::Expr> lower_sample(Scope& scope, Args words, std::size_t& used) {
    used = 0;
    if (words.empty()) return std::nullopt;
    auto chain = parse_chain(words[0].text);
    if (!chain || chain->length != words[0].text.size()) {
        auto at = chain ? chain->length : chain.error().at;
        scope.error(
            inside(words[0], at, std::max<std::size_t>(1, words[0].text.size() - at)), "bad-sample",
            fmt::format("cannot read \"{}\" as a sample expression: expected {}", words[0].text,
                        chain ? "\",\" and a converter, or the end" : chain.error().expected));
        return std::nullopt;
    }
    used = 1;
    auto expr = lower_chain(scope, *chain, words[0], 0);
    // Converters may go on in words of their own.
    while (expr && used < words.size()) {
        auto more = parse_chain(words[used].text);
        if (!more || more->length != words[used].text.size() ||
            !scope.load.registry.find(more->calls[0].name, in::converter))
            break;
        for (const auto& call : more->calls)
            if (!lower_converter(scope, call, words[used], 0, *expr)) return std::nullopt;
        ++used;
    }
    return expr;
}

}  // namespace weir::haproxy
