// SPDX-License-Identifier: Apache-2.0
// Response heads: status lines, and framing by the method that was asked.
#include <gtest/gtest.h>

#include "runtime/http/h1_codec.hpp"

namespace weir::http {
namespace {

struct Outcome {
    ParseResult result;
    ResponseHead head;
};

Outcome parse(std::string_view text, Method method, Arena& arena) {
    Outcome out;
    std::uint32_t resume = 0;
    out.result = parse_response_head(text, {}, arena, method, out.head, &resume);
    return out;
}

using enum ParseStatus;
using std::string_view_literals::operator""sv;

struct Case {
    std::string_view name;
    std::string_view text;
    ParseStatus status;
};

#define OK "HTTP/1.1 200 OK\r\n"

const Case cases[] = {
    {"plain", OK "\r\n", done},
    {"no phrase", "HTTP/1.1 200 \r\n\r\n", done},
    {"no space either", "HTTP/1.1 200\r\n\r\n", done},
    {"any code", "HTTP/1.1 799 Odd\r\n\r\n", done},
    {"bare LF", "HTTP/1.1 200 OK\nA: b\n\n", done},
    {"no blank before phrase", "HTTP/1.1 200OK\r\n\r\n", bad},
    {"four digits", "HTTP/1.1 2000 OK\r\n\r\n", bad},
    {"two digits", "HTTP/1.1 20 OK\r\n\r\n", bad},
    {"code below 100", "HTTP/1.1 099 OK\r\n\r\n", bad},
    {"letters for a code", "HTTP/1.1 abc OK\r\n\r\n", bad},
    {"two spaces", "HTTP/1.1  200 OK\r\n\r\n", bad},
    {"HTTP/2", "HTTP/2.0 200 OK\r\n\r\n", bad_version},
    {"no version", "HTTP/ 200 OK\r\n\r\n", bad},
    {"ICY", "ICY 200 OK\r\n\r\n", bad},
    {"not HTTP, no line end", "SSH-2.0-x", bad},
    {"empty line before", "\r\n" OK "\r\n", bad},
    {"NUL in phrase", "HTTP/1.1 200 O\0K\r\n\r\n"sv, bad},
    {"CR in phrase", "HTTP/1.1 200 O\rK\r\n\r\n", bad},
    {"high bytes in phrase", "HTTP/1.1 200 \xc3\xa9\r\n\r\n", done},
    {"obs-fold", OK "A: b\r\n c\r\n\r\n", bad},
    {"space before colon", OK "A : b\r\n\r\n", bad},
    {"CL and TE", OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"TE in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bad},
    {"two CL", OK "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", bad},
    {"CL list", OK "Content-Length: 3, 3\r\n\r\n", bad},
    {"CL negative", OK "Content-Length: -3\r\n\r\n", bad},
    {"TE gzip", OK "Transfer-Encoding: gzip\r\n\r\n", not_implemented},
    {"underscore and token names", OK "a_b: c\r\nd.e: f\r\n\r\n", done},
    {"half", "HTTP/1.1 200", more},
};

TEST(H1Response, Table) {
    for (const auto& one : cases) {
        Arena arena;
        auto out = parse(one.text, Method::get, arena);
        EXPECT_EQ(out.result.status, one.status) << one.name << ": " << out.result.why;
        ResponseHead slow;
        ParseResult result;
        std::uint32_t resume = 0;
        for (std::size_t size = 0; size <= one.text.size(); ++size) {
            result = parse_response_head(one.text.substr(0, size), {}, arena, Method::get, slow,
                                         &resume);
            if (result.status != more) break;
        }
        EXPECT_EQ(result.status, one.status) << one.name << " slowly: " << result.why;
        EXPECT_EQ(result.bytes, out.result.bytes) << one.name;
    }
}

TEST(H1Response, TakesApart) {
    Arena arena;
    auto [result, head] =
        parse("HTTP/1.0 404 Not Here\r\nServer: x\r\na_b: c\r\n\r\nbody", Method::get, arena);
    ASSERT_EQ(result.status, done);
    EXPECT_EQ(head.status, 404);
    EXPECT_EQ(head.reason, "Not Here");
    EXPECT_EQ(head.minor, 0);
    EXPECT_EQ(head.fields.size(), 2u);
    EXPECT_EQ(head.framing, Framing::until_close);
}

struct FramingRow {
    std::string_view text;
    Method method;
    Framing framing;
    bool keep_alive;
    bool upgrade = false;
};

TEST(H1Response, FramingByMethodAndStatus) {
    using enum Framing;
    const FramingRow rows[] = {
        {OK "Content-Length: 5\r\n\r\n", Method::get, length, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n", Method::get, chunked, true},
        {OK "\r\n", Method::get, until_close, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", Method::get, length, false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n", Method::get,
         length, true},
        {OK "Content-Length: 5\r\nConnection: close\r\n\r\n", Method::get, length, false},
        {OK "Content-Length: 5\r\n\r\n", Method::head, none, true},
        {OK "Transfer-Encoding: chunked\r\n\r\n", Method::head, none, true},
        {OK "\r\n", Method::head, none, true},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Method::get, none, true},
        {"HTTP/1.1 204 No Content\r\n\r\n", Method::get, none, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", Method::get, none, true},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", Method::get, none, false},
        {"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", Method::get, none, false},
        {"HTTP/1.1 100 Continue\r\n\r\n", Method::post, none, true},
        {"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", Method::get, none, true},
        {"HTTP/1.1 103 Early Hints\r\nContent-Length: 9\r\n\r\n", Method::get, none, false},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
         Method::get, none, true, true},
        {OK "\r\n", Method::connect, none, true, true},
        {"HTTP/1.1 403 No\r\nContent-Length: 5\r\n\r\n", Method::connect, length, true, false},
    };
    for (const auto& row : rows) {
        Arena arena;
        auto out = parse(row.text, row.method, arena);
        ASSERT_EQ(out.result.status, done) << row.text << out.result.why;
        EXPECT_EQ(out.head.framing, row.framing) << row.text;
        EXPECT_EQ(out.head.keep_alive, row.keep_alive) << row.text;
        EXPECT_EQ(out.head.upgrade, row.upgrade) << row.text;
    }
}

}  // namespace
}  // namespace weir::http
