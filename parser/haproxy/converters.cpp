// SPDX-License-Identifier: Apache-2.0
// Converters: the rows, and the few that need more than the plain mapping of their arguments (first
// word -> Expr::text, first number -> Expr::number, others -> in[1..]; see plain_converter).
#include <fmt/format.h>

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

ir::Expr variable_expr(Scope& scope, const Argument& name) {
    auto expr = fetch_expr(ir::Fetch::variable, name.span);
    expr.number = variable_slot(scope, name.text, name.span);
    return expr;
}

// add(5) or add(txn.x): the operand is a number, or in[1].
void lower_operand(keyword::Scope& scope, const Call& call) {
    if (auto value = value::parse_number(call[0].text)) {
        made(scope).number = *value;
        return;
    }
    made(scope).in.push_back(variable_expr(own(scope), call[0]));
}

// concat(start,variable,end)
void lower_concat(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    if (call.size() > 0) expr.text = std::string(call[0].text);
    if (call.size() > 1 && !call[1].text.empty())
        expr.in.push_back(variable_expr(own(scope), call[1]));
    if (call.size() > 2) {
        ir::Expr end;
        end.text = std::string(call[2].text);
        end.span = call[2].span;
        if (expr.in.size() == 1) expr.in.push_back({});  // no variable: an empty literal
        expr.in.push_back(std::move(end));
    }
}

void not_yet(keyword::Scope& scope, const Argument& what, std::string_view hint) {
    scope.error(what.span, "not-supported",
                fmt::format("\"{}\" here is known to HAProxy, not yet in weir", what.text),
                std::string(hint));
}

