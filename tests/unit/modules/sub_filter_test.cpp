// SPDX-License-Identifier: Apache-2.0
#include "modules/sub_filter/module.hpp"

#include <gtest/gtest.h>

#include "modules/sub_filter/conf.hpp"

namespace weir::modules {
namespace {

class SubFilter : public testing::Test {
protected:
    void want(const char* search, const char* replacement) {
        conf_.pairs.push_back({ir::Text::of(search), ir::Text::of(replacement)});
    }
    // The body in pieces of every length there is; what comes out must not depend on it.
    std::string through(const std::string& body) {
        std::string first;
        for (std::size_t size = 1; size <= body.size(); ++size) {
            auto filter = sub_filter::module().make_filter(&conf_, library_);
            Arena arena;
            route::Subject subject;
            subject.arena = &arena;
            http::ResponseHead reply;
            reply.fields.add(arena, "Content-Type", "text/html; charset=utf-8");
            filter::State* state = nullptr;
            EXPECT_TRUE(filter->on_reply(subject, reply, state));
            std::string out;
            for (std::size_t at = 0; at < body.size(); at += size) {
                filter::Passing piece{.bytes = std::string_view(body).substr(at, size),
                                      .last = at + size >= body.size()};
                filter->on_reply_body(subject, state, piece);
                out += piece.bytes;
            }
            if (size == 1) first = out;
            EXPECT_EQ(out, first) << "pieces of " << size;
        }
        return first;
    }

    ir::Config config_;
    route::Library library_{config_};
    sub_filter::Conf conf_;
};

TEST_F(SubFilter, OnceAndAlways) {
    want("abc", "<x>");
    EXPECT_EQ(through("zabcABC ab"), "z<x>ABC ab");
    conf_.once = false;
    EXPECT_EQ(through("zabcABC ab"), "z<x><x> ab");
}

TEST_F(SubFilter, BeginningsThatLeadNowhere) {
    want("aab", "-");
    conf_.once = false;
    EXPECT_EQ(through("aaab aabaab aaa"), "a- -- aaa");
}

TEST_F(SubFilter, SeveralTexts) {
    want("abc", "1");
    want("bcd", "2");
    want("x", "");
    conf_.once = false;
    EXPECT_EQ(through("abcd bcd axb"), "1d 2 ab");
}

TEST_F(SubFilter, OtherTypesPassBy) {
    want("a", "b");
    auto filter = sub_filter::module().make_filter(&conf_, library_);
    Arena arena;
    route::Subject subject;
    subject.arena = &arena;
    http::ResponseHead reply;
    reply.fields.add(arena, "Content-Type", "text/plain");
    filter::State* state = nullptr;
    EXPECT_FALSE(filter->on_reply(subject, reply, state));
}

}  // namespace
}  // namespace weir::modules
