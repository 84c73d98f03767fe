// SPDX-License-Identifier: Apache-2.0
#include "parser/value/value.hpp"

namespace {

using namespace weir::value;

TEST(NginxSize, TakesPowersOf1024) {
    EXPECT_EQ(*parse_nginx_size("1"), 1U);
    EXPECT_EQ(*parse_nginx_size("8k"), 8192U);
    EXPECT_EQ(*parse_nginx_size("8K"), 8192U);
    EXPECT_EQ(*parse_nginx_size("10M"), 10485760U);
    EXPECT_EQ(*parse_nginx_size("1g"), 1073741824U);
    EXPECT_FALSE(parse_nginx_size("1g", false));
    for (auto text : {"", "1t", "-1", "1kb", "k", "9999999999999999999", "9007199254740992k", "1 k"})
        EXPECT_FALSE(parse_nginx_size(text)) << text;
}

TEST(HaproxySize, EndsBelow4G) {
    EXPECT_EQ(*parse_haproxy_size("3g"), 3221225472U);
    EXPECT_EQ(*parse_haproxy_size("4294967295"), 4294967295U);
    for (auto text : {"4g", "4294967296", "1kb", "x", "-1", ""})
        EXPECT_FALSE(parse_haproxy_size(text)) << text;
}

TEST(Number, CoversTheWholeRange) {
    EXPECT_EQ(*parse_number("-5"), -5);
    EXPECT_EQ(*parse_number("+5"), 5);
    EXPECT_EQ(*parse_number("05"), 5);
    EXPECT_EQ(*parse_number("9223372036854775807"), INT64_MAX);
    EXPECT_EQ(*parse_number("-9223372036854775808"), INT64_MIN);
    for (auto text : {"", "-", "5x", "9223372036854775808", "-9223372036854775809", "0x10", " 1"})
        EXPECT_FALSE(parse_number(text)) << text;
}

TEST(Regex, SaysWhatIsWrong) {
    EXPECT_TRUE(parse_regex("^/a(b|c)+$"));
    EXPECT_TRUE(parse_regex(""));
    auto broken = parse_regex("a(b");
    ASSERT_FALSE(broken);
    EXPECT_NE(broken.error().find("at character 4"), std::string::npos) << broken.error();
}

}  // namespace
