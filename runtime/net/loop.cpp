// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/loop.hpp"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace weir::net {

namespace {

thread_local Loop* the_loop = nullptr;

std::int64_t clock_us(clockid_t which) {
    timespec value{};
    ::clock_gettime(which, &value);
    return static_cast<std::int64_t>(value.tv_sec) * 1000000 + value.tv_nsec / 1000;
}

constexpr int events_per_turn = 256;
constexpr Time soon = 5;   // ms: enlist_soon()
constexpr Time longest_wait = 60000;   // so that a clock jump of the host heals by itself

}  // namespace

void Watch::put_into_slot(Loop& loop, int fd) {
    if (loop.slots_.size() <= static_cast<std::size_t>(fd))
        loop.slots_.resize(static_cast<std::size_t>(fd) * 2 + 64);
    auto& slot = loop.slots_[static_cast<std::size_t>(fd)];
    ++slot.generation;
    slot.watch = this;
    loop_ = &loop;
    fd_ = fd;
    peer_closed = broken = urgent = unlisted_ = false;
}

bool Watch::tell_epoll() {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET;
    auto generation = loop_->slots_[static_cast<std::size_t>(fd_)].generation;
    event.data.u64 = (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd_);
    return ::epoll_ctl(loop_->epoll_, EPOLL_CTL_ADD, fd_, &event) == 0;
}

bool Watch::attach(Loop& loop, int fd) {
    put_into_slot(loop, fd);
    readable = writable = false;
    if (tell_epoll()) return true;
    int saved = errno;
    detach();
    errno = saved;
    return false;
}

void Watch::attach_lazily(Loop& loop, int fd) {
    put_into_slot(loop, fd);
    readable = writable = unlisted_ = true;
}

void Watch::enlist_now() {
    unlisted_ = false;
    if (soon_ != 0) loop_->forget_soon(*this);
    // Without epoll nobody would ever be woken.
    if (!tell_epoll()) readable = writable = broken = peer_closed = true;
}

void Watch::enlist_soon() {
    if (!unlisted_ || soon_ != 0) return;
    if (loop_->soon_.empty()) loop_->soon_due_ = loop_->now() + soon;
    loop_->soon_.push_back(this);
    soon_ = static_cast<std::uint32_t>(loop_->soon_.size());
}

bool Watch::attach_level(Loop& loop, int fd, bool exclusive) {
    epoll_event event{};
    event.events = EPOLLIN;
    if (exclusive) event.events |= EPOLLEXCLUSIVE;
    put_into_slot(loop, fd);
    auto generation = loop.slots_[static_cast<std::size_t>(fd)].generation;
    event.data.u64 = (std::uint64_t{generation} << 32) | static_cast<std::uint32_t>(fd);
    level_ = ::epoll_ctl(loop.epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
    if (level_) return true;
    int saved = errno;
    detach();
    errno = saved;
    return false;
}

// The descriptor is usually closed right after, which takes it out of the epoll set without a call;
// level-triggered ones (shared listeners) live on in other processes and must be taken out by hand.
void Watch::detach() {
    if (!loop_) return;
    if (fd_ < 0) {
        loop_ = nullptr;
        return;
    }
    auto& slot = loop_->slots_[static_cast<std::size_t>(fd_)];
    slot.watch = nullptr;
    ++slot.generation;
    if (soon_ != 0) loop_->forget_soon(*this);
    unlisted_ = false;
    if (level_) ::epoll_ctl(loop_->epoll_, EPOLL_CTL_DEL, fd_, nullptr);
    loop_ = nullptr;
    fd_ = -1;
}

Loop::Loop() : wheel_((refresh_clock(), now_)) {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    the_loop = this;
}

Loop::~Loop() {
    if (the_loop == this) the_loop = nullptr;
    ::close(epoll_);
}

Loop& Loop::current() { return *the_loop; }

void Loop::refresh_clock() {
    now_us_ = clock_us(CLOCK_MONOTONIC);
    now_ = now_us_ / 1000;
    wall_ms_ = clock_us(CLOCK_REALTIME) / 1000;
}

void Loop::dispatch(std::uint64_t token, std::uint32_t events) {
    auto fd = static_cast<std::uint32_t>(token);
    auto generation = static_cast<std::uint32_t>(token >> 32);
    auto& slot = slots_[fd];
    if (slot.generation != generation || !slot.watch) return;
    Watch* watch = slot.watch;
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) watch->readable = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) watch->writable = true;
    if (events & EPOLLRDHUP) watch->peer_closed = true;
    if (events & EPOLLPRI) watch->urgent = true;
    if (events & (EPOLLHUP | EPOLLERR)) watch->broken = watch->peer_closed = true;
    if (watch->on_event) watch->on_event(*watch, events);
    // The coroutine may have closed this watch: look the slot up again before the second one.
    for (auto waiting : {&Watch::writer, &Watch::reader}) {
        if (slots_[fd].generation != generation) return;
        WaitFor* wait = watch->*waiting;
        if (!wait || !(wait->for_write ? watch->writable : watch->readable)) continue;
        wait->conclude(Waited::ready);
        wait->handle.resume();
    }
}

