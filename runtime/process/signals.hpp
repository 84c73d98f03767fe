// SPDX-License-Identifier: Apache-2.0
// What a signal means. The two worlds disagree (USR1 reopens logs here and stops there), so the
// personality decides. One signalfd per process; no handler ever runs.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/net/loop.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

enum class Personality : std::uint8_t { weir, nginx, haproxy };

enum class Action : std::uint8_t {
    ignore,
    stop_fast,
    stop_graceful,
    reload,
    reopen_logs,
    upgrade,          // start the binary anew beside this one (nginx USR2)
    drain_workers,    // stop the workers, keep the master (nginx WINCH)
    child_ended,
};

Action master_action(Personality personality, int signal);
Action child_action(Personality personality, int signal);

// Blocks every signal that any of the tables knows, and ignores SIGPIPE. To be called before the first
// descriptor of Signals and before any thread; children inherit it.
void block_signals();
// For a program that is executed: the state that processes expect to start with.
void unblock_signals();

class Signals {
public:
    // False with errno.
    bool attach(net::Loop& loop, std::function<void(int signal)> on_signal);
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    Fd fd_;
    net::Watch watch_;
    std::function<void(int signal)> on_signal_;
};

}  // namespace weir::process
