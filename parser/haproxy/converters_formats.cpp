// SPDX-License-Identifier: Apache-2.0
// Converters of bytes and small formats: digests, groups of bytes, JSON, parameters, Forwarded fields.
#include <fmt/format.h>

#include <charconv>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using C = ir::Converter;
using keyword::number;
using keyword::opt;
using keyword::word;

ir::Expr& made(keyword::Scope& scope) { return *own(scope).expr; }

ir::Expr literal(std::string text, Span span) {
    ir::Expr expr;
    expr.text = std::move(text);
    expr.span = span;
    return expr;
}

ir::Expr variable(keyword::Scope& scope, const Argument& name) {
    auto expr = fetch_expr(ir::Fetch::variable, name.span);
    expr.number = variable_slot(own(scope), name.text, name.span);
    return expr;
}

// digest and hmac know what OpenSSL knows; these are the names that any OpenSSL has.
bool check_algorithm(keyword::Scope& scope, const Argument& name) {
    constexpr std::string_view known[] = {"md5",    "sha1",       "sha224",     "sha256",   "sha384",
                                          "sha512", "sha512-224", "sha512-256", "sha3-224", "sha3-256",
                                          "sha3-384", "sha3-512", "blake2b512", "blake2s256", "ripemd160", "sm3"};
    for (auto one : known)
        if (one == name.text) return true;
    scope.error(name.span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected a digest such as sha256", name.text));
    return false;
}

void lower_digest(keyword::Scope& scope, const Call& call) {
    if (check_algorithm(scope, call[0])) made(scope).text = std::string(call[0].text);
}

// hmac(algorithm,key): the key is base64, or a variable that holds base64.
void lower_hmac(keyword::Scope& scope, const Call& call) {
    if (!check_algorithm(scope, call[0])) return;
    auto& expr = made(scope);
    expr.text = std::string(call[0].text);
    auto dot = call[1].text.find('.');
    auto key = dot == std::string_view::npos ? literal(std::string(call[1].text), call[1].span)
                                             : variable(scope, call[1]);
    expr.in.push_back(convert_expr(C::base64_decode, std::move(key)));
}

// be2dec(separator,bytes[,whole]); be2hex has defaults for all of them.
void lower_grouped(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    expr.text = call.size() > 0 ? std::string(call[0].text) : std::string();
    expr.number = 1;
    bool hex = call.row->code == static_cast<std::uint16_t>(C::grouped_hex);
    if (call.size() > 1 && !call[1].text.empty()) {
        auto size = value::parse_number(call[1].text);
        std::int64_t most = hex ? 1024 : 8;
        if (!size || *size < 1 || *size > most)
            scope.error(call[1].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected 1 to {} bytes", call[1].text, most));
        else
            expr.number = *size;
    }
    ir::Expr whole;
    whole.type = ir::Type::integer;
    whole.number = call.size() > 2 && call[2].text != "0" && !call[2].text.empty() ? 1 : 0;
    expr.in.push_back(std::move(whole));
}

// has_ctl([mask]): a mask of bits by code, "any", or "http" (all but HT).
void lower_controls(keyword::Scope& scope, const Call& call) {
    auto text = call.size() > 0 ? call[0].text : std::string_view();
    constexpr std::int64_t any = 0xffffffff, but_tab = any & ~(std::int64_t{1} << 9);
    constexpr std::int64_t line_ends = 1 << 0 | 1 << 10 | 1 << 13;
    auto& expr = made(scope);
    if (text.empty()) {
        expr.number = line_ends;
    } else if (text == "any") {
        expr.number = any;
    } else if (text == "http") {
        expr.number = but_tab;
    } else {
        bool hex = text.starts_with("0x");
        std::uint64_t mask = 0;
        auto digits = text.substr(hex ? 2 : 0);
        auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), mask, hex ? 16 : 10);
        if (problem != std::errc() || end != digits.data() + digits.size() || mask > 0xffffffff)
            scope.error(call[0].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected any, http or a mask of 32 bits", text));
        expr.number = static_cast<std::int64_t>(mask);
    }
}

// json_query(path[,type])
void lower_json_query(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    auto path = call[0].text;
    if (!path.starts_with('$'))
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is no JSON path; expected \"$\" and the names below it", path));
    expr.text = std::string(path);
    if (call.size() < 2) return;
    if (call[1].text == "int") {
        expr.number = 1;
        expr.type = ir::Type::integer;
        return;
    }
    scope.error(call[1].span, "invalid-value",
                fmt::format("\"{}\" is not valid; the type of json_query can be int", call[1].text));
}

