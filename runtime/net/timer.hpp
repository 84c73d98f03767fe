// SPDX-License-Identifier: Apache-2.0
// Timing wheel: any number of deadlines, constant work for each, no system call. Milliseconds of the
// loop's monotonic clock. Six levels of 64 slots: about two years.
#pragma once

#include <array>
#include <cstdint>

namespace weir::net {

using Time = std::int64_t;                     // milliseconds, monotonic
inline constexpr Time never = INT64_MAX;

// Embedded in its owner; cancelled by its destructor.
class Timer {
public:
    using Callback = void (*)(Timer& timer);
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    ~Timer() { cancel(); }
    [[nodiscard]] bool armed() const { return deadline_ != never; }
    [[nodiscard]] Time deadline() const { return deadline_; }
    // Forgets the deadline. The node stays linked until its slot comes up (re-arming later is then
    // one store); the destructor unlinks.
    void disarm() { deadline_ = never; }
    void cancel() {
        deadline_ = never;
        unlink();
    }

    Callback fire = nullptr;

private:
    friend class TimerWheel;
    void unlink() {
        if (!next_) return;
        next_->prev_ = prev_;
        prev_->next_ = next_;
        next_ = prev_ = nullptr;
    }
    Timer* next_ = nullptr;
    Timer* prev_ = nullptr;
    Time deadline_ = never;   // when it shall fire
    Time slot_time_ = never;  // when its slot comes up: at or before deadline_
};

class TimerWheel {
public:
    explicit TimerWheel(Time now);
    ~TimerWheel();
    TimerWheel(const TimerWheel&) = delete;
    TimerWheel& operator=(const TimerWheel&) = delete;
    // Moving a linked timer to a later time is one store.
    void arm(Timer& timer, Time deadline);
    // Fires everything due at `now`. Callbacks may arm, cancel and destroy any timer.
    void advance(Time now);
    // A time at or before the next firing; never when nothing is linked.
    [[nodiscard]] Time next() const;

private:
    static constexpr unsigned levels = 6, bits = 6, slots = 64;
    void link(Timer& timer, Time at);
    void collect(unsigned level, unsigned slot, Timer& into);

    Time now_;
    std::array<std::array<Timer, slots>, levels> heads_;
    std::array<std::uint64_t, levels> used_{};
};

}  // namespace weir::net
