// SPDX-License-Identifier: Apache-2.0
#include "parser/keyword/keyword.hpp"

namespace {

using namespace weir::keyword;

constexpr ContextName places[] = {{1, "http"}, {2, "server"}};
constexpr Language nginx{"nginx", "directive", Units::nginx, places};

constexpr Keyword rows[] = {
    {.name = "-m", .where = 1, .support = not_yet(), .summary = "Starts with a \"dash\"."},
    {.name = "it's", .where = 3, .args = {word("a\"b\\c")}, .fallback = "x\\y",
     .since = "1.0", .support = ignored("no need"), .summary = ".Dots and \\ too."},
    {.name = "many", .where = 2, .args = Signature::count(1, unbounded), .body = Body::block,
     .summary = "Many."},
};

std::string dumped(DumpFormat format) {
    Registry registry;
    registry.add(rows);
    DumpPart part{&registry, &nginx};
    return dump(format, {&part, 1});
}

TEST(Dump, ManEscapesTroff) {
    EXPECT_EQ(dumped(DumpFormat::man),
              ".SH \"Directives of nginx\"\n"
              ".TP\n.B \"\\-m\"\nStarts with a \"dash\".\n"
              ".br\nKnown to nginx, not yet in weir.\n.br\nAllowed in: http.\n"
              ".TP\n.B \"it's a\"\"b\\ec\"\n\\&.Dots and \\e too.\n"
              ".br\nAccepted without effect: no need.\n.br\nDefault: x\\ey.\n"
              ".br\nAllowed in: http, server.\n.br\nSince nginx 1.0.\n"
              ".TP\n.B \"many value [value ...] { ... }\"\nMany.\n.br\nAllowed in: server.\n");
}

TEST(Dump, JsonEscapesStrings) {
    auto text = dumped(DumpFormat::json);
    EXPECT_NE(text.find("\"summary\": \"Starts with a \\\"dash\\\".\""), std::string::npos) << text;
    EXPECT_NE(text.find("\"syntax\": \"it's a\\\"b\\\\c\", \"contexts\": [\"http\", \"server\"], "
                        "\"arguments\": [1, 1]"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("\"arguments\": [1, null], \"body\": \"block\""), std::string::npos);
    EXPECT_NE(text.find("\"support\": \"ignored\", \"reason\": \"no need\""), std::string::npos);
    EXPECT_TRUE(text.starts_with("[\n{")) << text;
    EXPECT_TRUE(text.ends_with("}\n]\n")) << text;
}

TEST(Dump, BashQuotesWords) {
    auto text = dumped(DumpFormat::bash);
    EXPECT_TRUE(text.starts_with("_weir_words=(\n    '-m'\n    'it'\\''s'\n    'many'\n)\n")) << text;
}

}  // namespace
