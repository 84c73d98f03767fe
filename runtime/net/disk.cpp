// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/disk.hpp"

#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "runtime/net/kept_buffers.hpp"

namespace weir::net {

namespace {

constexpr unsigned most_threads = 8;

}  // namespace

bool lies_in_memory(int fd, std::uint64_t device) {
    struct Known {
        std::uint64_t device = 0;
        bool in_memory = false;
    };
    static thread_local Known last;
    if (last.device != device || device == 0) {
        struct statfs about {};
        const bool told = ::fstatfs(fd, &about) == 0;
        last = {device, told && (about.f_type == TMPFS_MAGIC || about.f_type == RAMFS_MAGIC)};
    }
    return last.in_memory;
}

// What the threads see. It lives as long as the last of them, which a disk may hold up for good.
struct Disk::Threads {
    std::mutex lock;
    std::condition_variable work, fewer;
    Job *first = nullptr, *last = nullptr;   // to do
    Job* done = nullptr;                     // the last one first
    unsigned queued = 0, idle = 0, count = 0;
    bool over = false;
    int event = -1;

    ~Threads() {
        if (event >= 0) ::close(event);
    }

    // A thread's life.
    void run() {
        std::unique_lock held(lock);
        for (;;) {
            ++idle;
            work.wait(held, [this] { return first || over; });
            --idle;
            if (over) break;
            auto* job = first;
            first = job->next_;
            --queued;
            held.unlock();
            job->run();
            free_kept_buffers();   // the loop's thread keeps them, not this one
            held.lock();
            const bool tell = !done;
            job->next_ = done;
            done = job;
            if (tell) (void)::eventfd_write(event, 1);
        }
        --count;
        fewer.notify_all();
    }
};

Disk::~Disk() {
    if (!threads_) return;
    done_.detach();
    std::unique_lock held(threads_->lock);
    threads_->over = true;
    threads_->work.notify_all();
    // One that hangs ends with the process, and what it works on is not touched.
    if (!threads_->fewer.wait_for(held, std::chrono::milliseconds(patience), [this] { return threads_->count == 0; }))
        return;
    for (auto* queue : {&threads_->first, &threads_->done})
        while (auto* job = *queue) {
            *queue = job->next_;
            delete job;
        }
}

bool Disk::prepare() {
    if (threads_) return true;
    auto made = std::make_shared<Threads>();
    made->event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->event < 0 || !done_.attach_level(loop_, made->event)) return false;
    done_.owner = this;
    done_.on_event = [](Watch& watch, std::uint32_t) { static_cast<Disk*>(watch.owner)->collect(); };
    threads_ = std::move(made);
    return true;
}

bool Disk::start_thread() {
    // Signals are the process's: they go to its own thread.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = true;
    try {
        std::thread([threads = threads_] { threads->run(); }).detach();
    } catch (const std::system_error&) {
        started = false;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return started;
}

// False: there is no thread to be had.
bool Disk::enqueue(Job* job) {
    if (!prepare()) return false;
    auto& shared = *threads_;
    std::unique_lock held(shared.lock);
    if (shared.queued >= shared.idle && shared.count < most_threads) {
        ++shared.count;
        held.unlock();
        const bool started = start_thread();
        held.lock();
        if (!started) --shared.count;
        if (shared.count == 0) return false;
    }
    job->next_ = nullptr;
    (shared.first ? shared.last->next_ : shared.first) = job;
    shared.last = job;
    ++shared.queued;
    held.unlock();
    shared.work.notify_one();
    return true;
}

void Disk::post(Job* job) {
    job->posted_ = loop_.now();
    job->newer_ = nullptr;
    job->older_ = newest_;
    (newest_ ? newest_->newer_ : oldest_) = job;
    newest_ = job;
    if (enqueue(job)) return;
    job->run();   // the loop has to wait for the disk itself
    loop_.post([this, job] { conclude(job); });
}

void Disk::leave(std::unique_ptr<Job> job) { post(job.release()); }

void Disk::collect() {
    std::uint64_t told = 0;
    if (::read(threads_->event, &told, sizeof told) < 0) return;
    Job* done = nullptr;
    {
        std::lock_guard held(threads_->lock);
        done = std::exchange(threads_->done, nullptr);
    }
    while (done) {
        auto* job = done;
        done = job->next_;
        conclude(job);
    }
}

void Disk::conclude(Job* job) {
    (job->older_ ? job->older_->newer_ : oldest_) = job->newer_;
    (job->newer_ ? job->newer_->older_ : newest_) = job->older_;
    if (auto* waiter = std::exchange(job->waiter_, nullptr)) {
        waiter->job = nullptr;
        waiter->done = true;
        waiter->node.cancel();
        loop_.post(waiter->handle);
    } else if (job->leave()) {
        post(job);
    } else {
        delete job;
    }
}

void Disk::Wait::await_suspend(std::coroutine_handle<> waiting) {
    handle = waiting;
    job->waiter_ = this;
    node.self = this;
    node.fire = [](Timer& timer) {
        auto& self = *static_cast<Node&>(timer).self;
        std::exchange(self.job, nullptr)->waiter_ = nullptr;
        self.handle.resume();
    };
    if (until != never) disk.loop_.arm(node, until);
    disk.post(job);
}

}  // namespace weir::net
