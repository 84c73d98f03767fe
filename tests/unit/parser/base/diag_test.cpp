// SPDX-License-Identifier: Apache-2.0
#include "parser/base/diag.hpp"

namespace {

using namespace weir;
using diag::Sink;

struct Example {
    SourceMap sources;
    Sink sink;
    FileId file = 0;
    explicit Example(std::string text) { file = sources.add("a.conf", std::move(text)); }
    std::string shown(Span span, std::string hint = {}) {
        sink.error(span, "some-id", "it is wrong", std::move(hint));
        return diag::render_text(sink.all().back(), sources);
    }
};

TEST(RenderText, PointsAtTheWord) {
    Example example("http {\n\tlisten eighty;\n}\n");
    EXPECT_EQ(example.shown({0, 15, 6}, "write a number"),
              "a.conf:2:9: error: it is wrong\n"
              "    \tlisten eighty;\n"
              "    \t       ^~~~~~\n"
              "    hint: write a number\n");
}

TEST(RenderText, WithoutAPlaceThereIsNoCaret) {
    Example example("");
    EXPECT_EQ(example.shown({}), "error: it is wrong\n");
}

TEST(RenderText, ControlBytesDoNotReachTheTerminal) {
    Example example(std::string("a\x1b[31m\0b\x7f c", 11));
    auto text = example.shown({0, 0, 1});
    for (char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << text;
}

TEST(RenderText, LongLinesAreCutAroundTheWord) {
    Example example(std::string(5000, 'x') + " word " + std::string(5000, 'y'));
    auto text = example.shown({0, 5001, 4});
    EXPECT_LT(text.size(), 500U);
    EXPECT_NE(text.find("word"), std::string::npos);
}

TEST(RenderText, AnEndlessSpanStaysOnItsLine) {
    Example example("abc\ndef\n");
    EXPECT_EQ(example.shown({0, 1, 4000000000U}),
              "a.conf:1:2: error: it is wrong\n    abc\n     ^~\n");
    EXPECT_EQ(example.shown({0, 400, 3}).find("a.conf:3:1: error"), 0U);
}

TEST(Sink, CountsAndSorts) {
    Example example("one\ntwo\n");
    Sink sink;
    sink.warning({0, 4, 3}, "w", "second");
    sink.error({0, 0, 3}, "e", "first");
    sink.advice({}, "a", "nowhere");
    EXPECT_TRUE(sink.failed());
    EXPECT_EQ(sink.count(diag::Severity::warning), 1U);
    sink.sort(example.sources);
    EXPECT_EQ(sink.all()[0].message, "nowhere");
    EXPECT_EQ(sink.all()[1].message, "first");
    EXPECT_EQ(sink.all()[2].message, "second");
}

TEST(RenderJson, IsValidForEveryByte) {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    Example example(all);
    example.sink.warning({0, 0, 256}, "id", "say \"it\"\n", "");
    auto text = diag::render_json(example.sink, example.sources);
    for (char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
    EXPECT_NE(text.find("\"message\": \"say \\\"it\\\"\\u000a\""), std::string::npos) << text;
    EXPECT_EQ(diag::render_json(Sink{}, example.sources), "[]\n");
}

TEST(JsonQuote, KeepsUtf8AndReplacesTheRest) {
    EXPECT_EQ(diag::json_quote("gr\xc3\xbc\xc3\x9f"), "\"gr\xc3\xbc\xc3\x9f\"");
    EXPECT_EQ(diag::json_quote("\xf0\x9f\x98\x80"), "\"\xf0\x9f\x98\x80\"");
    EXPECT_EQ(diag::json_quote("\xff"), "\"\\ufffd\"");
    EXPECT_EQ(diag::json_quote("\xc3"), "\"\\ufffd\"");
    EXPECT_EQ(diag::json_quote("\xed\xa0\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
    EXPECT_EQ(diag::json_quote("\xc0\xaf"), "\"\\ufffd\\ufffd\"");
    EXPECT_EQ(diag::json_quote("\xe0\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\"");
    EXPECT_EQ(diag::json_quote("\xf4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

}  // namespace
