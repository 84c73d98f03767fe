// SPDX-License-Identifier: Apache-2.0
// Loop: the event loop of one process (one thread). Own edge-triggered epoll instead of Asio's reactor
// (CONTRIBUTING.md has the measurement): a socket is registered once for both directions and then
// costs no epoll_ctl; one clock read per turn; deadlines sit in a timing wheel.
#pragma once

#include <coroutine>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/net/timer.hpp"

namespace weir::net {

class Loop;
struct WaitFor;
enum class Waited : std::uint8_t { ready, timed_out, aborted };

// A registered descriptor. The loop sets the flags when an edge arrives; whoever does the system call
// clears them on EAGAIN or on a short read. At most one coroutine waits in each direction.
class Watch {
public:
    Watch() = default;
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch() { detach(); }

    // Registers fd (which stays the caller's). False with errno on failure.
    bool attach(Loop& loop, int fd);
    // The same, but epoll hears of it only when somebody waits: an accepted connection often has its
    // request here, and may be over before anybody does. Until then the flags say "try it".
    void attach_lazily(Loop& loop, int fd);
    // For who polls the flags instead of waiting: epoll hears of it now, or in some milliseconds, which
    // spares the call where all is over by then. A failure sets `broken`.
    void enlist() {
        if (unlisted_) enlist_now();
    }
    void enlist_soon();
    // Plain level-triggered input instead (listeners, signalfd, control sockets); on_event is called.
    bool attach_level(Loop& loop, int fd, bool exclusive = false);
    // Without a descriptor: flags and waits for something that lives inside another connection (a
    // stream of HTTP/2). Whoever makes it happen sets the flags and calls wake().
    void attach_inner(Loop& loop) { loop_ = &loop; }
    void detach();
    [[nodiscard]] bool attached() const { return loop_ != nullptr; }
    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] Loop& loop() const { return *loop_; }

    bool readable = false, writable = false;
    bool peer_closed = false;   // EPOLLRDHUP: the peer will send no more
    bool broken = false;        // EPOLLERR or EPOLLHUP
    bool urgent = false;        // EPOLLPRI: urgent data came; reads end early at its mark
    WaitFor* reader = nullptr;
    WaitFor* writer = nullptr;
    // Lets who waits here go on at the end of this turn with Waited::aborted.
    void cancel_waits();
    // The same with Waited::ready, for those whose flag is set; on_event hears of it, too.
    void wake();
    // Called after the flags are set when no coroutine takes the event; may be empty.
    void (*on_event)(Watch& watch, std::uint32_t events) = nullptr;
    void* owner = nullptr;

private:
    friend class Loop;
    void put_into_slot(Loop& loop, int fd);
    bool tell_epoll();
    void enlist_now();

    Loop* loop_ = nullptr;
    int fd_ = -1;
    bool level_ = false;
    bool unlisted_ = false;            // attached lazily, and epoll does not know
    std::uint32_t soon_ = 0;           // place in the loop's list of those to be enlisted, from 1
};

class Loop {
public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Runs until stop(). Events, then timers, then posted work, then the turn-end callbacks.
    void run();
    void run_once(Time wait);
    void stop() { stopping_ = true; }

    [[nodiscard]] Time now() const { return now_; }               // ms, monotonic, of this turn
    [[nodiscard]] std::int64_t now_us() const { return now_us_; } // us, monotonic, of this turn
    [[nodiscard]] std::int64_t wall_ms() const { return wall_ms_; }
    // Reads the clocks now (after something slow).
    void refresh_clock();
    void arm(Timer& timer, Time deadline) { wheel_.arm(timer, deadline); }
    // Resumes at the end of this turn.
    void post(std::coroutine_handle<> handle) { posted_.push_back(handle); }
    void post(std::function<void()> work) { work_.push_back(std::move(work)); }
    // Called at the end of every turn (log flush).
    void on_turn_end(std::function<void()> callback) { turn_end_.push_back(std::move(callback)); }

    static Loop& current();   // the loop of this thread

private:
    friend class Watch;
    struct Slot {
        Watch* watch = nullptr;
        std::uint32_t generation = 0;
    };
    void dispatch(std::uint64_t token, std::uint32_t events);
    void enlist_those_waiting();
    void forget_soon(Watch& watch);
    [[nodiscard]] Time wait_time();

    int epoll_ = -1;
    bool stopping_ = false;
    Time now_ = 0;
    std::int64_t now_us_ = 0, wall_ms_ = 0;
    TimerWheel wheel_;
    std::vector<Watch*> soon_;  // to be enlisted at soon_due_
    Time soon_due_ = 0;
    std::vector<Slot> slots_;   // by descriptor; the generation outdates events of a closed one
    std::vector<std::coroutine_handle<>> posted_;
    std::vector<std::function<void()>> work_;
    std::vector<std::function<void()>> turn_end_;
};

// co_await readable(watch, deadline): until the flag is set, the time is over, or `abort_when`
// (another watch) reports that its peer is gone. Ready operations do not suspend.
struct WaitFor {
    Watch& watch;
    Time deadline;
    bool for_write;
    Watch* abort_when = nullptr;

    struct Node : Timer {
        WaitFor* self = nullptr;
    };
    Node node;
    std::coroutine_handle<> handle;
    Waited outcome = Waited::ready;

    WaitFor(Watch& w, Time d, bool write, Watch* abort = nullptr)
        : watch(w), deadline(d), for_write(write), abort_when(abort) {}
    [[nodiscard]] bool await_ready() const noexcept {
        return for_write ? watch.writable : watch.readable;
    }
    void await_suspend(std::coroutine_handle<> handle) noexcept;
    [[nodiscard]] Waited await_resume() const noexcept { return outcome; }

    // Takes the wait out of its watch; the caller resumes `handle` or posts it.
    void conclude(Waited how);
};

inline WaitFor readable(Watch& watch, Time deadline, Watch* abort_when = nullptr) {
    return WaitFor(watch, deadline, false, abort_when);
}
inline WaitFor writable(Watch& watch, Time deadline, Watch* abort_when = nullptr) {
    return WaitFor(watch, deadline, true, abort_when);
}

// co_await sleep_until(loop, time).
struct Sleep {
    Loop& loop;
    Time until;
    struct Node : Timer {
        std::coroutine_handle<> handle;
    };
    Node node;
    Sleep(Loop& l, Time t) : loop(l), until(t) {}
    [[nodiscard]] bool await_ready() const noexcept { return until <= loop.now(); }
    void await_suspend(std::coroutine_handle<> handle) noexcept {
        node.handle = handle;
        node.fire = [](Timer& timer) { static_cast<Node&>(timer).handle.resume(); };
        loop.arm(node, until);
    }
    void await_resume() noexcept {}
};
inline Sleep sleep_for(Loop& loop, Time milliseconds) { return {loop, loop.now() + milliseconds}; }

}  // namespace weir::net
