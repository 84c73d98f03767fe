// SPDX-License-Identifier: Apache-2.0
// Which lines are URLs that can be asked for.
#include "runtime/process/warm.hpp"

#include <gtest/gtest.h>

namespace weir::process {
namespace {

std::string parts(std::string_view text) {
    WarmUrl url;
    if (!read_url(text, url)) return "-";
    return url.host + " " + url.target + " " + url.name + " " + std::to_string(url.port);
}

TEST(Warm, urls) {
    EXPECT_EQ(parts("http://a/b?c"), "a /b?c a 80");
    EXPECT_EQ(parts("HTTP://a:8080"), "a:8080 / a 8080");
    EXPECT_EQ(parts("http://a?x=1#part"), "a /?x=1 a 80");
    EXPECT_EQ(parts("http://[::1]:81/x"), "[::1]:81 /x ::1 81");
    EXPECT_EQ(parts("http://[::1]/x"), "[::1] /x ::1 80");
    for (const char* text : {"", "a/b", "https://a/", "http://", "http:///x", "http://a:/", "http://a:0/", "http://a:99999/",
                             "http://a:8x/", "http://u@a/", "http://a/b c", "http://a/\x01"})
        EXPECT_EQ(parts(text), "-") << text;
}

}  // namespace
}  // namespace weir::process
