// SPDX-License-Identifier: Apache-2.0
// Rows of check results and what a server is after each.
#include "runtime/warden/health.hpp"

#include <gtest/gtest.h>

namespace weir::warden {
namespace {

using std::chrono::milliseconds;

ir::HealthCheck check_of(std::uint32_t rise, std::uint32_t fall,
                         ir::HealthCheck::Manner manner = ir::HealthCheck::Manner::haproxy) {
    ir::HealthCheck check;
    check.rise = rise;
    check.fall = fall;
    check.manner = manner;
    return check;
}

// '+' passed, '-' failed, '4' conditional; gives 'U' up, 'D' down, 'S' stopping, '.' no change.
std::string play(Health health, std::string_view results) {
    std::string out;
    for (char result : results) {
        auto verdict = result == '+'   ? Verdict::passed
                       : result == '-' ? Verdict::failed
                                       : Verdict::conditional;
        switch (health.note(verdict).transition) {
            case Transition::none: out += '.'; break;
            case Transition::up: out += 'U'; break;
            case Transition::down: out += 'D'; break;
            case Transition::stopping: out += 'S'; break;
        }
    }
    return out;
}

TEST(Health, AServerOfHaproxyStartsOneFailureFromDown) {
    EXPECT_EQ(play(Health::initial(check_of(2, 3)), "-"), "D");
    EXPECT_EQ(play(Health::initial(check_of(2, 3)), "+-----"), "...D..");
}

TEST(Health, AServerOfNginxStartsWithAllItsFailuresLeft) {
    auto check = check_of(1, 3, ir::HealthCheck::Manner::nginx);
    EXPECT_EQ(play(Health::initial(check), "--+---"), ".....D");
}

TEST(Health, AMandatoryCheckMustPassFirst) {
    auto check = check_of(2, 1, ir::HealthCheck::Manner::nginx);
    check.mandatory = true;
    EXPECT_FALSE(Health::initial(check).up());
    EXPECT_EQ(play(Health::initial(check), "-++"), "..U");
}

TEST(Health, OneFailureOnTheWayUpBeginsAnew) {
    EXPECT_EQ(play(Health::initial(check_of(3, 1)), "-++-+++-"), "D.....UD");
}

TEST(Health, OneSuccessOnTheWayDownForgetsAllFailures) {
    EXPECT_EQ(play(Health::initial(check_of(2, 3)), "+--+---"), "......D");
}

TEST(Health, ConditionalStopsAServerAndASuccessBringsItBack) {
    EXPECT_EQ(play(Health::initial(check_of(2, 3)), "+44+4---++"), ".S.US..D.U");
}

TEST(Health, TheIntervalFollowsTheState) {
    auto check = check_of(2, 2);
    check.interval = milliseconds(2000);
    check.fast_interval = milliseconds(300);
    check.down_interval = milliseconds(5000);
    auto health = Health::initial(check);
    EXPECT_EQ(health.next(check), milliseconds(300));   // up, but not yet surely
    health.note(Verdict::passed);
    EXPECT_EQ(health.next(check), milliseconds(2000));
    health.note(Verdict::failed);
    EXPECT_EQ(health.next(check), milliseconds(300));
    health.note(Verdict::failed);
    EXPECT_EQ(health.next(check), milliseconds(5000));
    health.note(Verdict::passed);
    EXPECT_EQ(health.next(check), milliseconds(300));
    check.fast_interval = check.down_interval = milliseconds(0);
    EXPECT_EQ(health.next(check), milliseconds(2000));
}

TEST(Health, OtherNumbersKeepTheStateAndFitTheLevel) {
    auto wider = check_of(2, 8);
    EXPECT_EQ(Health::resumed(wider, 3, true, false).level, 3u);
    EXPECT_EQ(Health::resumed(wider, 1, true, false).level, wider.rise + wider.fall - 1);
    EXPECT_EQ(Health::resumed(wider, 1, false, false).level, 1u);
    EXPECT_FALSE(Health::resumed(wider, 5, false, true).up());
    EXPECT_FALSE(Health::resumed(wider, 5, false, true).stopping);
}

}  // namespace
}  // namespace weir::warden
