// SPDX-License-Identifier: Apache-2.0
// Layout: Control, buckets, links of blocks, Items, blocks. An item is numbered by its first block. All
// links change under the lock alone. Who gets the lock of a dead holder drops what that one was writing
// and builds free list, chains and order anew: the blocks of an item that is kept do not change, and one
// that goes is marked so before its blocks are given back.
#include "runtime/zone/shelf.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "runtime/base/hash.hpp"

namespace weir::zone {

// Links are numbers + 1; 0 = none. Items in order of use.
struct Shelf::Order {
    std::uint32_t oldest, newest;
};

struct alignas(64) Shelf::Control {
    pthread_mutex_t lock;
    std::uint32_t holder;              // worker + 1 that has the lock; 0: none, or it did nothing yet
    std::uint32_t blocks, buckets;
    std::uint32_t free;                // blocks that were used and are free again
    std::uint32_t made;                // blocks that were ever used
    std::uint32_t used;                // blocks in use
    std::uint32_t in_stems;            // blocks of stems
    Order whole, stems;
    std::uint64_t waiting;             // atomic; a bit for each worker that wants the lock
};

struct Shelf::Item {
    // going: read still, found no more
    enum class State : std::uint8_t { none, writing, kept, stem, going };
    Key key;
    Note note;
    std::uint64_t length;
    std::uint64_t stem;                // bytes; 0: it goes whole
    std::int64_t until, touched;
    std::uint32_t last;                // block
    std::uint32_t blocks;
    std::uint32_t next, older, newer;  // of the bucket, and in order of use
    std::uint32_t pinned;              // sum of pins
    State state;
    std::uint8_t writer;
    std::array<std::uint16_t, most_workers> pins;
};

namespace {

constexpr std::uint16_t most_pins = 0xffff;   // of one worker on one item: what comes then finds none
constexpr std::uint32_t buckets_per_step = 4096;   // empty ones cost little
constexpr int most_looks = 64;         // items that are read and that eviction passes by

std::uint64_t rounded(std::uint64_t bytes) { return (bytes + 63) / 64 * 64; }

std::uint32_t bucket_count(std::uint64_t blocks) {
    return static_cast<std::uint32_t>(std::bit_ceil(std::max<std::uint64_t>(blocks / 2, 16)));
}

struct Layout {
    std::uint64_t buckets, links, items, blocks, end;
};

Layout layout_of(std::uint64_t blocks, std::uint64_t control, std::uint64_t item) {
    Layout at{};
    at.buckets = control;
    at.links = at.buckets + rounded(std::uint64_t{bucket_count(blocks)} * 4);
    at.items = at.links + rounded(blocks * 4);
    at.blocks = (at.items + blocks * item + 4095) / 4096 * 4096;
    at.end = at.blocks + blocks * Shelf::block_bytes;
    return at;
}

}  // namespace

std::uint64_t Shelf::bytes_of(std::uint64_t blocks) {
    return layout_of(blocks, sizeof(Control), sizeof(Item)).end;
}

void Shelf::create(void* memory, std::uint64_t blocks) {
    auto* control = static_cast<Control*>(memory);
    control->blocks = static_cast<std::uint32_t>(blocks);
    control->buckets = bucket_count(blocks);
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&control->lock, &how);
    pthread_mutexattr_destroy(&how);
}

Shelf::Shelf(void* memory, std::uint32_t worker)
    : memory_(static_cast<char*>(memory)), control_(static_cast<Control*>(memory)), worker_(worker) {}

Shelf::Item& Shelf::item(std::uint32_t index) const {
    const auto at = layout_of(control_->blocks, sizeof(Control), sizeof(Item));
    return reinterpret_cast<Item*>(memory_ + at.items)[index];
}

std::uint32_t& Shelf::next(std::uint32_t block) const {
    const auto at = layout_of(control_->blocks, sizeof(Control), sizeof(Item));
    return reinterpret_cast<std::uint32_t*>(memory_ + at.links)[block];
}

// Keys are digests: any of their bits will do.
std::uint32_t& Shelf::bucket(const Key& key) const {
    std::uint32_t bits;
    std::memcpy(&bits, key.data(), sizeof bits);
    return bucket(bits & (control_->buckets - 1));
}

