// SPDX-License-Identifier: Apache-2.0
// Fetches of the load: connections, queues, rates and health of sites, pools and servers. The
// node's id is what its text names; without a text the current one of the subject counts.
#include <chrono>
#include <unordered_map>

#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

using zone::Counter;
using zone::Counters;

const pool::LivePool* pool_of(const Node& node, const Subject& subject) {
    if (node.text.empty()) return subject.pool;
    const auto pools = subject.around->pools;
    return node.id < pools.size() ? pools[node.id] : nullptr;
}

const pool::LiveServer* server_of(const Node& node, const Subject& subject) {
    if (node.text.empty()) return subject.server;
    const auto* pool = pool_of(node, subject);
    return pool ? pool->find(node.text.substr(node.text.find('/') + 1)) : nullptr;
}

zone::Entry site_of(const Node& node, const Subject& subject) {
    const auto id = node.text.empty() ? subject.site_id : node.id;
    const auto sites = subject.around->sites;
    return id < sites.size() ? sites[id] : zone::Entry{};
}

// A pool made on the fly has counters of its own, with one slot.
std::int64_t sum(const zone::Entry& entry, const Subject& subject, Counter Counters::*member) {
    if (!entry.slots) return 0;
    // Slots that were ever used: those of workers that were replaced count, too.
    const auto* board = subject.around->board;
    const std::uint32_t workers = entry.stride && board ? board->workers() : 1;
    return static_cast<std::int64_t>(entry.sum(workers, member));
}

std::int64_t connections_of(const pool::LivePool& pool, const Subject& subject) {
    std::int64_t all = sum(pool.board(), subject, &Counters::queued);
    for (const auto& server : pool.servers()) {
        all += sum(server->board, subject, &Counters::connections);
    }
    return all;
}

// Events per second, from a counter that only grows: the full last second and the part of the one
// under way, weighed as HAProxy does. Kept per worker; the first look starts it.
std::int64_t rate(const zone::Entry& entry, Subject& subject, Counter Counters::*member) {
    struct Meter {
        std::int64_t since_ms = 0;
        std::int64_t at_start = 0, last_second = 0;
    };
    static thread_local std::unordered_map<const Counter*, Meter> meters;
    if (!entry.slots) return 0;
    const std::int64_t total = sum(entry, subject, member);
    const std::int64_t now = subject.now_us / 1000;
    Meter& meter = meters[&(entry.slots->*member)];
    if (!meter.since_ms) meter = {now, total > 0 ? total - 1 : 0, 0};
    const std::int64_t elapsed = now - meter.since_ms;
    if (elapsed >= 1000) {
        // Gaps without a look are taken as even.
        meter.last_second = (total - meter.at_start) * 1000 / elapsed;
        meter.at_start = total;
        meter.since_ms = now;
        return meter.last_second;
    }
    return total - meter.at_start + meter.last_second * (1000 - elapsed) / 1000;
}

}  // namespace

Value fetch_servers_up(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    return pool ? Value::of_number(static_cast<std::int64_t>(pool->usable_servers()))
                : Value::missing();
}
Value fetch_pool_connections(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    return pool ? Value::of_number(connections_of(*pool, subject)) : Value::missing();
}
Value fetch_pool_free_connections(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    if (!pool) return Value::missing();
    std::int64_t free = 0;
    for (const auto& server : pool->servers()) {
        if (!server->usable) continue;
        if (!server->conf->max_connections) return Value::of_number(-1);  // no limit
        free += server->conf->max_connections - sum(server->board, subject, &Counters::connections);
    }
    return Value::of_number(free);
}
Value fetch_pool_session_rate(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    return pool ? Value::of_number(rate(pool->board(), subject, &Counters::total))
                : Value::missing();
}
Value fetch_pool_average_queue(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    if (!pool) return Value::missing();
    const auto queued = sum(pool->board(), subject, &Counters::queued);
    const auto servers = static_cast<std::int64_t>(pool->usable_servers());
    return Value::of_number(servers ? (queued + servers - 1) / servers : queued * 2);
}
Value fetch_pool_queue(const Node& node, Subject& subject) {
    const auto* pool = pool_of(node, subject);
    return pool ? Value::of_number(sum(pool->board(), subject, &Counters::queued))
                : Value::missing();
}
Value fetch_pool_slots(const Node& node, Subject& subject) {
    // Free connections and free places in the queues.
    const auto* pool = pool_of(node, subject);
    if (!pool) return Value::missing();
    std::int64_t free = 0;
    for (const auto& server : pool->servers()) {
        if (!server->usable) continue;
        const auto& conf = *server->conf;
        if (!conf.max_connections || !conf.max_queue) return Value::of_number(-1);
        free += conf.max_connections + conf.max_queue -
                sum(server->board, subject, &Counters::connections) -
                sum(server->board, subject, &Counters::queued);
    }
    return Value::of_number(free);
}
Value fetch_site_connections(const Node& node, Subject& subject) {
    return Value::of_number(sum(site_of(node, subject), subject, &Counters::connections));
}
Value fetch_site_request_rate(const Node& node, Subject& subject) {
    return Value::of_number(rate(site_of(node, subject), subject, &Counters::requests));
}
Value fetch_site_session_rate(const Node& node, Subject& subject) {
    return Value::of_number(rate(site_of(node, subject), subject, &Counters::total));
}
Value fetch_process_connections(const Node&, Subject& subject) {
    return Value::of_number(sum(subject.around->process, subject, &Counters::connections));
}
Value fetch_server_connections(const Node& node, Subject& subject) {
    const auto* server = server_of(node, subject);
    return server ? Value::of_number(sum(server->board, subject, &Counters::connections))
                  : Value::missing();
}
Value fetch_server_queue(const Node& node, Subject& subject) {
    const auto* server = server_of(node, subject);
    return server ? Value::of_number(sum(server->board, subject, &Counters::queued))
                  : Value::missing();
}
Value fetch_server_is_up(const Node& node, Subject& subject) {
    const auto* server = server_of(node, subject);
    return server ? Value::of_boolean(server->board.state->usable()) : Value::missing();
}
Value fetch_server_weight(const Node& node, Subject& subject) {
    const auto* server = server_of(node, subject);
    if (!server) return Value::missing();
    const auto override = server->board.state->weight.load(std::memory_order_relaxed);
    return Value::of_number(override >= 0 ? override : server->conf->weight);
}
Value fetch_log_server_connections(const Node&, Subject& subject) {
    // Whoever left the queue in this very turn has not asked the server yet.
    const auto* server = subject.server;
    if (!server) return Value::of_number(0);
    return Value::of_number(sum(server->board, subject, &Counters::connections) - server->handed);
}
Value fetch_log_pool_connections(const Node&, Subject& subject) {
    return Value::of_number(subject.pool ? connections_of(*subject.pool, subject) : 0);
}

}  // namespace weir::route
