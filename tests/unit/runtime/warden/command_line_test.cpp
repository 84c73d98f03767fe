// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/command_line.hpp"

#include <gtest/gtest.h>

namespace {

using weir::warden::parse_commands;

TEST(CommandLine, WordsAndCommands) {
    auto commands = parse_commands("show stat -1 4 -1;  get weight b/s ;; ");
    ASSERT_EQ(commands.size(), 2u);
    EXPECT_EQ(commands[0].words, (std::vector<std::string>{"show", "stat", "-1", "4", "-1"}));
    EXPECT_EQ(commands[1].words, (std::vector<std::string>{"get", "weight", "b/s"}));
    EXPECT_FALSE(commands[1].takes_payload);
}

TEST(CommandLine, BackslashKeepsWhatSeparates) {
    auto commands = parse_commands(R"(add map #1 a\ b c\;d e\\f)");
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_EQ(commands[0].words, (std::vector<std::string>{"add", "map", "#1", "a b", "c;d", "e\\f"}));
}

TEST(CommandLine, PayloadFollows) {
    auto commands = parse_commands("set ssl cert a.pem <<\r");
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_TRUE(commands[0].takes_payload);
    EXPECT_EQ(commands[0].words.size(), 4u);
    EXPECT_EQ(commands[0].payload_end, "");
}

TEST(CommandLine, PayloadMayNameItsEnd) {
    auto commands = parse_commands("set ssl cert a.pem <<%EOF%");
    ASSERT_EQ(commands.size(), 1u);
    EXPECT_TRUE(commands[0].takes_payload);
    EXPECT_EQ(commands[0].payload_end, "%EOF%");
    EXPECT_FALSE(parse_commands("set map m k <<" + std::string(65, 'x'))[0].takes_payload);
}

TEST(CommandLine, NothingIsNoCommand) {
    EXPECT_TRUE(parse_commands("").empty());
    EXPECT_TRUE(parse_commands(" ; ;").empty());
}

}  // namespace
