// SPDX-License-Identifier: Apache-2.0
// What answers say about being kept, and variants.
#include "runtime/cache/freshness.hpp"

#include <gtest/gtest.h>

namespace weir::cache {
namespace {

constexpr std::int64_t now = 1'000'000'000;   // Sun, 09 Sep 2001 01:46:40 GMT

class Freshness : public ::testing::Test {
protected:
    Lifetime life(std::initializer_list<std::pair<std::string_view, std::string_view>> list, Ignored ignored = {}) {
        http::FieldList fields;
        for (const auto& [name, value] : list) fields.add(arena_, name, value);
        return read_lifetime(fields, ignored, now);
    }
    Digest variant(std::string_view vary,
                   std::initializer_list<std::pair<std::string_view, std::string_view>> list) {
        http::FieldList fields;
        for (const auto& [name, value] : list) fields.add(arena_, name, value);
        return variant_of(digest_of("key"), vary, fields, arena_);
    }
    Arena arena_;
};

TEST_F(Freshness, NothingSaidLeavesItToTheConfiguration) {
    auto said = life({{"Content-Type", "a/b"}});
    EXPECT_TRUE(said.may_be_kept);
    EXPECT_EQ(said.until, 0);
}

TEST_F(Freshness, CacheControlGivesAnAge) {
    EXPECT_EQ(life({{"Cache-Control", "public, max-age=60"}}).until, now + 60);
    EXPECT_EQ(life({{"Cache-Control", "MAX-AGE=\"60\""}}).until, now + 60);
    EXPECT_EQ(life({{"Cache-Control", "max-age=1"}, {"Cache-Control", "s-maxage=99"}}).until, now + 99);
    EXPECT_EQ(life({{"Cache-Control", "max-age=99999999999999999999"}}).until, now + (std::int64_t{1} << 31));
}

TEST_F(Freshness, CacheControlForbids) {
    for (auto value : {"no-cache", "no-store", "private", "max-age=0", "max-age=", "max-age=x", "max-age=-1",
                       "no-cache=\"a, b\", max-age=60", "s-maxage=0, max-age=60"})
        EXPECT_FALSE(life({{"Cache-Control", value}}).may_be_kept) << value;
    // A quoted comma ends no member, and a longer name is another one.
    EXPECT_TRUE(life({{"Cache-Control", "x=\"a, no-store\", max-age=5"}}).may_be_kept);
    EXPECT_TRUE(life({{"Cache-Control", "private-ish, max-age=5"}}).may_be_kept);
}

TEST_F(Freshness, StaleExtensions) {
    auto said = life({{"Cache-Control", "max-age=1, stale-while-revalidate=20, stale-if-error=30"}});
    EXPECT_EQ(said.stale_updating, 20);
    EXPECT_EQ(said.stale_on_error, 30);
}

TEST_F(Freshness, Expires) {
    EXPECT_EQ(life({{"Expires", "Sun, 09 Sep 2001 01:47:40 GMT"}}).until, now + 60);
    EXPECT_FALSE(life({{"Expires", "Sun, 09 Sep 2001 01:45:40 GMT"}}).may_be_kept);
    EXPECT_FALSE(life({{"Expires", "0"}}).may_be_kept);
    auto both = life({{"Expires", "0"}, {"Cache-Control", "max-age=7"}});
    EXPECT_TRUE(both.may_be_kept);
    EXPECT_EQ(both.until, now + 7);
}

TEST_F(Freshness, AccelExpiresWins) {
    EXPECT_EQ(life({{"Cache-Control", "no-store"}, {"X-Accel-Expires", "9"}}).until, now + 9);
    EXPECT_TRUE(life({{"Cache-Control", "no-store"}, {"X-Accel-Expires", "9"}}).may_be_kept);
    EXPECT_EQ(life({{"X-Accel-Expires", "@1000000005"}}).until, now + 5);
    EXPECT_FALSE(life({{"X-Accel-Expires", "0"}, {"Cache-Control", "max-age=7"}}).may_be_kept);
    EXPECT_EQ(life({{"X-Accel-Expires", "soon"}, {"Cache-Control", "max-age=7"}}).until, now + 7);
}

TEST_F(Freshness, CookiesAndVaryStarForbid) {
    EXPECT_FALSE(life({{"Set-Cookie", "a=b"}}).may_be_kept);
    EXPECT_FALSE(life({{"Vary", "Accept, *"}}).may_be_kept);
    EXPECT_TRUE(life({{"Vary", "Accept"}}).may_be_kept);
}

TEST_F(Freshness, IgnoredFieldsSayNothing) {
    Ignored all{true, true, true, true, true};
    auto said = life({{"Set-Cookie", "a=b"}, {"Vary", "*"}, {"Cache-Control", "no-store"}, {"Expires", "0"},
                      {"X-Accel-Expires", "0"}}, all);
    EXPECT_TRUE(said.may_be_kept);
    EXPECT_EQ(said.until, 0);
}

TEST_F(Freshness, VariantsAreTakenByValueNotByBlanks) {
    EXPECT_EQ(variant("Accept, X-B", {{"accept", "a, b"}}), variant("accept,x-b", {{"Accept", "a,b"}}));
    EXPECT_NE(variant("Accept", {{"Accept", "a"}}), variant("Accept", {{"Accept", "b"}}));
    EXPECT_NE(variant("Accept", {{"Accept", ""}}), variant("Accept", {{"Accept", "b"}}));
    // What one field ends with is not what the next begins with.
    EXPECT_NE(variant("A, B", {{"A", "x"}}), variant("A, B", {{"B", "x"}}));
}

TEST_F(Freshness, LongVaryIsTooMuch) {
    http::FieldList fields;
    fields.add(arena_, "Vary", arena_.copy(std::string(most_vary + 1, 'a')));
    EXPECT_EQ(vary_of(fields, arena_), "*");
    fields.clear();
    fields.add(arena_, "Vary", "A");
    fields.add(arena_, "Vary", "B");
    EXPECT_EQ(vary_of(fields, arena_), "a, b");
}

}  // namespace
}  // namespace weir::cache
