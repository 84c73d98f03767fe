// SPDX-License-Identifier: Apache-2.0
// News: what the log says when a check changes something, in the words of the dialect that the check
// came from. Pure text; people's alerts look for these lines.
#pragma once

#include <string>

#include "parser/ir/config.hpp"
#include "runtime/warden/health.hpp"
#include "runtime/warden/script.hpp"

namespace weir::warden {

// The servers of a pool and their load, after the change.
struct PoolCount {
    std::uint32_t active = 0, backup = 0;      // usable ones
    std::uint64_t sessions = 0, queued = 0;    // of the server in question
    std::uint64_t pool_queued = 0;
};

struct News {
    const ir::Pool* pool = nullptr;
    const ir::Server* server = nullptr;
    const ir::HealthCheck* check = nullptr;
    std::string_view address;                  // "127.0.0.1:80"
    std::string_view via;                      // "pool/server" that is tracked; else empty
    const Outcome* outcome = nullptr;
    Health health;
    Transition transition = Transition::none;
    PoolCount count;
};

// "Server be/s1 is DOWN, reason: Layer4 connection problem, ... " | "peer is unhealthy while ...".
std::string describe_change(const News& news);
// HAProxy, option log-health-checks: "Health check for server be/s1 failed, reason: ...".
std::string describe_check(const News& news);
// Syslog severity of describe_change().
int level_of(const News& news);

}  // namespace weir::warden
