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
    std::vector<ServerConnection*> busy;   // HTTP/2 with requests on them
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
    if (!connection.h2) connection.stream.watch.on_event = nullptr;
}

void discard(ServerConnection& connection) {
    unlink(connection);
    delete &connection;
}

// It has done what the pool lets a connection do.
bool is_worn(const ServerConnection& connection, net::Time now) {
    const auto& server = *connection.server;
    const auto& limits = server.pool->conf().idle;
    return (limits.max_requests != 0 && connection.requests >= limits.max_requests) ||
           now - connection.opened >= limits.max_time.count() ||
           (server.conf->max_reuse && connection.requests > *server.conf->max_reuse);
}

void leave_work(ServerConnection& connection) {
    if (!connection.server || !connection.server->idle) return;
    std::erase(static_cast<IdleList*>(connection.server->idle)->busy, &connection);
}

// HTTP/2: the last request on it has ended.
void on_idle(void* owner) {
    auto* connection = static_cast<ServerConnection*>(owner);
    leave_work(*connection);
    std::unique_ptr<ServerConnection> owned(connection);
    if (owned->server && owned->joinable) keep_idle(std::move(owned));
}

// HTTP/2: it is dead.
void on_end(void* owner) {
    auto* connection = static_cast<ServerConnection*>(owner);
    if (connection->list) return discard(*connection);
    leave_work(*connection);
    delete connection;
}

}  // namespace

ServerConnection* join_connection(pool::LiveServer& server, const TlsPeer* peer) {
    if (!server.idle) return nullptr;
    auto& list = *static_cast<IdleList*>(server.idle);
    for (auto* connection : list.busy) {
        if (!connection->joinable || connection->peer.get() != peer || !connection->h2->connected() || !connection->h2->has_room() ||
            is_worn(*connection, connection->stream.watch.loop().now()))
            continue;
        connection->reused = true;
        return connection;
    }
    auto taken = take_idle(server, peer, Wire::http2);
    if (!taken) return nullptr;
    list.busy.push_back(taken.get());
    return taken.release();
}

ServerConnection& put_to_work(std::unique_ptr<ServerConnection> owned, bool joinable) {
    auto* connection = owned.release();
    connection->joinable = joinable;
    connection->h2->owner = connection;
    connection->h2->on_idle = on_idle;
    connection->h2->on_end = on_end;
    list_of(*connection->server).busy.push_back(connection);
    return *connection;
}

std::unique_ptr<ServerConnection> take_idle(pool::LiveServer& server, const TlsPeer* peer, Wire wire) {
    if (!server.idle) return nullptr;
    const auto& stack = static_cast<IdleList*>(server.idle)->stack;
    auto fits = [&](const ServerConnection* idle) {
        auto spoken = idle->h2 ? Wire::http2 : idle->fastcgi ? Wire::fastcgi : Wire::http1;
        return idle->peer.get() == peer && spoken == wire;
    };
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
    // Readable while idle: closed, or bytes nobody asked for. Either way it cannot be used again. With
    // HTTP/2 the connection itself looks at what comes.
    bool usable = owned->h2 ? owned->h2->connected() && owned->h2->has_room()
                            : owned->stream.nothing_to_read();
    if (is_worn(*owned, now) || limits.max_per_worker == 0 || server.gone ||
        owned->stream.watch.peer_closed || !usable)
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
    if (!connection->h2) watch.owner = connection;
    if (!connection->h2) watch.on_event = [](net::Watch& idle, std::uint32_t) {
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
    // Those at work close when their last request has ended.
    for (auto* connection : static_cast<IdleList*>(server.idle)->busy) connection->server = nullptr;
    delete static_cast<IdleList*>(std::exchange(server.idle, nullptr));
}

void forget_idle(pool::LivePool& pool) {
    for (const auto& server : pool.servers()) forget_idle(*server);
    pools().erase(&pool);
}

}  // namespace weir::forward
