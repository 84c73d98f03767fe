// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h2_request.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

namespace {

using namespace weir::http;
using weir::Arena;
using Pair = std::pair<std::string_view, std::string_view>;

struct Built {
    Arena arena;
    RequestHead head;
    ParseResult result;
};

H2Rules nginx_rules() { return {}; }
H2Rules haproxy_rules() {
    H2Rules rules;
    rules.bounds.drop_invalid = rules.bounds.high_bytes = false;
    rules.absolute_targets = true;
    rules.needs_host = false;
    return rules;
}

void build(Built& built, std::initializer_list<Pair> fields, bool ends = true,
           const H2Rules& rules = nginx_rules()) {
    H2RequestBuilder builder(built.arena, built.head);
    for (const auto& [name, value] : fields) builder.add(name, value, rules);
    built.result = builder.finish(ends, rules);
}

std::string fields_of(const RequestHead& head) {
    std::string text;
    for (const auto& field : head.fields) {
        EXPECT_EQ(field.line, std::string(field.name) + ": " + std::string(field.value) + "\r\n");
        text += field.line;
    }
    return text;
}

TEST(H2Request, BecomesANeutralHead) {
    Built built;
    build(built, {{":method", "GET"}, {":scheme", "https"}, {":path", "/a?b=c"},
                  {":authority", "example.com:8443"}, {"accept", "*/*"}});
    ASSERT_EQ(built.result.status, ParseStatus::done) << built.result.why;
    const auto& head = built.head;
    EXPECT_EQ(head.method, Method::get);
    EXPECT_EQ(head.target, "/a?b=c");
    EXPECT_EQ(head.path, "/a");
    EXPECT_EQ(head.query, "b=c");
    EXPECT_EQ(head.authority, "example.com:8443");
    EXPECT_EQ(head.line, "GET /a?b=c HTTP/2.0");
    EXPECT_EQ(head.major, 2);
    EXPECT_FALSE(head.is_http10());
    EXPECT_EQ(head.framing, Framing::none);
    EXPECT_EQ(fields_of(head), "host: example.com:8443\r\naccept: */*\r\n");
}

TEST(H2Request, HasAnAbsoluteTargetWhereTheDialectShowsOne) {
    Built built;
    build(built, {{":method", "GET"}, {":scheme", "https"}, {":path", "/a"}, {":authority", "b"}},
          true, haproxy_rules());
    EXPECT_EQ(built.head.target, "https://b/a");
    EXPECT_TRUE(built.head.absolute_form && built.head.made_target);
    EXPECT_EQ(built.head.path, "/a");
}

TEST(H2Request, JoinsTheCrumbsOfACookie) {
    Built built;
    build(built, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"},
                  {"cookie", "a=b"}, {"x", "y"}, {"cookie", "c=d"}, {"cookie", ""}});
    EXPECT_EQ(fields_of(built.head), "host: a\r\ncookie: a=b; c=d; \r\nx: y\r\n");
}

TEST(H2Request, TellsHowTheBodyIsFramed) {
    for (bool ends : {false, true}) {
        Built built;
        build(built, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}},
              ends);
        EXPECT_EQ(built.head.framing, ends ? Framing::none : Framing::chunked);
    }
    Built sized;
    build(sized, {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"},
                  {"content-length", "12"}}, false);
    EXPECT_EQ(sized.head.framing, Framing::length);
    EXPECT_EQ(sized.head.length, 12U);
}

TEST(H2Request, TurnsAWebSocketIntoAnUpgrade) {
    Built built;
    build(built, {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"},
                  {":path", "/chat"}, {":authority", "a"}, {"sec-websocket-version", "13"}}, false);
    ASSERT_EQ(built.result.status, ParseStatus::done) << built.result.why;
    EXPECT_EQ(built.head.method_text, "GET");
    EXPECT_TRUE(built.head.wants_upgrade);
    EXPECT_EQ(built.head.framing, Framing::none);
    ASSERT_TRUE(built.head.fields.find("sec-websocket-key"));
    EXPECT_EQ(built.head.fields.find("sec-websocket-key")->value.size(), 24U);
}

