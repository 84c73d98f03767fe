// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/regex.hpp"

#include <gtest/gtest.h>

namespace weir {
namespace {

Regex make(std::string_view pattern, bool ignore_case = false) {
    auto regex = Regex::compile(pattern, ignore_case);
    EXPECT_TRUE(regex.has_value()) << pattern;
    return std::move(regex).value();
}

TEST(Regex, GroupsAreViewsIntoTheSubject) {
    auto regex = make("^/(\\d+)/(x)?(.*)$");
    std::string subject = "/42/rest";
    Regex::Match match;
    ASSERT_TRUE(regex.match(subject, match));
    EXPECT_EQ(match.count, 4u);
    EXPECT_EQ(match.group[1], "42");
    EXPECT_EQ(match.group[1].data(), subject.data() + 1);
    EXPECT_EQ(match.group[2].data(), nullptr);
    EXPECT_EQ(match.group[3], "rest");
    EXPECT_FALSE(regex.match("/x/", match));
    EXPECT_EQ(match.count, 0u);
}

TEST(Regex, NamesAndCase) {
    auto regex = make("(?<name>[a-z]+)-(?P<other>\\d)", true);
    ASSERT_EQ(regex.names().size(), 2u);
    EXPECT_EQ(regex.names()[0].name, "name");
    EXPECT_EQ(regex.names()[0].group, 1u);
    EXPECT_TRUE(regex.matches("ABC-1"));
    EXPECT_FALSE(make("abc").matches("ABC"));
}

TEST(Regex, AnErrorNamesItsPlace) {
    auto regex = Regex::compile("a(b", false);
    ASSERT_FALSE(regex.has_value());
    EXPECT_NE(regex.error().find("at offset 3"), std::string::npos) << regex.error();
}

TEST(Regex, EmptySubject) {
    EXPECT_TRUE(make("^$").matches({}));
    EXPECT_FALSE(make("x").matches({}));
}

TEST(Regex, MoreGroupsThanKept) {
    std::string pattern, subject;
    for (int i = 0; i < 40; ++i) pattern += "(a)", subject += 'a';
    Regex::Match match;
    ASSERT_TRUE(make(pattern).match(subject, match));
    EXPECT_EQ(match.count, Regex::most_groups);
}

TEST(Regex, AHostileInputEnds) {
    auto regex = make("^(a+)+$");
    EXPECT_FALSE(regex.matches(std::string(64, 'a') + "b"));
}

}  // namespace
}  // namespace weir
