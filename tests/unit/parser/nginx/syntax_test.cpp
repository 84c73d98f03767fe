// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/syntax.hpp"

namespace weir::nginx {
namespace {

// One file parsed: the tree, and the problems as "line:column id".
struct Parsed {
    SourceMap sources;
    ast::Arena arena;
    diag::Sink sink;
    std::vector<ast::Directive> tree;

    explicit Parsed(std::string text) {
        auto id = sources.add("t.conf", std::move(text));
        tree = parse_file(id, sources, arena, sink);
        sink.sort(sources);
    }
    std::vector<std::string> problems() const {
        std::vector<std::string> all;
        for (const auto& entry : sink.all()) {
            auto at = sources.position(entry.span.file, entry.span.begin);
            all.push_back(std::to_string(at.line) + ":" + std::to_string(at.column) + " " + entry.id);
        }
        return all;
    }
    std::string shape() const { return shape_of(tree); }

private:
    // "[a][b]{[c];};" : words in brackets, quoted ones with q.
    static std::string shape_of(const std::vector<ast::Directive>& list) {
        std::string out;
        for (const auto& directive : list) {
            for (const auto& word : directive.words.list)
                out += (word.quoted ? "q[" : "[") + std::string(word.text) + "]";
            out += directive.body.present ? "{" + shape_of(directive.body.directives) + "}" : ";";
        }
        return out;
    }
};

using Strings = std::vector<std::string>;

TEST(Syntax, DirectivesAndBlocks) {
    Parsed parsed("user www; http {\n server { listen 80 ; }\n}\n");
    EXPECT_EQ(parsed.shape(), "[user][www];[http]{[server]{[listen][80];}}");
    EXPECT_TRUE(parsed.problems().empty());
}

TEST(Syntax, EmptyFileAndOnlyComments) {
    EXPECT_EQ(Parsed("").shape(), "");
    EXPECT_EQ(Parsed("# a { } ;\n\t\r\n# b").shape(), "");
}

TEST(Syntax, CommentsStartOnlyAtAWord) {
    EXPECT_EQ(Parsed("a b#c # d;\n e;").shape(), "[a][b#c][e];");
    EXPECT_EQ(Parsed("a #;\n;").shape(), "[a];");
}

TEST(Syntax, QuotesAndEscapes) {
    EXPECT_EQ(Parsed(R"(a "b c" 'd "e"' ;)").shape(), R"([a]q[b c]q[d "e"];)");
    EXPECT_EQ(Parsed(R"(a "x\"y" 'x\'y' x\\y;)").shape(), R"([a]q[x"y]q[x'y][x\y];)");
    EXPECT_EQ(Parsed(R"(a "\t\r\n";)").shape(), "[a]q[\t\r\n];");
    EXPECT_EQ(Parsed(R"(a \d \; \ b;)").shape(), R"([a][\d][\;][\ b];)");
    EXPECT_EQ(Parsed(R"(a b"c d"e;)").shape(), R"([a][b"c][d"e];)");
    EXPECT_EQ(Parsed("a \"\";").shape(), "[a]q[];");
}

TEST(Syntax, BracesOfVariablesStayInTheWord) {
    EXPECT_EQ(Parsed("a ${b}c;").shape(), "[a][${b}c];");
    EXPECT_EQ(Parsed("a x${b};").shape(), "[a][x${b}];");
    EXPECT_EQ(Parsed("a b{c d;}").shape(), "[a][b]{[c][d];}");
    EXPECT_EQ(Parsed(R"(a \${c d;})").shape(), R"([a][\$]{[c][d];})");
    EXPECT_EQ(Parsed("a b} c;").shape(), "[a][b}][c];");
}

TEST(Syntax, ParenthesisMayFollowAQuote) {
    EXPECT_EQ(Parsed(R"(if ($a = "b") { c; })").shape(), "[if][($a][=]q[b][)]{[c];}");
}

TEST(Syntax, BytesAreBytes) {
    std::string text("a \"b\0c\" \xff\x80;", 11);
    Parsed parsed(text);
    ASSERT_EQ(parsed.tree.size(), 1u);
    EXPECT_EQ(parsed.tree[0].words.list[1].text, std::string_view("b\0c", 3));
    EXPECT_EQ(parsed.tree[0].words.list[2].text, "\xff\x80");
}

TEST(Syntax, WordsAreViewsIntoTheSource) {
    Parsed parsed("listen 127.0.0.1:80;");
    const std::string& text = parsed.sources.file(0).text;
    EXPECT_EQ(parsed.tree[0].words.list[1].text.data(), text.data() + 7);
    EXPECT_EQ(parsed.tree[0].words.list[1].span.begin, 7u);
    EXPECT_EQ(parsed.tree[0].words.list[1].span.length, 12u);
}

TEST(Syntax, AllProblemsInOneRun) {
    Parsed parsed("a b }\n;\nhttp { c d } e f;\n{ g; }\nh \"x\"y;\nlast");
    EXPECT_EQ(parsed.problems(),
              (Strings{"1:5 missing-semicolon", "1:5 unexpected-close", "2:1 unexpected-semicolon",
                       "3:12 missing-semicolon", "4:1 unexpected-open", "5:6 after-quote",
                       "6:5 unexpected-end"}));
    EXPECT_EQ(parsed.shape(), "[a][b];[http]{[c][d];}[e][f];[h]q[x][y];[last];");
}

TEST(Syntax, UnclosedBlockNamesItsLine) {
    Parsed parsed("http {\n  server {\n    listen 80;\n  }\n");
    ASSERT_EQ(parsed.problems(), Strings{"5:1 unexpected-end"});
    EXPECT_NE(parsed.sink.all()[0].hint.find("line 1"), std::string::npos);
}

TEST(Syntax, OneProblemForTheEndOfTheFile) {
    EXPECT_EQ(Parsed("http { server { listen").problems(), Strings{"1:23 unexpected-end"});
}

TEST(Syntax, MissingQuoteIsFoundWhereItStarts) {
    EXPECT_EQ(Parsed("a \"b;\nc d;\n").problems(), Strings{"1:3 missing-quote"});
    EXPECT_EQ(Parsed("a \"b;\nc d;\n").shape(), "[a]q[b];[c][d];");
    // It met the quote of the next string.
    EXPECT_EQ(Parsed("a \"b;\nc \"d\";\n").problems(), Strings{"1:3 missing-quote"});
}

TEST(Syntax, LongWords) {
    EXPECT_TRUE(Parsed("a " + std::string(4095, 'b') + ";").problems().empty());
    EXPECT_EQ(Parsed("a " + std::string(4096, 'b') + ";").problems(), Strings{"1:3 too-long-word"});
    EXPECT_TRUE(Parsed("a \"" + std::string(4094, 'b') + "\";").problems().empty());
    EXPECT_EQ(Parsed("a \"" + std::string(4096, 'b') + "\";").problems(),
              Strings{"1:3 missing-quote"});
}

TEST(Syntax, DeepNestingIsRefused) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += "a{";
    EXPECT_EQ(Parsed(text).problems(), Strings{"1:258 too-deep"});
    std::string nameless(100000, '{');
    EXPECT_FALSE(Parsed(nameless).problems().empty());
}

TEST(Syntax, ProblemsAreBounded) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += ";\n";
    EXPECT_EQ(Parsed(text).problems().size(), 100u);
    std::string opens;
    for (int i = 0; i < 100000; ++i) opens += "{}\n";
    EXPECT_EQ(Parsed(opens).problems().size(), 100u);
}

TEST(Syntax, LuaIsSkipped) {
    Parsed parsed("content_by_lua_block { local t = { a = \"}\" } -- }\n x = [[ } ]]; if (y) }\nb c;");
    EXPECT_TRUE(parsed.problems().empty());
    EXPECT_EQ(parsed.shape(), "[content_by_lua_block]{}[b][c];");
}

TEST(Syntax, ManyWords) {
    std::string text = "a";
    for (int i = 0; i < 20000; ++i) text += " b";
    Parsed parsed(text + "; c d;");
    ASSERT_EQ(parsed.tree.size(), 2u);
    EXPECT_EQ(parsed.tree[0].words.list.size(), 20001u);
}

}  // namespace
}  // namespace weir::nginx
