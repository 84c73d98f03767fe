// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "runtime/net/stream.hpp"

namespace weir::net {
namespace {

TEST(Rate, ASecondsWorthMayPassAtOnce) {
    EXPECT_EQ(allowed_by_rate(1000, 0, 0).bytes, 1000u);
    EXPECT_EQ(allowed_by_rate(1000, 0, 400).bytes, 600u);
    EXPECT_EQ(allowed_by_rate(1000, 2500, 400).bytes, 2600u);
}

TEST(Rate, WhoIsAheadWaitsUntilItIsDue) {
    auto ahead = allowed_by_rate(1000, 0, 1500);
    EXPECT_EQ(ahead.bytes, 0u);
    EXPECT_EQ(ahead.wait, 501);
    EXPECT_EQ(allowed_by_rate(1000, 0, 1000).wait, 1);
}

TEST(Rate, ExtremesDoNotOverflow) {
    EXPECT_GT(allowed_by_rate(UINT64_MAX, 10'000, 5).bytes, 0u);
    auto slow = allowed_by_rate(1, 0, UINT64_MAX);
    EXPECT_EQ(slow.bytes, 0u);
    EXPECT_LE(slow.wait, 3600 * 1000);
}

}  // namespace
}  // namespace weir::net
