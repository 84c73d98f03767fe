// SPDX-License-Identifier: Apache-2.0
// Threads for slow calls: jobs come back to who waits, and those that nobody waits for end alone.
#include "runtime/net/disk.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

namespace weir::net {
namespace {

struct Counted final : Disk::Job {
    explicit Counted(std::atomic<int>& count, bool again = false) : runs(count), cleans_up(again) {}
    void run() override {
        while (hold && *hold) std::this_thread::yield();
        thread = std::this_thread::get_id();
        ++runs;
    }
    bool leave() override { return std::exchange(cleans_up, false); }

    std::atomic<int>& runs;
    bool cleans_up;
    std::atomic<bool>* hold = nullptr;
    std::thread::id thread;
};

class Disks : public ::testing::Test {
protected:
    void run_until(auto done) {
        for (int turns = 0; !done() && turns < 5000; ++turns) loop_.run_once(1);
        EXPECT_TRUE(done());
    }
    Loop loop_;
    std::atomic<int> runs_{0};
};

TEST_F(Disks, JobsRunElsewhereAndComeBack) {
    Disk disk(loop_);
    int back = 0;
    auto one = [&]() -> Task<void> {
        auto job = co_await disk.run(std::make_unique<Counted>(runs_));
        EXPECT_TRUE(job);
        EXPECT_NE(job->thread, std::this_thread::get_id());
        ++back;
    };
    for (int i = 0; i < 100; ++i) spawn(one());
    run_until([&] { return back == 100; });
    EXPECT_EQ(runs_, 100);
    EXPECT_FALSE(disk.is_stuck());
}

TEST_F(Disks, WhoWaitedLongEnoughGoesOn) {
    std::atomic<bool> hold{true};
    {
        Disk disk(loop_);
        int late = 0;
        auto one = [&]() -> Task<void> {
            auto job = std::make_unique<Counted>(runs_, true);
            job->hold = &hold;
            auto done = co_await disk.run(std::move(job), loop_.now() + 20);
            late += done ? 0 : 1;
        };
        for (int i = 0; i < 12; ++i) spawn(one());   // more than there are threads
        run_until([&] { return late == 12; });
        EXPECT_EQ(runs_, 0);
        run_until([&] { return disk.is_stuck(); });
        hold = false;
        run_until([&] { return runs_ == 24; });   // each cleans up after itself
        run_until([&] { return !disk.is_stuck(); });
    }
    EXPECT_EQ(runs_, 24);
}

TEST_F(Disks, LeftAloneFromTheBegin) {
    Disk disk(loop_);
    disk.leave(std::make_unique<Counted>(runs_));
    run_until([&] { return runs_ == 1; });
}

}  // namespace
}  // namespace weir::net
