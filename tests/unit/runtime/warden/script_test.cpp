// SPDX-License-Identifier: Apache-2.0
// What a check sends, and what it says of an answer.
#include "runtime/warden/script.hpp"

#include <gtest/gtest.h>

#include "runtime/http/h1_codec.hpp"

namespace weir::warden {
namespace {

using Source = ir::HealthCheck::Step;
using Expect = Source::Expect;
using zone::CheckCode;

Source send(std::string method, std::string uri, std::string version) {
    Source step;
    step.what = Source::What::send;
    step.method = std::move(method);
    step.uri = std::move(uri);
    step.version = std::move(version);
    return step;
}

Source expect(Expect what, std::string pattern, bool negate = false) {
    Source step;
    step.what = Source::What::expect;
    step.expect = what;
    step.pattern = std::move(pattern);
    step.negate = negate;
    return step;
}

// A check with one expectation, run over an answer.
class Answer : public testing::Test {
protected:
    Finding examine_with(const Source& step, std::string_view body = "hello OK", bool whole = true) {
        ir::HealthCheck check;
        check.kind = ir::HealthCheck::Kind::http;
        check.steps = {step};
        auto script = Script::compile(check, nullptr);
        if (!script) {
            ADD_FAILURE() << script.error();
            return {};
        }
        http::ResponseHead head;
        std::uint32_t resume = 0;
        auto parsed = http::parse_response_head(bytes_, {}, arena_, http::Method::get, head, &resume);
        EXPECT_EQ(parsed.status, http::ParseStatus::done);
        auto finding = examine((*script)->steps.back(), head, body, whole);
        return finding;
    }
    std::string bytes_ = "HTTP/1.0 200 Fine\r\nX-K: abc\r\nX-K: def\r\nContent-Length: 8\r\n\r\n";
    Arena arena_;
};

TEST_F(Answer, Status) {
    EXPECT_EQ(examine_with(expect(Expect::status, "200-399")).kind, Finding::Kind::met);
    auto failed = examine_with(expect(Expect::status, "201,300-400"));
    EXPECT_EQ(failed.kind, Finding::Kind::failed);
    EXPECT_EQ(failed.code, CheckCode::l7_status);
    EXPECT_EQ(failed.text, "Fine");
    EXPECT_EQ(examine_with(expect(Expect::status, "500-599", true)).kind, Finding::Kind::met);
    EXPECT_EQ(examine_with(expect(Expect::status_regex, "^2")).kind, Finding::Kind::met);
    EXPECT_EQ(examine_with(expect(Expect::status_regex, "^2", true)).kind, Finding::Kind::failed);
}

TEST_F(Answer, Content) {
    EXPECT_EQ(examine_with(expect(Expect::text, "OK")).kind, Finding::Kind::met);
    auto failed = examine_with(expect(Expect::text, "NO"));
    EXPECT_EQ(failed.code, CheckCode::l7_invalid);
    EXPECT_EQ(failed.text, "HTTP content check did not match");
    failed = examine_with(expect(Expect::regex, "^hel+o", true));
    EXPECT_EQ(failed.text, "HTTP check matched unwanted content");
}

TEST_F(Answer, ContentThatIsNotAllThereYet) {
    EXPECT_EQ(examine_with(expect(Expect::text, "OK"), "hello", false).kind,
              Finding::Kind::undecided);
    EXPECT_EQ(examine_with(expect(Expect::text, "bad", true), "hello", false).kind,
              Finding::Kind::undecided);
    EXPECT_EQ(examine_with(expect(Expect::text, "hello"), "hello", false).kind, Finding::Kind::met);
    auto late = expect(Expect::text, "hello");
    late.min_receive = 6;
    EXPECT_EQ(examine_with(late, "hello", false).kind, Finding::Kind::undecided);
}

TEST_F(Answer, Field) {
    auto step = expect(Expect::header, "de");
    step.header_name = "x-k";
    step.compare = Source::Compare::prefix;
    EXPECT_EQ(examine_with(step).kind, Finding::Kind::met);   // the second of that name
    step.compare = Source::Compare::equal;
    EXPECT_EQ(examine_with(step).kind, Finding::Kind::failed);
    step.negate = true;
    EXPECT_EQ(examine_with(step).kind, Finding::Kind::met);
    step.negate = false;
    step.compare = Source::Compare::exists;
    step.header_name = "X-Missing";
    EXPECT_EQ(examine_with(step).kind, Finding::Kind::failed);
}

TEST_F(Answer, CommentAndOwnCodes) {
    auto step = expect(Expect::status, "500");
    step.comment = "my check";
    step.error_status = "L7RSP";
    auto finding = examine_with(step);
    EXPECT_EQ(finding.code, CheckCode::l7_invalid);
    EXPECT_EQ(finding.text, "Fine comment: my check");
}

TEST(Script, WhatIsLeftUnsaid) {
    ir::HealthCheck check;
    auto plain = Script::compile(check, nullptr);
    ASSERT_TRUE(plain);
    EXPECT_EQ((*plain)->steps.size(), 1u);
    EXPECT_FALSE((*plain)->expects);
    check.kind = ir::HealthCheck::Kind::http;
    auto http = Script::compile(check, nullptr);
    ASSERT_TRUE(http);
    ASSERT_EQ((*http)->steps.size(), 3u);
    EXPECT_EQ((*http)->steps[1].bytes, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_TRUE((*http)->steps[2].statuses.test(399));
    EXPECT_FALSE((*http)->steps[2].statuses.test(404));
}

TEST(Script, RequestAsHaproxyWritesIt) {
    ir::HealthCheck check;
    check.kind = ir::HealthCheck::Kind::http;
    check.steps = {send("POST", "/x", "HTTP/1.1")};
    check.steps[0].fields = {{"Host", ir::Text::of("foo")}, {"X-A", ir::Text::of("b")}};
    check.steps[0].text = ir::Text::of("abc");
    auto script = Script::compile(check, nullptr);
    ASSERT_TRUE(script);
    EXPECT_EQ((*script)->steps[1].bytes,
              "POST /x HTTP/1.1\r\nhost: foo\r\nx-a: b\r\ncontent-length: 3\r\n"
              "connection: close\r\n\r\nabc");
}

TEST(Script, RequestAsNginxWritesIt) {
    ir::HealthCheck check;
    check.kind = ir::HealthCheck::Kind::http;
    check.manner = ir::HealthCheck::Manner::nginx;
    check.steps = {send("GET", "/up", "HTTP/1.0")};
    check.steps[0].fields = {{"Host", ir::Text::of("pool")}, {"X-Empty", {}}};
    auto script = Script::compile(check, nullptr);
    ASSERT_TRUE(script);
    EXPECT_EQ((*script)->steps[1].bytes, "GET /up HTTP/1.0\r\nHost: pool\r\n\r\n");
}

TEST(Script, BinaryPatternsAreHexadecimal) {
    ir::HealthCheck check;
    check.kind = ir::HealthCheck::Kind::script;
    check.steps = {expect(Expect::binary, "2b504f4e47"), expect(Expect::binary_regex, "^2B50.*0A$")};
    auto script = Script::compile(check, nullptr);
    ASSERT_TRUE(script);
    EXPECT_EQ(examine((*script)->steps[1], "+PONG\r\n", true).kind, Finding::Kind::met);
    EXPECT_EQ(examine((*script)->steps[1], "2b504f4e47", true).kind, Finding::Kind::failed);
    EXPECT_EQ(examine((*script)->steps[2], "+PONG\r\n", true).kind, Finding::Kind::met);
    check.steps = {expect(Expect::binary, "2b5")};
    EXPECT_FALSE(Script::compile(check, nullptr));
}

TEST(Script, WrongPatternsAreToldNotRun) {
    ir::HealthCheck check;
    check.kind = ir::HealthCheck::Kind::http;
    check.steps = {expect(Expect::regex, "(")};
    EXPECT_FALSE(Script::compile(check, nullptr));
    check.steps = {expect(Expect::status, "2xx")};
    EXPECT_FALSE(Script::compile(check, nullptr));
}

TEST(Statuses, Lists) {
    std::bitset<1000> set;
    EXPECT_TRUE(parse_statuses("200, 301-302 404", set));
    EXPECT_EQ(set.count(), 4u);
    for (const char* wrong : {"", "abc", "200-", "300-200", "1000", "200;300"}) {
        std::bitset<1000> none;
        EXPECT_FALSE(parse_statuses(wrong, none)) << wrong;
    }
}

}  // namespace
}  // namespace weir::warden
