// SPDX-License-Identifier: Apache-2.0
// The results are what HAProxy 2.6.12's converters gave.
#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using C = ir::Converter;

struct Convert : testing::Test {
    BenchSubject bench{false};
    std::string of(C how, ir::Expr input, std::string words = {}, std::int64_t n = 0,
                   std::vector<ir::Expr> more = {}) {
        return bench.show(convert(how, std::move(input), std::move(words), n, std::move(more)));
    }
};

TEST_F(Convert, FieldsAndWords) {
    EXPECT_EQ(of(C::field, text("a_b__c"), "_", 3), "");
    EXPECT_EQ(of(C::word, text("a_b__c"), "_", 3), "c");
    EXPECT_EQ(of(C::field, text("a_b__c"), "_", -1), "c");
    EXPECT_EQ(of(C::word, text("a_b__c"), "_", -1), "c");
    EXPECT_EQ(of(C::field, text("a_b_c_d"), "_", 2, {number(2)}), "b_c");
    EXPECT_EQ(of(C::field, text("a_b_c_d"), "_", -2, {number(2)}), "b_c");
    EXPECT_EQ(of(C::word, text("a_b_c_d"), "_", 2, {number(0)}), "b_c_d");
    EXPECT_EQ(of(C::field, text("a_b"), "_", 7), "(none)");
}

TEST_F(Convert, Bytes) {
    EXPECT_EQ(of(C::bytes, text("hello"), {}, 1), "ello");
    EXPECT_EQ(of(C::bytes, text("hello"), {}, 1, {number(2)}), "el");
    EXPECT_EQ(of(C::bytes, text("hello"), {}, 9), "");
    EXPECT_EQ(of(C::length, text("abc")), "3");
    EXPECT_EQ(of(C::lower, text("AbC")), "abc");
    EXPECT_EQ(of(C::upper, text("AbC")), "ABC");
}

TEST_F(Convert, Regsub) {
    EXPECT_EQ(of(C::regsub, text("aXbXc"), "X", 0, {text("-")}), "a-bXc");
    EXPECT_EQ(of(C::regsub, text("aXbXc"), "X", 0, {text("-"), text("g")}), "a-b-c");
    EXPECT_EQ(of(C::regsub, text("a1b2"), "([0-9])", 0, {text("<\\1>"), text("g")}), "a<1>b<2>");
    EXPECT_EQ(of(C::regsub, text("axb"), "X", 0, {text("-"), text("i")}), "a-b");
    EXPECT_EQ(of(C::regsub, text("abc"), "x*", 0, {text("-"), text("g")}), "-a-b-c-");
}

TEST_F(Convert, Encodings) {
    EXPECT_EQ(of(C::base64_encode, text("a?b>")), "YT9iPg==");
    EXPECT_EQ(of(C::base64url_encode, text("a?b>")), "YT9iPg");
    EXPECT_EQ(of(C::base64_decode, text("aGk=")), "hi");
    EXPECT_EQ(of(C::base64url_decode, text("aGk")), "hi");
    EXPECT_EQ(of(C::base64_decode, text("a*k=")), "(none)");
    EXPECT_EQ(of(C::url_encode, text("a\"b\\c]d{|}#\x80\te%f")),
              "a%22b%5Cc%5Dd%7B%7C%7D%23%80%09e%25f");
    EXPECT_EQ(of(C::hex, text("a\"b\x80\t")), "6122628009");
    EXPECT_EQ(of(C::json_escape, text("a\"b\\c\x80\te")), "a\\\"b\\\\c\\u0080\\te");
    EXPECT_EQ(of(C::url_decode, text("a%20b+c?d+e")), "a b+c?d e");
    EXPECT_EQ(of(C::url_decode, text("a+b"), {}, 1), "a b");
    EXPECT_EQ(of(C::url_decode, text("a%2")), "(none)");
}

