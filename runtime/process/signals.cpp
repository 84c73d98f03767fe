// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/signals.hpp"

#include <sys/signalfd.h>

#include <csignal>

namespace weir::process {

namespace {

constexpr int known[] = {SIGTERM, SIGINT,  SIGQUIT, SIGHUP,  SIGUSR1,
                         SIGUSR2, SIGWINCH, SIGCHLD, SIGTTIN, SIGTTOU};

sigset_t known_set() {
    sigset_t set;
    ::sigemptyset(&set);
    for (int signal : known) ::sigaddset(&set, signal);
    return set;
}

}  // namespace

Action master_action(Personality personality, int signal) {
    const bool haproxy = personality == Personality::haproxy;
    switch (signal) {
        case SIGTERM:
        case SIGINT: return Action::stop_fast;
        case SIGHUP: return Action::reload;
        case SIGQUIT: return haproxy ? Action::ignore : Action::stop_graceful;   // HAProxy: dump
        case SIGUSR1: return haproxy ? Action::stop_graceful : Action::reopen_logs;
        case SIGUSR2: return haproxy ? Action::reload : Action::upgrade;
        case SIGWINCH: return haproxy ? Action::ignore : Action::drain_workers;
        case SIGCHLD: return Action::child_ended;
        default: return Action::ignore;
    }
}

// INT comes from the terminal to the whole group; the master gets it too and tells its children.
Action child_action(Personality personality, int signal) {
    const bool haproxy = personality == Personality::haproxy;
    switch (signal) {
        case SIGTERM: return Action::stop_fast;
        case SIGQUIT:
        case SIGWINCH: return haproxy ? Action::ignore : Action::stop_graceful;
        case SIGUSR1: return haproxy ? Action::stop_graceful : Action::reopen_logs;
        default: return Action::ignore;
    }
}

void block_signals() {
    const sigset_t set = known_set();
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    // A parent may have left these ignored (nohup): then they would never reach the signalfd.
    for (int signal : known) ::sigaction(signal, &plain, nullptr);
    plain.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &plain, nullptr);
}

void unblock_signals() {
    const sigset_t set = known_set();
    ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    ::sigaction(SIGPIPE, &plain, nullptr);
}

bool Signals::attach(net::Loop& loop, std::function<void(int signal)> on_signal) {
    const sigset_t set = known_set();
    fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd_) return false;
    on_signal_ = std::move(on_signal);
    watch_.owner = this;
    watch_.on_event = [](net::Watch& watch, std::uint32_t) {
        auto& self = *static_cast<Signals*>(watch.owner);
        signalfd_siginfo got;
        while (::read(self.fd_.get(), &got, sizeof got) == static_cast<ssize_t>(sizeof got))
            self.on_signal_(static_cast<int>(got.ssi_signo));
    };
    return watch_.attach_level(loop, fd_.get());
}

}  // namespace weir::process
