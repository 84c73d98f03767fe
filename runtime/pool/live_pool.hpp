// SPDX-License-Identifier: Apache-2.0
// LivePool: a pool at work in one worker. Holds the members, picks one for a request, keeps the books
// on failures (max_fails), connection limits and the queue. Plans come and go; a LivePool and its
// LiveServers stay as long as their name does (design section 5.4). Health and counters that all
// workers see are in the zone::Board; what is here is this worker's own.
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

class LivePool;

// One target address (an ir::Server with several endpoints gives several).
struct LiveServer {
    LivePool* pool = nullptr;
    std::string name;            // ir::Server::name
    std::string address_text;    // "127.0.0.1:8080", "unix:/run/x" for logs and $upstream_addr
    SocketAddress address;
    const ir::Server* conf = nullptr;   // of the newest plan that has it; kept alive by the pool
    std::size_t index = 0;       // within the pool
    zone::Entry board;           // shared state and counters
    // This worker's view for the balancers.
    std::uint32_t weight = 1;    // effective, after runtime override and slow start
    std::int64_t current_weight = 0, effective_weight = 1;   // smooth round robin
    void* idle = nullptr;        // owned by forward/idle_cache
    bool gone = false;           // no longer in the newest plan; freed when the last use ends
    std::uint32_t uses = 0;      // exchanges that hold it
    [[nodiscard]] zone::Counters& counters(std::uint32_t worker) const {
        return board.mine(worker);
    }
};

// What a choice depends on. All views must live until pick() returns.
struct PickRequest {
    const IpAddress* client = nullptr;
    std::string_view key;              // Balance::key evaluated; with has_key
    bool has_key = false;
    std::uint32_t try_number = 0;      // 0 = first
    // Servers tried before in this exchange: bit per LiveServer::index (see Tried).
    class Tried* tried = nullptr;
    LiveServer* same = nullptr;        // retry on this one if it still can (HAProxy retries)
    std::string_view preferred;        // persistence: this server's name first
    net::Time now = 0;                 // ms
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
    none,     // no usable server: 502 (nginx "no live upstreams") or 503 (HAProxy)
    full,     // every usable server is at its max_connections: wait in the queue or 502/503
};

struct Picked {
    PickOutcome outcome = PickOutcome::none;
    LiveServer* server = nullptr;
    bool quick_recovery = false;   // nginx: all had failed and were let in again
};

// How a use of a server ended, for the passive accounting (nginx max_fails).
enum class UseResult : std::uint8_t { ok, failed, not_counted };

class Balancer;

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

    // Queueing on maxconn. Waiters are served in order; the coroutine is resumed by the loop when a
    // slot may be free and calls pick() again. Linked into the pool until leave().
    struct Waiter {
        std::coroutine_handle<> handle;
        LiveServer* server = nullptr;      // waits for this one; null: for any
        Waiter* next = nullptr;
        Waiter* prev = nullptr;
    };
    void enter_queue(Waiter& waiter);
    void leave_queue(Waiter& waiter);
    // Wakes waiters while slots are free; called by release() and when another worker signals.
    void wake_waiters();
    [[nodiscard]] std::size_t queue_length() const { return queued_; }

    [[nodiscard]] const ir::Pool& conf() const { return *conf_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] std::size_t usable_servers() const;   // nbsrv
    [[nodiscard]] std::span<const std::unique_ptr<LiveServer>> servers() const { return servers_; }
    [[nodiscard]] LiveServer* find(std::string_view server_name) const;
    [[nodiscard]] zone::Entry board() const { return board_entry_; }
    [[nodiscard]] std::uint32_t worker() const { return worker_; }

private:
    std::string name_;
    std::uint32_t worker_;
    zone::Board& board_;
    zone::Entry board_entry_;
    const ir::Pool* conf_ = nullptr;
    std::shared_ptr<const void> keep_;
    std::vector<std::unique_ptr<LiveServer>> servers_;
    std::vector<std::unique_ptr<LiveServer>> gone_;
    std::unique_ptr<Balancer> balancer_, backup_balancer_;
    Waiter* first_waiter_ = nullptr;
    Waiter* last_waiter_ = nullptr;
    std::size_t queued_ = 0;
    std::uint64_t seen_epoch_ = 0;
    friend class Balancer;
};

// The pools of a worker by name, across plans.
class LivePools {
public:
    LivePools(std::uint32_t worker, zone::Board& board) : worker_(worker), board_(board) {}
    // The live pool of every pool of a config, in its order; new ones are made, old ones adopt.
    std::vector<LivePool*> adopt(const ir::Config& config, std::shared_ptr<const void> keep);
    void wake_all();
    [[nodiscard]] LivePool* find(std::string_view name) const;

private:
    std::uint32_t worker_;
    zone::Board& board_;
    std::unordered_map<std::string, std::unique_ptr<LivePool>> pools_;
};

}  // namespace weir::pool
