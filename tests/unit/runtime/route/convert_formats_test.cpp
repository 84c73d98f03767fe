// SPDX-License-Identifier: Apache-2.0
// What is in HAProxy 2.6.12 gave these results; the others are of the documentation and RFC 7239.
#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using C = ir::Converter;

struct ConvertFormats : testing::Test {
    BenchSubject bench{false};
    std::string of(C how, ir::Expr input, std::string words = {}, std::int64_t n = 0,
                   std::vector<ir::Expr> more = {}) {
        return bench.show(convert(how, std::move(input), std::move(words), n, std::move(more)));
    }
};

TEST_F(ConvertFormats, Trims) {
    EXPECT_EQ(of(C::trim_left, text("xyabyx"), "xy"), "abyx");
    EXPECT_EQ(of(C::trim_right, text("xyabyx"), "xy"), "xyab");
    EXPECT_EQ(of(C::trim_left, text("xx"), "x"), "");
    EXPECT_EQ(of(C::cut_line, text("a b\r\nc")), "a b");
}

TEST_F(ConvertFormats, Groups) {
    EXPECT_EQ(of(C::grouped_big, text("0123456789"), ":", 1, {number(0)}), "48:49:50:51:52:53:54:55:56:57");
    EXPECT_EQ(of(C::grouped_big, text("0123456789"), "-", 3, {number(0)}), "3158322-3355701-3553080-57");
    EXPECT_EQ(of(C::grouped_big, text("0123456789"), "::", 3, {number(1)}), "3158322::3355701::3553080");
    EXPECT_EQ(of(C::grouped_little, text("0123456789"), "-", 3, {number(0)}), "3289392-3486771-3684150-57");
    EXPECT_EQ(of(C::grouped_hex, text("/abc"), ".", 2, {number(0)}), "2F61.6263");
    EXPECT_EQ(of(C::grouped_big, text(""), ":", 1, {number(0)}), "");
    EXPECT_EQ(of(C::hex_integer, text("1f")), "31");
    EXPECT_EQ(of(C::hex_integer, text("1g")), "(none)");
}

TEST_F(ConvertFormats, Hashes) {
    EXPECT_EQ(of(C::crc32c, text("123456789")), "3808858755");
    EXPECT_EQ(of(C::crc32c, text("/abc/dec")), "229593121");
    EXPECT_EQ(of(C::xxh3, text("/abc/dec")), "6984464480329290255");
    EXPECT_EQ(of(C::xxh3, text("/abc/dec"), {}, 7), "2453326968032290388");
}

TEST_F(ConvertFormats, Texts) {
    EXPECT_EQ(of(C::reverse, text("ab cd")), "dc ba");
    EXPECT_EQ(of(C::reverse_labels, text("www.example.com")), "com.example.www");
    EXPECT_EQ(of(C::reverse_labels, text("example.com.")), "com.example");
    EXPECT_EQ(of(C::reverse_labels, text("localhost")), "localhost");
    EXPECT_EQ(of(C::parameter, text("a=1&b&c="), "a"), "1");
    EXPECT_EQ(of(C::parameter, text("a=1&b&c="), "b"), "");
    EXPECT_EQ(of(C::parameter, text("a=1&b&c="), "d"), "(none)");
    EXPECT_EQ(of(C::parameter, text("a=1;b=2"), "b", 0, {text(";")}), "2");
}

TEST_F(ConvertFormats, Json) {
    const std::string json = R"({"a": {"b": "c\"d"}, "n": 41, "l": [1, "two", []], "t": true, "x.y": "z", "u": "\u00e9"})";
    EXPECT_EQ(of(C::json_query, text(json), "$.a.b"), "c\"d");
    EXPECT_EQ(of(C::json_query, text(json), "$.n", 1), "41");
    EXPECT_EQ(of(C::json_query, text(json), "$.l[1]"), "two");
    EXPECT_EQ(of(C::json_query, text(json), "$.l"), "[1, \"two\", []]");
    EXPECT_EQ(of(C::json_query, text(json), "$.t"), "1");
    EXPECT_EQ(of(C::json_query, text(json), "$.x\\.y"), "z");
    EXPECT_EQ(of(C::json_query, text(json), "$.u"), "\xe9");   // as HAProxy: up to 0xff one byte
    EXPECT_EQ(of(C::json_query, text(json), "$.none"), "(none)");
    EXPECT_EQ(of(C::json_query, text("[1"), "$.a"), "(none)");
    EXPECT_EQ(of(C::json_query, text(std::string(100000, '[')), "$[0]"), "(none)");
}

TEST_F(ConvertFormats, Forwarded) {
    auto valid = [&](std::string field) { return of(C::forwarded_valid, text(std::move(field))); };
    EXPECT_EQ(valid("for=\"unknown:132\";host=\"[::1]:65535\";by=\"_obfs:_port\";proto=https"), "1");
    EXPECT_EQ(valid("for=\"127.0.0.1\";host=v.test"), "1");
    EXPECT_EQ(valid("by=\"[::1]\""), "1");
    EXPECT_EQ(valid("fore=\"unknown:132\""), "0");
    EXPECT_EQ(valid("proto=http;proto=http"), "0");
    EXPECT_EQ(valid("\""), "0");
    EXPECT_EQ(valid("by=[::1]"), "0");
    EXPECT_EQ(valid("by=\"[::1]:\""), "0");
    EXPECT_EQ(valid("by=\"[::1]:65536\""), "0");
    EXPECT_EQ(valid("proto=http;"), "0");
    EXPECT_EQ(of(C::forwarded_field, text("proto=http;for=\"[::1]:_id\""), "for"), "[::1]:_id");
    EXPECT_EQ(of(C::forwarded_name, text("[::1]:_id")), "::1");
    EXPECT_EQ(of(C::forwarded_port, text("[::1]:_id")), "_id");
    EXPECT_EQ(of(C::forwarded_port, text("127.9.0.1")), "(none)");
}

}  // namespace
}  // namespace weir::route
