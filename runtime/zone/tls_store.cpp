// SPDX-License-Identifier: Apache-2.0
// The keys lie at a fixed place behind the Board's directory, so that a later master finds them.
#include "runtime/zone/tls_store.hpp"

#include <sys/random.h>

#include <atomic>
#include <cstring>

namespace weir::zone {

namespace {

constexpr std::uint64_t place = SharedArena::tls_place;   // in the arena's root; the directory takes less
constexpr std::uint64_t magic = 0x77656972'746c7331;

}  // namespace

struct TlsStore::Keys {
    std::uint64_t magic;
    std::uint64_t slots;                          // offset of Slot[slot_count]
    std::atomic<std::int64_t> claimed, ready;     // periods
    struct {
        std::atomic<std::int64_t> period;         // 0: none
        Key key;
    } list[3];
};

struct TlsStore::Slot {
    static constexpr std::size_t room = 2000;
    std::atomic<std::uint32_t> version;           // odd: being written
    std::uint16_t id_size, size;
    unsigned char id[32];
    unsigned char bytes[room];
};

TlsStore::Keys* TlsStore::keys() const {
    return reinterpret_cast<Keys*>(static_cast<char*>(arena_->root()) + place);
}

TlsStore::TlsStore(SharedArena& arena) : arena_(&arena) {
    static_assert(place + sizeof(Keys) <= SharedArena::shelf_place);
    auto* all = keys();
    if (all->magic == magic) return;
    void* slots = arena.allocate(slot_count * sizeof(Slot));
    all->slots = slots ? arena.offset_of(slots) : 0;
    all->magic = magic;
}

bool TlsStore::newest_key(std::int64_t unix_seconds, Key& key) {
    auto* all = keys();
    auto now = unix_seconds / period;
    auto claimed = all->claimed.load(std::memory_order_relaxed);
    if (claimed < now && all->claimed.compare_exchange_strong(claimed, now)) {
        auto& slot = all->list[now % 3];
        slot.period.store(0, std::memory_order_release);
        if (::getrandom(&slot.key, sizeof slot.key, 0) != static_cast<ssize_t>(sizeof slot.key)) return false;
        slot.period.store(now, std::memory_order_release);
        all->ready.store(now, std::memory_order_release);
    }
    auto ready = all->ready.load(std::memory_order_acquire);
    if (ready == 0) return false;
    key = all->list[ready % 3].key;
    return true;
}

bool TlsStore::find_key(const unsigned char* name, Key& key, bool& newest) const {
    auto* all = keys();
    for (const auto& slot : all->list) {
        auto made = slot.period.load(std::memory_order_acquire);
        if (made == 0 || std::memcmp(slot.key.name, name, sizeof slot.key.name) != 0) continue;
        key = slot.key;
        newest = made == all->ready.load(std::memory_order_relaxed);
        // Not overwritten meanwhile.
        return slot.period.load(std::memory_order_acquire) == made;
    }
    return false;
}

TlsStore::Slot* TlsStore::slot_of(std::string_view id) const {
    auto offset = keys()->slots;
    if (offset == 0 || id.size() < 8 || id.size() > sizeof Slot::id) return nullptr;
    std::uint64_t hash;   // ids are random
    std::memcpy(&hash, id.data(), sizeof hash);
    return static_cast<Slot*>(arena_->at(offset)) + hash % slot_count;
}

void TlsStore::put(std::string_view id, std::string_view session) {
    auto* slot = slot_of(id);
    if (!slot || session.size() > Slot::room) return;
    auto version = slot->version.load(std::memory_order_relaxed);
    // Somebody writes here: this session is then not kept.
    if (version % 2 != 0 || !slot->version.compare_exchange_strong(version, version + 1)) return;
    slot->id_size = static_cast<std::uint16_t>(id.size());
    slot->size = static_cast<std::uint16_t>(session.size());
    std::memcpy(slot->id, id.data(), id.size());
    std::memcpy(slot->bytes, session.data(), session.size());
    slot->version.store(version + 2, std::memory_order_release);
}

bool TlsStore::find(std::string_view id, std::string& session) const {
    auto* slot = slot_of(id);
    if (!slot) return false;
    auto version = slot->version.load(std::memory_order_acquire);
    if (version == 0 || version % 2 != 0) return false;
    if (slot->id_size != id.size() || std::memcmp(slot->id, id.data(), id.size()) != 0) return false;
    session.assign(reinterpret_cast<const char*>(slot->bytes), std::min<std::size_t>(slot->size, Slot::room));
    std::atomic_thread_fence(std::memory_order_acquire);
    return slot->version.load(std::memory_order_relaxed) == version;
}

}  // namespace weir::zone
