// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/takeover.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstdlib>

namespace weir::process {
namespace {

TEST(Takeover, NamesOfInheritedDescriptorsGoThereAndBack) {
    EXPECT_EQ(write_inherited({6, 17}), "6;17;");
    EXPECT_EQ(read_inherited("6;17;"), (std::vector<int>{6, 17}));
    EXPECT_EQ(read_inherited("6:17:"), (std::vector<int>{6, 17}));
    EXPECT_EQ(read_inherited(""), std::vector<int>{});
}

TEST(Takeover, AListThatIsNoneIsNotTrusted) {
    EXPECT_FALSE(read_inherited("6;x;"));
    EXPECT_FALSE(read_inherited("6;17"));   // cut off
    EXPECT_FALSE(read_inherited(";"));
    EXPECT_FALSE(read_inherited("-4;"));
    EXPECT_FALSE(read_inherited("1;"));     // a standard stream is no listener
}

TEST(Takeover, OnlySocketsAreTakenFromTheEnvironment) {
    int ends[2], plain[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ASSERT_EQ(::pipe(plain), 0);
    ::setenv(inherit_variable, write_inherited({ends[0], plain[0], ends[1]}).c_str(), 1);
    auto taken = take_inherited();
    ASSERT_EQ(taken.size(), 2u);
    EXPECT_EQ(taken[0].get(), ends[0]);
    EXPECT_EQ(taken[1].get(), ends[1]);
    EXPECT_EQ(std::getenv(inherit_variable), nullptr);
    ::close(plain[0]);
    ::close(plain[1]);
    EXPECT_TRUE(take_inherited().empty());
}

TEST(Takeover, ASocketThatDoesNotAnswerIsToldApart) {
    auto none = take_from_stats_socket("/nowhere/at/all");
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().find("/nowhere/at/all"), std::string::npos);
    EXPECT_FALSE(take_from_stats_socket(std::string(200, 'x')));
}

}  // namespace
}  // namespace weir::process
