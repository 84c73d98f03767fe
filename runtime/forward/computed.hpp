// SPDX-License-Identifier: Apache-2.0
// Targets that a request computes (proxy_pass with variables): taken apart, and turned into a pool: a
// configured one by its name, else one made of the address, or of the addresses that the name has.
#pragma once

#include <memory>
#include <string>

#include "runtime/forward/idle_cache.hpp"
#include "runtime/net/task.hpp"
#include "runtime/plan/running.hpp"

namespace weir::forward {

struct ComputedTarget {
    std::string_view authority;   // "host", "host:port", "[v6]:port"; what $proxy_host shows
    std::string_view host;        // without port and brackets
    std::string_view path;        // of a Unix socket
    std::string_view uri;         // with its '/' or '?'; empty: none
    std::uint16_t port = 0;
    bool has_port = false;
    bool tls = false;             // https://
    const char* problem = nullptr;
    [[nodiscard]] std::uint16_t usual_port() const { return tls ? 443 : 80; }
};
// "http://host[:port][uri]", "https://unix:/path[:uri]"; without a scheme for stream sessions.
ComputedTarget parse_computed(std::string_view text, ir::Pool::Kind kind, Arena& arena);

// A pool that no configuration names. Lives while it is asked for, and as long as someone holds it.
class MadePool;

struct ComputedPool {
    ir::PoolId id = ir::no_id;            // of the plan
    pool::LivePool* pool = nullptr;       // null: see problem
    std::shared_ptr<MadePool> made;       // to be held until the log is written
    std::string problem;
};
// At once, where nothing has to be looked up; without pool and problem: look_up_pool() goes on.
ComputedPool find_pool(plan::Worker& worker, plan::Running& running, const ComputedTarget& target,
                       ir::Pool::Kind kind);
net::Task<ComputedPool> look_up_pool(plan::Worker& worker, const ir::NameServers& servers,
                                     ComputedTarget target, ir::Pool::Kind kind);

}  // namespace weir::forward
