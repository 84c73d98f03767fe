// SPDX-License-Identifier: Apache-2.0
// Layout: Head, Parts, buckets (numbers of slots, 0 = none), slots. A slot is its fixed members, the
// key, the cells. Within a part all is changed under its lock, and Part::changing names the slot under
// change: who gets the lock of a dead holder drops that slot and builds chains and order anew from the
// slots themselves, so that no link of the dead is trusted.
#include "runtime/zone/table.hpp"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <vector>

namespace weir::zone {

// Links are slot numbers + 1; 0 = none.
struct Slot {
    std::uint32_t next;             // of the chain, or of the free list
    std::uint32_t older, newer;
    std::uint32_t generation;
    std::uint32_t holds;
    std::uint16_t key_length;       // of what is stored
    std::uint8_t hashed : 1;        // a long key's hash stands for it
    std::uint8_t learned : 1;
    std::atomic<std::uint8_t> used;
    std::int64_t touched;
    std::uint64_t hash;
};

struct alignas(64) Table::Part {
    pthread_mutex_t lock;
    std::uint32_t changing;         // slot + 1
    std::uint32_t oldest, newest, free;
    std::uint32_t made;             // slots that were ever used
    std::atomic<std::uint32_t> counted;   // entries; written with the lock held
};

struct alignas(64) Table::Head {
    Shape shape;
};

namespace {

constexpr std::uint32_t most_parts = 32, entries_per_part = 2048;
constexpr int most_out_of_order = 16;
constexpr int most_looks = 64;      // entries in use that eviction passes by before it gives up

std::uint64_t rounded(std::uint64_t bytes, std::uint64_t to) { return (bytes + to - 1) / to * to; }

struct Layout {
    std::uint32_t parts, slots, buckets, slot_bytes;
    std::uint64_t buckets_at, slots_at, bytes;
};

std::uint32_t cell_count(const Shape& shape) {
    std::uint32_t count = 0;
    for (const auto& column : shape.columns)
        count += column.count * cells_of(static_cast<What>(column.what));
    return count;
}

std::uint32_t slot_bytes_of(const Shape& shape) {
    return static_cast<std::uint32_t>(sizeof(Slot) + rounded(shape.key_bytes, 8) +
                                      cell_count(shape) * 8ul);
}

Layout layout_of(const Shape& shape, std::uint64_t head, std::uint64_t part) {
    Layout to{};
    // A small table is one part, so that it holds exactly what it says and evicts the very oldest.
    to.parts = static_cast<std::uint32_t>(
        std::clamp<std::uint64_t>(std::bit_floor(shape.entries / entries_per_part), 1, most_parts));
    auto even = shape.entries / to.parts + 1;
    // Keys do not fall evenly: room for more in each part. What is not touched costs no memory.
    to.slots = static_cast<std::uint32_t>(to.parts == 1 ? shape.entries : even + even / 8 + 64);
    to.buckets = std::bit_ceil(std::max<std::uint32_t>(to.slots, 8));
    to.slot_bytes = slot_bytes_of(shape);
    to.buckets_at = head + part * to.parts;
    to.slots_at = rounded(to.buckets_at + std::uint64_t{to.parts} * to.buckets * 4, 64);
    to.bytes = to.slots_at + std::uint64_t{to.parts} * to.slots * to.slot_bytes;
    return to;
}

}  // namespace

Shape Shape::of(const ir::Zone& zone) {
    Shape shape;
    using Key = ir::Zone::Key;
    shape.key = static_cast<std::uint8_t>(zone.key);
    shape.key_bytes = zone.key == Key::ipv4 || zone.key == Key::integer ? 4
                      : zone.key == Key::ipv6                           ? 16
                                                                        : zone.key_bytes;
    if (shape.key_bytes == 0) {
        shape.key_bytes = 16;
        shape.hashes_long_keys = 1;
    }
    shape.evicts = zone.evicts ? 1 : 0;
    shape.expire = static_cast<std::uint64_t>(zone.expire.count());
    std::size_t at = 0;
    for (const auto& column : zone.columns) {
        if (at == most_columns) break;
        shape.columns[at++] = {static_cast<std::uint16_t>(column.what),
                               static_cast<std::uint16_t>(column.count),
                               static_cast<std::uint32_t>(column.period.count())};
    }
    shape.entries = zone.entries != 0 ? zone.entries : zone.bytes / (slot_bytes_of(shape) + 8);
    shape.entries = std::clamp<std::uint64_t>(shape.entries, 1, std::uint64_t{1} << 30);
    return shape;
}

bool Shape::operator==(const Shape& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
static_assert(std::has_unique_object_representations_v<Shape>);

std::uint64_t Table::bytes_of(const Shape& shape) {
    return layout_of(shape, sizeof(Head), sizeof(Part)).bytes;
}

void Table::create(void* memory, const Shape& shape) {
    auto* head = static_cast<Head*>(memory);
    head->shape = shape;
    const auto to = layout_of(shape, sizeof(Head), sizeof(Part));
    pthread_mutexattr_t how;
    pthread_mutexattr_init(&how);
    pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
    auto* parts = reinterpret_cast<Part*>(head + 1);
    for (std::uint32_t i = 0; i < to.parts; ++i) pthread_mutex_init(&parts[i].lock, &how);
    pthread_mutexattr_destroy(&how);
}

Table::Table(void* memory, HashKey key)
    : memory_(static_cast<char*>(memory)),
      head_(static_cast<Head*>(memory)),
      shape_(&head_->shape),
      key_(key) {
    const auto to = layout_of(*shape_, sizeof(Head), sizeof(Part));
    parts_ = to.parts;
    buckets_ = to.buckets;
    slots_ = to.slots;
    slot_bytes_ = to.slot_bytes;
    buckets_at_ = to.buckets_at;
    slots_at_ = to.slots_at;
    std::uint32_t first = 0;
    for (const auto& column : shape_->columns) {
        if (column.count == 0) break;
        const auto what = static_cast<What>(column.what);
        columns_[column.what] = {first, column.count, column.period};
        first += column.count * cells_of(what);
    }
}

Table::Part& Table::part(std::uint32_t index) const {
    return reinterpret_cast<Part*>(memory_ + sizeof(Head))[index];
}

Slot& Table::slot(std::uint32_t part, std::uint32_t index) const {
    return *reinterpret_cast<Slot*>(memory_ + slots_at_ +
                                    (std::uint64_t{part} * slots_ + index) * slot_bytes_);
}

std::uint32_t& Table::bucket(std::uint32_t part, std::uint64_t hash) const {
    auto* buckets = reinterpret_cast<std::uint32_t*>(memory_ + buckets_at_) + std::uint64_t{part} * buckets_;
    return buckets[hash & (buckets_ - 1)];
}

std::uint64_t* Table::cells(Slot& slot) const {
    return reinterpret_cast<std::uint64_t*>(reinterpret_cast<char*>(&slot + 1) +
                                            rounded(shape_->key_bytes, 8));
}

// -------------------------------------------------------------------------------------- locks

void Table::lock(std::uint32_t index) {
    auto& mine = part(index);
    if (pthread_mutex_lock(&mine.lock) != EOWNERDEAD) return;
    repair(index);
    pthread_mutex_consistent(&mine.lock);
}

bool Table::try_lock(std::uint32_t index) {
    auto& mine = part(index);
    const int result = pthread_mutex_trylock(&mine.lock);
    if (result == 0) return true;
    if (result != EOWNERDEAD) return false;
    repair(index);
    pthread_mutex_consistent(&mine.lock);
    return true;
}

void Table::unlock(std::uint32_t index) { pthread_mutex_unlock(&part(index).lock); }

// Somebody died with the lock in hand: the slot it was changing is dropped, all links are made anew.
void Table::repair(std::uint32_t index) {
    auto& mine = part(index);
    std::vector<std::uint32_t> live;
    auto* buckets = &bucket(index, 0);
    std::fill(buckets, buckets + buckets_, 0u);
    mine.oldest = mine.newest = mine.free = 0;
    for (std::uint32_t i = 0; i < std::min(mine.made, slots_); ++i) {
        auto& one = slot(index, i);
        if (i + 1 == mine.changing && one.used) {
            one.used = 0;
            ++one.generation;
        }
        if (one.used) {
            live.push_back(i);
        } else {
            one.next = mine.free;
            mine.free = i + 1;
        }
    }
    std::sort(live.begin(), live.end(), [&](std::uint32_t a, std::uint32_t b) {
        return slot(index, a).touched < slot(index, b).touched;
    });
    for (auto i : live) {
        auto& one = slot(index, i);
        auto& first = bucket(index, one.hash);
        one.next = first;
        first = i + 1;
        link_newest(index, i);
    }
    mine.counted.store(static_cast<std::uint32_t>(live.size()), std::memory_order_relaxed);
    mine.changing = 0;
}

// ------------------------------------------------------------------------- chains and the order

void Table::key_of(std::string_view key, KeyText& out) const {
    out.text = key;
    if (key.size() > shape_->key_bytes) {
        if (shape_->hashes_long_keys) {
            const std::uint64_t halves[2] = {siphash({key_.low + 1, key_.high}, key),
                                             siphash({key_.low, key_.high + 1}, key)};
            std::memcpy(out.bytes, halves, sizeof out.bytes);
            out.text = {out.bytes, sizeof out.bytes};
            out.hashed = true;
        } else {
            out.text = key.substr(0, shape_->key_bytes);
        }
    }
    out.hash = siphash(key_, out.text);
}

std::uint32_t Table::look_up(std::uint32_t part, const KeyText& key) const {
    for (auto at = bucket(part, key.hash); at != 0;) {
        auto& one = slot(part, at - 1);
        if (one.hash == key.hash && one.key_length == key.text.size() && one.hashed == key.hashed &&
            (key.text.empty() || std::memcmp(&one + 1, key.text.data(), key.text.size()) == 0))
            return at;
        at = one.next;
    }
    return 0;
}

void Table::link_newest(std::uint32_t index, std::uint32_t at) {
    auto& mine = part(index);
    auto& one = slot(index, at);
    one.newer = 0;
    one.older = mine.newest;
    if (mine.newest != 0)
        slot(index, mine.newest - 1).newer = at + 1;
    else
        mine.oldest = at + 1;
    mine.newest = at + 1;
}

void Table::unlink(std::uint32_t index, std::uint32_t at) {
    auto& mine = part(index);
    auto& one = slot(index, at);
    (one.older != 0 ? slot(index, one.older - 1).newer : mine.oldest) = one.newer;
    (one.newer != 0 ? slot(index, one.newer - 1).older : mine.newest) = one.older;
}

void Table::remove(std::uint32_t index, std::uint32_t at) {
    auto& mine = part(index);
    auto& one = slot(index, at);
    mine.changing = at + 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    auto* link = &bucket(index, one.hash);
    while (*link != at + 1) link = &slot(index, *link - 1).next;
    *link = one.next;
    unlink(index, at);
    mine.counted.store(mine.counted.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
    one.used = 0;
    ++one.generation;
    one.next = mine.free;
    mine.free = at + 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.changing = 0;
}

bool Table::has_expired(const Slot& slot, std::int64_t now) const {
    return shape_->expire != 0 && slot.holds == 0 &&
           now - slot.touched >= static_cast<std::int64_t>(shape_->expire);
}

// Takes the oldest entry out that nobody holds. Those in use go to the other end of the order, so that
// a table full of them is not walked again and again.
bool Table::evict(std::uint32_t index, std::int64_t now, bool expired_only) {
    auto& mine = part(index);
    for (int looks = 0; mine.oldest != 0 && looks < most_looks; ++looks) {
        const auto at = mine.oldest - 1;
        auto& one = slot(index, at);
        if (one.holds != 0) {
            if (expired_only && now - one.touched < static_cast<std::int64_t>(shape_->expire)) return false;
            unlink(index, at);
            link_newest(index, at);
            continue;
        }
        if (expired_only && !has_expired(one, now)) return false;
        remove(index, at);
        return true;
    }
    return false;
}

// A slot to fill, neither linked nor used yet. slots_: there is none.
std::uint32_t Table::new_slot(std::uint32_t index, std::int64_t now) {
    auto& mine = part(index);
    // Each newcomer takes up to two out that expired: nothing has to sweep, and nobody waits long.
    if (shape_->expire != 0 && evict(index, now, true)) evict(index, now, true);
    auto full = [&] {
        return used() >= shape_->entries ||
               (mine.free == 0 && mine.made == slots_);
    };
    if (full() && parts_ > 1 && shape_->expire != 0)
        for (std::uint32_t i = 0; i < parts_ && full(); ++i)
            if (i != index && try_lock(i)) {
                evict(i, now, true);
                unlock(i);
            }
    if (full()) {
        if (!shape_->evicts) return slots_;
        bool made_room = evict(index, now, false);
        for (std::uint32_t i = 0; !made_room && i < parts_; ++i)
            if (i != index && try_lock(i)) {
                made_room = evict(i, now, false);
                unlock(i);
            }
        if (!made_room || (mine.free == 0 && mine.made == slots_)) return slots_;
    }
    if (mine.free != 0) {
        const auto at = mine.free - 1;
        mine.free = slot(index, at).next;
        return at;
    }
    return mine.made++;
}

// ------------------------------------------------------------------------------------ entries

Access Table::access(std::uint32_t index, std::uint32_t at, bool fresh) {
    auto& one = slot(index, at);
    part(index).changing = at + 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    Access made;
    made.table_ = this;
    made.slot_ = &one;
    made.cells_ = cells(one);
    made.part_ = index;
    made.at_ = at;
    made.fresh_ = fresh;
    made.locked_ = true;
    return made;
}

Access Table::find(std::string_view key, std::int64_t now) {
    KeyText text;
    key_of(key, text);
    const auto index = static_cast<std::uint32_t>(text.hash >> 56) & (parts_ - 1);
    lock(index);
    const auto at = look_up(index, text);
    if (at != 0) {
        if (!has_expired(slot(index, at - 1), now)) return access(index, at - 1, false);
        remove(index, at - 1);
    }
    unlock(index);
    return {};
}

Access Table::make(std::string_view key, std::int64_t now) {
    KeyText text;
    key_of(key, text);
    const auto index = static_cast<std::uint32_t>(text.hash >> 56) & (parts_ - 1);
    lock(index);
    if (const auto found = look_up(index, text); found != 0) {
        if (!has_expired(slot(index, found - 1), now)) {
            auto entry = access(index, found - 1, false);
            entry.touch(now);
            return entry;
        }
        remove(index, found - 1);
    }
    const auto at = new_slot(index, now);
    if (at == slots_) {
        unlock(index);
        return {};
    }
    auto& one = slot(index, at);
    part(index).changing = at + 1;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    one.hash = text.hash;
    one.key_length = static_cast<std::uint16_t>(text.text.size());
    one.hashed = text.hashed ? 1 : 0;
    one.learned = 0;
    one.holds = 0;
    one.touched = now;
    if (!text.text.empty()) std::memcpy(static_cast<void*>(&one + 1), text.text.data(), text.text.size());
    std::memset(cells(one), 0, slot_bytes_ - sizeof(Slot) - rounded(shape_->key_bytes, 8));
    auto& counted = part(index).counted;
    counted.store(counted.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    one.used.store(1, std::memory_order_release);
    auto& first = bucket(index, one.hash);
    one.next = first;
    first = at + 1;
    link_newest(index, at);
    return access(index, at, true);
}

Access Table::at(Position position) {
    if (position.part >= parts_ || position.slot >= slots_) return {};
    lock(position.part);
    const auto& one = slot(position.part, position.slot);
    if (one.used && one.generation == position.generation)
        return access(position.part, position.slot, false);
    unlock(position.part);
    return {};
}

std::optional<Position> Table::newest_at(std::uint32_t part_, std::uint32_t slot_) {
    if (part_ >= parts_ || slot_ >= slots_) return std::nullopt;
    lock(part_);
    const auto& one = slot(part_, slot_);
    const Position position{part_, slot_, one.generation};
    const bool used = one.used;
    unlock(part_);
    if (!used) return std::nullopt;
    return position;
}

std::uint64_t Table::count(std::int64_t now) {
    if (shape_->expire != 0)
        for (std::uint32_t i = 0; i < parts_; ++i) {
            lock(i);
            for (int most = 1024; most > 0 && evict(i, now, true); --most) {}
            unlock(i);
        }
    return used();
}

// Added up: a sum kept beside the parts would be wrong for good when somebody dies between the two.
std::uint64_t Table::used() const {
    std::uint64_t all = 0;
    for (std::uint32_t i = 0; i < parts_; ++i) all += part(i).counted.load(std::memory_order_relaxed);
    return all;
}

void Table::clear() {
    for (std::uint32_t i = 0; i < parts_; ++i) {
        lock(i);
        while (part(i).oldest != 0) remove(i, part(i).oldest - 1);
        unlock(i);
    }
}

bool Table::each_of_since(std::uint32_t index, std::int64_t since, std::uint32_t most, void* to, VisitEntry visit) {
    bool all = true;
    int older = 0;   // such as eviction and peers put among the newer ones
    lock(index);
    for (auto at = part(index).newest; at != 0;) {
        auto& one = slot(index, at - 1);
        if (one.touched < since && !one.learned && ++older > most_out_of_order) break;
        if (most-- == 0) {
            all = false;
            break;
        }
        if (one.touched >= since && !one.learned) {
            auto entry = access(index, at - 1, false);
            entry.locked_ = false;   // this loop holds the lock
            visit(to, entry);
        }
        at = one.older;
    }
    unlock(index);
    return all;
}

bool Table::each_from_of(std::uint64_t& place, std::uint32_t most, void* to, VisitEntry visit) {
    while (place < std::uint64_t{parts_} * slots_) {
        const auto index = static_cast<std::uint32_t>(place / slots_);
        lock(index);
        const auto made = part(index).made;
        auto at = static_cast<std::uint32_t>(place % slots_);
        for (; at < made && most > 0; ++at, --most) {
            if (!slot(index, at).used) continue;
            auto entry = access(index, at, false);
            entry.locked_ = false;
            visit(to, entry);
        }
        const bool whole = at >= made;
        unlock(index);
        place = std::uint64_t{index + (whole ? 1u : 0u)} * slots_ + (whole ? 0 : at);
        if (!whole) return true;
    }
    return false;
}

void Table::each_of(std::uint32_t index, void* to, VisitEntry visit) {
    lock(index);
    for (auto at = part(index).oldest; at != 0;) {
        auto entry = access(index, at - 1, false);
        at = slot(index, at - 1).newer;
        entry.locked_ = false;   // this loop holds the lock
        visit(to, entry);
    }
    unlock(index);
}

bool Table::take_over(Table& former, std::int64_t now) {
    if (former.shape_->key != shape_->key || former.shape_->hashes_long_keys != shape_->hashes_long_keys)
        return false;
    struct Piece {
        std::uint32_t from, to, cells;
    };
    std::vector<Piece> pieces;
    for (std::size_t what = 0; what < columns_.size(); ++what) {
        const auto& from = former.columns_[what];
        const auto& to = columns_[what];
        if (from.count == 0 || to.count == 0 || from.period != to.period) continue;
        pieces.push_back({from.first, to.first,
                          std::min(from.count, to.count) * cells_of(static_cast<What>(what))});
    }
    if (pieces.empty()) return false;
    former.each([&](Access& old) {
        const auto& was = *old.slot_;
        if (was.key_length > shape_->key_bytes || former.has_expired(was, now)) return;
        const auto key = old.key();
        KeyText text;
        text.text = key;
        text.hash = siphash(key_, key);
        auto entry = make(key, now);
        if (!entry) return;
        entry.slot_->hashed = was.hashed;
        entry.slot_->touched = was.touched;
        for (const auto& piece : pieces)
            std::memcpy(entry.cells_ + piece.to, old.cells_ + piece.from, piece.cells * 8ul);
        // Who is connected now counts itself out of the former table.
        if (const auto& now_open = column(What::connections); now_open.count != 0)
            entry.cell(now_open.first) = 0;
    });
    return true;
}

// ------------------------------------------------------------------------------------- Access

Access::Access(Access&& other) noexcept
    : table_(other.table_),
      slot_(other.slot_),
      cells_(other.cells_),
      part_(other.part_),
      at_(other.at_),
      fresh_(other.fresh_),
      locked_(other.locked_) {
    other.slot_ = nullptr;
    other.locked_ = false;
}

Access::~Access() {
    if (!slot_ && !locked_) return;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    table_->part(part_).changing = 0;
    if (locked_) table_->unlock(part_);
}

Position Access::position() const { return {part_, at_, slot_->generation}; }

std::string_view Access::key() const {
    return {reinterpret_cast<const char*>(slot_ + 1), slot_->key_length};
}

void Access::touch(std::int64_t now) {
    slot_->touched = now;
    slot_->learned = 0;
    if (table_->part(part_).newest == at_ + 1) return;
    table_->unlink(part_, at_);
    table_->link_newest(part_, at_);
}

void Access::mark_learned() { slot_->learned = 1; }
bool Access::learned() const { return slot_->learned != 0; }
std::int64_t Access::touched() const { return slot_->touched; }

void Access::hold() { ++slot_->holds; }

void Access::release(std::int64_t now) {
    if (slot_->holds != 0) --slot_->holds;
    if (table_->has_expired(*slot_, now)) remove();
}

std::uint32_t Access::holds() const { return slot_->holds; }

std::int64_t Access::expires() const {
    const auto time = table_->shape().expire;
    return time == 0 ? std::numeric_limits<std::int64_t>::max()
                     : slot_->touched + static_cast<std::int64_t>(time);
}

void Access::remove() {
    table_->remove(part_, at_);
    slot_ = nullptr;
}

// -------------------------------------------------------------------------------------- rates

void count_rate(std::uint64_t* cells, std::uint32_t period, std::int64_t now, std::uint64_t events) {
    const auto since = static_cast<std::int64_t>(cells[2]);
    if (now - since >= period) {
        const bool next = now - since < 2 * static_cast<std::int64_t>(period);
        cells[1] = next ? cells[0] : 0;
        cells[0] = 0;
        cells[2] = static_cast<std::uint64_t>(next ? since + period : now);
    }
    cells[0] += events;
}

std::uint64_t read_rate(const std::uint64_t* cells, std::uint32_t period, std::int64_t now) {
    auto current = cells[0], past = cells[1];
    auto left = static_cast<std::int64_t>(cells[2]) + period - now;
    if (period == 0) return 0;
    if (left <= 0) {
        left += period;
        past = left > 0 ? current : 0;
        current = 0;
        left = std::max<std::int64_t>(left, 0);
    }
    if (past <= 1 && current == 0) past = 0;   // one event long ago is no rate
    return (past * static_cast<std::uint64_t>(left) + current * period) / period;
}

}  // namespace weir::zone
