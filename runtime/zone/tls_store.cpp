// SPDX-License-Identifier: Apache-2.0
// The keys lie at a fixed place behind the Board's directory, so that a later master finds them.
#include "runtime/zone/tls_store.hpp"

#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace weir::zone {

namespace {

constexpr std::uint64_t keys_at = SharedArena::tls_place;   // in the arena's root; the directory takes less
constexpr std::uint64_t magic = 0x77656972'746c7332;

}  // namespace

struct TlsStore::Keys {
    std::uint64_t magic;
    std::uint64_t slots;                          // offset of Slot[slot_count]
    std::uint64_t statuses, status_count;         // offset of Status[status_count]
    std::uint64_t seen;                           // offset of atomic<int64_t>[seen_count]
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

struct TlsStore::Status {
    std::atomic<std::uint32_t> version;           // odd: being written
    std::uint32_t size;                           // 0: free
    std::int64_t until;
    unsigned char place[32];
    unsigned char bytes[most_status];
};

TlsStore::Keys* TlsStore::keys() const {
    return reinterpret_cast<Keys*>(static_cast<char*>(arena_->root()) + keys_at);
}

TlsStore::TlsStore(SharedArena& arena) : arena_(&arena) {
    static_assert(keys_at + sizeof(Keys) <= SharedArena::shelf_place);
    auto* all = keys();
    if (all->magic == magic) return;
    void* slots = arena.allocate(slot_count * sizeof(Slot));
    all->slots = slots ? arena.offset_of(slots) : 0;
    // Only reserved: a certificate takes memory when an answer about it comes.
    static_assert(sizeof(Status) <= 8192);
    constexpr std::uint64_t most = 65536;
    auto count = std::min(most, arena.size() / 64 / sizeof(Status)) / ways * ways;
    void* statuses = count != 0 ? arena.allocate(count * sizeof(Status)) : nullptr;
    all->statuses = statuses ? arena.offset_of(statuses) : 0;
    all->status_count = statuses ? count : 0;
    void* seen = arena.allocate(seen_count * sizeof(std::int64_t));
    all->seen = seen ? arena.offset_of(seen) : 0;
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

// A slot holds when it was last taken, and nothing of whom by: one exchange decides, whatever other workers
// do.
bool TlsStore::is_first(std::string_view client_random, std::int64_t unix_seconds) {
    std::uint64_t hash;
    if (keys()->seen == 0 || client_random.size() < sizeof hash) return false;
    std::memcpy(&hash, client_random.data(), sizeof hash);
    auto& slot = static_cast<std::atomic<std::int64_t>*>(arena_->at(keys()->seen))[hash % seen_count];
    auto taken = slot.load();
    do {
        if (unix_seconds - taken < fresh) return false;
    } while (!slot.compare_exchange_weak(taken, unix_seconds));
    return true;
}

// The first of the slots where it may lie; null: there is no memory for any.
TlsStore::Status* TlsStore::statuses_of(std::string_view place) const {
    const auto* all = keys();
    if (all->status_count == 0 || place.size() != sizeof Status::place) return nullptr;
    std::uint64_t hash;   // places are digests
    std::memcpy(&hash, place.data(), sizeof hash);
    return static_cast<Status*>(arena_->at(all->statuses)) + hash % (all->status_count / ways) * ways;
}

namespace {

template <class Status>
bool is_of(const Status& slot, std::string_view place) {
    return slot.size != 0 && std::memcmp(slot.place, place.data(), sizeof slot.place) == 0;
}

template <class Status>
void write(Status& slot, std::string_view place, std::string_view response, std::int64_t until) {
    auto version = slot.version.load(std::memory_order_relaxed) | 1;   // a writer may have died
    slot.version.store(version, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    slot.size = static_cast<std::uint32_t>(response.size());
    slot.until = until;
    std::memcpy(slot.place, place.data(), sizeof slot.place);
    if (!response.empty()) std::memcpy(slot.bytes, response.data(), response.size());
    slot.version.store(version + 1, std::memory_order_release);
}

}  // namespace

bool TlsStore::put_status(std::string_view place, std::string_view response, std::int64_t until) {
    auto* first = statuses_of(place);
    if (!first || response.empty() || response.size() > most_status) return false;
    // Its own, else a free one, else the one that is over first.
    auto worth = [&](const Status& slot) {
        return is_of(slot, place) ? INT64_MIN : slot.size == 0 ? INT64_MIN + 1 : slot.until;
    };
    auto* best = std::min_element(first, first + ways,
                                  [&](const Status& a, const Status& b) { return worth(a) < worth(b); });
    write(*best, place, response, until);
    return true;
}

void TlsStore::drop_status(std::string_view place) {
    auto* first = statuses_of(place);
    if (!first) return;
    auto* own = std::find_if(first, first + ways, [&](const Status& slot) { return is_of(slot, place); });
    if (own != first + ways) write(*own, place, {}, 0);
}

bool TlsStore::find_status(std::string_view place, std::int64_t unix_seconds, std::string& response) const {
    auto* first = statuses_of(place);
    if (!first) return false;
    for (auto* slot = first; slot != first + ways; ++slot) {
        auto version = slot->version.load(std::memory_order_acquire);
        if (version % 2 != 0 || !is_of(*slot, place) || slot->until <= unix_seconds) continue;
        response.assign(reinterpret_cast<const char*>(slot->bytes), std::min<std::size_t>(slot->size, most_status));
        std::atomic_thread_fence(std::memory_order_acquire);
        // Written meanwhile: the next client gets it.
        return slot->version.load(std::memory_order_relaxed) == version;
    }
    return false;
}

}  // namespace weir::zone
