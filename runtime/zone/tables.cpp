// SPDX-License-Identifier: Apache-2.0
// The directory is an array of records that only grows; only the master writes. A name may have
// several records, one for each shape that it ever had; one of them is current.
#include "runtime/zone/tables.hpp"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>

namespace weir::zone {

namespace {

constexpr std::uint64_t magic = 0x77656972'74626c31;
constexpr std::uint32_t no_record = 0xffffffff;
constexpr std::uint64_t most_records = std::uint64_t{1} << 17;
// Behind the Board's directory in the arena's root.
constexpr std::uint64_t root_offset = SharedArena::tables_place;

std::int64_t monotonic_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

std::string key_of(const ir::Zone& zone) { return fmt::format("{}\n{}", zone.purpose, zone.name); }

}  // namespace

struct Tables::Directory {
    std::uint64_t magic;
    HashKey key;
    std::uint64_t records, holds;      // offsets of Record[most], HoldRecord[most_workers][most_holds]
    std::uint32_t most, most_holds;
    std::atomic<std::uint32_t> count;
};

struct Tables::Record {
    std::uint64_t name, table;         // offsets
    std::uint32_t name_length;
    std::uint32_t current;             // what the configuration in force says
};

// The first one of a worker tells in `table` how many of those behind it were ever used. The others: one
// thing a worker holds. `table` is written last when it is taken and first when given back, both
// under the lock of the entry, which is dropped when the worker dies in between.
struct Tables::HoldRecord {
    std::atomic<std::uint64_t> table;  // offset; 0: free
    Position position;
    std::uint32_t cell;
};

Tables::Tables(SharedArena& arena) : arena_(&arena) {
    static_assert(root_offset + sizeof(Directory) <= SharedArena::tls_place);
    directory_ = reinterpret_cast<Directory*>(static_cast<char*>(arena.root()) + root_offset);
    if (directory_->magic == magic) return;
    if (::getrandom(&directory_->key, sizeof directory_->key, 0) !=
        static_cast<ssize_t>(sizeof directory_->key))
        throw std::system_error(errno, std::generic_category(), "getrandom");
    // Room is only reserved: what is not used costs nothing. A sixteenth of the arena for holds.
    const auto holds = std::min<std::uint64_t>(
        std::uint64_t{1} << 20, arena.size() / 16 / most_workers / sizeof(HoldRecord));
    const auto records = std::min(most_records, arena.size() / 1024 / sizeof(Record));
    void* list = arena.allocate(records * sizeof(Record));
    void* held = arena.allocate(holds * most_workers * sizeof(HoldRecord));
    if (!list || !held) throw std::system_error(ENOMEM, std::generic_category(), "shared memory for tables");
    directory_->records = arena.offset_of(list);
    directory_->holds = arena.offset_of(held);
    directory_->most = static_cast<std::uint32_t>(records);
    directory_->most_holds = static_cast<std::uint32_t>(holds);
    directory_->magic = magic;
}

Tables::Record& Tables::record(std::uint32_t index) const {
    return static_cast<Record*>(arena_->at(directory_->records))[index];
}

// Records made since the last look, by the master or (in a worker) before a reload.
void Tables::index_new() {
    const auto count = directory_->count.load(std::memory_order_acquire);
    for (; indexed_ < count; ++indexed_) {
        const auto& one = record(indexed_);
        by_name_[std::string(static_cast<const char*>(arena_->at(one.name)), one.name_length)].push_back(
            indexed_);
        views_.emplace_back();
    }
}

Table& Tables::view(std::uint32_t index) {
    auto& slot = views_[index];
    if (!slot) {
        slot = std::make_unique<Table>(arena_->at(record(index).table), directory_->key);
        offsets_.emplace(slot.get(), record(index).table);
    }
    return *slot;
}

Tables::Record* Tables::add(const std::string& key, const Shape& shape) {
    const auto index = directory_->count.load(std::memory_order_relaxed);
    if (index == directory_->most) return nullptr;
    void* name = arena_->allocate(key.size());
    void* memory = name ? arena_->allocate(Table::bytes_of(shape)) : nullptr;
    if (!memory) return nullptr;
    std::memcpy(name, key.data(), key.size());
    Table::create(memory, shape);
    auto& fresh = record(index);
    fresh = {arena_->offset_of(name), arena_->offset_of(memory), static_cast<std::uint32_t>(key.size()), 0};
    directory_->count.store(index + 1, std::memory_order_release);
    index_new();
    return &fresh;
}

bool Tables::prepare(const ir::Config& config) {
    index_new();
    emptied_.clear();
    for (const auto& zone : config.zones) {
        if (zone.columns.empty()) continue;
        const auto shape = Shape::of(zone);
        const auto key = key_of(zone);
        std::uint32_t current = no_record, same = no_record;
        if (auto found = by_name_.find(key); found != by_name_.end())
            for (auto index : found->second) {
                if (record(index).current) current = index;
                if (view(index).shape() == shape) same = index;
            }
        if (same != no_record && (same == current || current == no_record)) continue;
        if (same == no_record) {
            if (!add(key, shape)) return false;
            same = directory_->count.load() - 1;
        } else {
            view(same).clear();   // of an earlier configuration
        }
        if (current != no_record && !view(same).take_over(view(current), monotonic_ms()))
            emptied_.push_back(fmt::format(
                "the table of \"{}\" ({}) begins empty: its new definition keeps nothing of the old one",
                zone.name, zone.purpose));
    }
    return true;
}

void Tables::apply(const ir::Config& config) {
    for (std::uint32_t i = 0; i < indexed_; ++i) record(i).current = 0;
    for (const auto& zone : config.zones) {
        if (zone.columns.empty()) continue;
        const auto shape = Shape::of(zone);
        for (auto index : by_name_[key_of(zone)])
            if (view(index).shape() == shape) record(index).current = 1;
    }
}

Table* Tables::find(const ir::Zone& zone) {
    if (zone.columns.empty()) return nullptr;
    index_new();
    auto found = by_name_.find(key_of(zone));
    if (found == by_name_.end()) return nullptr;
    const auto shape = Shape::of(zone);
    for (auto index : found->second)
        if (view(index).shape() == shape) return &view(index);
    return nullptr;
}

Table* Tables::find_at(std::uint64_t offset) {
    index_new();
    for (std::uint32_t i = 0; i < indexed_; ++i)
        if (record(i).table == offset) return &view(i);
    return nullptr;
}

std::uint64_t Tables::offset_of(const Table& table) const {
    auto found = offsets_.find(&table);
    return found == offsets_.end() ? 0 : found->second;
}

Tables::HoldRecord* Tables::hold_records(std::uint32_t worker) const {
    return static_cast<HoldRecord*>(arena_->at(directory_->holds)) +
           std::uint64_t{worker} * directory_->most_holds;
}

std::uint32_t Tables::most_holds() const { return directory_->most_holds; }

void Tables::release_holds(std::uint32_t worker) {
    auto* records = hold_records(worker);
    const auto now = monotonic_ms();
    const auto used = records[0].table.load(std::memory_order_acquire);
    for (std::uint64_t i = 1; i <= used; ++i) {
        auto& one = records[i];
        const auto offset = one.table.load(std::memory_order_acquire);
        if (offset == 0) continue;
        if (auto* table = find_at(offset))
            if (auto entry = table->at(one.position)) {
                if (one.cell != Holds::no_cell && entry.cell(one.cell) != 0) --entry.cell(one.cell);
                entry.release(now);
            }
        one.table.store(0, std::memory_order_release);
    }
    records[0].table.store(0, std::memory_order_release);
}

Holds::Holds(Tables& tables, std::uint32_t worker)
    : tables_(&tables), records_(tables.hold_records(worker) + 1), most_(tables.most_holds() - 1) {}

std::uint32_t Holds::take(Table& table, Access& entry, std::uint32_t cell) {
    auto at = first_free_;
    if (at != none) {
        first_free_ = mine_[at].next_free;
    } else {
        if (mine_.size() == most_) return none;
        at = static_cast<std::uint32_t>(mine_.size());
        mine_.emplace_back();
        records_[-1].table.store(mine_.size(), std::memory_order_release);
    }
    auto& mine = mine_[at];
    mine.table = &table;
    mine.position = entry.position();
    mine.cell = cell;
    records_[at].position = mine.position;
    records_[at].cell = cell;
    records_[at].table.store(tables_->offset_of(table), std::memory_order_release);
    entry.hold();
    if (cell != no_cell) ++entry.cell(cell);
    return at;
}

Table* Holds::table(std::uint32_t hold) const { return mine_[hold].table; }

Access Holds::entry(std::uint32_t hold) { return mine_[hold].table->at(mine_[hold].position); }

void Holds::give_back(std::uint32_t hold) {
    auto& mine = mine_[hold];
    {
        auto entry = mine.table->at(mine.position);
        records_[hold].table.store(0, std::memory_order_release);
        if (entry) {
            if (mine.cell != no_cell && entry.cell(mine.cell) != 0) --entry.cell(mine.cell);
            entry.release(monotonic_ms());
        }
    }
    mine.table = nullptr;
    mine.next_free = first_free_;
    first_free_ = hold;
}

}  // namespace weir::zone
