// SPDX-License-Identifier: Apache-2.0
// Request heads: what is taken apart how, and above all what is refused. Every case of the tables
// is fed at once and byte by byte, and both must end the same.
#include <gtest/gtest.h>

#include "runtime/http/h1_codec.hpp"

namespace weir::http {
namespace {

struct Outcome {
    ParseResult result;
    RequestHead head;
};

Outcome parse(std::string_view text, const HeadLimits& limits, Arena& arena) {
    Outcome out;
    std::uint32_t resume = 0;
    out.result = parse_request_head(text, limits, arena, out.head, &resume);
    return out;
}

Outcome parse_slowly(std::string_view text, const HeadLimits& limits, Arena& arena) {
    Outcome out;
    std::uint32_t resume = 0;
    for (std::size_t size = 0; size <= text.size(); ++size) {
        out.result = parse_request_head(text.substr(0, size), limits, arena, out.head, &resume);
        if (out.result.status != ParseStatus::more) break;
        EXPECT_EQ(resume, size);
    }
    return out;
}

struct Case {
    std::string_view name;
    std::string_view text;
    ParseStatus status;
};

using enum ParseStatus;
using std::string_view_literals::operator""sv;

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"

const Case cases[] = {
    // Request lines.
    {"plain", GET "\r\n", done},
    {"empty lines before", "\r\n\n" GET "\r\n", done},
    {"nine empty lines before", "\n\n\n\n\n\n\n\n\n" GET "\r\n", bad},
    {"bare LF lines", "GET / HTTP/1.1\nHost: a\n\n", done},
    {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", done},
    {"minor version two", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", done},
    {"HTTP/0.9", "GET /\r\n", bad},
    {"HTTP/0.9 by version", "GET / HTTP/0.9\r\n\r\n", bad},
    {"HTTP/2 by version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", bad_version},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", bad},
    {"two digits of version", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", bad},
    {"lower case protocol", "GET / http/1.1\r\nHost: a\r\n\r\n", bad},
    {"no minor version", "GET / HTTP/1\r\nHost: a\r\n\r\n", bad},
    {"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", bad},
    {"two spaces before target", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"two spaces after target", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"tab for a space", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"tab in target", "GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"NUL in target", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"sv, bad},
    {"DEL in target",
     "GET /a\x7f"
     "b HTTP/1.1\r\nHost: a\r\n\r\n",
     bad},
    {"CR in target", "GET /a\rb HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"high byte in target", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n", done},
    {"fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"no method", " / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"bad byte in method", "GE(T / HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"TLS hello", "\x16\x03\x01\x02\x00\x01"sv, bad},
    {"unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", done},
    {"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"star for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"star for OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", done},
    {"CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", done},
    {"CONNECT without port", "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"CONNECT to a path", "CONNECT /a HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    // Host and authority (case 9).
    {"no Host", "GET / HTTP/1.1\r\n\r\n", bad},
    {"two Hosts", GET "Host: a\r\n\r\n", bad},
    {"two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", bad},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", bad},
    {"Host with port", "GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", done},
    {"Host with empty port", "GET / HTTP/1.1\r\nHost: a:\r\n\r\n", done},
    {"Host with large port", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", bad},
    {"Host with odd port", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n", bad},
    {"Host with two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", bad},
    {"Host without a name", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", bad},
    {"Host with comma", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", bad},
    {"Host with space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", bad},
    {"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", bad},
    {"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", bad},
    {"Host with fragment", "GET / HTTP/1.1\r\nHost: a#b\r\n\r\n", bad},
    {"Host with query", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n", bad},
    {"Host with high byte", "GET / HTTP/1.1\r\nHost: \xc3\xa9\r\n\r\n", bad},
    {"Host with escape", "GET / HTTP/1.1\r\nHost: a%41\r\n\r\n", done},
    {"Host with half an escape", "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n", bad},
    {"Host with underscore", "GET / HTTP/1.1\r\nHost: a_b.c\r\n\r\n", done},
    {"Host of IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", done},
    {"Host of open IPv6", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", bad},
    {"Host of empty IPv6", "GET / HTTP/1.1\r\nHost: []\r\n\r\n", bad},
    {"Host of IPv6 and more", "GET / HTTP/1.1\r\nHost: [::1]a:80\r\n\r\n", bad},
    {"absolute and Host agree", "GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n", done},
    {"absolute, default port", "GET http://a:80/ HTTP/1.1\r\nHost: a\r\n\r\n", done},
    {"absolute https, port", "GET https://a/ HTTP/1.1\r\nHost: a:443\r\n\r\n", done},
    {"absolute, other Host", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", bad},
    {"absolute, other port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"absolute, no Host", "GET http://a/ HTTP/1.1\r\n\r\n", bad},
    {"absolute, no Host, 1.0", "GET http://a/ HTTP/1.0\r\n\r\n", done},
    {"absolute, user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"absolute, no host", "GET http:/// HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"absolute, odd scheme", "GET ht_tp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"absolute, digit scheme", "GET 1http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    {"absolute, no scheme", "GET ://a/ HTTP/1.1\r\nHost: a\r\n\r\n", bad},
    // Framing (cases 1 to 3).
    {"CL and TE", POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"TE and CL", POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", bad},
    {"TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"chunked", POST "Transfer-Encoding: chunked\r\n\r\n", done},
    {"chunked in capitals", POST "Transfer-Encoding: CHUNKED\r\n\r\n", done},
    {"chunked after a comma", POST "Transfer-Encoding: ,chunked\r\n\r\n", bad},
    {"chunked before a comma", POST "Transfer-Encoding: chunked,\r\n\r\n", bad},
    {"chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", bad},
    {"two TE fields", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"identity and chunked fields",
     POST "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n", bad},
    {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", not_implemented},
    {"identity", POST "Transfer-Encoding: identity\r\n\r\n", not_implemented},
    {"chunkedx", POST "Transfer-Encoding: chunkedx\r\n\r\n", not_implemented},
    {"TE with \\xa0",
     POST "Transfer-Encoding: \xa0"
          "chunked\r\n\r\n",
     bad},
    {"TE with VT",
     POST "Transfer-Encoding: \x0b"
          "chunked\r\n\r\n",
     bad},
    {"TE with parameter", POST "Transfer-Encoding: chunked;a=b\r\n\r\n", bad},
    {"TE quoted", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", bad},
    {"TE empty", POST "Transfer-Encoding:\r\n\r\n", bad},
    {"CL", POST "Content-Length: 10\r\n\r\n", done},
    {"CL zero", POST "Content-Length: 0\r\n\r\n", done},
    {"CL largest", POST "Content-Length: 9223372036854775807\r\n\r\n", done},
    {"CL over 2^63", POST "Content-Length: 9223372036854775808\r\n\r\n", bad},
    {"CL over 2^64", POST "Content-Length: 18446744073709551617\r\n\r\n", bad},
    {"CL of 30 digits", POST "Content-Length: 100000000000000000000000000000\r\n\r\n", bad},
    {"CL empty", POST "Content-Length:\r\n\r\n", bad},
    {"CL empty and second", POST "Content-Length:\r\nContent-Length: 3\r\n\r\n", bad},
    {"CL list equal", POST "Content-Length: 3, 3\r\n\r\n", bad},
    {"CL list unequal", POST "Content-Length: 3, 4\r\n\r\n", bad},
    {"CL twice equal", POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", bad},
    {"CL twice unequal", POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\n", bad},
    {"CL +5", POST "Content-Length: +5\r\n\r\n", bad},
    {"CL -48", POST "Content-Length: -48\r\n\r\n", bad},
    {"CL 0x10", POST "Content-Length: 0x10\r\n\r\n", bad},
    {"CL 010", POST "Content-Length: 010\r\n\r\n", bad},
    {"CL 1_0", POST "Content-Length: 1_0\r\n\r\n", bad},
    {"CL 1Z", POST "Content-Length: 1Z\r\n\r\n", bad},
    {"CL 1.0", POST "Content-Length: 1.0\r\n\r\n", bad},
    {"CL with inner space", POST "Content-Length: 1 0\r\n\r\n", bad},
    {"CL quoted", POST "Content-Length: \"1\"\r\n\r\n", bad},
    {"CL with NUL", POST "Content-Length: 1\0\r\n\r\n"sv, bad},
    // Lines (cases 6 and 7).
    {"obs-fold", GET "A: b\r\n c\r\n\r\n", bad},
    {"obs-fold by tab", GET "A: b\r\n\tc\r\n\r\n", bad},
    {"fold of the first line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", bad},
    {"space before colon", GET "A : b\r\n\r\n", bad},
    {"tab before colon", GET "A\t: b\r\n\r\n", bad},
    {"space in CL name", POST "Content-Length : 3\r\n\r\n", bad},
    {"VT in TE name", POST "Transfer-Encoding\x0b: chunked\r\n\r\n", bad},
    {"line without colon", GET "abc\r\n\r\n", bad},
    {"empty name", GET ": b\r\n\r\n", bad},
    {"NUL in name", GET "A\0: b\r\n\r\n"sv, bad},
    {"CR in name", GET "A\rB: b\r\n\r\n", bad},
    {"NUL in value", GET "A: b\0c\r\n\r\n"sv, bad},
    {"bare CR in value", GET "A: b\rc\r\n\r\n", bad},
    {"CR CR LF", GET "A: b\r\r\n\r\n", bad},
    {"other control in value",
     GET "A: b\x01"
         "c\r\n\r\n",
     done},
    {"CR LF CR X", GET "\rX", bad},
    {"empty value", GET "A:\r\n\r\n", done},
    {"odd name is left out", GET "A(b: c\r\n\r\n", done},
    {"half a head", "GET / HTTP/1.1\r\nHost", more},
    {"nothing", "", more},
    // Expect (case 14).
    {"100-continue", POST "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", done},
    {"Expect in capitals", POST "Content-Length: 1\r\nExpect: 100-Continue\r\n\r\n", done},
    {"Expect twice", POST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", bad},
    {"Expect obfuscated", POST "Expect: y 100-continue\r\n\r\n", bad},
    {"Expect list", POST "Expect: 100-continue, 100-continue\r\n\r\n", bad},
    {"Expect empty", POST "Expect:\r\n\r\n", bad},
    {"Expect in 1.0 is ignored", "POST / HTTP/1.0\r\nExpect: x\r\n\r\n", done},
};

TEST(H1Request, TableAtOnce) {
    for (const auto& one : cases) {
        Arena arena;
        auto out = parse(one.text, {}, arena);
        EXPECT_EQ(out.result.status, one.status) << one.name << ": " << out.result.why;
        if (one.status == done) {
            EXPECT_GT(out.result.bytes, 0u) << one.name;
            EXPECT_EQ(out.result.bytes, out.head.head_bytes) << one.name;
        } else if (one.status != more) {
            EXPECT_STRNE(out.result.why, "") << one.name;
        }
    }
}

TEST(H1Request, TableByteByByte) {
    for (const auto& one : cases) {
        Arena arena;
        auto out = parse_slowly(one.text, {}, arena);
        EXPECT_EQ(out.result.status, one.status) << one.name << ": " << out.result.why;
        Arena second;
        auto at_once = parse(one.text, {}, second);
        EXPECT_EQ(out.result.bytes, at_once.result.bytes) << one.name;
        EXPECT_EQ(out.head.fields.size(), at_once.head.fields.size()) << one.name;
    }
}

TEST(H1Request, TakesApart) {
    Arena arena;
    std::string_view text =
        "\r\nPOST /a/b?c=d?e HTTP/1.1\r\nHost: Example.org:8080\r\nx-one:1\r\nX-Two: \t two  \r\n"
        "Content-Length: 12\r\n\r\nhello world!";
    auto [result, head] = parse(text, {}, arena);
    ASSERT_EQ(result.status, done);
    EXPECT_EQ(text.substr(result.bytes), "hello world!");
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.method_text, "POST");
    EXPECT_EQ(head.target, "/a/b?c=d?e");
    EXPECT_EQ(head.path, "/a/b");
    EXPECT_TRUE(head.has_query);
    EXPECT_EQ(head.query, "c=d?e");
    EXPECT_EQ(head.line, "POST /a/b?c=d?e HTTP/1.1");
    EXPECT_EQ(head.authority, "Example.org:8080");
    EXPECT_FALSE(head.absolute_form);
    EXPECT_EQ(head.framing, Framing::length);
    EXPECT_EQ(head.length, 12u);
    ASSERT_EQ(head.fields.size(), 4u);
    EXPECT_EQ(head.fields[1].name, "x-one");
    EXPECT_EQ(head.fields[1].value, "1");
    EXPECT_EQ(head.fields[1].line, "x-one:1\r\n");
    EXPECT_EQ(head.fields[2].value, "two");
    EXPECT_EQ(head.fields[3].id, FieldId::content_length);
}

TEST(H1Request, LinesOfFieldsAreAdjacent) {
    Arena arena;
    auto [result, head] = parse(GET "A: b\r\nC: d\r\n\r\n", {}, arena);
    ASSERT_EQ(result.status, done);
    for (std::uint32_t i = 1; i < head.fields.size(); ++i)
        EXPECT_EQ(head.fields[i - 1].line.data() + head.fields[i - 1].line.size(),
                  head.fields[i].line.data());
}

TEST(H1Request, LineOfABareLfIsNotOfferedForCopying) {
    Arena arena;
    auto [result, head] = parse("GET / HTTP/1.1\r\nHost: a\nB: c\r\n\r\n", {}, arena);
    ASSERT_EQ(result.status, done);
    EXPECT_TRUE(head.fields[0].line.empty());
    EXPECT_EQ(head.fields[0].value, "a");
    EXPECT_FALSE(head.fields[1].line.empty());
}

TEST(H1Request, StrictLineEnds) {
    Arena arena;
    HeadLimits limits;
    limits.lenient_lf = false;
    EXPECT_EQ(parse("GET / HTTP/1.1\nHost: a\r\n\r\n", limits, arena).result.status, bad);
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost: a\r\n\n", limits, arena).result.status, bad);
    EXPECT_EQ(parse(GET "\r\n", limits, arena).result.status, done);
}

TEST(H1Request, AbsoluteForm) {
    Arena arena;
    auto out = parse("GET http://Example.org?q HTTP/1.1\r\nHost: example.org\r\n\r\n", {}, arena);
    ASSERT_EQ(out.result.status, done);
    EXPECT_TRUE(out.head.absolute_form);
    EXPECT_EQ(out.head.authority, "Example.org");
    EXPECT_EQ(out.head.path, "/");
    EXPECT_EQ(out.head.query, "q");
    out = parse("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\n\r\n", {}, arena);
    EXPECT_EQ(out.head.authority, "h:1");
    EXPECT_EQ(out.head.path, "h:1");
}

TEST(H1Request, FragmentAsNginx) {
    Arena arena;
    HeadLimits limits;
    limits.fragments = true;
    auto out = parse("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", limits, arena);
    ASSERT_EQ(out.result.status, done);
    EXPECT_EQ(out.head.path, "/a");
    EXPECT_EQ(out.head.query, "b");
    out = parse("GET /a#b?c HTTP/1.1\r\nHost: a\r\n\r\n", limits, arena);
    EXPECT_EQ(out.head.path, "/a");
    EXPECT_FALSE(out.head.has_query);
}

TEST(H1Request, HighBytesAsHaproxy) {
    Arena arena;
    HeadLimits limits;
    limits.high_bytes = false;
    EXPECT_EQ(parse("GET /\xc3 HTTP/1.1\r\nHost: a\r\n\r\n", limits, arena).result.status, bad);
}

TEST(H1Request, ConnectionTokens) {
    struct Row {
        std::string_view text;
        bool keep_alive, upgrade;
    };
    const Row rows[] = {
        {GET "\r\n", true, false},
        {GET "Connection: close\r\n\r\n", false, false},
        {GET "Connection: Close\r\n\r\n", false, false},
        {GET "Connection: foo, close ,bar\r\n\r\n", false, false},
        {GET "Connection: keep-alive\r\nConnection: close\r\n\r\n", false, false},
        {GET "Connection: keep-alive, close\r\n\r\n", false, false},
        {GET "Connection: closer\r\n\r\n", true, false},
        {"GET / HTTP/1.0\r\n\r\n", false, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false},
        {"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", false, false},
        {GET "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", true, true},
        {GET "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", true, true},
        {GET "Connection: upgrade\r\n\r\n", true, false},
        {GET "Upgrade: websocket\r\n\r\n", true, false},
    };
    for (const auto& row : rows) {
        Arena arena;
        auto out = parse(row.text, {}, arena);
        ASSERT_EQ(out.result.status, done) << row.text;
        EXPECT_EQ(out.head.keep_alive, row.keep_alive) << row.text;
        EXPECT_EQ(out.head.wants_upgrade, row.upgrade) << row.text;
    }
}

TEST(H1Request, InvalidNames) {
    std::string_view text = GET "a_b: 1\r\nc.d: 2\r\ne(f: 3\r\ng: 4\r\n\r\n";
    auto names = [&](HeadLimits limits) {
        Arena arena;
        auto out = parse(text, limits, arena);
        std::string found;
        if (out.result.status != done) return std::string{"refused"};
        for (const auto& field : out.head.fields) found += std::string{field.name} + " ";
        return found;
    };
    EXPECT_EQ(names({}), "Host g ");
    EXPECT_EQ(names({.underscores = true}), "Host a_b g ");
    EXPECT_EQ(names({.drop_invalid = false}), "refused");
    text = GET "a_b: 1\r\nc.d: 2\r\n\r\n";
    EXPECT_EQ(names({.drop_invalid = false}), "Host a_b c.d ");
}

// Case 8: limits hold for lines that end and for lines that do not.
TEST(H1Request, Limits) {
    HeadLimits limits{.max_line = 100, .max_head = 400, .max_fields = 5};
    std::string fill(200, 'x');
    struct Row {
        std::string text;
        ParseStatus status;
    };
    std::string many = GET;
    for (int i = 0; i < 5; ++i) many += "a: b\r\n";
    std::string heavy = GET;
    for (int i = 0; i < 6; ++i) heavy += "a: " + std::string(90, 'y') + "\r\n";
    const Row rows[] = {
        {"GET /" + fill, line_too_long},
        {"GET /" + fill + " HTTP/1.1\r\n", line_too_long},
        {"GET /" + fill + "\r\n", line_too_long},
        {fill, line_too_long},
        {GET "a: " + fill, field_too_long},
        {GET "a: " + fill + "\r\n", field_too_long},
        {GET + fill, field_too_long},
        {many + "\r\n", too_many_fields},
        {heavy, field_too_long},
    };
    for (const auto& row : rows) {
        Arena arena;
        EXPECT_EQ(parse(row.text, limits, arena).result.status, row.status) << row.text;
        EXPECT_EQ(parse_slowly(row.text, limits, arena).result.status, row.status) << row.text;
    }
}

TEST(H1Request, HugeHeads) {
    Arena arena;
    HeadLimits limits{.max_line = 1 << 20, .max_head = 4 << 20, .max_fields = 200000};
    std::string text = GET "a: " + std::string(1000000, 'v') + "\r\n";
    for (int i = 0; i < 100000; ++i) text += "n: v\r\n";
    text += "\r\n";
    auto out = parse(text, limits, arena);
    ASSERT_EQ(out.result.status, done);
    EXPECT_EQ(out.head.fields.size(), 100002u);
    EXPECT_EQ(out.head.fields[1].value.size(), 1000000u);
    EXPECT_EQ(out.head.fields.find(FieldId::host)->value, "a");
}

// A control byte at every offset of a long value, so that each lane of the vector code is seen.
TEST(H1Request, ControlBytesAtEveryOffset) {
    for (std::size_t offset = 0; offset < 70; ++offset) {
        for (char byte : {'\0', '\r', '\n'}) {
            std::string value(71, 'v');
            value[offset] = byte;
            Arena arena;
            EXPECT_EQ(parse(GET "A: " + value + "\r\n\r\n", {}, arena).result.status, bad);
        }
        std::string target = "/" + std::string(70, 't');
        target[offset] = '\x01';
        Arena arena;
        EXPECT_EQ(parse("GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", {}, arena).result.status,
                  bad);
    }
}

TEST(H1Request, HeadIsUsedAgain) {
    Arena arena;
    RequestHead head;
    std::uint32_t resume = 0;
    auto first = parse_request_head(POST "Content-Length: 3\r\n\r\n", {}, arena, head, &resume);
    ASSERT_EQ(first.status, done);
    auto second = parse_request_head(GET "\r\n", {}, arena, head, &resume);
    ASSERT_EQ(second.status, done);
    EXPECT_EQ(head.framing, Framing::none);
    EXPECT_EQ(head.fields.size(), 1u);
    EXPECT_FALSE(head.fields.has(FieldId::content_length));
}

}  // namespace
}  // namespace weir::http
