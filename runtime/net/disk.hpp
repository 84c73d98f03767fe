// SPDX-License-Identifier: Apache-2.0
// Disk: a few threads of a process for calls on files that a slow disk would hold up, while the loop goes
// on. A job has all that it touches: when who asked waits no longer, it ends alone.
#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <utility>

#include "runtime/net/loop.hpp"
#include "runtime/net/task.hpp"

namespace weir::net {

// Whether files like `fd`, on the device of that number, lie in memory: nothing is waited for there, and the
// kernel cannot be asked not to (tmpfs).
bool lies_in_memory(int fd, std::uint64_t device);

class Disk {
public:
    struct Wait;

    // Made and destroyed in the loop's thread.
    class Job {
    public:
        Job() = default;
        Job(const Job&) = delete;
        Job& operator=(const Job&) = delete;
        virtual ~Job() = default;
        // In another thread: nothing of the loop's may be touched.
        virtual void run() = 0;
        // In the loop's thread, when it is done and nobody waits for it. True: run() once more, to clean up.
        virtual bool leave() { return false; }

        static void* operator new(std::size_t bytes) { return FrameSlab::allocate(bytes); }
        static void operator delete(void* memory, std::size_t bytes) noexcept { FrameSlab::release(memory, bytes); }

    private:
        friend class Disk;
        friend struct Disk::Wait;
        Wait* waiter_ = nullptr;
        Job *older_ = nullptr, *newer_ = nullptr;   // of those that are not done; the loop's thread
        Job* next_ = nullptr;                       // in a queue, under its lock
        Time posted_ = 0;
    };

    // Who waits longer for a file than this (ms) is better served without it.
    static constexpr Time patience = 500;

    explicit Disk(Loop& loop) : loop_(loop) {}
    ~Disk();
    [[nodiscard]] Loop& loop() const { return loop_; }
    Disk(const Disk&) = delete;
    Disk& operator=(const Disk&) = delete;

    // Runs the job. Null: it was not done within `patience`, and ends alone.
    template <class T>
    Task<std::unique_ptr<T>> run(std::unique_ptr<T> job) {
        return run(std::move(job), loop_.now() + patience);
    }
    template <class T>
    Task<std::unique_ptr<T>> run(std::unique_ptr<T> job, Time until);
    // Runs it; nobody waits.
    void leave(std::unique_ptr<Job> job);
    // A job takes longer than `patience`: the disk does not answer.
    [[nodiscard]] bool is_stuck() const { return oldest_ && loop_.now() - oldest_->posted_ > patience; }

private:
    struct Threads;
    void post(Job* job);
    bool enqueue(Job* job);
    bool prepare();
    bool start_thread();
    void collect();
    void conclude(Job* job);

    Loop& loop_;
    std::shared_ptr<Threads> threads_;   // made when the first job comes
    Watch done_;
    Job *oldest_ = nullptr, *newest_ = nullptr;
};

struct Disk::Wait {
    Disk& disk;
    Job* job;
    Time until;
    bool done = false;
    std::coroutine_handle<> handle;
    struct Node : Timer {
        Wait* self = nullptr;
    };
    Node node;

    Wait(Disk& of, Job* wanted, Time limit) : disk(of), job(wanted), until(limit) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() {
        if (job && job->waiter_ == this) job->waiter_ = nullptr;
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiting);
    [[nodiscard]] bool await_resume() const noexcept { return done; }
};

template <class T>
Task<std::unique_ptr<T>> Disk::run(std::unique_ptr<T> job, Time until) {
    auto* mine = job.release();
    const bool done = co_await Wait(*this, mine, until);
    co_return std::unique_ptr<T>(done ? mine : nullptr);
}

}  // namespace weir::net
