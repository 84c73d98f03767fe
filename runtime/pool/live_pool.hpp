// SPDX-License-Identifier: Apache-2.0
// LivePool: a pool at work in one worker. Holds the members, picks one for a request, keeps the
// books on failures (max_fails), connection limits and the queue. Plans come and go; a LivePool and
// its LiveServers stay as long as their name does (design section 5.4). Health and counters that
// all workers see are in the zone::Board; what is here is this worker's own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/zone/board.hpp"

namespace weir::plan {
struct ServerTls;
}

namespace weir::pool {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);
    }
    [[nodiscard]] int family() const { return storage.ss_family; }
};
SocketAddress socket_address(const ir::Endpoint& endpoint);

class Balancer;
class LivePool;
class LivePools;
struct LiveServer;

// Queueing on max_connections. Served in order. The coroutine is resumed by the loop when `granted`
// holds a server whose slot is taken for it, or without one when it shall call pick() again (its
// server went away). Linked into the pool until leave_queue().
struct Waiter {
    std::coroutine_handle<> handle;
    LiveServer* server = nullptr;   // waits for this one; null: for any
    LiveServer* granted = nullptr;  // set before the resume; its slot is the waiter's to release()
    std::uint64_t ticket = 0;
    Waiter* next = nullptr;
    Waiter* prev = nullptr;
    bool queued = false;
};

// One target address (an ir::Server with several endpoints gives several).
struct LiveServer {
    LivePool* pool = nullptr;
    std::string key;           // zone::server_key
    std::string name;          // ir::Server::name
    std::string sticky;        // the name that sticky cookies and routes have for it; empty: none asked
    std::uint64_t sticky_digest = 0;   // the same, of its address, in tables of sessions
    std::string address_text;  // "127.0.0.1:8080", "unix:/run/x" for logs and $upstream_addr
    SocketAddress address;
    const ir::Server* conf = nullptr;  // of the newest plan that has it; kept alive by the pool
    std::size_t index = 0;             // within the pool
    zone::Entry board;                 // shared state and counters
    // This worker's view for the balancers.
    std::uint32_t weight =
        1;                 // after runtime override; with Turns::positions after slow start, x 16
    std::uint32_t id = 0;  // the configured one, else counted from 1
    std::uint32_t max_connections = 0;   // after runtime override; 0 = no limit
    bool backup = false;
    bool usable = true;  // up, not drained, weight above 0; kept by LivePool::refresh()
    std::int64_t current_weight = 0, effective_weight = 1;  // smooth round robin
    std::uint32_t served = 0;                               // slots in use in this worker
    std::uint32_t handed = 0;  // of these, given to waiters that have not woken up yet
    net::Time up_since = 0;  // slow start counts from here; 0 = not in it
    struct Waiters {
        Waiter* first = nullptr;
        Waiter* last = nullptr;
        std::uint32_t count = 0;
    } waiters;  // those that wait for this very server
    // Shared state for a server that the board does not know (tests, a pool made on the fly).
    std::unique_ptr<zone::Counters[]> own_counters;
    std::unique_ptr<zone::ServerState> own_state;
    void* idle = nullptr;    // owned by forward/idle_cache
    const plan::ServerTls* tls = nullptr;      // of the plan that conf is of; null: as the route says
    std::shared_ptr<void> tls_peers;           // owned by forward/server_tls
    bool gone = false;       // no longer in the newest plan; freed when the last use ends
    std::uint32_t uses = 0;  // exchanges that hold it
    [[nodiscard]] zone::Counters& counters(std::uint32_t worker) const {
        return board.mine(worker);
    }
};

// What a choice depends on. All views must live until pick() returns.
struct PickRequest {
    const IpAddress* client = nullptr;
    std::string_view key;  // Balance::key evaluated; with has_key
    bool has_key = false;
    std::uint32_t try_number = 0;  // 0 = first
    // Servers tried before in this exchange: bit per LiveServer::index (see Tried).
    class Tried* tried = nullptr;
    LiveServer* same = nullptr;         // retry on this one if it still can (HAProxy retries)
    const LiveServer* avoid = nullptr;  // the one that failed, if another can (HAProxy redispatch)
    std::string_view sticky;            // the server of that LiveServer::sticky first, while it is up
    std::uint64_t sticky_digest = 0;    // or of that digest; 0: none
    std::string_view preferred;         // persistence: this server's name first
    net::Time now = 0;                  // ms
};

