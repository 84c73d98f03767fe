// SPDX-License-Identifier: Apache-2.0
// Maps of HAProxy's converters: which entry counts for each way of comparing, what values are, and
// when there is none.
#include "runtime/route/file_map.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using How = ir::PatternSet::How;

struct FileMapTest : testing::Test {
    BenchSubject bench{false};

    ir::Map& map(How how, std::vector<std::pair<std::string, std::string>> lines) {
        auto& made = bench.config.maps.emplace_back();
        made.compared = how;
        made.has_fallback = false;
        for (auto& [key, value] : lines) {
            ir::Map::Entry entry;
            entry.key = key;
            entry.value = ir::Text::of(value);
            made.entries.push_back(std::move(entry));
        }
        return made;
    }
    // The value for the text, in the map made last.
    std::string find(const std::string& key) {
        ir::Expr expr;
        expr.op = ir::Expr::Op::map;
        expr.number = static_cast<std::int64_t>(bench.config.maps.size()) - 1;
        expr.in.push_back(text(key));
        return bench.show(expr);
    }
};

TEST_F(FileMapTest, WholeTexts) {
    map(How::equal, {{"/a", "1"}, {"/b", "2"}, {"/a", "3"}});
    EXPECT_EQ(find("/a"), "1");
    EXPECT_EQ(find("/A"), "(none)");
    EXPECT_EQ(find("/a/"), "(none)");
}

TEST_F(FileMapTest, TheLongestBeginning) {
    map(How::prefix, {{"/", "root"}, {"/a/b", "ab"}, {"/a", "a"}});
    EXPECT_EQ(find("/a/bc"), "ab");
    EXPECT_EQ(find("/a/"), "a");
    EXPECT_EQ(find("/x"), "root");
    EXPECT_EQ(find(""), "(none)");
}

TEST_F(FileMapTest, EndingsInTheOrderOfTheFile) {
    map(How::suffix, {{"g", "letter"}, {".png", "picture"}});
    EXPECT_EQ(find("/x.png"), "letter");
    EXPECT_EQ(find("/x.gif"), "(none)");
}

TEST_F(FileMapTest, PartsBetweenDelimiters) {
    map(How::domain, {{"example.com", "whole"}, {"test", "part"}});
    EXPECT_EQ(find("www.example.com"), "whole");
    EXPECT_EQ(find("a.test:80"), "part");
    EXPECT_EQ(find("contest.org"), "(none)");
}

TEST_F(FileMapTest, RegexesAndTheirGroups) {
    auto& made = map(How::regex, {{"^/u/([0-9]+)", "user \\1, not \\2"}, {"^/u/", "other"}});
    EXPECT_EQ(find("/u/42"), "user \\1, not \\2");
    EXPECT_EQ(find("/u/x"), "other");
    made.fills_groups = true;
    bench.library.reset();
    EXPECT_EQ(find("/u/42"), "user 42, not ");
}

TEST_F(FileMapTest, TheNarrowestNetwork) {
    auto& made = map(How::network, {{"10.0.0.0/8", "wide"}, {"10.1.0.0/16", "narrow"}});
    made.entries[0].network = {ip4(10, 0, 0, 0), 8};
    made.entries[1].network = {ip4(10, 1, 0, 0), 16};
    EXPECT_EQ(find("10.1.2.3"), "narrow");
    EXPECT_EQ(find("10.2.2.3"), "wide");
    EXPECT_EQ(find("11.0.0.1"), "(none)");
}

TEST_F(FileMapTest, ADefaultIsForKeysThatAreNotThere) {
    auto& made = map(How::integer, {{"10:20", "7"}});
    made.entries[0].range = {10, 20};
    made.output = ir::Type::integer;
    made.has_fallback = true;
    made.fallback = ir::Text::of("99");
    EXPECT_EQ(find("15"), "7");
    EXPECT_EQ(find("21"), "99");
    EXPECT_EQ(find("no number"), "99") << "it counts as 0";
    EXPECT_EQ(find(""), "(none)") << "what cannot be looked up has no value at all";
}

}  // namespace
}  // namespace weir::route
