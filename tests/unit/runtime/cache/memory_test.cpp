// SPDX-License-Identifier: Apache-2.0
// What a cache in memory makes of fields.
#include "runtime/cache/memory.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string_view>

namespace weir::cache {
namespace {

constexpr std::int64_t now = 1'600'000'000;

using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

class Memory : public ::testing::Test {
protected:
    http::FieldList list(Fields fields) {
        http::FieldList out;
        for (auto [name, value] : fields) out.add(arena_, name, value);
        return out;
    }
    Asked asked(Fields fields, http::Method method = http::Method::get, std::string_view path = "/") {
        http::RequestHead head;
        head.method = method;
        head.authority = "test";
        head.path = path;
        head.fields = list(fields);
        return read_asked(head, arena_);
    }
    // Seconds that the answer is kept; -1: it is not.
    std::int64_t kept_for(Fields answer, Fields request = {}) {
        auto keeping = may_keep(asked(request), list(answer), conf_, now);
        return keeping ? keeping->until - now : -1;
    }
    // Whether what varies so is for the second request when the first one got it.
    bool shares(Fields answer, Fields first, Fields second) {
        conf_.varies = true;
        auto keeping = may_keep(asked(first), list(answer), conf_, now);
        if (!keeping) return false;
        auto other = asked(second);
        return is_for(&other, note_of(keeping->kept));
    }

    Arena arena_;
    ir::CacheStore conf_;
};

TEST_F(Memory, the_key_is_host_and_target) {
    EXPECT_EQ(asked({}).key, asked({{"accept", "x"}}, http::Method::head).key);
    EXPECT_NE(asked({}).key, asked({}, http::Method::get, "/a").key);
    EXPECT_EQ(asked({}).url, "test/");
}

TEST_F(Memory, which_requests_may_use_it) {
    EXPECT_TRUE(asked({}).may_use);
    EXPECT_TRUE(asked({}, http::Method::head).may_use);
    EXPECT_FALSE(asked({}, http::Method::head).may_keep);
    EXPECT_FALSE(asked({}, http::Method::post).may_use);
    EXPECT_FALSE(asked({{"authorization", "x"}}).may_use);
    EXPECT_FALSE(asked({{"authorization", "x"}}).may_keep);
    EXPECT_FALSE(asked({{"cache-control", "no-cache"}}).may_use);
    EXPECT_TRUE(asked({{"cache-control", "no-cache"}}).may_keep);
    EXPECT_FALSE(asked({{"cache-control", "x, no-store"}}).may_keep);
    EXPECT_FALSE(asked({{"cache-control", "max-age=3"}}).may_use);
    EXPECT_FALSE(asked({{"pragma", "no-cache"}}).may_use);
    EXPECT_TRUE(asked({{"pragma", "no-cache"}, {"cache-control", "public"}}).may_use);
}

TEST_F(Memory, how_long_answers_are_kept) {
    EXPECT_EQ(kept_for({{"cache-control", "max-age=5"}}), 5);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=5, s-maxage=7"}}), 7);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=0, s-maxage=7"}}), 7);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=\"6\""}}), 6);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=500"}}), 60);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=0"}}), -1);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=x"}}), -1);
    EXPECT_EQ(kept_for({{"etag", "\"e\""}}), 60);
    EXPECT_EQ(kept_for({{"last-modified", "Mon, 02 Mar 2020 00:00:00 GMT"}}), 60);
    EXPECT_EQ(kept_for({{"x", "y"}}), -1);
    EXPECT_EQ(kept_for({{"expires", "Sun, 13 Sep 2020 12:27:10 GMT"}}), 30);
    EXPECT_EQ(kept_for({{"expires", "0"}, {"etag", "\"e\""}}), -1);
    EXPECT_EQ(kept_for({{"expires", "0"}, {"cache-control", "max-age=9"}}), 9);
    for (auto word : {"no-cache", "no-store", "private"})
        EXPECT_EQ(kept_for({{"cache-control", word}, {"etag", "\"e\""}}), -1) << word;
    EXPECT_EQ(kept_for({{"cache-control", "max-age=50"}, {"age", "50"}}), 50);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=50"}, {"age", "51"}}), -1);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=50"}, {"age", "abc"}}), -1);
    EXPECT_EQ(kept_for({{"cache-control", "max-age=50"}, {"vary", "accept-encoding"}}), -1);
}

