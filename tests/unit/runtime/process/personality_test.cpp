// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/personality.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "runtime/process/signals.hpp"

namespace weir::process {
namespace {

TEST(Personality, IsTheLastPartOfTheName) {
    EXPECT_EQ(personality_of("/usr/sbin/nginx"), Personality::nginx);
    EXPECT_EQ(personality_of("haproxy"), Personality::haproxy);
    EXPECT_EQ(personality_of("./weir"), Personality::weir);
    EXPECT_EQ(personality_of("/opt/nginx/weir"), Personality::weir);
}

TEST(Personality, HaproxyListsProcessesToEndAndSocketsToTake) {
    auto line = parse_command_line({"haproxy", "-f", "a.cfg", "-x", "/run/s", "-sf", "12", "13", "-D"});
    EXPECT_EQ(line.problem, "");
    EXPECT_EQ(line.sockets_from, "/run/s");
    EXPECT_EQ(line.finish, (std::vector<pid_t>{12, 13}));
    EXPECT_EQ(line.daemon, true);
    EXPECT_EQ(parse_command_line({"haproxy", "-f", "a", "-st", "7"}).terminate, std::vector<pid_t>{7});
    EXPECT_TRUE(parse_command_line({"haproxy", "-f", "a", "-sf"}).finish.empty());
    EXPECT_NE(parse_command_line({"haproxy", "-f", "a", "-x"}).problem, "");
}

TEST(Signals, MeanWhatThePersonalitySays) {
    EXPECT_EQ(master_action(Personality::nginx, SIGUSR2), Action::upgrade);
    EXPECT_EQ(master_action(Personality::haproxy, SIGUSR2), Action::reload);
    EXPECT_EQ(master_action(Personality::nginx, SIGWINCH), Action::drain_workers);
    EXPECT_EQ(master_action(Personality::haproxy, SIGWINCH), Action::ignore);
    EXPECT_EQ(master_action(Personality::nginx, SIGUSR1), Action::reopen_logs);
    EXPECT_EQ(master_action(Personality::haproxy, SIGUSR1), Action::stop_graceful);
    EXPECT_EQ(master_action(Personality::nginx, SIGQUIT), Action::stop_graceful);
    EXPECT_EQ(child_action(Personality::haproxy, SIGUSR1), Action::stop_graceful);
}

}  // namespace
}  // namespace weir::process
