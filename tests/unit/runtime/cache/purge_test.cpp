// SPDX-License-Identifier: Apache-2.0
// What a purge is about.
#include "runtime/cache/purge.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::cache {
namespace {

std::vector<std::string> tags_of(std::string_view value) {
    std::vector<std::string> tags;
    each_tag(value, [&](std::string_view tag) { tags.emplace_back(tag); });
    return tags;
}

TEST(Purge, tags_stand_apart) {
    using Tags = std::vector<std::string>;
    EXPECT_EQ(tags_of(""), Tags());
    EXPECT_EQ(tags_of(" , ,"), Tags());
    EXPECT_EQ(tags_of("a"), Tags{"a"});
    EXPECT_EQ(tags_of(" a,b c\t,d "), (Tags{"a", "b", "c", "d"}));
}

TEST(Purge, by_key_begin_and_tag) {
    constexpr std::string_view head = "HTTP/1.1 200 OK\r\ncache-tag: one, two\r\nSurrogate-Key: three\r\nX: four\r\n\r\n";
    EXPECT_TRUE(is_purged_by("=/a", "/a", head));
    EXPECT_FALSE(is_purged_by("=/a", "/ab", head));
    EXPECT_TRUE(is_purged_by("^/a", "/ab", head));
    EXPECT_TRUE(is_purged_by("^", "/ab", head));
    EXPECT_FALSE(is_purged_by("^/b", "/ab", head));
    for (const char* purge : {"#one", "#two", "#three"}) EXPECT_TRUE(is_purged_by(purge, "/", head)) << purge;
    for (const char* purge : {"#four", "#on", "#One", "#", "", "?one"}) EXPECT_FALSE(is_purged_by(purge, "/", head)) << purge;
}

}  // namespace
}  // namespace weir::cache
