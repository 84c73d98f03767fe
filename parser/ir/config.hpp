// SPDX-License-Identifier: Apache-2.0
// Config: the root of the IR; owns everything by value. Front-ends write it, the runtime reads it.
// Neutral, explicit, fully inherited; durations are milliseconds, sizes bytes (design section 4).
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/ir/charset.hpp"
#include "parser/ir/cache.hpp"
#include "parser/ir/listener.hpp"
#include "parser/ir/peers.hpp"
#include "parser/ir/pool.hpp"
#include "parser/ir/site.hpp"
#include "parser/ir/zone.hpp"

namespace weir::ir {

// Control sockets: HAProxy stats socket.
struct ControlSocket {
    Endpoint endpoint;
    UnixPermissions permissions;
    enum class Level : std::uint8_t { user, operator_level, admin } level = Level::operator_level;
    bool expose_listeners = false;
    Milliseconds timeout{10000};
    Span span;
};

struct Process {
    std::uint32_t workers = 1;             // worker_processes, nbthread; 0 = one per core
    std::optional<bool> daemon;            // not said: as the program was started
    bool master = true;                    // nginx master_process; off: one process (debugging)
    std::string user, group;               // empty: stay
    std::string chroot;
    std::string pid_file;                  // empty: none
    std::string working_directory;
    std::vector<ErrorLog> error_logs;
    // HAProxy: who hears what OCSP responders said about certificates (global log). None: the error
    // logs do, of failures.
    std::vector<AccessLog> status_logs;
    std::uint32_t max_connections = 0;     // of the process: HAProxy maxconn; 0 = by descriptors
    std::uint64_t max_descriptors = 0;     // worker_rlimit_nofile, ulimit-n; 0 = as it is
    std::optional<std::uint64_t> max_core; // worker_rlimit_core
    std::optional<int> priority;
    std::vector<std::uint64_t> affinity;
    Milliseconds shutdown_timeout = no_limit;   // worker_shutdown_timeout, hard-stop-after
    std::vector<std::pair<std::string, std::string>> environment;   // env, setenv, presetenv
    std::vector<std::string> unset_environment;
    std::vector<ControlSocket> control_sockets;
    std::string node, description;
    // How hard and with how much memory bodies are compressed where a place does not say so itself.
    struct Compression {
        std::uint8_t level = 1;            // tune.comp.maxlevel
        std::uint8_t memory_level = 8;     // tune.zlib.memlevel, 1 to 9
        std::uint8_t window_bits = 15;     // tune.zlib.windowsize, 8 to 15
        std::uint64_t memory = 0;          // maxzlibmem: bytes for all workers; 0 = weir's own bound
    } compression;
};

struct Variable {
    std::string name;                      // "txn.x" or nginx's "x"
    bool nginx = false;
};

struct Config {
    Process process;
    std::vector<Listener> listeners;
    std::vector<Site> sites;
    std::vector<Route> routes;
    std::vector<Pool> pools;
    std::vector<Zone> zones;
    std::vector<CacheStore> caches;
    std::vector<TlsList> tls_lists;
    TlsStored tls_stored;
    std::vector<PeerGroup> peer_groups;
    std::uint32_t followers = 3;           // per connection and per request; tune.stick-counters
    std::vector<Map> maps;
    std::vector<CharsetMap> charset_maps;
    std::vector<Variable> variables;       // slots of SetVariable and Fetch::variable
    std::vector<std::string> named_captures;   // slots of Fetch::named_capture
    // Values that answers themselves ask for by name (ssi): names, and families with '_' at their end.
    // Empty where nobody may.
    std::vector<std::pair<std::string, Expr>> asked_by_name;

    RouteId add(Route route);
    PoolId add(Pool pool);
    SiteId add(Site site);
    // no_id when there is none. A pool's name is set before add() and never changed.
    // HAProxy has one name space for pools of both kinds, nginx one for each.
    [[nodiscard]] PoolId find_pool(const std::string& name) const;
    [[nodiscard]] PoolId find_pool(const std::string& name, Pool::Kind kind) const;
    [[nodiscard]] const PeerGroup* find_peers(std::string_view name) const;
    // By name and purpose; no_id when there is none.
    [[nodiscard]] ZoneId find_zone(std::string_view name, std::string_view purpose) const;
    std::uint32_t variable_slot(std::string_view name, bool nginx);

private:
    std::unordered_map<std::string, PoolId> pool_index_;   // 33,000 backends are looked up by name
};

// Canonical text of the whole configuration: one line per fact, stable order, no spans. Two files
// that mean the same print the same (golden tests, `weir ir`).
std::string print(const Config& config);
// The same of one check: two that print the same are the same.
std::string print(const HealthCheck& check, const Config& config);

// Dialect-blind checks: references, phase needs (a value must exist where it is used), address
// clashes, empty pools. Everything found goes to the sink.
void validate(const Config& config, diag::Sink& sink);

}  // namespace weir::ir