std::uint32_t& Shelf::bucket(std::uint32_t index) const {
    return reinterpret_cast<std::uint32_t*>(memory_ + sizeof(Control))[index];
}

char* Shelf::block(std::uint32_t index) const {
    const auto at = layout_of(control_->blocks, sizeof(Control), sizeof(Item));
    return memory_ + at.blocks + std::uint64_t{index} * block_bytes;
}

std::uint64_t Shelf::blocks() const { return control_->blocks; }

std::uint64_t Shelf::free_blocks() {
    lock();
    auto free = control_->blocks - control_->used;
    unlock();
    return free;
}

// --- the lock ---

void Shelf::lock() {
    int got = pthread_mutex_trylock(&control_->lock);
    if (got == EBUSY) {
        const std::uint64_t me = worker_ < most_workers ? std::uint64_t{1} << worker_ : 0;
        std::atomic_ref waiting(control_->waiting);
        waiting.fetch_or(me, std::memory_order_relaxed);
        got = pthread_mutex_lock(&control_->lock);
        waiting.fetch_and(~me, std::memory_order_relaxed);
    }
    if (got == EOWNERDEAD) {
        repair();
        pthread_mutex_consistent(&control_->lock);
    }
    control_->holder = worker_ + 1;
}

void Shelf::unlock() {
    control_->holder = 0;
    pthread_mutex_unlock(&control_->lock);
}

void Shelf::repair() {
    auto& control = *control_;
    std::vector<bool> taken(control.made);
    std::vector<std::uint32_t> kept;
    auto* buckets = reinterpret_cast<std::uint32_t*>(memory_ + sizeof(Control));
    std::fill(buckets, buckets + control.buckets, 0u);
    for (std::uint32_t i = 0; i < control.made; ++i) {
        auto& one = item(i);
        if (one.state == Item::State::none) continue;
        one.pinned = std::accumulate(one.pins.begin(), one.pins.end(), 0u);
        bool half = one.state == Item::State::writing && one.writer + 1u == control.holder;
        bool unread = one.state == Item::State::going && one.pinned == 0;
        if (half || unread) one.state = Item::State::none;
        if (one.state == Item::State::none) continue;
        for (auto at = i; !taken[at]; at = next(at) - 1) {
            taken[at] = true;
            if (at == one.last) break;
        }
        if (one.state == Item::State::kept || one.state == Item::State::stem) kept.push_back(i);
    }
    control.free = control.used = control.in_stems = 0;
    control.whole = control.stems = {};
    for (std::uint32_t i = 0; i < control.made; ++i) {
        if (taken[i]) {
            ++control.used;
            continue;
        }
        next(i) = control.free;
        control.free = i + 1;
    }
    std::sort(kept.begin(), kept.end(),
              [&](std::uint32_t a, std::uint32_t b) { return item(a).touched < item(b).touched; });
    for (auto i : kept) link(i);
}

// --- chains ---

Shelf::Order& Shelf::order_of(const Item& one) const {
    return one.state == Item::State::stem ? control_->stems : control_->whole;
}

// All that can be found, oldest first; `visit` may drop the one it sees.
template <class Visit>
void Shelf::each(Visit visit) {
    for (const auto* order : {&control_->whole, &control_->stems})
        for (auto at = order->oldest; at != 0;) {
            auto index = at - 1;
            at = item(index).newer;
            visit(index, item(index));
        }
}

// Finds it, and makes it the one that was used last.
void Shelf::link(std::uint32_t index) {
    auto& one = item(index);
    auto& first = bucket(one.key);
    one.next = first;
    first = index + 1;
    auto& order = order_of(one);
    one.newer = 0;
    one.older = order.newest;
    (order.newest != 0 ? item(order.newest - 1).newer : order.oldest) = index + 1;
    order.newest = index + 1;
    if (one.state == Item::State::stem) control_->in_stems += one.blocks;
}

