// SPDX-License-Identifier: Apache-2.0
// Targets that a request computes, taken apart.
#include "runtime/forward/computed.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace weir::forward {
namespace {

constexpr auto http = ir::Pool::Kind::http;
constexpr auto stream = ir::Pool::Kind::stream;

struct Case {
    const char* text;
    ir::Pool::Kind kind;
    const char* authority;
    const char* host;
    int port;           // 0: none
    const char* uri;
};

TEST(Computed, IsTakenApart) {
    const Case cases[] = {
        {"http://pool", http, "pool", "pool", 0, ""},
        {"HTTP://pool/", http, "pool", "pool", 0, "/"},
        {"http://10.0.0.1:8080/a?b", http, "10.0.0.1:8080", "10.0.0.1", 8080, "/a?b"},
        {"http://name:80/x", http, "name", "name", 80, "/x"},
        {"https://name:443/x", http, "name", "name", 443, "/x"},
        {"https://name:80/x", http, "name:80", "name", 80, "/x"},
        {"http://name:443", http, "name:443", "name", 443, ""},
        {"http://name?x=1", http, "name", "name", 0, "/?x=1"},
        {"http://[::1]:81/", http, "[::1]:81", "::1", 81, "/"},
        {"http://[2001:db8::1]", http, "[2001:db8::1]", "2001:db8::1", 0, ""},
        {"db.internal:5432", stream, "db.internal:5432", "db.internal", 5432, ""},
        {"pool", stream, "pool", "pool", 0, ""},
    };
    for (const auto& one : cases) {
        Arena arena;
        auto target = parse_computed(one.text, one.kind, arena);
        EXPECT_EQ(target.problem, nullptr) << one.text;
        EXPECT_EQ(target.authority, one.authority) << one.text;
        EXPECT_EQ(target.host, one.host) << one.text;
        EXPECT_EQ(target.has_port ? target.port : 0, one.port) << one.text;
        EXPECT_EQ(target.uri, one.uri) << one.text;
        EXPECT_EQ(target.tls, std::string_view(one.text).starts_with("https")) << one.text;
    }
}

TEST(Computed, SocketsHaveAPathAndPerhapsAUri) {
    Arena arena;
    auto bare = parse_computed("http://unix:/run/app.sock", http, arena);
    EXPECT_EQ(bare.path, "/run/app.sock");
    EXPECT_EQ(bare.authority, "localhost");
    EXPECT_TRUE(bare.uri.empty());
    auto with_uri = parse_computed("http://unix:/run/app.sock:/base?x", http, arena);
    EXPECT_EQ(with_uri.path, "/run/app.sock");
    EXPECT_EQ(with_uri.uri, "/base?x");
    EXPECT_EQ(parse_computed("unix:/run/db.sock", stream, arena).path, "/run/db.sock");
}

TEST(Computed, WhatIsNoneSaysWhy) {
    Arena arena;
    for (auto text : {"", "pool", "ftp://x", "https://", "http://", "http:///x", "http://x:",
                      "http://x:0", "http://x:99999", "http://x:8a", "http://[::1", "http://[::1]8",
                      "http://unix:", "http://http://x"})
        EXPECT_NE(parse_computed(text, http, arena).problem, nullptr) << text;
}

}  // namespace
}  // namespace weir::forward
