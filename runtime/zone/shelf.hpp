// SPDX-License-Identifier: Apache-2.0
// Shelf: items of any length in memory that all workers share, found by a key of 16 bytes: answers that
// a cache keeps. An item is a chain of blocks. One that is full gives up what was not used for longest; of
// some items the bytes in front stay, the stem, and take their turn among other stems. Whoever reads an
// item has a pin on it, and reads without a lock; a pin, like an item that is being written, belongs to a
// worker and goes when that dies. Shelves: those of the arena, by name.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/zone/shared_arena.hpp"

namespace weir::zone {

class Shelf {
public:
    static constexpr std::uint64_t block_bytes = 1024;
    static constexpr std::uint32_t none = 0xffffffff;
    using Key = std::array<unsigned char, 16>;
    using Note = std::array<std::uint64_t, 8>;   // what its owner knows of an item

    static std::uint64_t bytes_of(std::uint64_t blocks);
    // `memory`: bytes_of() zeroed bytes of the arena.
    static void create(void* memory, std::uint64_t blocks);
    // `worker`: whose pins and items; below most_workers. Outside of workers: no_worker, which only looks.
    static constexpr std::uint32_t no_worker = most_workers;
    Shelf(void* memory, std::uint32_t worker);

    [[nodiscard]] std::uint64_t blocks() const;
    // How many blocks may hold stems of items whose rest went; of this view alone. At first: none.
    void limit_stems(std::uint64_t blocks) { most_stems_ = blocks; }
    // Blocks without an item.
    std::uint64_t free_blocks();

    // A new item, which nobody finds before keep().
    std::uint32_t begin(const Key& key);
    // False: no room although all went that could; the item is gone.
    bool append(std::uint32_t item, std::string_view bytes);
    // `until`: unix seconds; it is found no longer then. `stem`: how many of its first bytes outlive it; all
    // of them: it is a stem from now on.
    void keep(std::uint32_t item, const Note& note, std::int64_t until, std::int64_t now, std::uint64_t stem = 0);
    void give_up(std::uint32_t item);

    // Whether an item with the key is the one; runs under the lock.
    using Fits = bool (*)(const void* self, const Note& note);
    // The newest one that fits, pinned; else a stem that does. Times: unix seconds.
    struct Found {
        std::uint32_t item = none;
        Note note{};
        bool whole = true;             // else no more than its stem is to be read
    };
    Found find(const Key& key, std::int64_t now, Fits fits, const void* self);
    void unpin(std::uint32_t item);
    // Takes out all that fit; how many there were.
    std::uint32_t remove(const Key& key, Fits fits, const void* self);
    // Takes out all that are wanted by their note and as many bytes of their front as `front` says; how many
    // there were. Others get the lock between its steps.
    using Front = std::uint64_t (*)(const Note& note);
    using Wanted = bool (*)(const void* self, const Note& note, std::string_view front);
    std::uint32_t remove_all(Front front, Wanted wanted, const void* self);
    // One such step: no more than `items_per_step` are looked at, or the last chain of a bucket beyond it.
    // False: that was the last.
    static constexpr std::uint32_t items_per_step = 32;
    struct Sweep {
        std::uint32_t bucket = 0;      // where it goes on
        std::uint32_t removed = 0;
    };
    bool remove_some(Sweep& sweep, Front front, Wanted wanted, const void* self);
    // How many whole ones there are with the key.
    std::uint32_t count(const Key& key, std::int64_t now);
    void clear();

    // Bytes of a pinned item from where `at` stands, which moves on: at most `most`, less where its blocks
    // do not lie side by side. Empty: the end.
    struct Place {
        std::uint32_t block = none;
        std::uint64_t passed = 0;      // bytes before it
    };
    std::string_view read(std::uint32_t item, Place& at, std::uint64_t most) const;
    [[nodiscard]] std::uint64_t length(std::uint32_t item) const;

    // For who shows it.
    struct Shown {
        Key key;
        Note note;
        std::uint64_t length;
        std::uint32_t item, blocks, pins;
        std::int64_t until;
        bool whole;
    };
    std::vector<Shown> shown();

    // Master: a worker died.
    void release(std::uint32_t worker);

private:
    struct Control;
    struct Item;
    struct Order;
    void lock();
    void unlock();
    void repair();
    [[nodiscard]] Item& item(std::uint32_t index) const;
    [[nodiscard]] std::uint32_t& next(std::uint32_t block) const;
    [[nodiscard]] std::uint32_t& bucket(const Key& key) const;
    [[nodiscard]] std::uint32_t& bucket(std::uint32_t index) const;
    [[nodiscard]] char* block(std::uint32_t index) const;
    std::uint32_t take_block();
    [[nodiscard]] std::uint32_t oldest_unread(const Order& order) const;
    bool evict();
    void shrink(std::uint32_t index);
    void cut(std::uint32_t index, std::uint32_t blocks);
    [[nodiscard]] Order& order_of(const Item& item) const;
    template <class Visit>
    void each(Visit visit);
    void link(std::uint32_t index);
    void unlink(std::uint32_t index);
    void free_item(std::uint32_t index);
    void drop(std::uint32_t index);

    char* memory_;
    Control* control_;
    std::uint32_t worker_;
    std::uint64_t most_stems_ = 0;
};

class Shelves {
public:
    // Finds the directory of the arena, or makes it (master, first start).
    explicit Shelves(SharedArena& arena);
    // Master only: makes the shelves that `config` names and that are not there. False: no room.
    bool prepare(const ir::Config& config);
    // Null: never prepared. `worker` as for Shelf; the same one each time.
    [[nodiscard]] Shelf* find(const ir::CacheStore& store, std::uint32_t worker);
    // Master only: what a dead worker had.
    void release(std::uint32_t worker);

private:
    struct Directory;
    struct Record;
    [[nodiscard]] Record* look_up(const ir::CacheStore& store) const;
    SharedArena* arena_;
    Directory* directory_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Shelf>> views_;   // by offset
};

}  // namespace weir::zone
