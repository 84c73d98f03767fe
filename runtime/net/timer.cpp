// SPDX-License-Identifier: Apache-2.0
// Hierarchical wheel: level L has slots of 64^L ms. A timer sits in the level of the highest digit
// (base 64) in which its time differs from now; when that slot comes up it moves down or fires.
#include "runtime/net/timer.hpp"

#include <algorithm>
#include <bit>

namespace weir::net {

TimerWheel::TimerWheel(Time now) : now_(now) {
    for (auto& level : heads_)
        for (Timer& head : level) head.next_ = head.prev_ = &head;
}

TimerWheel::~TimerWheel() {
    for (auto& level : heads_) {
        for (Timer& head : level) {
            while (head.next_ != &head) head.next_->unlink();
            head.next_ = head.prev_ = nullptr;
        }
    }
}

void TimerWheel::arm(Timer& timer, Time deadline) {
    if (deadline == never) return timer.disarm();
    timer.deadline_ = deadline;
    if (timer.next_ && timer.slot_time_ <= deadline) return;
    timer.unlink();
    link(timer, deadline);
}

void TimerWheel::link(Timer& timer, Time at) {
    at = std::max(at, now_ + 1);
    auto differs = static_cast<std::uint64_t>(at) ^ static_cast<std::uint64_t>(now_);
    unsigned level = (63 - static_cast<unsigned>(std::countl_zero(differs))) / bits;
    if (level >= levels) {
        level = levels - 1;
        at = now_ + (Time{1} << (bits * levels)) - (Time{1} << (bits * (levels - 1)));
    }
    auto slot = static_cast<unsigned>((static_cast<std::uint64_t>(at) >> (bits * level)) & (slots - 1));
    timer.slot_time_ = at & ~((Time{1} << (bits * level)) - 1);
    Timer& head = heads_[level][slot];
    timer.next_ = &head;
    timer.prev_ = head.prev_;
    head.prev_->next_ = &timer;
    head.prev_ = &timer;
    used_[level] |= std::uint64_t{1} << slot;
}

// Moves the slot's list to `into`, so that callbacks can change the wheel while it is walked.
void TimerWheel::collect(unsigned level, unsigned slot, Timer& into) {
    Timer& head = heads_[level][slot];
    used_[level] &= ~(std::uint64_t{1} << slot);
    if (head.next_ == &head) return;
    Timer* first = head.next_;
    Timer* last = head.prev_;
    first->prev_ = into.prev_;
    into.prev_->next_ = first;
    last->next_ = &into;
    into.prev_ = last;
    head.next_ = head.prev_ = &head;
}

void TimerWheel::advance(Time now) {
    while (true) {
        Time due = next();
        if (due > now) break;
        now_ = std::max(now_, due);
        Timer batch;
        batch.next_ = batch.prev_ = &batch;
        // The slots that start at this very moment, the coarse ones first: they spill into finer ones.
        for (unsigned level = levels; level-- > 0;) {
            if (level > 0 && (now_ & ((Time{1} << (bits * level)) - 1)) != 0) continue;
            auto slot = static_cast<unsigned>(
                (static_cast<std::uint64_t>(now_) >> (bits * level)) & (slots - 1));
            if ((used_[level] >> slot) & 1) collect(level, slot, batch);
        }
        while (batch.next_ != &batch) {
            Timer& timer = *batch.next_;
            timer.unlink();
            if (timer.deadline_ == never) continue;
            if (timer.deadline_ > now_) {
                link(timer, timer.deadline_);
                continue;
            }
            timer.deadline_ = never;
            if (timer.fire) timer.fire(timer);
        }
        batch.next_ = batch.prev_ = nullptr;
    }
    // Never past a slot that is linked: next() said the rest is later.
    now_ = std::max(now_, now);
}

Time TimerWheel::next() const {
    Time best = never;
    for (unsigned level = 0; level < levels; ++level) {
        if (used_[level] == 0) continue;
        auto position = static_cast<unsigned>(
            (static_cast<std::uint64_t>(now_) >> (bits * level)) & (slots - 1));
        auto rotated = std::rotr(used_[level], static_cast<int>(position));
        auto ahead = static_cast<Time>(std::countr_zero(rotated));
        if (ahead == 0) {
            // The slot under the hand: it holds timers linked for one turn of the wheel later.
            auto rest = rotated & ~std::uint64_t{1};
            ahead = rest != 0 ? static_cast<Time>(std::countr_zero(rest)) : slots;
        }
        Time base = now_ & ~((Time{1} << (bits * level)) - 1);
        best = std::min(best, base + (ahead << (bits * level)));
    }
    return best;
}

}  // namespace weir::net