// Small set of server indices; heap only beyond 256 servers.
class Tried {
public:
    [[nodiscard]] bool has(std::size_t index) const;
    void add(std::size_t index);
    void clear();
    [[nodiscard]] bool any() const { return any_; }

private:
    std::uint64_t low_[4] = {};
    std::vector<std::uint64_t> high_;
    bool any_ = false;
};

enum class PickOutcome : std::uint8_t {
    picked,
    none,  // no usable server: 502 (nginx "no live upstreams") or 503 (HAProxy)
    full,  // every usable server is at its max_connections: wait in the queue (QueueTurn); nginx
           // waits with its queue directive only, else it is `none`
};

struct Picked {
    PickOutcome outcome = PickOutcome::none;
    LiveServer* server = nullptr;  // with `full`: wait for this one; null = for any
};

// How a use of a server ended, for the passive accounting (nginx max_fails). nginx counts an answer
// that is passed over (http_403, http_404) and a client that leaves as ok; not_counted changes
// nothing.
enum class UseResult : std::uint8_t { ok, failed, not_counted };

class LivePool {
public:
    LivePool(std::string name, std::uint32_t worker, zone::Board& board);
    ~LivePool();
    LivePool(const LivePool&) = delete;
    LivePool& operator=(const LivePool&) = delete;

    // Takes over a new definition: servers that are still there keep all their state. `keep` keeps
    // the plan that `conf` lives in.
    void adopt(const ir::Pool& conf, std::shared_ptr<const void> keep);

    // Chooses a server and takes one of its connection slots; give it back with release().
    Picked pick(const PickRequest& request);
    // Ends a use: frees the slot (wakes a waiter of this or another worker) and counts the result.
    void release(LiveServer& server, UseResult result, net::Time now);
    // Reports a failure or success while the slot stays in use (before a retry on the same server).
    void report(LiveServer& server, UseResult result, net::Time now);

    using Waiter = pool::Waiter;
    // After pick() said `full`; waiter.server = Picked::server.
    void enter_queue(Waiter& waiter);
    // Before the waiter goes away: on a time-out, and after every resume (then it is a no-op). A
    // slot granted in the same turn stays the caller's to use or release.
    void leave_queue(Waiter& waiter);
    // Wakes waiters while slots are free; called by release() and when another worker signals.
    void wake_waiters();
    [[nodiscard]] std::size_t queue_length() const { return queued_; }
    // How many servers one request may try (nginx): those not marked down; 1 with a single server.
    [[nodiscard]] std::uint32_t most_tries() const;

    [[nodiscard]] const ir::Pool& conf() const { return *conf_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] bool is_down(const LiveServer& server) const;   // by checks or by command, now
    [[nodiscard]] std::size_t usable_servers() const;  // nbsrv
    [[nodiscard]] std::span<const std::unique_ptr<LiveServer>> servers() const { return servers_; }
    [[nodiscard]] LiveServer* find(std::string_view server_name) const;
    [[nodiscard]] zone::Entry board() const { return board_entry_; }
    [[nodiscard]] zone::Counters& counters() const { return board_entry_.mine(worker_); }
    // An exchange is with this pool, whether or not it has a server (Tally).
    void enter() { ++exchanges_; }
    void leave() { --exchanges_; }
    [[nodiscard]] std::uint32_t worker() const { return worker_; }
    // Of all servers, in this worker.
    [[nodiscard]] std::uint32_t slots_in_use() const { return served_; }

private:
    friend class LivePools;
    using Group = std::vector<LiveServer*>;
    void make_server(const ir::Server& conf, std::size_t endpoint,
                     std::vector<std::unique_ptr<LiveServer>>& into);
    void number_servers();
    void rebuild(net::Time now);
    void follow_others(net::Time now);
    void refresh(net::Time now);
    void update(LiveServer& server, net::Time now);
    LiveServer* pick_smooth(const PickRequest& request);
    Picked pick_by_position(const PickRequest& request);
    LiveServer* pick_persistent(const PickRequest& request) const;
    [[nodiscard]] bool served_in_order() const;
    bool take_slot(LiveServer& server, bool chosen = true);
    void drop_slot(LiveServer& server);
    void count_failure(LiveServer& server, net::Time now);
    bool collect();
    [[nodiscard]] bool in_use() const;
    [[nodiscard]] std::uint32_t served(const LiveServer& server) const;
    [[nodiscard]] std::uint32_t limit_of(const LiveServer& server) const;
    [[nodiscard]] bool has_room(const LiveServer& server) const;
    static LiveServer* pick_sticky(const Group& group, const PickRequest& request);
    static bool may_smooth(const LiveServer& server, const PickRequest& request);
    static bool may_by_position(const LiveServer& server, const PickRequest& request);
    [[nodiscard]] bool takes_pool_waiters(const LiveServer& server) const;
    Waiter* next_waiter(LiveServer& server) const;
    void grant(Waiter& waiter, LiveServer& server);
    void wake_for(LiveServer& server);
    void signal_others(LiveServer& server);
    void unlink(Waiter& waiter);
    void release_waiters_of(LiveServer& server);

