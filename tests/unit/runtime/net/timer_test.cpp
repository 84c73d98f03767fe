// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/timer.hpp"

#include <algorithm>
#include <memory>
#include <random>

namespace weir::net {
namespace {

struct Recorder : Timer {
    std::vector<Recorder*>* fired = nullptr;
    Time wanted = 0;
    Recorder() {
        fire = [](Timer& timer) {
            auto& self = static_cast<Recorder&>(timer);
            self.fired->push_back(&self);
        };
    }
};

// Runs the wheel as the loop does: to the next due time, again and again.
void run_until(TimerWheel& wheel, Time end) {
    for (Time due = wheel.next(); due <= end; due = wheel.next()) wheel.advance(due);
    wheel.advance(end);
}

TEST(TimerWheel, FiresAtItsTimeAndOnce) {
    TimerWheel wheel(1000);
    std::vector<Recorder*> fired;
    Recorder timer;
    timer.fired = &fired;
    wheel.arm(timer, 1005);
    wheel.advance(1004);
    EXPECT_TRUE(fired.empty());
    wheel.advance(1005);
    EXPECT_EQ(fired.size(), 1u);
    wheel.advance(5000);
    EXPECT_EQ(fired.size(), 1u);
    EXPECT_FALSE(timer.armed());
}

TEST(TimerWheel, AMovedTimerFiresAtTheNewTimeOnly) {
    TimerWheel wheel(0);
    std::vector<Recorder*> fired;
    Recorder timer;
    timer.fired = &fired;
    wheel.arm(timer, 100);
    wheel.arm(timer, 70000);
    run_until(wheel, 69999);
    EXPECT_TRUE(fired.empty());
    run_until(wheel, 70000);
    EXPECT_EQ(fired.size(), 1u);
    wheel.arm(timer, 90000);
    wheel.arm(timer, 80000);
    run_until(wheel, 80000);
    EXPECT_EQ(fired.size(), 2u);
}

TEST(TimerWheel, DisarmedAndDestroyedTimersStaySilent) {
    TimerWheel wheel(0);
    std::vector<Recorder*> fired;
    Recorder kept;
    kept.fired = &fired;
    auto gone = std::make_unique<Recorder>();
    gone->fired = &fired;
    wheel.arm(kept, 500);
    wheel.arm(*gone, 500);
    kept.disarm();
    gone.reset();
    run_until(wheel, 1000);
    EXPECT_TRUE(fired.empty());
}

TEST(TimerWheel, ManyRandomDeadlinesFireInTheirMillisecond) {
    std::mt19937 random(7);
    TimerWheel wheel(123456);
    std::vector<Recorder*> fired;
    std::vector<std::unique_ptr<Recorder>> timers;
    for (int i = 0; i < 5000; ++i) {
        auto timer = std::make_unique<Recorder>();
        timer->fired = &fired;
        Time span = Time{1} << (random() % 28);
        timer->wanted = 123456 + 1 + static_cast<Time>(random()) % span;
        wheel.arm(*timer, timer->wanted);
        timers.push_back(std::move(timer));
    }
    std::size_t seen = 0;
    for (Time due = wheel.next(); due != never; due = wheel.next()) {
        wheel.advance(due);
        for (; seen < fired.size(); ++seen) ASSERT_EQ(fired[seen]->wanted, due);
    }
    EXPECT_EQ(fired.size(), timers.size());
}

TEST(TimerWheel, NextIsNeverAfterTheFirstDeadline) {
    std::mt19937 random(11);
    for (int round = 0; round < 200; ++round) {
        Time start = random() % 100000;
        TimerWheel wheel(start);
        std::vector<Recorder*> fired;
        Recorder timer;
        timer.fired = &fired;
        Time wanted = start + 1 + random() % 1000000;
        wheel.arm(timer, wanted);
        Time now = start;
        while (fired.empty()) {
            ASSERT_LE(wheel.next(), wanted);
            ASSERT_GT(wheel.next(), now);
            now = wheel.next();
            wheel.advance(now);
        }
        EXPECT_EQ(now, wanted);
    }
}

TEST(TimerWheel, ACallbackMayDestroyAnotherDueTimer) {
    TimerWheel wheel(0);
    struct Killer : Timer {
        std::unique_ptr<Recorder> victim = std::make_unique<Recorder>();
    } killer;
    std::vector<Recorder*> fired;
    killer.victim->fired = &fired;
    killer.fire = [](Timer& timer) { static_cast<Killer&>(timer).victim.reset(); };
    wheel.arm(killer, 10);
    wheel.arm(*killer.victim, 10);
    wheel.advance(10);
    EXPECT_TRUE(fired.empty());
    EXPECT_EQ(killer.victim, nullptr);
}

}  // namespace
}  // namespace weir::net