void Shelf::unlink(std::uint32_t index) {
    auto& one = item(index);
    auto* at = &bucket(one.key);
    while (*at != index + 1) at = &item(*at - 1).next;
    *at = one.next;
    auto& order = order_of(one);
    (one.older != 0 ? item(one.older - 1).newer : order.oldest) = one.newer;
    (one.newer != 0 ? item(one.newer - 1).older : order.newest) = one.older;
    if (one.state == Item::State::stem) control_->in_stems -= one.blocks;
}

void Shelf::free_item(std::uint32_t index) {
    auto& one = item(index);
    one.state = Item::State::none;
    next(one.last) = control_->free;
    control_->free = index + 1;
    control_->used -= one.blocks;
}

// One that is kept goes, as soon as nobody reads it.
void Shelf::drop(std::uint32_t index) {
    auto& one = item(index);
    unlink(index);
    one.state = Item::State::going;
    if (one.pinned == 0) free_item(index);
}

std::uint32_t Shelf::oldest_unread(const Order& order) const {
    auto at = order.oldest;
    for (int looks = 0; at != 0 && looks < most_looks; ++looks) {
        if (item(at - 1).pinned == 0) return at - 1;
        at = item(at - 1).newer;
    }
    return none;
}

// Stems go only where nothing else can. False: no block is free now.
bool Shelf::evict() {
    const auto before = control_->used;
    for (int looks = 0; looks < most_looks && control_->used == before; ++looks) {
        auto oldest = oldest_unread(control_->whole);
        if (oldest == none) break;
        shrink(oldest);
    }
    if (control_->used != before) return true;
    auto oldest = oldest_unread(control_->stems);
    if (oldest == none) return false;
    drop(oldest);
    return true;
}

// One that nobody reads loses all but its stem, for which older ones go; without one, it goes.
void Shelf::shrink(std::uint32_t index) {
    const auto blocks = (item(index).stem + block_bytes - 1) / block_bytes;
    if (blocks == 0 || blocks > most_stems_) return drop(index);
    while (control_->in_stems + blocks > most_stems_) {
        auto oldest = oldest_unread(control_->stems);
        if (oldest == none) return drop(index);
        drop(oldest);
    }
    cut(index, static_cast<std::uint32_t>(blocks));
}

// Who dies in here leaves an item that goes and that nobody reads.
void Shelf::cut(std::uint32_t index, std::uint32_t blocks) {
    unlink(index);
    auto& one = item(index);
    one.state = Item::State::going;
    auto last = index;
    for (std::uint32_t i = 1; i < blocks; ++i) last = next(last) - 1;
    if (last != one.last) {
        const auto rest = next(last);
        next(one.last) = control_->free;
        control_->free = rest;
        control_->used -= one.blocks - blocks;
        one.last = last;
        one.blocks = blocks;
    }
    one.length = one.stem;
    one.state = Item::State::stem;
    link(index);
}

std::uint32_t Shelf::take_block() {
    auto& control = *control_;
    if (control.free == 0 && control.made == control.blocks && !evict()) return none;
    ++control.used;
    if (control.free == 0) return control.made++;
    auto taken = control.free - 1;
    control.free = next(taken);
    return taken;
}

// --- writing ---

std::uint32_t Shelf::begin(const Key& key) {
    lock();
    auto index = take_block();
    if (index != none) {
        auto& one = item(index);
        one = {};
        one.key = key;
        one.last = index;
        one.blocks = 1;
        one.writer = static_cast<std::uint8_t>(worker_);
        one.state = Item::State::writing;
    }
    unlock();
    return index;
}

bool Shelf::append(std::uint32_t index, std::string_view bytes) {
    auto& one = item(index);
    while (!bytes.empty()) {
        auto room = one.blocks * block_bytes - one.length;
        if (room == 0) {
            lock();
            auto fresh = take_block();
            if (fresh != none) {
                next(one.last) = fresh + 1;
                one.last = fresh;
                ++one.blocks;
            }
            unlock();
            if (fresh == none) {
                give_up(index);
                return false;
            }
            room = block_bytes;
        }
        auto part = bytes.substr(0, room);
        std::memcpy(block(one.last) + (block_bytes - room), part.data(), part.size());
        one.length += part.size();
        bytes.remove_prefix(part.size());
    }
    return true;
}

