// SPDX-License-Identifier: Apache-2.0
// Checker: checks one server again and again. Between two checks it is a timer and a few numbers; a
// check under way is a coroutine that keeps the Checker alive until it ends.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/warden/check_run.hpp"
#include "runtime/warden/news.hpp"
#include "runtime/zone/board.hpp"

namespace weir::warden {

class Warden;

// What a Checker has to do, out of one configuration (which `script` keeps alive).
struct Job {
    std::string key;                    // server_key
    std::string fingerprint;            // equal: the same check of the same place
    const ir::Pool* pool = nullptr;
    const ir::Server* server = nullptr;
    const ir::HealthCheck* check = nullptr;
    std::shared_ptr<const Script> script;
    Target target;
    std::string address;                // as text
    zone::Entry entry;
    struct Follower {                   // a server that tracks this one
        const ir::Pool* pool;
        const ir::Server* server;
        zone::Entry entry;
    };
    std::vector<Follower> followers;
};

class Checker : public std::enable_shared_from_this<Checker> {
public:
    Checker(Warden& warden, net::Loop& loop, Job job);
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;

    // The first check of a new job starts after `delay` (they are spread, so that a thousand servers
    // are not checked at once).
    void schedule(net::Time delay);
    // The same server in a new configuration. True when its check must start anew.
    bool take(Job job);
    // No further check; one under way is given up.
    void retire();
    [[nodiscard]] const Job& job() const { return job_; }

private:
    static net::Task<void> check_once(std::shared_ptr<Checker> self);
    void on_timer();
    void apply(Outcome outcome);
    void write_state(const Outcome& outcome, Transition transition, bool moved);
    [[nodiscard]] net::Time pause();

    Warden* warden_;                    // null: retired
    net::Loop& loop_;
    Job job_;
    Health health_;
    CheckRun* running_ = nullptr;       // lives in the frame of check_once
    struct Node : net::Timer {
        Checker* self = nullptr;
    } timer_;
    std::minstd_rand random_;
};

// The flags of a server after a check, other flags kept. True when they changed.
bool put_flags(zone::ServerState& state, const Health& health, Verdict verdict);

}  // namespace weir::warden