// The server would take the first bytes of the tunnel for the body of a GET.
TEST(H2Request, RefusesAWebSocketWithALength) {
    for (std::string_view length : {"12", "0"}) {
        Built built;
        build(built, {{":method", "CONNECT"}, {":protocol", "websocket"}, {":scheme", "http"},
                      {":path", "/chat"}, {":authority", "a"}, {"content-length", length}}, false);
        EXPECT_EQ(built.result.status, ParseStatus::bad) << length;
    }
}

TEST(H2Request, DropsNamesAsTheSettingsSay) {
    Built built;
    build(built, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"},
                  {"x_y", "1"}, {"x!", "2"}, {"x-z", "3"}});
    EXPECT_EQ(fields_of(built.head), "host: a\r\nx-z: 3\r\n");
}

TEST(H2Request, RefusesWhatHttp1WouldReadOtherwise) {
    struct Case {
        const char* about;
        Pair field;
    };
    const Case cases[] = {
        {"a line end in a value", {"x", "a\r\nb: c"}},
        {"a NUL", {"x", std::string_view("a\0b", 3)}},
        {"a blank in a name", {"x y", "z"}},
        {"upper case", {"Xy", "z"}},
        {"a field of the connection", {"connection", "x"}},
        {"a coding", {"transfer-encoding", "chunked"}},
        {"TE", {"te", "gzip"}},
        {"a late pseudo-header", {":path", "/"}},
        {"a second host", {"host", "b"}},
        {"a length that is none", {"content-length", "1 "}},
    };
    for (const auto& one : cases) {
        Built built;
        build(built, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"},
                      {"first", "1"}, one.field});
        EXPECT_EQ(built.result.status, ParseStatus::bad) << one.about;
        EXPECT_EQ(built.head.line, "GET / HTTP/2.0") << one.about;
    }
}

TEST(H2Request, LeavingAPortOutMendsNoName) {
    for (auto authority : {"a::", "a::80", "[::1]x:", "a:b:80"}) {
        Built connect, get;
        build(connect, {{":method", "CONNECT"}, {":authority", authority}}, true, haproxy_rules());
        EXPECT_EQ(connect.result.status, ParseStatus::bad) << authority;
        build(get, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", authority}}, true,
              haproxy_rules());
        EXPECT_EQ(get.result.status, ParseStatus::bad) << authority;
    }
    for (auto authority : {"a:", "a:80", "[::1]:80", "[::1]"}) {
        Built built;
        build(built, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", authority}}, true,
              haproxy_rules());
        EXPECT_EQ(built.result.status, ParseStatus::done) << authority << ": " << built.result.why;
        EXPECT_EQ(built.head.authority, *authority == '[' ? "[::1]" : "a");
    }
    Built tunnel;
    build(tunnel, {{":method", "CONNECT"}, {":authority", "a:80"}}, false, haproxy_rules());
    EXPECT_EQ(tunnel.head.authority, tunnel.head.path);
}

TEST(H2Request, KeepsToTheLimits) {
    H2Rules rules;
    rules.bounds.max_line = 100;
    rules.bounds.max_head = 300;
    rules.bounds.max_fields = 3;
    std::string text(101, 'x');
    Built line, head, many;
    build(line, {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {"x", text}}, true, rules);
    EXPECT_EQ(line.result.status, ParseStatus::field_too_long);
    text.resize(90);
    build(head, {{":method", "GET"}, {"a", text}, {"b", text}, {"c", text}, {"d", text}}, true, rules);
    EXPECT_EQ(head.result.status, ParseStatus::field_too_long);
    build(many, {{":method", "GET"}, {"a", ""}, {"b", ""}, {"c", ""}, {"d", ""}, {"e", ""},
                 {"f", ""}, {"g", ""}}, true, rules);
    EXPECT_EQ(many.result.status, ParseStatus::too_many_fields);
}

}  // namespace