    std::string name_;
    std::string key_;   // ir::key_of() of the newest definition
    bool ramps_ = false;   // some server has a slow start
    std::uint32_t worker_;
    zone::Board& board_;
    zone::Entry board_entry_;
    const ir::Pool* conf_ = nullptr;
    std::shared_ptr<const void> keep_;
    std::vector<std::unique_ptr<LiveServer>> servers_;
    std::vector<std::unique_ptr<LiveServer>> gone_;  // freed by collect() when unused
    Group active_, backup_;
    ir::Balance balance_;
    bool positions_ = false;  // Turns::positions
    std::unique_ptr<Balancer> balancer_, backup_balancer_;
    LiveServer::Waiters waiters_;  // those that take any server
    std::size_t queued_ = 0;
    std::uint32_t served_ = 0;                        // slots in use, all servers
    std::uint32_t exchanges_ = 0;                     // that hold this pool
    std::unique_ptr<zone::Counters[]> own_counters_;  // for a pool that the board does not know
    std::uint64_t last_ticket_ = 0;
    std::uint64_t turns_of_others_ = 0;               // followed so far; see follow_others()
    net::Time followed_at_ = 0;
    std::uint64_t seen_epoch_ = 0;
    net::Time next_refresh_ = net::never;  // slow start goes on
    LivePools* pools_ = nullptr;
};

// The pools of a worker by name, across plans.
class LivePools {
public:
    LivePools(std::uint32_t worker, zone::Board& board) : worker_(worker), board_(board) {}
    LivePools(const LivePools&) = delete;
    LivePools& operator=(const LivePools&) = delete;
    // The live pool of every pool of a config, in its order; new ones are made, old ones adopt.
    std::vector<LivePool*> adopt(const ir::Config& config, std::shared_ptr<const void> keep);
    // Another worker freed slots or health changed: looks at every queue of this worker.
    void wake_all();
    // How workers of a mask are told to call wake_all(); without it waiters of other workers are
    // only woken by their own worker's releases.
    void set_signal(void (*signal)(void* context, std::uint64_t worker_mask), void* context) {
        signal_ = signal;
        signal_context_ = context;
    }
    [[nodiscard]] LivePool* find(std::string_view name) const;
    // How the idle connections of a server or pool that is about to go are closed. Not set: there
    // are none.
    struct IdleKeeper {
        void (*forget_server)(LiveServer&) = [](LiveServer&) {};
        void (*forget_pool)(LivePool&) = [](LivePool&) {};
    };
    void set_idle_keeper(IdleKeeper keeper) { idle_ = keeper; }
    // Frees retired pools and servers that nothing uses any more; true: some are left. adopt() does
    // it, and again every second while some are left.
    bool collect();

private:
    std::uint32_t worker_;
    zone::Board& board_;
    std::unordered_map<std::string, std::unique_ptr<LivePool>> pools_;
    friend class LivePool;
    std::vector<std::unique_ptr<LivePool>> retired_;  // not in the newest plan
    std::vector<LivePool*> waiting_;                  // those with a queue
    // While there is a queue, health changes and lost signals are looked for now and then.
    struct Watchman : net::Timer {
        LivePools* pools = nullptr;
    } watchman_;
    void watch_queues();
    Watchman collector_;
    void collect_later();
    IdleKeeper idle_;
    void (*signal_)(void* context, std::uint64_t worker_mask) = nullptr;
    void* signal_context_ = nullptr;
};

}  // namespace weir::pool
