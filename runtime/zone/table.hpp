// SPDX-License-Identifier: Apache-2.0
// Table: keys with cells of numbers, in memory that all workers share (stick tables, limit_req,
// limit_conn). Fixed size; a keyed hash; several parts with a lock each, which the death of its holder
// inside of an update neither leaves locked nor broken: the entry under change is dropped. When full,
// the oldest entry goes. Times are ms of the loop's monotonic clock.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "parser/ir/zone.hpp"
#include "runtime/zone/shared_arena.hpp"
#include "runtime/zone/siphash.hpp"

namespace weir::zone {

using What = ir::Zone::Column::What;

// What makes two tables of one name the same; lies in shared memory, compared as bytes.
struct Shape {
    static constexpr std::uint32_t most_columns = 24;
    struct Column {
        std::uint16_t what = 0, count = 0;
        std::uint32_t period = 0;      // ms
    };
    std::uint64_t entries = 0, expire = 0;
    std::uint32_t key_bytes = 0;       // room for a key
    std::uint8_t key = 0, evicts = 1, hashes_long_keys = 0, unused = 0;
    std::array<Column, most_columns> columns{};

    static Shape of(const ir::Zone& zone);
    bool operator==(const Shape& other) const;
};

// Where an entry is, for who comes back to it; another entry may have its place by then.
struct Position {
    std::uint32_t part = 0, slot = 0, generation = 0;
};

class Table;

// One entry under the lock of its part, until this ends: hold it for a few instructions, never over a
// suspension. False: there is none.
class Access {
public:
    Access() = default;
    Access(Access&& other) noexcept;
    Access& operator=(Access&&) = delete;
    ~Access();
    explicit operator bool() const { return slot_ != nullptr; }

    [[nodiscard]] std::uint64_t& cell(std::uint32_t index) const { return cells_[index]; }
    [[nodiscard]] bool fresh() const { return fresh_; }   // this call made it; its cells are 0
    [[nodiscard]] Position position() const;
    [[nodiscard]] std::string_view key() const;
    // Used now: it expires later, and goes last when the table is full.
    void touch(std::int64_t now);
    // What it holds came from elsewhere (peers); until it is touched again.
    void mark_learned();
    [[nodiscard]] bool learned() const;
    [[nodiscard]] std::int64_t touched() const;
    // Keeps it from expiring and from being evicted; as often as not yet released.
    void hold();
    // Takes one hold away; an entry that expired meanwhile goes.
    void release(std::int64_t now);
    [[nodiscard]] std::uint32_t holds() const;
    [[nodiscard]] std::int64_t expires() const;   // INT64_MAX: never
    void remove();

private:
    friend class Table;
    Table* table_ = nullptr;
    struct Slot* slot_ = nullptr;
    std::uint64_t* cells_ = nullptr;
    std::uint32_t part_ = 0, at_ = 0;
    bool fresh_ = false, locked_ = false;
};

class Table {
public:
    static std::uint64_t bytes_of(const Shape& shape);
    // `memory`: bytes_of() zeroed bytes of the arena, or what a former create() left there.
    static void create(void* memory, const Shape& shape);
    Table(void* memory, HashKey key);

    [[nodiscard]] const Shape& shape() const { return *shape_; }
    [[nodiscard]] std::uint64_t capacity() const { return shape_->entries; }
    // Entries in use, after those that expired went.
    std::uint64_t count(std::int64_t now);
    // First cell of the column, and how many cells it has; none: count is 0.
    struct Column {
        std::uint32_t first = 0, count = 0, period = 0;
    };
    [[nodiscard]] const Column& column(What what) const {
        return columns_[static_cast<std::size_t>(what)];
    }

