// SPDX-License-Identifier: Apache-2.0
// The chunked coding: bodies come out whole however the bytes arrive, and doubtful ones not at all.
#include <gtest/gtest.h>

#include "runtime/http/h1_codec.hpp"

namespace weir::http {
namespace {

using What = ChunkedDecoder::Step::What;

struct Decoded {
    What what = What::more;
    std::string body;
    std::size_t used = 0;
};

// Feeds pieces of at most `piece` bytes.
Decoded decode(std::string_view text, std::size_t piece) {
    ChunkedDecoder decoder;
    Decoded out;
    while (out.used < text.size()) {
        auto window = text.substr(out.used, piece);
        while (!window.empty()) {
            auto step = decoder.feed(window);
            out.what = step.what;
            out.body += window.substr(step.consumed, step.body);
            out.used += step.consumed + step.body;
            window.remove_prefix(step.consumed + step.body);
            if (step.what == What::end || step.what == What::bad) return out;
        }
    }
    return out;
}

struct Case {
    std::string_view name;
    std::string_view text;
    What what;
    std::string_view body = {};
};

using std::string_view_literals::operator""sv;

const Case cases[] = {
    {"one chunk", "5\r\nhello\r\n0\r\n\r\n", What::end, "hello"},
    {"two chunks", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", What::end, "hello world"},
    {"empty", "0\r\n\r\n", What::end},
    {"zeros", "0000\r\n\r\n", What::end},
    {"capital digits", "A\r\n0123456789\r\n0\r\n\r\n", What::end, "0123456789"},
    {"leading zeros", "0005\r\nhello\r\n0\r\n\r\n", What::end, "hello"},
    {"sixteen digits", "0000000000000001\r\nx\r\n0\r\n\r\n", What::end, "x"},
    {"extension", "5;a=b\r\nhello\r\n0;c\r\n\r\n", What::end, "hello"},
    {"quoted extension", "5;a=\"b;c\"\r\nhello\r\n0\r\n\r\n", What::end, "hello"},
    {"blank before extension", "5 ;a\r\nhello\r\n0\r\n\r\n", What::end, "hello"},
    {"padded size", "5  \r\nhello\r\n0\r\n\r\n", What::end, "hello"},
    {"trailer", "0\r\nA: b\r\nC-D:e\r\n\r\n", What::end},
    {"unfinished", "5\r\nhel", What::more, "hel"},
    // Case 4.
    {"seventeen digits", "00000000000000001\r\nx\r\n0\r\n\r\n", What::bad},
    {"overflow", "10000000000000005\r\nhello\r\n0\r\n\r\n", What::bad},
    {"sign bit", "8000000000000000\r\n", What::bad},
    {"0x", "0x5\r\nhello\r\n0\r\n\r\n", What::bad},
    {"plus", "+5\r\nhello\r\n0\r\n\r\n", What::bad},
    {"minus", "-5\r\nhello\r\n0\r\n\r\n", What::bad},
    {"leading space", " 5\r\nhello\r\n0\r\n\r\n", What::bad},
    {"leading tab", "\t5\r\nhello\r\n0\r\n\r\n", What::bad},
    {"empty size", "\r\nhello\r\n", What::bad},
    {"only an extension", ";a\r\n", What::bad},
    {"letter after digits", "5g\r\nhello\r\n0\r\n\r\n", What::bad},
    {"underscore", "1_0\r\n", What::bad},
    {"digits after a blank", "5 5\r\nhello\r\n", What::bad},
    {"NUL after size", "5\0\r\nhello\r\n"sv, What::bad},
    // Case 5.
    {"bare LF after size", "5\nhello\r\n0\r\n\r\n", What::bad},
    {"bare CR after size", "5\rhello\r\n", What::bad},
    {"LF in extension", "5;a\nhello\r\n0\r\n\r\n", What::bad},
    {"CR in extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", What::bad},
    {"NUL in extension", "5;a\0b\r\nhello\r\n"sv, What::bad},
    {"any two bytes after body", "5\r\nhelloXX0\r\n\r\n", What::bad, "hello"},
    {"LF after body", "5\r\nhello\n0\r\n\r\n", What::bad, "hello"},
    {"CR X after body", "5\r\nhello\rX0\r\n\r\n", What::bad, "hello"},
    {"body longer than size", "3\r\nhello\r\n", What::bad, "hel"},
    {"end without CRLF", "0\r\n\n", What::bad},
    {"end with CR X", "0\r\n\rX", What::bad},
    {"LF after the last size", "0\n\r\n", What::bad},
    {"trailer without colon", "0\r\nabc\r\n\r\n", What::bad},
    {"trailer without name", "0\r\n: a\r\n\r\n", What::bad},
    {"trailer with blank in name", "0\r\na : b\r\n\r\n", What::bad},
    {"folded trailer", "0\r\na: b\r\n c\r\n\r\n", What::bad},
    {"LF in trailer", "0\r\na: b\n\r\n", What::bad},
    {"CR in trailer", "0\r\na: b\rc\r\n\r\n", What::bad},
    {"NUL in trailer", "0\r\na: \0\r\n\r\n"sv, What::bad},
    {"Content-Length as trailer", "0\r\ncontent-LENGTH: 5\r\n\r\n", What::bad},
    {"Transfer-Encoding as trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n", What::bad},
    {"Host as trailer", "0\r\nHost: a\r\n\r\n", What::bad},
};

TEST(H1Chunked, Table) {
    for (const auto& one : cases) {
        for (std::size_t piece :
             {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000}}) {
            auto out = decode(one.text, piece);
            // After the last body byte arrived alone nothing has been asked for more yet.
            What what = out.what == What::body ? What::more : out.what;
            EXPECT_EQ(what, one.what) << one.name << " by " << piece;
            EXPECT_EQ(out.body, one.body) << one.name << " by " << piece;
        }
    }
}

TEST(H1Chunked, StopsBeforeWhatFollows) {
    std::string_view text = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1";
    EXPECT_EQ(text.substr(decode(text, 100).used), "GET / HTTP/1.1");
    EXPECT_EQ(text.substr(decode(text, 1).used), "GET / HTTP/1.1");
}

TEST(H1Chunked, SkippedBody) {
    ChunkedDecoder decoder;
    auto step = decoder.feed("a\r\n0123");
    EXPECT_EQ(step.what, What::body);
    EXPECT_EQ(step.body, 4u);
    EXPECT_EQ(decoder.left_in_chunk(), 6u);
    decoder.skip_body(6);
    EXPECT_EQ(decoder.feed("\r\n0\r\n\r\n").what, What::end);
    EXPECT_TRUE(decoder.ended());
}

TEST(H1Chunked, StaysBad) {
    ChunkedDecoder decoder;
    EXPECT_EQ(decoder.feed("x").what, What::bad);
    EXPECT_EQ(decoder.feed("0\r\n\r\n").what, What::bad);
}

TEST(H1Chunked, ExtensionsAndTrailersAreBounded) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "1;" + std::string(100, 'e') + "\r\nx\r\n";
    EXPECT_EQ(decode(text + "0\r\n\r\n", 1000).what, What::bad);
    text.clear();
    for (int i = 0; i < 200; ++i)
        text += "80;" + std::string(100, 'e') + "\r\n" + std::string(128, 'x') + "\r\n";
    EXPECT_EQ(decode(text + "0\r\n\r\n", 1000).what, What::end);
    EXPECT_EQ(decode("0\r\na: " + std::string(20000, 't') + "\r\n\r\n", 1000).what, What::bad);
}

TEST(H1Chunked, WritesSizes) {
    char out[18];
    auto text = [&](std::uint64_t size) { return std::string{out, write_chunk_size(out, size)}; };
    EXPECT_EQ(text(0), "0\r\n");
    EXPECT_EQ(text(0x1a3), "1a3\r\n");
    EXPECT_EQ(text(UINT64_MAX), "ffffffffffffffff\r\n");
}

}  // namespace
}  // namespace weir::http