void Shelf::keep(std::uint32_t index, const Note& note, std::int64_t until, std::int64_t now, std::uint64_t stem) {
    lock();
    auto& one = item(index);
    one.note = note;
    one.until = until;
    one.touched = now;
    one.stem = std::min(stem, one.length);
    one.state = Item::State::kept;
    link(index);
    if (stem != 0 && stem >= one.length) shrink(index);
    unlock();
}

void Shelf::give_up(std::uint32_t index) {
    lock();
    free_item(index);
    unlock();
}

// --- reading ---

Shelf::Found Shelf::find(const Key& key, std::int64_t now, Fits fits, const void* self) {
    Found found;
    lock();
    for (auto at = bucket(key); at != 0 && (found.item == none || !found.whole);) {
        auto index = at - 1;
        auto& one = item(index);
        at = one.next;
        if (one.key != key) continue;
        const bool fresh = one.state == Item::State::kept && one.until > now;
        if (!fresh && (one.stem == 0 || most_stems_ == 0)) drop(index);
        else if (one.pins[worker_] != most_pins && fits(self, one.note) && (fresh || found.item == none))
            found = {index, one.note, fresh};
    }
    if (found.item != none) {
        auto& one = item(found.item);
        unlink(found.item);
        link(found.item);
        one.touched = now;
        ++one.pinned;
        ++one.pins[worker_];
    }
    unlock();
    return found;
}

void Shelf::unpin(std::uint32_t index) {
    lock();
    auto& one = item(index);
    --one.pins[worker_];
    if (--one.pinned == 0 && one.state == Item::State::going) free_item(index);
    unlock();
}

std::uint32_t Shelf::remove(const Key& key, Fits fits, const void* self) {
    std::uint32_t removed = 0;
    lock();
    for (auto at = bucket(key); at != 0;) {
        auto index = at - 1;
        auto& one = item(index);
        at = one.next;
        if (one.key != key || (fits && !fits(self, one.note))) continue;
        drop(index);
        ++removed;
    }
    unlock();
    return removed;
}

