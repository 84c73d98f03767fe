// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/match.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using How = ir::PatternSet::How;

struct MatchTest : testing::Test {
    BenchSubject bench{false};
    bool on(const char* value, How how, std::vector<std::string> words, bool ignore_case = false) {
        return bench.holds(match(text(value), texts(how, std::move(words), ignore_case)));
    }
    // The same question to a set large enough for an index.
    bool in_many(const char* value, How how, std::vector<std::string> words,
                 bool ignore_case = false) {
        for (int i = 0; i < 100; ++i) words.push_back("filler-" + std::to_string(i) + "-relliF");
        return on(value, how, std::move(words), ignore_case);
    }
};

TEST_F(MatchTest, TextsSmallAndLarge) {
    for (bool many : {false, true}) {
        auto ask = [&](const char* value, How how, std::vector<std::string> words,
                       bool fold = false) {
            return many ? in_many(value, how, words, fold) : on(value, how, words, fold);
        };
        EXPECT_TRUE(ask("/abc", How::equal, {"/x", "/abc"}));
        EXPECT_FALSE(ask("/ABC", How::equal, {"/abc"}));
        EXPECT_TRUE(ask("/ABC", How::equal, {"/aBc"}, true));
        EXPECT_TRUE(ask("/abc/def", How::prefix, {"/abc", "/abc/x"}));
        EXPECT_TRUE(ask("/abc/def", How::prefix, {"/", "/abc/dee", "/abc/deg"}));
        EXPECT_FALSE(ask("/ab", How::prefix, {"/abc"}));
        EXPECT_TRUE(ask("a.PNG", How::suffix, {".png", ".jpg"}, true));
        EXPECT_FALSE(ask("a.png.x", How::suffix, {".png"}));
        EXPECT_TRUE(ask("xxadminyy", How::substring, {"admin"}));
        EXPECT_FALSE(ask("", How::substring, {"admin"}));
    }
}

TEST_F(MatchTest, DirectoriesAndDomains) {
    EXPECT_TRUE(on("/a/img/b", How::directory, {"img"}));
    EXPECT_TRUE(on("/a/img/b", How::directory, {"/img/"}));
    EXPECT_TRUE(on("/img", How::directory, {"img"}));
    EXPECT_TRUE(on("/a/b/c?x", How::directory, {"b/c"}));
    EXPECT_FALSE(on("/a/imgs/b", How::directory, {"img"}));
    EXPECT_TRUE(on("/imgs/img", How::directory, {"img"}));
    EXPECT_TRUE(on("www.example.com:80", How::domain, {"example.com"}));
    EXPECT_FALSE(on("www.myexample.com", How::domain, {"example.com"}));
}

TEST_F(MatchTest, NumbersAndLengths) {
    ir::PatternSet set;
    set.how = How::integer;
    set.ranges = {{10, 20}, {15, 30}, {INT64_MIN, -5}, {100, 100}};
    auto in = [&](std::int64_t value) { return bench.holds(match(number(value), set)); };
    EXPECT_TRUE(in(10));
    EXPECT_TRUE(in(30));
    EXPECT_FALSE(in(31));
    EXPECT_FALSE(in(-4));
    EXPECT_TRUE(in(-5));
    EXPECT_TRUE(in(100));
    EXPECT_TRUE(bench.holds(match(text("25 apples"), set)));
    set.how = How::length;
    EXPECT_TRUE(bench.holds(match(text("0123456789"), set)));
    EXPECT_FALSE(bench.holds(match(text("012"), set)));
}

TEST_F(MatchTest, Networks) {
    ir::PatternSet set;
    set.how = How::network;
    set.networks.push_back({ip4(10, 0, 0, 0), 8});
    set.networks.push_back({ip4(192, 168, 4, 0), 22});
    set.networks.push_back({ip4(192, 0, 2, 1), 32});
    IpAddress v6;
    ASSERT_TRUE([&] {
        v6.family = IpAddress::Family::v6;
        v6.bytes[0] = 0x20;
        v6.bytes[1] = 0x01;
        return true;
    }());
    set.networks.push_back({v6, 16});
    auto in = [&](const char* address) { return bench.holds(match(text(address), set)); };
    EXPECT_TRUE(in("10.255.1.2"));
    EXPECT_TRUE(in("192.168.7.255"));
    EXPECT_FALSE(in("192.168.8.0"));
    EXPECT_TRUE(in("192.0.2.1"));
    EXPECT_FALSE(in("192.0.2.2"));
    EXPECT_TRUE(in("2001:db8::1"));
    EXPECT_FALSE(in("2002::1"));
    EXPECT_TRUE(in("::ffff:10.1.1.1"));
    EXPECT_FALSE(in("nonsense"));
}

TEST_F(MatchTest, Files) {
    EXPECT_TRUE(on("/etc/passwd", How::file_exists, {}));
    EXPECT_FALSE(on("/etc", How::file_exists, {}));
    EXPECT_TRUE(on("/etc", How::dir_exists, {}));
    EXPECT_TRUE(on("/etc", How::any_exists, {}));
    EXPECT_TRUE(on("/bin/sh", How::executable, {}));
    EXPECT_FALSE(on("/nowhere", How::any_exists, {}));
}

TEST_F(MatchTest, ABadRegexIsAProblemOfTheLibrary) {
    EXPECT_FALSE(on("x", How::regex, {"("}));
    ASSERT_EQ(bench.made().problems().size(), 1u);
    EXPECT_NE(bench.made().problems()[0].text.find("regex \"(\""), std::string::npos);
}

}  // namespace
}  // namespace weir::route
