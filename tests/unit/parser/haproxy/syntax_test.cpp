// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/syntax.hpp"

#include <gtest/gtest.h>

#include <map>

namespace weir::haproxy {
namespace {

class Fixed : public Variables {
public:
    std::map<std::string, std::string, std::less<>> known;
    std::optional<std::string> value(std::string_view name) override {
        auto found = known.find(name);
        if (found == known.end()) return std::nullopt;
        return found->second;
    }
};

struct Read {
    ast::Document document;
    std::vector<LineProblem> problems;
    std::vector<std::string> words;
    std::size_t consumed = 0;
};

// A plain string_view argument may hold NUL bytes; the text lives as long as the caller's literal.
std::unique_ptr<Read> read(std::string_view text, Fixed variables = {}) {
    auto out = std::make_unique<Read>();
    const char* at = text.data();
    auto line = parse_line(at, text, 0, variables, out->document, out->problems);
    for (std::uint32_t i = 0; i < line.count; ++i)
        out->words.emplace_back(out->document.begin(line)[i].text);
    out->consumed = static_cast<std::size_t>(at - text.data());
    return out;
}

using Words = std::vector<std::string>;

TEST(Line, BlanksSeparateWords) {
    EXPECT_EQ(read("  mode\t\thttp  \n")->words, (Words{"mode", "http"}));
    EXPECT_EQ(read("\n")->words, Words{});
    EXPECT_EQ(read("   \t \n")->words, Words{});
}

TEST(Line, CommentEndsLineEvenInsideWord) {
    EXPECT_EQ(read("global#this is it\n")->words, (Words{"global"}));
    EXPECT_EQ(read("# all of it \"\n")->words, Words{});
    EXPECT_EQ(read("a \\#b '#c' \"#d\" #e\n")->words, (Words{"a", "#b", "#c", "#d"}));
}

TEST(Line, CarriageReturnEndsLine) {
    auto line = read("daemon\r\nnext\n");
    EXPECT_EQ(line->words, (Words{"daemon"}));
    EXPECT_EQ(line->consumed, 8u);
    EXPECT_TRUE(line->problems.empty());
}

TEST(Line, Backslashes) {
    EXPECT_EQ(read("a\\ b \\\\ \\' \\\" \\x41\\x4a\n")->words,
              (Words{"a b", "\\", "'", "\"", "AJ"}));
    EXPECT_EQ(read("\\t\\n\\r\n")->words, (Words{"\t\n\r"}));
    // What has no meaning stays as it is; there is no line continuation.
    EXPECT_EQ(read("a\\qb \\\n")->words, (Words{"a\\qb", "\\"}));
}

TEST(Line, WeakQuotes) {
    EXPECT_EQ(read("x\"a b\"y \"it's\" \"\\\"\" \"\"\n")->words,
              (Words{"xa by", "it's", "\"", ""}));
    EXPECT_EQ(read("\"a\\ b\\\\c\\q\"\n")->words, (Words{"a b\\c\\q"}));
}

TEST(Line, StrongQuotesTakeEverything) {
    EXPECT_EQ(read("'a b\\x41\"$HOME\\'\n")->words, (Words{"a b\\x41\"$HOME\\"}));
}

TEST(Line, VariablesOnlyInWeakQuotes) {
    Fixed variables;
    variables.known = {{"A", "one two"}, {"E", ""}};
    EXPECT_EQ(read("$A '$A' \"$A\" \"${A}x\" \"\\$A\"\n", variables)->words,
              (Words{"$A", "$A", "one two", "one twox", "$A"}));
    EXPECT_EQ(read("\"$NONE\" \"${NONE-a b}\" \"${A-no}\" \"${E-no}\"\n", variables)->words,
              (Words{"", "a b", "one two", ""}));
}

TEST(Line, ListVariablesBecomeWords) {
    Fixed variables;
    variables.known = {{"L", "a b  c"}};
    EXPECT_EQ(read("x\"${L[*]}\"y z\n", variables)->words, (Words{"xa", "b", "cy", "z"}));
}

TEST(Line, SpansAreWhatWasWritten) {
    auto line = read("  a \"b c\" d\\ e\n");
    const auto* words = line->document.words.data();
    EXPECT_EQ(words[0].span.begin, 2u);
    EXPECT_EQ(words[1].span.begin, 4u);
    EXPECT_EQ(words[1].span.length, 5u);
    EXPECT_TRUE(words[1].quoted);
    EXPECT_EQ(words[2].span.begin, 10u);
    EXPECT_EQ(words[2].span.length, 4u);
}

TEST(Line, PlainWordsPointIntoTheSource) {
    std::string_view text = "server s1 10.0.0.1:80\n";
    auto line = read(text);
    EXPECT_TRUE(line->document.arena.empty());
    EXPECT_EQ(line->document.words[2].text.data(), text.data() + 10);
}

std::string first_problem(std::string_view text) {
    auto line = read(text);
    if (line->problems.empty()) return "";
    const auto& problem = line->problems[0];
    return std::to_string(problem.begin) + "+" + std::to_string(problem.length) + " " + problem.id;
}

TEST(Line, ProblemsHavePlaces) {
    EXPECT_EQ(first_problem("a \"bc\n"), "2+1 unmatched-quote");
    EXPECT_EQ(first_problem("a 'bc\n"), "2+1 unmatched-quote");
    EXPECT_EQ(first_problem("a \\x4z\n"), "2+4 bad-escape");
    EXPECT_EQ(first_problem("a \"$1\"\n"), "3+1 bad-variable");
    EXPECT_EQ(first_problem("a \"${B\"\n"), "3+3 unmatched-brace");
    EXPECT_EQ(first_problem(std::string_view("a b\0c\n", 6)), "3+1 nul-byte");
    EXPECT_EQ(first_problem("daemon"), "5+1 no-final-newline");
}

TEST(Line, NoMoreThan64Words) {
    std::string text;
    for (int i = 0; i < 70; ++i) text += "w ";
    auto line = read(text + "\n");
    EXPECT_EQ(line->words.size(), 64u);
    ASSERT_EQ(line->problems.size(), 1u);
    EXPECT_EQ(line->problems[0].begin, 128u);
}

TEST(Line, AnyLength) {
    std::string text = "a " + std::string(100000, 'x') + "\n";
    auto line = read(text);
    ASSERT_EQ(line->words.size(), 2u);
    EXPECT_EQ(line->words[1].size(), 100000u);
}

// ------------------------------------------------------------------------------- expressions

TEST(Chain, FetchAndConverters) {
    auto chain = parse_chain("req.hdr(host,-1),lower,field(1,:)");
    ASSERT_TRUE(chain);
    ASSERT_EQ(chain->calls.size(), 3u);
    EXPECT_EQ(chain->calls[0].name, "req.hdr");
    EXPECT_EQ(chain->calls[0].args[1].text, "-1");
    EXPECT_EQ(chain->calls[1].name, "lower");
    EXPECT_EQ(chain->calls[1].at, 17u);
    EXPECT_EQ(chain->calls[2].args[1].text, ":");
    EXPECT_EQ(chain->length, 33u);
}

TEST(Chain, ArgumentsHaveTheirOwnQuotes) {
    auto chain = parse_chain("path,regsub(\"(a|b)\",'x,y',g)");
    ASSERT_TRUE(chain);
    ASSERT_EQ(chain->calls[1].args.size(), 3u);
    EXPECT_EQ(chain->calls[1].args[0].text, "(a|b)");
    EXPECT_EQ(chain->calls[1].args[1].text, "x,y");
    auto escaped = parse_chain("str(a\\,b\\\\1)");
    ASSERT_TRUE(escaped);
    EXPECT_EQ(escaped->calls[0].args[0].text, "a\\");
}

TEST(Chain, StopsWhereItEnds) {
    auto chain = parse_chain("src] rest");
    ASSERT_TRUE(chain);
    EXPECT_EQ(chain->length, 3u);
    EXPECT_FALSE(parse_chain("req.hdr(host"));
    EXPECT_FALSE(parse_chain("path,"));
    EXPECT_FALSE(parse_chain(""));
}

TEST(LogFormat, Pieces) {
    using Kind = ast::FormatPiece::Kind;
    auto pieces = parse_log_format("%ci:%cp [%tr] %{+Q}r %% %{-E}[src,lower]x");
    ASSERT_TRUE(pieces);
    std::vector<Kind> kinds;
    for (const auto& piece : *pieces) kinds.push_back(piece.kind);
    EXPECT_EQ(kinds,
              (std::vector<Kind>{Kind::variable, Kind::literal, Kind::variable, Kind::literal,
                                 Kind::variable, Kind::literal, Kind::variable, Kind::literal,
                                 Kind::literal, Kind::literal, Kind::expression, Kind::literal}));
    EXPECT_EQ((*pieces)[6].flags, "+Q");
    EXPECT_EQ((*pieces)[8].text, "%");
    EXPECT_EQ((*pieces)[10].chain.calls.size(), 2u);
}

TEST(LogFormat, SaysWhereItBreaks) {
    auto open = parse_log_format("abc %[src");
    ASSERT_FALSE(open);
    EXPECT_EQ(open.error().at, 9u);
    EXPECT_FALSE(parse_log_format("a % b"));
    EXPECT_FALSE(parse_log_format("%[]"));
}

TEST(Conditional, Precedence) {
    using Op = ast::Conditional::Op;
    auto parsed = parse_conditional("a && !b || (c || d(x,y)) && 1");
    ASSERT_TRUE(parsed);
    ASSERT_EQ(parsed->op, Op::any_of);
    ASSERT_EQ(parsed->in.size(), 2u);
    EXPECT_EQ(parsed->in[0].op, Op::all_of);
    EXPECT_EQ(parsed->in[0].in[1].op, Op::negate);
    EXPECT_EQ(parsed->in[1].in[0].op, Op::any_of);
    EXPECT_FALSE(parse_conditional("a &&"));
    EXPECT_FALSE(parse_conditional("a b"));
    EXPECT_FALSE(parse_conditional("(a"));
    EXPECT_FALSE(parse_conditional("!"));
}

}  // namespace
}  // namespace weir::haproxy
