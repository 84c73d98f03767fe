// SPDX-License-Identifier: Apache-2.0
// The values are what HAProxy 2.6.12's converters of the same names gave.
#include "runtime/base/hash.hpp"

#include <gtest/gtest.h>

namespace weir::hash {
namespace {

TEST(Hash, AsTheConverters) {
    EXPECT_EQ(wt6("hello"), 3538347703u);
    EXPECT_EQ(avalanche(wt6("hello")), 140457739u);
    EXPECT_EQ(sdbm("hello"), 684824882u);
    EXPECT_EQ(djb2("hello"), 261238937u);
    EXPECT_EQ(crc32("hello"), 907060870u);
    EXPECT_EQ(crc32("llo", crc32("he")), 907060870u);
    EXPECT_EQ(xxh32("hello", 5), 3191799670u);
    EXPECT_EQ(xxh64("hello", 5), 5588056476589539108u);
    const char* long_text = "abcdefghijklmnopqrstuvwxyz0123456789abcdefg";
    EXPECT_EQ(xxh64(long_text, 0), 7076731804550502077u);
    EXPECT_EQ(xxh32(long_text, 0), 2689508272u);
}

}  // namespace
}  // namespace weir::hash
