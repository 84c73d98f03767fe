// SPDX-License-Identifier: Apache-2.0
// What clients are told of their limits.
#include "runtime/filter/rate_fields.hpp"

#include <gtest/gtest.h>

namespace weir::filter {
namespace {

TEST(RateFields, one_member_for_each_policy) {
    Arena arena;
    http::FieldList fields;
    const RateTold rates[] = {{"one", 100, 40, 60000, 12001}, {"a \"b\"\n", 5, 0, 10, 0}};
    tell_rates(rates, arena, fields);
    ASSERT_EQ(fields.size(), 2u);
    EXPECT_EQ(fields[0].name, "RateLimit-Policy");
    EXPECT_EQ(fields[0].value, "\"one\";q=100;w=60, \"a \\\"b\\\"_\";q=5;w=1");
    EXPECT_EQ(fields[1].name, "RateLimit");
    EXPECT_EQ(fields[1].value, "\"one\";r=40;t=13, \"a \\\"b\\\"_\";r=0;t=0");
}

TEST(RateFields, none_without_a_policy) {
    Arena arena;
    http::FieldList fields;
    tell_rates({}, arena, fields);
    EXPECT_EQ(fields.size(), 0u);
}

}  // namespace
}  // namespace weir::filter
