// SPDX-License-Identifier: Apache-2.0
// The directory: an open-addressing table of record numbers. Only the master adds, and records are
// never moved or taken away, so a reader needs no lock: a slot is published with a release store
// after its record is whole, and growing builds a second table before the pointer to it changes.
// (Old tables stay: together they are no larger than the newest.)
#include "runtime/zone/board.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "runtime/zone/siphash.hpp"

namespace weir::zone {

namespace {

constexpr std::uint64_t magic = 0x77656972'62726431;
// An eighth of the reserve per 2^17 entries: what 64 workers' counters of 2^20 entries take is 16 GB.
constexpr std::uint64_t reserve_per_entry = std::uint64_t{1} << 16;
constexpr std::uint64_t most_entries = std::uint64_t{1} << 20;
constexpr std::uint64_t first_table = 1024;

enum Configured : std::uint32_t { says_down = 1, says_drain = 2 };

std::uint32_t configured(const ir::Server& server) {
    return (server.down ? says_down : 0u) | (server.drain ? says_drain : 0u);
}

std::uint32_t flags_of(std::uint32_t configured) {
    return (configured & says_down ? ServerState::forced_down : 0u) |
           (configured & says_drain ? ServerState::drain : 0u);
}

}  // namespace

struct Board::Directory {
    std::uint64_t magic;
    HashKey key;
    std::uint64_t most;               // records there is room for
    std::atomic<std::uint64_t> count; // records in use
    std::atomic<std::uint64_t> table; // offset of the Table
    std::uint64_t records, counters;  // offsets of Record[most], Counters[most_workers][most]
    std::atomic<std::uint32_t> workers;
    alignas(64) std::atomic<std::uint64_t> health_epoch;
};

struct Board::Record {
    std::uint64_t hash;
    std::uint64_t name;        // offset
    std::uint64_t state;       // offset of ServerState; 0 = none
    std::uint32_t name_length;
    std::uint32_t configured;  // what the last configuration said of a server
    Kind kind;
};

struct Board::Table {
    std::uint64_t mask;
    // Record number + 1; 0 = free.
    [[nodiscard]] std::atomic<std::uint32_t>* slots() {
        return reinterpret_cast<std::atomic<std::uint32_t>*>(this + 1);
    }
    static std::uint64_t bytes(std::uint64_t slots) { return sizeof(Table) + slots * 4; }
};

Board::Board(SharedArena& arena, std::uint32_t workers) : arena_(&arena), tables_(arena), shelves_(std::make_unique<Shelves>(arena)) {
    static_assert(SharedArena::board_place + sizeof(Directory) <= SharedArena::tables_place);
    directory_ = static_cast<Directory*>(arena.root());
    if (directory_->magic != magic) {
        if (::getrandom(&directory_->key, sizeof directory_->key, 0) !=
            static_cast<ssize_t>(sizeof directory_->key))
            throw std::system_error(errno, std::generic_category(), "getrandom");
        const std::uint64_t most = std::min(most_entries, arena.size() / reserve_per_entry);
        void* records = arena.allocate(most * sizeof(Record));
        void* counters = arena.allocate(most * sizeof(Counters) * most_workers);
        void* table = arena.allocate(Table::bytes(first_table));
        if (!records || !counters || !table)
            throw std::system_error(ENOMEM, std::generic_category(), "shared memory for counters");
        static_cast<Table*>(table)->mask = first_table - 1;
        directory_->most = most;
        directory_->records = arena.offset_of(records);
        directory_->counters = arena.offset_of(counters);
        directory_->table = arena.offset_of(table);
        directory_->magic = magic;
    }
    if (workers > 0) use_worker(workers - 1);
}

std::uint32_t Board::workers() const {
    return directory_->workers.load(std::memory_order_relaxed);
}

void Board::use_worker(std::uint32_t worker) {
    worker = std::min(worker, most_workers - 1);
    if (worker >= workers()) directory_->workers.store(worker + 1, std::memory_order_relaxed);
}

std::atomic<std::uint64_t>& Board::health_epoch() const { return directory_->health_epoch; }

Board::Record* Board::record(std::uint32_t index) const {
    return static_cast<Record*>(arena_->at(directory_->records)) + index;
}

Entry Board::entry(std::uint32_t index) const {
    const Record* found = record(index);
    return {static_cast<Counters*>(arena_->at(directory_->counters)) + index,
            found->state ? static_cast<ServerState*>(arena_->at(found->state)) : nullptr,
            directory_->most};
}

std::uint64_t Board::hash(Kind kind, std::string_view name) const {
    HashKey key = directory_->key;
    key.high ^= static_cast<std::uint64_t>(kind) + 1;
    return siphash(key, name);
}

// Record number, or `most` when the name is not there.
std::uint32_t Board::lookup(Kind kind, std::string_view name, std::uint64_t hash) const {
    auto* table =
        static_cast<Table*>(arena_->at(directory_->table.load(std::memory_order_acquire)));
    for (std::uint64_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        const std::uint32_t number = table->slots()[at].load(std::memory_order_acquire);
        if (number == 0) return static_cast<std::uint32_t>(directory_->most);
        const Record* found = record(number - 1);
        if (found->hash == hash && found->kind == kind && found->name_length == name.size() &&
            std::memcmp(arena_->at(found->name), name.data(), name.size()) == 0)
            return number - 1;
    }
}

Entry Board::find(Kind kind, std::string_view name) const {
    const std::uint32_t index = lookup(kind, name, hash(kind, name));
    return index == directory_->most ? Entry{} : entry(index);
}

bool Board::grow() {
    auto* old = static_cast<Table*>(arena_->at(directory_->table));
    const std::uint64_t slots = (old->mask + 1) * 2;
    auto* table = static_cast<Table*>(arena_->allocate(Table::bytes(slots)));
    if (!table) return false;
    table->mask = slots - 1;
    for (std::uint32_t i = 0; i < directory_->count; ++i) {
        std::uint64_t at = record(i)->hash & table->mask;
        while (table->slots()[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & table->mask;
        table->slots()[at].store(i + 1, std::memory_order_relaxed);
    }
    directory_->table.store(arena_->offset_of(table), std::memory_order_release);
    return true;
}

bool Board::add(Kind kind, std::string_view name, const ir::Server* server) {
    const std::uint64_t hashed = hash(kind, name);
    if (lookup(kind, name, hashed) != directory_->most) return true;
    const auto index = static_cast<std::uint32_t>(directory_->count.load());
    if (index == directory_->most) return false;
    auto* table = static_cast<Table*>(arena_->at(directory_->table));
    if (std::uint64_t{index} * 4 >= (table->mask + 1) * 3) {   // at most three quarters full
        if (!grow()) return false;
        table = static_cast<Table*>(arena_->at(directory_->table));
    }
    void* text = arena_->allocate(name.size());
    void* state = server ? arena_->allocate(sizeof(ServerState)) : nullptr;
    if (!text || (server && !state)) return false;
    std::memcpy(text, name.data(), name.size());
    Record* fresh = record(index);
    *fresh = {hashed, arena_->offset_of(text), 0, static_cast<std::uint32_t>(name.size()), 0, kind};
    if (server) {
        auto* made = new (state) ServerState;
        fresh->state = arena_->offset_of(state);
        fresh->configured = configured(*server);
        std::uint32_t flags = flags_of(fresh->configured);
        if (server->check && server->check->mandatory) flags |= ServerState::check_starting;
        if (server->endpoints.empty()) flags |= ServerState::unresolved;
        made->flags = flags;
    }
    directory_->count.store(index + 1);
    std::uint64_t at = hashed & table->mask;
    while (table->slots()[at].load(std::memory_order_relaxed) != 0) at = (at + 1) & table->mask;
    table->slots()[at].store(index + 1, std::memory_order_release);
    return true;
}

bool Board::prepare(const ir::Config& config) {
    bool room = add(Kind::process, "");
    for (const auto& listener : config.listeners) room = room && add(Kind::listener, listener.name);
    for (const auto& site : config.sites) room = room && add(Kind::site, site.name);
    for (const auto& cache : config.caches) room = room && (cache.in_memory || add(Kind::cache, cache.name));
    for (const auto& pool : config.pools) {
        const auto key = ir::key_of(pool);
        room = room && add(Kind::pool, key);
        for (const auto& server : pool.servers)
            for (std::size_t i = 0; room && i < std::max<std::size_t>(1, server.endpoints.size()); ++i)
                room = add(Kind::server, server_key(key, server, i), &server);
    }
    return room && tables_.prepare(config) && shelves_->prepare(config);
}

void Board::apply(const ir::Config& config) {
    bool changed = false;
    for (const auto& pool : config.pools)
        for (const auto& server : pool.servers)
            for (std::size_t i = 0; i < std::max<std::size_t>(1, server.endpoints.size()); ++i) {
                const std::string name = server_key(ir::key_of(pool), server, i);
                const std::uint32_t index = lookup(Kind::server, name, hash(Kind::server, name));
                if (index == directory_->most) continue;
                Record* found = record(index);
                auto* state = static_cast<ServerState*>(arena_->at(found->state));
                const std::uint32_t says = configured(server), said = found->configured;
                std::uint32_t set = flags_of(says & ~said), clear = flags_of(said & ~says);
                // A name that was found since, or is gone: the front-end left the endpoints empty.
                (server.endpoints.empty() ? set : clear) |= ServerState::unresolved;
                const std::uint32_t before = state->flags.load();
                found->configured = says;
                if (((before | set) & ~clear) == before) continue;
                state->flags.fetch_or(set);
                state->flags.fetch_and(~clear);
                state->generation.fetch_add(1);
                changed = true;
            }
    if (changed) directory_->health_epoch.fetch_add(1);
    tables_.apply(config);
}

void Board::clear_gauges(std::uint32_t worker) {
    const auto count = static_cast<std::uint32_t>(directory_->count.load());
    for (std::uint32_t i = 0; i < count; ++i) {
        const Entry found = entry(i);
        Counters& counters = found.mine(worker);
        counters.connections.set(0);
        counters.queued.set(0);
        counters.idle_connections.set(0);
        counters.reading.set(0);
        counters.busy.set(0);
        if (found.state) found.state->waiting_workers.fetch_and(~(std::uint64_t{1} << worker));
    }
    tables_.release_holds(worker);
    shelves_->release(worker);
}

std::string server_key(std::string_view pool, const ir::Server& server, std::size_t endpoint) {
    if (endpoint == 0) return fmt::format("{}/{}", pool, server.name);
    return fmt::format("{}/{}#{}", pool, server.name, endpoint + 1);
}

}  // namespace weir::zone
