// SPDX-License-Identifier: Apache-2.0
// co_await QueueTurn: waits in a pool's queue after pick() said `full`. Comes back with a server
// whose slot is taken, with the end of the time, or with neither: then pick() again.
#pragma once

#include "runtime/net/loop.hpp"
#include "runtime/pool/live_pool.hpp"

namespace weir::pool {

class QueueTurn {
public:
    struct Result {
        LiveServer* server = nullptr;  // its slot is the caller's to release()
        bool timed_out = false;
    };
    // `server`: Picked::server, the one to wait for; null = any.
    QueueTurn(LivePool& pool, LiveServer* server, net::Loop& loop, net::Time deadline)
        : pool_(pool), loop_(loop), deadline_(deadline) {
        waiter_.server = server;
    }
    QueueTurn(const QueueTurn&) = delete;
    QueueTurn& operator=(const QueueTurn&) = delete;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) {
        waiter_.handle = handle;
        pool_.enter_queue(waiter_);
        if (deadline_ == net::never) return;
        expiry_.turn = this;
        expiry_.fire = [](net::Timer& timer) {
            auto& turn = *static_cast<Expiry&>(timer).turn;
            // Out of the queue already: the resume is on its way.
            if (!turn.waiter_.queued) return;
            turn.timed_out_ = true;
            turn.pool_.leave_queue(turn.waiter_);
            turn.waiter_.handle.resume();
        };
        loop_.arm(expiry_, deadline_);
    }
    Result await_resume() noexcept {
        expiry_.cancel();
        if (waiter_.granted) --waiter_.granted->handed;
        return {waiter_.granted, timed_out_};
    }

private:
    struct Expiry : net::Timer {
        QueueTurn* turn = nullptr;
    };
    LivePool& pool_;
    net::Loop& loop_;
    net::Time deadline_;
    Waiter waiter_;
    Expiry expiry_;
    bool timed_out_ = false;
};

}  // namespace weir::pool
