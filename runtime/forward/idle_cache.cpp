// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/idle_cache.hpp"

#include <algorithm>
#include <unordered_map>

namespace weir::forward {

// Of one pool: the limit is per pool and worker (nginx keepalive N), the choice per server.
struct PoolIdle {
    std::uint32_t count = 0;
    ServerConnection* warmest = nullptr;   // all idle ones of the pool, most recent first
    ServerConnection* coldest = nullptr;
};

class IdleList {
public:
    explicit IdleList(PoolIdle& of) : pool(of) {}
    std::vector<ServerConnection*> stack;  // of this server; back() is the warmest
    PoolIdle& pool;
};

namespace {

std::unordered_map<const pool::LivePool*, PoolIdle>& pools() {
    static thread_local std::unordered_map<const pool::LivePool*, PoolIdle> by_pool;
    return by_pool;
}

IdleList& list_of(pool::LiveServer& server) {
    if (!server.idle) server.idle = new IdleList(pools()[server.pool]);
    return *static_cast<IdleList*>(server.idle);
}

void unlink(ServerConnection& connection) {
    auto& list = *connection.list;
    auto& pool = list.pool;
    (connection.prev ? connection.prev->next : pool.warmest) = connection.next;
    (connection.next ? connection.next->prev : pool.coldest) = connection.prev;
    connection.next = connection.prev = nullptr;
    if (list.stack.back() == &connection) {
        list.stack.pop_back();
    } else {
        std::erase(list.stack, &connection);
    }
    --pool.count;
    auto& server = *connection.server;
    server.counters(server.pool->worker()).idle_connections.subtract(1);
    connection.list = nullptr;
    connection.timer.disarm();
    connection.stream.watch.on_event = nullptr;
}

void discard(ServerConnection& connection) {
    unlink(connection);
    delete &connection;
}

}  // namespace

std::unique_ptr<ServerConnection> take_idle(pool::LiveServer& server, const TlsPeer* peer) {
    if (!server.idle) return nullptr;
    const auto& stack = static_cast<IdleList*>(server.idle)->stack;
    auto fits = [&](const ServerConnection* idle) { return idle->peer.get() == peer; };
    auto found = std::find_if(stack.rbegin(), stack.rend(), fits);
    if (found == stack.rend()) return nullptr;
    auto* connection = *found;
    unlink(*connection);
    connection->reused = true;
    return std::unique_ptr<ServerConnection>(connection);
}

void keep_idle(std::unique_ptr<ServerConnection> owned) {
    auto& server = *owned->server;
    const auto& limits = server.pool->conf().idle;
    auto& loop = owned->stream.watch.loop();
    auto now = loop.now();
    bool worn = (limits.max_requests != 0 && owned->requests >= limits.max_requests) ||
                now - owned->opened >= limits.max_time.count() ||
                (server.conf->max_reuse && owned->requests > *server.conf->max_reuse);
    // Readable while idle: closed, or bytes nobody asked for. Either way it cannot be used again.
    if (worn || limits.max_per_worker == 0 || server.gone || owned->stream.watch.peer_closed ||
        !owned->stream.nothing_to_read())
        return;
    auto& list = list_of(server);
    if (server.conf->pool_max_idle && list.stack.size() >= *server.conf->pool_max_idle) return;
    if (list.pool.count >= limits.max_per_worker) discard(*list.pool.coldest);
    auto* connection = owned.release();
    connection->list = &list;
    connection->idle_since = now;
    connection->reused = false;
    connection->next = list.pool.warmest;
    (connection->next ? connection->next->prev : list.pool.coldest) = connection;
    list.pool.warmest = connection;
    list.stack.push_back(connection);
    ++list.pool.count;
    server.counters(server.pool->worker()).idle_connections.add(1);
    auto& watch = connection->stream.watch;
    watch.owner = connection;
    watch.on_event = [](net::Watch& idle, std::uint32_t) {
        auto& kept = *static_cast<ServerConnection*>(idle.owner);
        if (!idle.readable) return;
        // Tickets of TLS 1.3 come when it pleases the server; they are no data.
        if (kept.peer && !idle.peer_closed && kept.stream.nothing_to_read()) return;
        discard(kept);
    };
    connection->timer.owner = connection;
    connection->timer.fire = [](net::Timer& timer) {
        discard(*static_cast<ServerConnection::IdleTimer&>(timer).owner);
    };
    loop.arm(connection->timer, now + limits.timeout.count());
}

void drop_idle(pool::LiveServer& server) {
    if (!server.idle) return;
    auto* list = static_cast<IdleList*>(server.idle);
    while (!list->stack.empty()) discard(*list->stack.back());
}

void forget_idle(pool::LiveServer& server) {
    if (!server.idle) return;
    drop_idle(server);
    delete static_cast<IdleList*>(std::exchange(server.idle, nullptr));
}

void forget_idle(pool::LivePool& pool) {
    for (const auto& server : pool.servers()) forget_idle(*server);
    pools().erase(&pool);
}

}  // namespace weir::forward