std::uint32_t Shelf::remove_all(Front front, Wanted wanted, const void* self) {
    Sweep sweep;
    while (remove_some(sweep, front, wanted, self)) {
        // Who is woken up to have the lock would find it taken again: it gets the time to come.
        if (std::atomic_ref(control_->waiting).load(std::memory_order_relaxed) != 0)
            std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
    return sweep.removed;
}

// By buckets: an item stays in its own, whatever is used, kept or dropped between two steps.
bool Shelf::remove_some(Sweep& sweep, Front front, Wanted wanted, const void* self) {
    std::string gathered;
    std::uint32_t items = 0;
    lock();
    const auto end = std::min(control_->buckets, sweep.bucket + buckets_per_step);
    for (; sweep.bucket < end && items < items_per_step; ++sweep.bucket) {
        for (auto at = bucket(sweep.bucket); at != 0;) {
            const auto index = at - 1;
            const auto& one = item(index);
            at = one.next;
            ++items;
            const auto bytes = front(one.note);
            gathered.clear();
            for (Place from; gathered.size() < bytes;) {
                auto part = read(index, from, bytes - gathered.size());
                if (part.empty()) break;
                gathered += part;
            }
            if (!wanted(self, one.note, gathered)) continue;
            drop(index);
            ++sweep.removed;
        }
    }
    const bool more = sweep.bucket < control_->buckets;
    unlock();
    return more;
}

std::uint32_t Shelf::count(const Key& key, std::int64_t now) {
    std::uint32_t counted = 0;
    lock();
    for (auto at = bucket(key); at != 0; at = item(at - 1).next) {
        const auto& one = item(at - 1);
        if (one.key == key && one.state == Item::State::kept && one.until > now) ++counted;
    }
    unlock();
    return counted;
}

void Shelf::clear() {
    lock();
    each([&](std::uint32_t index, const Item&) { drop(index); });
    unlock();
}

std::uint64_t Shelf::length(std::uint32_t index) const { return item(index).length; }

std::string_view Shelf::read(std::uint32_t index, Place& at, std::uint64_t most) const {
    const auto& one = item(index);
    most = std::min(most, one.length - at.passed);
    if (most == 0) return {};
    if (at.block == none) at.block = index;
    const auto inside = at.passed % block_bytes;
    const char* begin = block(at.block) + inside;
    std::uint64_t size = block_bytes - inside;
    while (size <= most && at.block != one.last) {
        auto following = next(at.block) - 1;
        bool beside = following == at.block + 1;
        at.block = following;
        if (!beside || size == most) break;
        size += block_bytes;
    }
    size = std::min(size, most);
    at.passed += size;
    return {begin, size};
}

std::vector<Shelf::Shown> Shelf::shown() {
    std::vector<Shown> all;
    lock();
    each([&](std::uint32_t index, const Item& one) {
        bool whole = one.state == Item::State::kept;
        all.push_back({one.key, one.note, one.length, index, one.blocks, one.pinned, one.until, whole});
    });
    unlock();
    return all;
}

void Shelf::release(std::uint32_t worker) {
    std::atomic_ref(control_->waiting).fetch_and(~(std::uint64_t{1} << worker), std::memory_order_relaxed);
    lock();
    for (std::uint32_t i = 0; i < control_->made; ++i) {
        auto& one = item(i);
        if (one.state == Item::State::none) continue;
        one.pinned -= one.pins[worker];
        one.pins[worker] = 0;
        bool half = one.state == Item::State::writing && one.writer == worker;
        if (half || (one.state == Item::State::going && one.pinned == 0)) free_item(i);
    }
    unlock();
}

// --- the shelves of the arena ---

struct Shelves::Record {
    std::uint64_t name, blocks, offset;   // hash of the name
};

struct Shelves::Directory {
    static constexpr std::uint64_t most = 60;
    std::uint64_t magic, count;
    Record records[most];
};

namespace {
constexpr std::uint64_t shelf_magic = 0x77656972'73686c31;

std::uint64_t blocks_of(const ir::CacheStore& store) {
    return std::max<std::uint64_t>(store.max_size / Shelf::block_bytes, 1);
}

std::uint64_t stems_of(const ir::CacheStore& store, std::uint64_t blocks) {
    using Hints = ir::CacheStore::Hints;
    if (store.hints == Hints::off) return 0;
    return store.hints == Hints::only ? blocks : blocks * store.hint_share / 100;
}
}  // namespace

Shelves::Shelves(SharedArena& arena) : arena_(&arena) {
    static_assert(SharedArena::shelf_place + sizeof(Directory) <= SharedArena::root_bytes);
    directory_ = reinterpret_cast<Directory*>(static_cast<char*>(arena.root()) + SharedArena::shelf_place);
    directory_->magic = shelf_magic;
}

Shelves::Record* Shelves::look_up(const ir::CacheStore& store) const {
    const auto name = hash::xxh64(store.name, 0);
    for (std::uint64_t i = 0; i < directory_->count; ++i) {
        auto& one = directory_->records[i];
        if (one.name == name && one.blocks == blocks_of(store)) return &one;
    }
    return nullptr;
}

// One whose size changed begins empty; the one it was stays for the configuration that may come back.
bool Shelves::prepare(const ir::Config& config) {
    for (const auto& store : config.caches) {
        if (!store.in_memory || look_up(store)) continue;
        if (directory_->count == Directory::most) return false;
        auto* memory = arena_->allocate(Shelf::bytes_of(blocks_of(store)));
        if (!memory) return false;
        Shelf::create(memory, blocks_of(store));
        directory_->records[directory_->count] = {hash::xxh64(store.name, 0), blocks_of(store),
                                                  arena_->offset_of(memory)};
        ++directory_->count;
    }
    return true;
}

Shelf* Shelves::find(const ir::CacheStore& store, std::uint32_t worker) {
    const auto* record = look_up(store);
    if (!record) return nullptr;
    auto& view = views_[record->offset];
    if (!view) view = std::make_unique<Shelf>(arena_->at(record->offset), worker);
    view->limit_stems(stems_of(store, view->blocks()));
    return view.get();
}

void Shelves::release(std::uint32_t worker) {
    for (std::uint64_t i = 0; i < directory_->count; ++i)
        Shelf(arena_->at(directory_->records[i].offset), Shelf::no_worker).release(worker);
}

}  // namespace weir::zone