void Loop::run_once(Time wait) {
    if (!soon_.empty() && soon_due_ <= now_) enlist_those_waiting();
    if (!soon_.empty()) wait = std::min(wait, soon_due_ - now_);
    epoll_event events[events_per_turn];
    int count = ::epoll_wait(epoll_, events, events_per_turn, static_cast<int>(wait));
    refresh_clock();
    // Level-triggered ones, listeners above all, come last: what of this turn ended connections (also a wait
    // that was aborted and is only posted) came before the ones that are accepted now.
    int last = 0;
    for (int i = 0; i < count; ++i) {
        const auto* watch = slots_[static_cast<std::uint32_t>(events[i].data.u64)].watch;
        if (watch && watch->level_) events[last++] = events[i];
        else dispatch(events[i].data.u64, events[i].events);
    }
    wheel_.advance(now_);
    auto run_posted = [this] {
        for (std::size_t i = 0; i < posted_.size(); ++i) posted_[i].resume();
        posted_.clear();
    };
    run_posted();
    for (int i = 0; i < last; ++i) dispatch(events[i].data.u64, events[i].events);
    run_posted();
    while (!work_.empty()) {
        auto work = std::exchange(work_, {});
        for (auto& one : work) one();
    }
    for (auto& callback : turn_end_) callback();
}

void Loop::run() {
    stopping_ = false;
    while (!stopping_) run_once(wait_time());
}

Time Loop::wait_time() {
    if (!posted_.empty() || !work_.empty()) return 0;
    Time due = wheel_.next();
    return std::clamp<Time>(due == never ? longest_wait : due - now_, 0, longest_wait);
}

void Loop::enlist_those_waiting() {
    while (!soon_.empty()) soon_.back()->enlist_now();
}

void Loop::forget_soon(Watch& watch) {
    soon_.back()->soon_ = watch.soon_;
    soon_[watch.soon_ - 1] = soon_.back();
    soon_.pop_back();
    watch.soon_ = 0;
}

void Watch::cancel_waits() {
    for (WaitFor* wait : {reader, writer}) {
        if (!wait) continue;
        wait->conclude(Waited::aborted);
        loop_->post(wait->handle);
    }
}

void Watch::wake() {
    if (on_event) on_event(*this, 0);
    for (auto waiting : {&Watch::writer, &Watch::reader}) {
        WaitFor* wait = this->*waiting;
        if (!wait || !(wait->for_write ? writable : readable)) continue;
        wait->conclude(Waited::ready);
        loop_->post(wait->handle);
    }
}

void WaitFor::conclude(Waited how) {
    outcome = how;
    (for_write ? watch.writer : watch.reader) = nullptr;
    node.cancel();
    if (abort_when && abort_when->owner == this) {
        abort_when->on_event = nullptr;
        abort_when->owner = nullptr;
    }
}

void WaitFor::await_suspend(std::coroutine_handle<> waiting) noexcept {
    handle = waiting;
    (for_write ? watch.writer : watch.reader) = this;
    watch.enlist();
    if (watch.broken && await_ready()) {   // it could not be enlisted
        conclude(Waited::aborted);
        watch.loop().post(handle);
        return;
    }
    if (deadline != never) {
        node.self = this;
        node.fire = [](Timer& timer) {
            auto& self = *static_cast<Node&>(timer).self;
            self.conclude(Waited::timed_out);
            self.handle.resume();
        };
        watch.loop().arm(node, deadline);
    }
    if (abort_when) {
        abort_when->enlist_soon();
        abort_when->owner = this;
        abort_when->on_event = [](Watch& other, std::uint32_t) {
            if (!other.peer_closed) return;
            auto& self = *static_cast<WaitFor*>(other.owner);
            self.conclude(Waited::aborted);
            // Later: who goes on may take `other` down, which its teller still looks at.
            self.watch.loop().post(self.handle);
        };
    }
}

}  // namespace weir::net