TEST_F(Memory, codings_that_a_client_takes) {
    const Fields gzip = {{"vary", "Accept-Encoding"}, {"content-encoding", "gzip"}, {"etag", "\"e\""}};
    EXPECT_TRUE(shares(gzip, {{"accept-encoding", "gzip"}}, {{"accept-encoding", "br, X-GZIP;q=0.5"}}));
    EXPECT_TRUE(shares(gzip, {{"accept-encoding", "gzip"}}, {{"accept-encoding", "*"}}));
    EXPECT_TRUE(shares(gzip, {{"accept-encoding", "gzip"}}, {}));
    EXPECT_FALSE(shares(gzip, {{"accept-encoding", "gzip"}}, {{"accept-encoding", ""}}));
    EXPECT_FALSE(shares(gzip, {{"accept-encoding", "gzip"}}, {{"accept-encoding", "gzip;q=0, *"}}));
    EXPECT_FALSE(shares(gzip, {{"accept-encoding", "gzip"}}, {{"accept-encoding", "gzip; q=0.000"}}));
    EXPECT_FALSE(shares(gzip, {{"accept-encoding", "br"}}, {}));
    const Fields plain = {{"vary", "accept-encoding"}, {"etag", "\"e\""}};
    EXPECT_TRUE(shares(plain, {}, {{"accept-encoding", "thing"}}));
    EXPECT_FALSE(shares(plain, {}, {{"accept-encoding", "br, identity;q=0"}}));
    EXPECT_FALSE(shares(plain, {}, {{"accept-encoding", "br, *;q=0"}}));
    const Fields both = {{"vary", "accept-encoding"}, {"content-encoding", "deflate, gzip"}, {"etag", "\"e\""}};
    EXPECT_FALSE(shares(both, {}, {{"accept-encoding", "gzip"}}));
    EXPECT_TRUE(shares(both, {}, {{"accept-encoding", "gzip"}, {"accept-encoding", "deflate"}}));
    const Fields unknown = {{"vary", "accept-encoding"}, {"content-encoding", "thing"}, {"etag", "\"e\""}};
    EXPECT_FALSE(shares(unknown, {}, {}));
    EXPECT_FALSE(shares(plain, {{"accept-encoding", "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q"}}, {}));
}

TEST_F(Memory, other_fields_that_answers_vary_by) {
    const Fields origin = {{"vary", "Origin"}, {"etag", "\"e\""}};
    EXPECT_TRUE(shares(origin, {{"origin", "a"}}, {{"origin", "a"}, {"referer", "x"}}));
    EXPECT_FALSE(shares(origin, {{"origin", "a"}}, {{"origin", "b"}}));
    EXPECT_FALSE(shares(origin, {{"origin", "a"}}, {}));
    const Fields referer = {{"vary", "referer, origin"}, {"etag", "\"e\""}};
    EXPECT_FALSE(shares(referer, {{"origin", "a"}}, {{"origin", "a"}, {"referer", "x"}}));
    EXPECT_FALSE(shares({{"vary", "x-other"}, {"etag", "\"e\""}}, {}, {}));
}

TEST_F(Memory, what_a_client_has_already) {
    Kept kept;
    kept.modified = now;
    EXPECT_FALSE(is_known_to(list({}), "\"e\"", kept));
    EXPECT_TRUE(is_known_to(list({{"if-none-match", "*"}}), "", kept));
    EXPECT_TRUE(is_known_to(list({{"if-none-match", "\"x\", W/\"e\""}}), "\"e\"", kept));
    EXPECT_FALSE(is_known_to(list({{"if-none-match", "\"x\""}}), "\"e\"", kept));
    EXPECT_FALSE(is_known_to(list({{"if-none-match", "\"\""}}), "", kept));
    EXPECT_TRUE(is_known_to(list({{"if-modified-since", "Sun, 13 Sep 2020 12:26:40 GMT"}}), "", kept));
    EXPECT_FALSE(is_known_to(list({{"if-modified-since", "Sun, 13 Sep 2020 12:26:39 GMT"}}), "", kept));
    // The tag decides where there is one.
    EXPECT_FALSE(is_known_to(list({{"if-none-match", "\"x\""}, {"if-modified-since", "Sun, 13 Sep 2020 12:26:40 GMT"}}),
                             "\"e\"", kept));
}

}  // namespace
}  // namespace weir::cache