// param(name[,delimiters])
void lower_parameter(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    expr.text = std::string(call[0].text);
    if (call.size() < 2) return;
    auto given = call[1].text;
    std::uint64_t code = 0;
    if (given.starts_with("0x") &&
        std::from_chars(given.data() + 2, given.data() + given.size(), code, 16).ec == std::errc())
        expr.in.push_back(literal(std::string(1, static_cast<char>(code)), call[1].span));
    else
        expr.in.push_back(literal(std::string(given), call[1].span));
}

void lower_same_bytes(keyword::Scope& scope, const Call& call) {
    made(scope).in.push_back(variable(scope, call[0]));
}

void lower_forwarded_field(keyword::Scope& scope, const Call& call) {
    auto name = call[0].text;
    if (name != "by" && name != "for" && name != "host" && name != "proto")
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected by, for, host or proto", name));
    made(scope).text = std::string(name);
}

constexpr keyword::Signature group_args = {word("separator"), word("bytes"), opt(word("whole"))};
constexpr keyword::Signature hex_args = {opt(word("separator")), opt(word("bytes")), opt(word("whole"))};

constexpr auto rows = sorted({
    converter("ltrim", C::trim_left, "Without those bytes at the beginning.", {word("bytes")}),
    converter("rtrim", C::trim_right, "Without those bytes at the end.", {word("bytes")}),
    converter("cut_crlf", C::cut_line, "Up to the first line end."),
    converter("digest", C::digest, "A digest of the bytes.", {word("algorithm")}, 0, lower_digest),
    converter("hmac", C::hmac, "A digest of the bytes with a key.", {word("algorithm"), word("key")}, 0, lower_hmac),
    converter("be2hex", C::grouped_hex, "Big-endian bytes as hexadecimal numbers.", hex_args, 0, lower_grouped),
    converter("be2dec", C::grouped_big, "Big-endian bytes as decimal numbers.", group_args, 0, lower_grouped),
    converter("le2dec", C::grouped_little, "Little-endian bytes as decimal numbers.", group_args, 0, lower_grouped),
    converter("hex2i", C::hex_integer, "Hexadecimal digits as a number."),
    converter("reverse", C::reverse, "The bytes from last to first."),
    converter("reverse_dom", C::reverse_labels, "The labels of a domain name from last to first."),
    converter("has_ctl", C::has_controls, "True when control characters are among the bytes.", {opt(word("mask"))}, 0, lower_controls),
    converter("json_query", C::json_query, "A value in a JSON text.", {word("path"), opt(word("type"))}, 0, lower_json_query),
    converter("param", C::parameter, "A parameter in a list of name=value.", {word("name"), opt(word("delimiters"))}, 0, lower_parameter),
    converter("secure_memcmp", C::same_bytes, "True when a variable holds the same bytes; takes as long when it does not.", {word("variable")}, 0, lower_same_bytes),
    converter("crc32c", C::crc32c, "CRC-32C of the bytes.", {opt(number("avalanche"))}),
    converter("xxh3", C::xxh3, "XXH3 hash of the bytes.", {opt(number("seed"))}),
    converter("rfc7239_is_valid", C::forwarded_valid, "True for a valid Forwarded field."),
    converter("rfc7239_field", C::forwarded_field, "A parameter of a Forwarded field.", {word("name")}, 0, lower_forwarded_field),
    converter("rfc7239_n2nn", C::forwarded_name, "The name or address of a node of a Forwarded field."),
    converter("rfc7239_n2np", C::forwarded_port, "The port of a node of a Forwarded field."),
    converter("x509_v_err_str", C::certificate_error, "The name of a verification error."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table format_converter_table() { return rows; }

}  // namespace weir::haproxy
