// SPDX-License-Identifier: Apache-2.0
// Board: the shared state of every site, pool and server, found by name. It is what a reload keeps:
// the master looks a name up before it makes a new entry, so counters, health and connection counts
// go on under the new Plan. Counters are one slot per worker, written by that worker alone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "parser/ir/config.hpp"
#include "runtime/zone/shared_arena.hpp"
#include "runtime/zone/shelf.hpp"
#include "runtime/zone/tables.hpp"

namespace weir::zone {

// Written by one worker, read by everybody: plain loads and stores, relaxed. (x86: no cost.)
struct Counter {
    std::atomic<std::uint64_t> value{0};
    void add(std::uint64_t n) {
        value.store(value.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    void subtract(std::uint64_t n) { add(~n + 1); }
    void set(std::uint64_t n) { value.store(n, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const { return value.load(std::memory_order_relaxed); }
};

// Per worker and per site, pool or server. Gauges of a dead worker are cleared by the master.
struct alignas(64) Counters {
    // gauges
    Counter connections;        // current sessions / connections in use
    Counter queued;
    Counter idle_connections;
    Counter reading, busy;      // the process: request heads that came in part; requests under way
    // totals
    Counter total;              // sessions (site: accepted connections)
    Counter requests;
    Counter bytes_in, bytes_out;
    Counter spliced_in, spliced_out;   // of these, of bodies, by splice()
    Counter responses[6];       // [1]..[5] = 1xx..5xx, [0] = other
    Counter connect_errors, response_errors, client_aborts, server_aborts;
    Counter retries, redispatches, denied_requests, denied_responses, request_errors;
    Counter picked;             // lbtot
    Counter connects, reuses;
    Counter queue_ms, connect_ms, response_ms, total_ms;   // sums, for averages
    Counter last_used;          // unix seconds
    Counter cache_lookups, cache_hits, cache_hints;   // hints: lookups that ended in a 103
    Counter cache_other[6];     // caches on disk: as cache_others names them; bytes_in: of answers of servers
    // The process: TLS handshakes of clients, and those that resumed no session. Totals, and rates of the
    // last second in the three cells of zone::count_rate (ms of the wall clock).
    Counter handshakes, full_handshakes;
    Counter handshake_rate[3], full_handshake_rate[3];
};

// What becomes of a request in a cache on disk, beside a hit.
inline constexpr std::array<std::string_view, 6> cache_others = {"MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED"};

// Server health and passive failure accounting: shared by all, changed rarely, by atomics.
struct alignas(64) ServerState {
    enum Flag : std::uint32_t {
        check_down = 1,      // the warden's checks say no
        forced_down = 2,     // configuration: down / disabled, or maintenance by the runtime API
        drain = 4,
        check_starting = 8,  // not yet checked (nginx mandatory)
        failed = 16,         // passive: max_fails reached, until retry_at
        unresolved = 32,     // its name is not known
        stopping = 64,       // 404 of disable-on-404: only persistent traffic
        check_paused = 128,  // not checked, by the runtime API
    };
    std::atomic<std::uint32_t> flags{0};
    std::atomic<std::uint32_t> generation{0};  // changes whenever flags or weight do
    std::atomic<std::int32_t> weight{-1};      // runtime override; -1 = as configured
    std::atomic<std::int32_t> max_connections{-1};   // the same of Server::max_connections
    std::atomic<std::uint32_t> fails{0};       // within fail_timeout
    std::atomic<std::int64_t> fail_window{0};  // ms of the loop's monotonic clock: first/last failure
    std::atomic<std::int64_t> retry_at{0};     // failed: when one request may probe again
    std::atomic<std::int64_t> last_change{0};  // unix seconds
    std::atomic<std::uint32_t> check_code{0};  // last check: outcome code and status
    std::atomic<std::uint32_t> check_status{0};
    std::atomic<std::uint32_t> check_ms{0};
    std::atomic<std::uint32_t> health{0};      // rise/fall counter as HAProxy shows it
    std::atomic<std::uint32_t> fall_count{0}, downs{0}, down_seconds{0};
    std::atomic<std::uint32_t> waiters{0};     // workers (bit mask, 64 in two words) with a queue
    std::atomic<std::uint64_t> waiting_workers{0};
    [[nodiscard]] bool usable() const {
        return (flags.load(std::memory_order_relaxed) &
                (check_down | forced_down | check_starting | unresolved)) == 0;
    }
};

// One named thing; state only for servers. The counters of one worker lie together, those of two
// workers far apart (stride): no page is shared, and memory is used only for workers that ran.
struct Entry {
    Counters* slots = nullptr;       // of worker 0; null: there is no such thing
    ServerState* state = nullptr;
    std::size_t stride = 0;          // Counters between two workers
    [[nodiscard]] Counters& mine(std::uint32_t worker) const { return slots[worker * stride]; }
    // Sum over the workers of one gauge or total.
    template <class Member>
    [[nodiscard]] std::uint64_t sum(std::uint32_t workers, Member member) const {
        std::uint64_t all = 0;
        for (std::uint32_t i = 0; i < workers; ++i) all += (mine(i).*member).get();
        return all;
    }
};

enum class Kind : std::uint8_t { process, listener, site, pool, server, cache };

// In the master: prepare() before a configuration is handed out. Everywhere: find().
class Board {
public:
    // Finds the directory of the arena, or makes it (master, first start).
    explicit Board(SharedArena& arena, std::uint32_t workers);
    // Master only: makes entries for all that `config` names (and the process itself), keeping those
    // that exist; afterwards find() succeeds for each in every process that maps the arena. Nothing
    // that a running plan sees changes. False when there is no room left.
    bool prepare(const ir::Config& config);
    // Master only, when `config` goes live: servers whose configured state (down, drain) differs from
    // what the last configuration said take the new one; what was set at run time stays otherwise.
    void apply(const ir::Config& config);
    // Entry of a name; slots is null when there is none. A pool's name is ir::key_of(), a server's
    // server_key() with that. A site's and a listener's is its own; the process's is empty.
    [[nodiscard]] Entry find(Kind kind, std::string_view name) const;
    // Slots that were ever used: what a reader adds up. Slot i belongs to worker index i.
    [[nodiscard]] std::uint32_t workers() const;
    // Master only: a worker gets slot `worker` (below most_workers).
    void use_worker(std::uint32_t worker);
    // Master only: a worker died; its gauges go to zero.
    void clear_gauges(std::uint32_t worker);
    // What zones name, by the same calls: prepared, applied, and given back for the dead.
    [[nodiscard]] Tables& tables() { return tables_; }
    [[nodiscard]] Shelves& shelves() const { return *shelves_; }
    // Process-wide generation: bumped by whoever changes any server's flags or weight.
    [[nodiscard]] std::atomic<std::uint64_t>& health_epoch() const;

private:
    struct Directory;
    struct Record;
    struct Table;
    [[nodiscard]] Record* record(std::uint32_t index) const;
    [[nodiscard]] Entry entry(std::uint32_t index) const;
    [[nodiscard]] std::uint32_t lookup(Kind kind, std::string_view name, std::uint64_t hash) const;
    [[nodiscard]] std::uint64_t hash(Kind kind, std::string_view name) const;
    bool add(Kind kind, std::string_view name, const ir::Server* server = nullptr);
    bool grow();

    SharedArena* arena_;
    Directory* directory_ = nullptr;   // at a fixed place at the head of the arena
    Tables tables_;
    std::unique_ptr<Shelves> shelves_;
};

// "pool/server", or for the second endpoint of a server "pool/server#2".
std::string server_key(std::string_view pool, const ir::Server& server, std::size_t endpoint);

}  // namespace weir::zone
