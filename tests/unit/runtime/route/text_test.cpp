// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using F = ir::Fetch;
using Escape = ir::Text::Escape;

ir::Text::Piece piece(ir::Expr expr, Escape escape = Escape::none, std::string if_missing = {},
                      bool quoted = false) {
    ir::Text::Piece one;
    one.expr = std::make_shared<const ir::Expr>(std::move(expr));
    one.escape = escape;
    one.if_missing = std::move(if_missing);
    one.quoted = quoted;
    return one;
}
ir::Text all(std::vector<ir::Text::Piece> pieces) {
    ir::Text text;
    text.pieces = std::move(pieces);
    return text;
}

TEST(Text, PiecesAreJoined) {
    BenchSubject bench;
    EXPECT_EQ(bench.render(ir::Text()), "");
    EXPECT_EQ(bench.render(ir::Text::of("plain")), "plain");
    EXPECT_EQ(bench.render(all({{.literal = "<"},
                                piece(fetch(F::client_address)),
                                {.literal = ">"},
                                piece(fetch(F::client_port))})),
              "<192.0.2.7>4711");
}

TEST(Text, NginxLogEscapesAndDashes) {
    BenchSubject bench;
    bench.receive("GET / HTTP/1.1\r\nHost: a\r\nX: q\"\\\x80z\r\n\r\n");
    EXPECT_EQ(bench.render(all({piece(fetch(F::request_header, "x"), Escape::nginx_log, "-")})),
              "q\\x22\\x5C\\x80z");
    EXPECT_EQ(bench.render(all({piece(fetch(F::request_header, "y"), Escape::nginx_log, "-")})),
              "-");
    EXPECT_EQ(bench.render(all({piece(fetch(F::request_header, "x"), Escape::json)})),
              "q\\\"\\\\\x80z");
}

TEST(Text, ALineOfHaproxysLog) {
    BenchSubject bench(false);
    bench.receive("GET /p?q=1 HTTP/1.1\r\nHost: a\r\nX-A: a\"b{|}#\x80\r\n\r\n");
    std::string_view slots[2] = {"Ho.st", bench.head.fields.find("x-a")->value};
    bench.subject.request_captures = slots;
    const auto log = Escape::haproxy_log;
    EXPECT_EQ(bench.render(all({piece(fetch(F::request_line), log, "", true),
                                {.literal = " "},
                                piece(fetch(F::request_captures), log, "-"),
                                {.literal = " "},
                                piece(fetch(F::server_name), log, "-"),
                                {.literal = " "},
                                piece(fetch(F::request_header, "none", -1), log, "-"),
                                piece(fetch(F::request_header, "none", -1), log, "", true),
                                piece(fetch(F::request_header, "x-a", -1), log, "-")})),
              "\"GET /p?q=1 HTTP/1.1\" {Ho.st|a#22b#7B#7C#7D#23#80} <NOSRV> -\"\"a\"b{|}#\x80");
    EXPECT_EQ(bench.render(all({piece(fetch(F::query, {}, 1), log, "-")})), "?q=1");
    bench.subject.request = nullptr;
    EXPECT_EQ(bench.render(all({piece(fetch(F::request_line), log, "", true)})), "\"<BADREQ>\"");
    EXPECT_EQ(bench.render(all({{.literal = "x"}, piece(fetch(F::request_captures), log, "-")})),
              "x");
}

TEST(Text, BlanksAroundNothingAreJoined) {
    BenchSubject bench(false);
    auto text = all({piece(fetch(F::request_captures), Escape::haproxy_log, ""),
                     {.literal = " a "},
                     piece(fetch(F::response_captures), Escape::haproxy_log, ""),
                     {.literal = " b"}});
    text.joins_blanks = true;
    EXPECT_EQ(bench.render(text), "a b");
    text.joins_blanks = false;
    EXPECT_EQ(bench.render(text), " a  b");
}

TEST(Text, HexadecimalForIdentifiers) {
    BenchSubject bench(false);
    auto hex = [&](ir::Expr expr) {
        auto one = piece(std::move(expr));
        one.hex = true;
        return bench.render(all({one}));
    };
    EXPECT_EQ(hex(fetch(F::client_address)), "C0000207");
    EXPECT_EQ(hex(fetch(F::client_port)), "1267");
    EXPECT_EQ(hex(fetch(F::log_counter)), "0000");
}

TEST(Text, ControlBytesNeverReachAHeader) {
    BenchSubject bench(false);
    EXPECT_EQ(
        bench.render(all({piece(convert(ir::Converter::url_decode, text("a%0d%0ab\"%80%09 %00c")),
                                Escape::header)})),
        "a%0D%0Ab\"\x80\t %00c");
}

TEST(Text, LimitsCut) {
    BenchSubject bench(false);
    auto one = piece(text("abcdef"));
    one.limit = 3;
    EXPECT_EQ(bench.render(all({one})), "abc");
}

}  // namespace
}  // namespace weir::route
