// SPDX-License-Identifier: Apache-2.0
#include "parser/base/source.hpp"

namespace {

using weir::SourceMap;
using weir::Span;

TEST(SourceMap, LinesAndColumnsCountFromOne) {
    SourceMap map;
    auto file = map.add("a.conf", "one\ntwo three\r\n\nlast");
    EXPECT_EQ(map.position(file, 0).line, 1U);
    EXPECT_EQ(map.position(file, 0).column, 1U);
    EXPECT_EQ(map.position(file, 8).line, 2U);
    EXPECT_EQ(map.position(file, 8).column, 5U);
    EXPECT_EQ(map.line(file, 8), "two three");
    EXPECT_EQ(map.line(file, 15), "");
    EXPECT_EQ(map.line(file, 16), "last");
    EXPECT_EQ(map.text({file, 8, 5}), "three");
}

TEST(SourceMap, OffsetsBeyondTheEndAreHarmless) {
    SourceMap map;
    auto file = map.add("a.conf", "ab");
    EXPECT_EQ(map.position(file, 99).line, 1U);
    EXPECT_EQ(map.line(file, 99), "ab");
    EXPECT_EQ(map.text({file, 99, 5}), "");
    EXPECT_EQ(map.text({file, 1, 99}), "b");
    EXPECT_EQ(map.text(Span{}), "");
    auto empty = map.add("b.conf", "");
    EXPECT_EQ(map.line(empty, 0), "");
    EXPECT_EQ(map.position(empty, 0).column, 1U);
}

TEST(SourceMap, IncludesComeWhereTheyStand) {
    SourceMap map;
    auto top = map.add("top", "a include x; b");
    auto inner = map.add("x", "c d", Span{top, 2, 9});
    EXPECT_TRUE(map.before({top, 0, 1}, {inner, 0, 1}));
    EXPECT_TRUE(map.before({inner, 2, 1}, {top, 13, 1}));
    EXPECT_TRUE(map.before({inner, 0, 1}, {inner, 2, 1}));
    EXPECT_TRUE(map.before({top, 2, 7}, {inner, 0, 1}));
    EXPECT_FALSE(map.before({inner, 0, 1}, {inner, 0, 1}));
    EXPECT_TRUE(map.before(Span{}, {top, 0, 1}));
    EXPECT_FALSE(map.before(Span{}, Span{}));
}

TEST(Span, ReachesToItsEnd) {
    Span first{0, 4, 2}, last{0, 10, 3};
    EXPECT_EQ(first.to(last).begin, 4U);
    EXPECT_EQ(first.to(last).length, 9U);
    EXPECT_FALSE(Span{}.known());
}

}  // namespace