    Access find(std::string_view key, std::int64_t now);
    // Finds or makes it, and touches it. None: the table is full and may not, or cannot, evict.
    Access make(std::string_view key, std::int64_t now);
    Access at(Position position);
    // Of the entry that has a place now. None: it has no entry.
    std::optional<Position> newest_at(std::uint32_t part, std::uint32_t slot);
    void clear();
    // Every entry in turn, oldest first within a part, under the lock of its part.
    template <class Visit>
    void each(Visit&& visit) {
        for (std::uint32_t part = 0; part < parts_; ++part)
            each_of(part, &visit, [](void* to, Access& entry) { (*static_cast<Visit*>(to))(entry); });
    }
    // What changed here: entries touched at `since` or later and not learned, newest first, after `most` looks
    // in each part. False: there may be more.
    template <class Visit>
    bool each_since(std::int64_t since, std::uint32_t most, Visit&& visit) {
        bool all = true;
        for (std::uint32_t part = 0; part < parts_; ++part)
            all &= each_of_since(part, since, most, &visit,
                                 [](void* to, Access& entry) { (*static_cast<std::remove_reference_t<Visit>*>(to))(entry); });
        return all;
    }
    // Entries by where they lie, which does not change: those of the next `most` places, from `place` on,
    // which moves. False: these were the last.
    template <class Visit>
    bool each_from(std::uint64_t& place, std::uint32_t most, Visit&& visit) {
        return each_from_of(place, most, &visit,
                            [](void* to, Access& entry) { (*static_cast<std::remove_reference_t<Visit>*>(to))(entry); });
    }
    // Takes over from a table of another shape what fits. False: nothing does.
    bool take_over(Table& former, std::int64_t now);

private:
    friend class Access;
    struct Head;
    struct Part;
    struct KeyText {
        std::string_view text;
        std::uint64_t hash = 0;
        bool hashed = false;
        char bytes[16];
    };
    void key_of(std::string_view key, KeyText& out) const;
    [[nodiscard]] Part& part(std::uint32_t index) const;
    [[nodiscard]] struct Slot& slot(std::uint32_t part, std::uint32_t index) const;
    [[nodiscard]] std::uint32_t& bucket(std::uint32_t part, std::uint64_t hash) const;
    [[nodiscard]] std::uint64_t* cells(struct Slot& slot) const;
    void lock(std::uint32_t part);
    bool try_lock(std::uint32_t part);
    void unlock(std::uint32_t part);
    void repair(std::uint32_t part);
    [[nodiscard]] std::uint64_t used() const;
    std::uint32_t look_up(std::uint32_t part, const KeyText& key) const;
    std::uint32_t new_slot(std::uint32_t part, std::int64_t now);
    bool evict(std::uint32_t part, std::int64_t now, bool expired_only);
    void link_newest(std::uint32_t part, std::uint32_t index);
    void unlink(std::uint32_t part, std::uint32_t index);
    void remove(std::uint32_t part, std::uint32_t index);
    [[nodiscard]] bool has_expired(const struct Slot& slot, std::int64_t now) const;
    Access access(std::uint32_t part, std::uint32_t index, bool fresh);
    using VisitEntry = void (*)(void*, Access&);
    void each_of(std::uint32_t part, void* to, VisitEntry visit);
    bool each_of_since(std::uint32_t part, std::int64_t since, std::uint32_t most, void* to, VisitEntry visit);
    bool each_from_of(std::uint64_t& place, std::uint32_t most, void* to, VisitEntry visit);

    char* memory_;
    Head* head_;
    const Shape* shape_;
    HashKey key_;
    std::uint32_t parts_ = 1, buckets_ = 1, slots_ = 1, slot_bytes_ = 0;
    std::uint64_t buckets_at_ = 0, slots_at_ = 0;
    std::array<Column, static_cast<std::size_t>(What::count_)> columns_{};
};

// A rate in three cells (now, before, when the period began): events of the last period, the one
// before weighed by what is left of it.
void count_rate(std::uint64_t* cells, std::uint32_t period, std::int64_t now, std::uint64_t events);
std::uint64_t read_rate(const std::uint64_t* cells, std::uint32_t period, std::int64_t now);

constexpr std::uint32_t cells_of(What what) { return ir::is_rate(what) ? 3 : what == What::level ? 2 : 1; }

}  // namespace weir::zone