TEST_F(Convert, HostsAndAddresses) {
    EXPECT_EQ(of(C::host_only, text("example.com:80")), "example.com");
    EXPECT_EQ(of(C::host_only, text("[::1]:80")), "[::1]");
    EXPECT_EQ(of(C::port_only, text("example.com:80")), "80");
    EXPECT_EQ(of(C::port_only, text("example.com")), "0");
    EXPECT_EQ(of(C::ip_mask, text("192.0.2.99"), {}, 24), "192.0.2.0");
    EXPECT_EQ(of(C::ip_mask, text("2001:db8::1"), {}, 24, {number(16)}), "2001::");
}

TEST_F(Convert, Numbers) {
    EXPECT_EQ(of(C::add, text("abc12"), {}, 1), "1");
    EXPECT_EQ(of(C::add, text("12abc"), {}, 1), "13");
    EXPECT_EQ(of(C::add, text("-12"), {}, 1), "-11");
    EXPECT_EQ(of(C::div, number(-7), {}, 2), "-3");
    EXPECT_EQ(of(C::div, number(7), {}, 0), "9223372036854775807");
    EXPECT_EQ(of(C::mod, number(-7), {}, 3), "-1");
    EXPECT_EQ(of(C::mod, number(7), {}, 0), "0");
    EXPECT_EQ(of(C::neg, number(5)), "-5");
    EXPECT_EQ(of(C::bit_complement, number(5)), "-6");
    EXPECT_EQ(of(C::not_truth, number(5)), "0");
    EXPECT_EQ(of(C::odd, number(5)), "1");
    EXPECT_EQ(of(C::add, number(INT64_MAX), {}, 1), "9223372036854775807");
    EXPECT_EQ(of(C::mul, number(INT64_MAX), {}, -2), "-9223372036854775808");
    EXPECT_EQ(of(C::iif, fetch(ir::Fetch::always_true), "y", 0, {text("n")}), "y");
    EXPECT_EQ(of(C::iif, fetch(ir::Fetch::always_false), "y", 0, {text("n")}), "n");
}

TEST_F(Convert, DigestsAndDates) {
    EXPECT_EQ(bench.show(convert(C::hex, convert(C::sha1, text("a")))),
              "86F7E437FAA5A7FCE15D1DDCB9EAEAEA377667B8");
    EXPECT_EQ(bench.show(convert(C::hex, convert(C::sha2, text("a"), {}, 256))),
              "CA978112CA1BBDCAFAC231B39A23DC4DA786EFF8147C4E72B9807785AFEE48BB");
    EXPECT_EQ(of(C::http_date, number(1'700'000'000)), "Tue, 14 Nov 2023 22:13:20 GMT");
    EXPECT_EQ(of(C::utime, number(1'700'000'000), "%Y-%m-%d"), "2023-11-14");
    EXPECT_EQ(of(C::http_date, number(INT64_MAX), {}, 1), "(none)");
    EXPECT_EQ(of(C::utime, number(INT64_MAX), "%Y", 1), "(none)");
    EXPECT_EQ(of(C::wt6, text("hello"), {}, 1), "140457739");
    EXPECT_EQ(of(C::xxh64, text("hello"), {}, 5), "5588056476589539108");
}

TEST_F(Convert, Variables) {
    bench.config.variables.push_back({"txn.h", false});
    Value slots[1];
    slots[0] = Value::of("mid");
    bench.subject.variables = slots;
    EXPECT_EQ(of(C::concat, text("x"), "<", 0, {fetch(ir::Fetch::variable, {}, 0), text(">")}),
              "x<mid>");
    EXPECT_EQ(of(C::compare_string, text("mid"), {}, 0), "0");
    EXPECT_EQ(of(C::compare_string, text("z"), {}, 0), "13");
    EXPECT_EQ(of(C::compare_string, text("middle"), {}, 0), "1");
    EXPECT_EQ(of(C::compare_string, text("mi"), {}, 0), "-1");
}

TEST_F(Convert, LanguageAndParameter) {
    EXPECT_EQ(of(C::language, text("de;q=0.5, fr-CA, en;q=0.8"), "en;de"), "en");
    EXPECT_EQ(of(C::language, text("xx"), "en;de", 0, {text("en")}), "en");
    EXPECT_EQ(of(C::url_parameter, text("/a?b=1&c=2"), "c"), "2");
}

}  // namespace
}  // namespace weir::route
