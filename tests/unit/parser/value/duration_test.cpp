// SPDX-License-Identifier: Apache-2.0
// What was accepted and refused here was tried with nginx 1.22.1 and HAProxy 2.6.12.
#include "parser/value/value.hpp"

namespace {

using weir::value::NginxTime;

std::int64_t nginx(std::string_view text, NginxTime precision = NginxTime::milliseconds) {
    auto parsed = weir::value::parse_nginx_duration(text, precision);
    return parsed ? parsed->count() : -1;
}

std::int64_t haproxy(std::string_view text) {
    auto parsed = weir::value::parse_haproxy_duration(text);
    return parsed ? parsed->count() : -1;
}

TEST(NginxDuration, TakesUnitsFromLargeToSmall) {
    EXPECT_EQ(nginx("30"), 30000);
    EXPECT_EQ(nginx("0"), 0);
    EXPECT_EQ(nginx("500ms"), 500);
    EXPECT_EQ(nginx("1s500ms"), 1500);
    EXPECT_EQ(nginx("1h30m"), 5400000);
    EXPECT_EQ(nginx("1h 30m"), 5400000);
    EXPECT_EQ(nginx("1h30"), 3630000);
    EXPECT_EQ(nginx("1h "), 3600000);
    EXPECT_EQ(nginx("1w2d"), 777600000);
    EXPECT_EQ(nginx("1ms1"), 1001);
    EXPECT_EQ(nginx("30 "), 30000);
}

TEST(NginxDuration, RefusesWhatNginxRefuses) {
    for (auto text : {"", "30m1h", "1.5s", "30 s", " 1h", "1s1s", "1d1d", "s", "1S", "1Ms", "-1", "+5",
                      "99999999999999999", "9223372036854775807w", "1x", "1ms1ms"})
        EXPECT_EQ(nginx(text), -1) << text;
}

TEST(NginxDuration, MonthsAndYearsOnlyInSeconds) {
    EXPECT_EQ(nginx("1y"), -1);
    EXPECT_EQ(nginx("1M"), -1);
    EXPECT_EQ(nginx("1y", NginxTime::seconds), 31536000000);
    EXPECT_EQ(nginx("2y1M", NginxTime::seconds), 65664000000);
    EXPECT_EQ(nginx("30", NginxTime::seconds), 30000);
    EXPECT_EQ(nginx("500ms", NginxTime::seconds), -1);
    EXPECT_EQ(nginx("1m30s", NginxTime::seconds), 90000);
}

TEST(HaproxyDuration, OneNumberAndUnit) {
    EXPECT_EQ(haproxy("30"), 30);
    EXPECT_EQ(haproxy("30s"), 30000);
    EXPECT_EQ(haproxy("500ms"), 500);
    EXPECT_EQ(haproxy("1500us"), 2);
    EXPECT_EQ(haproxy("1us"), 1);
    EXPECT_EQ(haproxy("05s"), 5000);
    EXPECT_EQ(haproxy("24d"), 2073600000);
    EXPECT_EQ(haproxy("2147483647"), 2147483647);
}

TEST(HaproxyDuration, IgnoresWhatFollowsTheUnit) {
    EXPECT_EQ(haproxy("1h30m"), 3600000);
    EXPECT_EQ(weir::value::haproxy_duration_extent("1h30m"), 2U);
    EXPECT_EQ(weir::value::haproxy_duration_extent("10ms"), 4U);
    EXPECT_EQ(weir::value::haproxy_duration_extent("10"), 2U);
}

TEST(HaproxyDuration, RefusesWhatHaproxyRefuses) {
    for (auto text : {"", "25d", "2147483648", "2147484s", "1.5s", "-1", "+1", "1x", "1S", "s", "1 s",
                      "99999999999999999999"})
        EXPECT_EQ(haproxy(text), -1) << text;
}

}  // namespace