// ipmask(24), ipmask(255.255.255.0), ipmask(24,64): bits, and addresses for masks with holes in them.
struct Mask {
    std::int64_t bits = 0;
    bool holes = false;
};
Mask read_mask(keyword::Scope& scope, const Argument& given, std::int64_t most) {
    if (auto plain = value::parse_number(given.text); plain && *plain >= 0 && *plain <= most)
        return {*plain, false};
    bool six = most == 128;
    auto mask = value::parse_ip(given.text);
    if (mask && (mask->family == IpAddress::Family::v6) == six) {
        std::int64_t ones = 0;
        while (ones < most && (mask->bytes[ones / 8] >> (7 - ones % 8) & 1) != 0) ++ones;
        bool holes = false;
        for (auto bit = ones; bit < most; ++bit) holes |= (mask->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0;
        return {ones, holes};
    }
    scope.error(given.span, "invalid-value",
                fmt::format("\"{}\" is no netmask; expected 0 to {} bits or a mask such as {}", given.text, most,
                            six ? "ffff:ffff::" : "255.255.255.0"));
    return {};
}

void lower_ipmask(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    auto four = read_mask(scope, call[0], 32);
    auto six = call.size() > 1 ? read_mask(scope, call[1], 128) : Mask{128, false};
    expr.number = four.bits;
    ir::Expr bits;
    bits.type = ir::Type::integer;
    bits.number = six.bits;
    expr.in.push_back(std::move(bits));
    if (!four.holes && !six.holes) return;
    for (std::size_t i = 0; i < 2; ++i) {
        ir::Expr whole;
        bool holes = i == 0 ? four.holes : six.holes;
        if (holes) whole.text = std::string(call[i].text);
        expr.in.push_back(std::move(whole));
    }
}

void lower_regsub(keyword::Scope& scope, const Call& call) {
    auto flags = call.size() > 2 ? call[2].text : std::string_view();
    if (flags.find_first_not_of("gi") != std::string_view::npos)
        scope.error(call[2].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; flags of regsub are g and i", flags));
    plain_converter(made(scope), *call.row, call);
}

// bytes(offset[,length]): numbers, or variables that hold them.
void lower_bytes(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    std::vector<ir::Expr> given;
    bool plain = true;
    for (std::size_t i = 0; i < call.size(); ++i) {
        ir::Expr one;
        one.type = ir::Type::integer;
        if (auto value = value::parse_number(call[i].text); value && *value >= 0) {
            one.number = *value;
        } else if (call[i].text.find('.') == std::string_view::npos) {
            scope.error(call[i].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected a number or a variable", call[i].text));
            return;
        } else {
            one = variable_expr(own(scope), call[i]);
            plain = plain && i != 0;
        }
        given.push_back(std::move(one));
    }
    expr.number = given[0].number;
    if (given.size() > 1) expr.in.push_back(std::move(given[1]));
    if (plain) return;
    // An offset that is a variable stands behind the length; without one that is the largest number.
    if (given.size() == 1) {
        ir::Expr all;
        all.type = ir::Type::integer;
        all.number = INT64_MAX;
        expr.in.push_back(std::move(all));
    }
    expr.number = 0;
    expr.in.push_back(std::move(given[0]));
}

void lower_slot(keyword::Scope& scope, const Call& call) {
    if (call.size() > 1) return not_yet(scope, call[1], "the variable is set without conditions");
    made(scope).number = variable_slot(own(scope), call[0].text, call[0].span);
    if (call.row->code == static_cast<std::uint16_t>(C::set_variable))
        made(scope).type = made(scope).in[0].type;
}

void lower_bits(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    expr.number = call.size() > 0 ? call[0].number : 256;
    if (expr.number == 224 || expr.number == 256 || expr.number == 384 || expr.number == 512)
        return;
    scope.error(call[0].span, "invalid-value",
                fmt::format("sha2 makes 224, 256, 384 or 512 bits, not {}", expr.number));
}

constexpr keyword::Signature operand = {word("value")};
constexpr keyword::Signature avalanche = {opt(number("avalanche"))};

constexpr auto rows = sorted({
    converter("lower", C::lower, "Letters in lower case."),
    converter("upper", C::upper, "Letters in upper case."),
    converter("length", C::length, "Number of bytes."),
    converter("field", C::field, "A field between delimiters.",
              {number("index"), word("delimiters"), opt(number("count"))}),
    converter("word", C::word, "A word between delimiters, empty ones skipped.",
              {number("index"), word("delimiters"), opt(number("count"))}),
    converter("bytes", C::bytes, "Some of the bytes.", {word("offset"), opt(word("length"))}, 0,
              lower_bytes),
    converter("regsub", C::regsub, "Replaces what a regular expression matches.",
              {keyword::regex("regex"), word("replacement"), opt(word("flags"))}, 0, lower_regsub),
    converter("url_dec", C::url_decode, "Decodes %xx.", {opt(number("in_form", 0, 1))}),
    converter("url_enc", C::url_encode, "Encodes as %xx.", {opt(word("type"))}),
    converter("base64", C::base64_encode, "Base64 of the bytes."),
    converter("b64dec", C::base64_decode, "Bytes of base64."),
    converter("ub64enc", C::base64url_encode, "URL-safe base64 of the bytes."),
    converter("ub64dec", C::base64url_decode, "Bytes of URL-safe base64."),
    converter("hex", C::hex, "Bytes as hexadecimal digits."),
    converter("json", C::json_escape, "Text as it stands in a JSON string.",
              {opt(word("input-code"))}),
    converter("host_only", C::host_only, "A Host value without its port."),
    converter("port_only", C::port_only, "The port of a Host value."),
    converter("ipmask", C::ip_mask, "An address with its low bits cleared.",
              {word("mask4"), opt(word("mask6"))}, 0, lower_ipmask),
    converter("crc32", C::crc32, "CRC-32 of the bytes.", avalanche),
    converter("djb2", C::djb2, "DJB2 hash of the bytes.", avalanche),
    converter("sdbm", C::sdbm, "SDBM hash of the bytes.", avalanche),
    converter("wt6", C::wt6, "WT6 hash of the bytes.", avalanche),
    converter("xxh32", C::xxh32, "XXH32 hash of the bytes.", {opt(number("seed"))}),
    converter("xxh64", C::xxh64, "XXH64 hash of the bytes.", {opt(number("seed"))}),
    converter("sha1", C::sha1, "SHA-1 of the bytes."),
    converter("sha2", C::sha2, "SHA-2 of the bytes.", {opt(number("bits"))}, 256, lower_bits),
    converter("add", C::add, "Adds a number or variable.", operand, 0, lower_operand),
    converter("sub", C::sub, "Subtracts a number or variable.", operand, 0, lower_operand),
    converter("mul", C::mul, "Multiplies by a number or variable.", operand, 0, lower_operand),
    converter("div", C::div, "Divides by a number or variable.", operand, 0, lower_operand),
    converter("mod", C::mod, "Remainder by a number or variable.", operand, 0, lower_operand),
    converter("neg", C::neg, "The number with its sign changed."),
    converter("and", C::bit_and, "Bits set in both.", operand, 0, lower_operand),
    converter("or", C::bit_or, "Bits set in either.", operand, 0, lower_operand),
    converter("xor", C::bit_xor, "Bits set in one of the two.", operand, 0, lower_operand),
    converter("cpl", C::bit_complement, "All bits turned over."),
    converter("odd", C::odd, "True for an odd number."),
    converter("even", C::even, "True for an even number."),
    converter("bool", C::truth, "True unless zero."),
    converter("not", C::not_truth, "True for zero."),
    converter("add_item", C::add_item, "Appends a variable and text behind a delimiter.",
              {word("delimiter"), opt(word("variable")), opt(word("suffix"))}, 0, lower_concat),
    converter("concat", C::concat, "Appends text, a variable and text.",
              {opt(word("start")), opt(word("variable")), opt(word("end"))}, 0, lower_concat),
    converter("set-var", C::set_variable, "Keeps the value in a variable and passes it on.",
              {word("name"), keyword::any_number(word("condition"))}, 0, lower_slot),
    converter("strcmp", C::compare_string, "Compares with a variable; 0 when equal.",
              {word("name")}, 0, lower_slot),
    converter("iif", C::iif, "One of two texts.", {word("true"), word("false")}),
    converter("http_date", C::http_date, "Seconds as an HTTP date.",
              {opt(number("offset")), opt(word("unit"))}),
    converter("ltime", C::ltime, "Seconds in a format, local time.",
              {word("format"), opt(number("offset"))}),
    converter("utime", C::utime, "Seconds in a format, UTC.",
              {word("format"), opt(number("offset"))}),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table converter_table() { return rows; }

}  // namespace weir::haproxy
