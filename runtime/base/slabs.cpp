// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/slabs.hpp"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <utility>

namespace weir {

namespace {

// Addresses cost nothing: enough for two million connections with TLS.
constexpr std::size_t most_reserved = std::size_t(32) << 30, least_reserved = std::size_t(64) << 20;

thread_local const char this_thread = 0;   // its address stands for the thread, over fork(), too

void* reserve(std::size_t bytes, int access) {
    auto* mapped = ::mmap(nullptr, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    // A huge page would hold more than what is in use.
    ::madvise(mapped, bytes, MADV_NOHUGEPAGE);
    return mapped;
}

}  // namespace

Slabs::Slabs() {
    for (auto size = most_reserved; size >= least_reserved; size /= 2) {
        const auto all = 2 * size + slab_bytes, of_slabs = size / slab_bytes * bytes_for_each_slab;
        auto* mapped = reserve(all, PROT_NONE);
        auto* slabs = reserve(of_slabs, PROT_READ | PROT_WRITE);
        if (!mapped || !slabs) {
            if (mapped) ::munmap(mapped, all);
            if (slabs) ::munmap(slabs, of_slabs);
            continue;
        }
        mapped_ = mapped;
        mapped_bytes_ = all;
        base_ = (reinterpret_cast<std::uintptr_t>(mapped) + slab_bytes - 1) & ~(slab_bytes - 1);
        reserved_ = size;
        slabs_ = static_cast<Slab*>(slabs);
        kind_of_slab_ = reinterpret_cast<std::uint8_t*>(slabs_ + size / slab_bytes);
        return;
    }
}

Slabs::~Slabs() {
    if (!mapped_) return;
    ::munmap(mapped_, mapped_bytes_);
    ::munmap(slabs_, reserved_ / slab_bytes * bytes_for_each_slab);
}

std::size_t Slabs::kind_of(std::size_t bytes) {
    if (bytes <= fine) return (bytes + step - 1) / step - 1;
    return fine / step + (bytes - fine + coarse_step - 1) / coarse_step - 1;
}

std::size_t Slabs::bytes_of(std::size_t kind) {
    constexpr auto finely = fine / step;
    return kind < finely ? (kind + 1) * step : fine + (kind - finely + 1) * coarse_step;
}

bool Slabs::is_mine() {
    const void* owner = owner_.load(std::memory_order_relaxed);
    if (owner == &this_thread) return true;
    return !owner && owner_.compare_exchange_strong(owner, &this_thread);
}

void Slabs::link(Slab& slab) {
    auto*& first = with_room_[slab.kind];
    slab.previous = nullptr;
    slab.next = first;
    if (first) first->previous = &slab;
    first = &slab;
}

void Slabs::unlink(Slab& slab) {
    if (slab.next) slab.next->previous = slab.previous;
    (slab.previous ? slab.previous->next : with_room_[slab.kind]) = slab.next;
}

// False: there is no memory for one more.
bool Slabs::take_index(std::size_t& index) {
    if (slabs_kept_ != 0) {
        index = kept_slabs_[--slabs_kept_];
        return true;
    }
    if (!spare_.empty()) {
        index = spare_.back();
        spare_.pop_back();
        return true;
    }
    if (made_ == usable_) {
        constexpr auto more = slab_bytes * slabs_at_once;
        if (usable_ * slab_bytes + more > reserved_ || ::mprotect(memory_of(usable_), more, PROT_READ | PROT_WRITE) != 0)
            return false;
        usable_ += slabs_at_once;
        spare_.reserve(usable_);   // close() must not fail
    }
    index = made_++;
    return true;
}

// A slab with room for a piece; null: there is no memory.
Slabs::Slab* Slabs::open(std::size_t kind) {
    take_returned();
    if (with_room_[kind]) return with_room_[kind];
    std::size_t index = 0;
    if (!take_index(index)) return nullptr;
    // The first pieces are those in use most of the time: each slab begins with another line of the caches.
    constexpr std::size_t line = 64, lines = 8;
    const auto begin = index % lines * line;
    const auto size = bytes_of(kind);
    auto* slab = new (&slabs_[index]) Slab{.next = nullptr,
                                           .previous = nullptr,
                                           .free = nullptr,
                                           .first_fresh = memory_of(index) + begin,
                                           .fresh = static_cast<std::uint32_t>((slab_bytes - begin) / size),
                                           .live = 0,
                                           .piece_bytes = static_cast<std::uint32_t>(size),
                                           .kind = static_cast<std::uint32_t>(kind)};
    kind_of_slab_[index] = static_cast<std::uint8_t>(kind);
    link(*slab);
    ++empty_[kind];
    return slab;
}

// Nothing of it is in use any more.
void Slabs::close(Slab& slab) {
    unlink(slab);
    --empty_[slab.kind];
    const auto index = static_cast<std::uint32_t>(&slab - slabs_);
    if (slabs_kept_ < kept_slabs_.size()) {
        kept_slabs_[slabs_kept_++] = index;
        return;
    }
    spare_.push_back(index);
    ::madvise(memory_of(index), slab_bytes, MADV_DONTNEED);
}

// Null: there is no memory.
void* Slabs::allocate_block() {
    if (kept_ == 0) take_returned();
    if (kept_ != 0) return kept_blocks_[--kept_];
    const auto at = [&](std::size_t index) { return reinterpret_cast<void*>(base_ + reserved_ + index * block_bytes); };
    if (!spare_blocks_.empty()) {
        const auto index = spare_blocks_.back();
        spare_blocks_.pop_back();
        return at(index);
    }
    if (blocks_made_ == blocks_usable_) {
        constexpr auto more = block_bytes * blocks_at_once;
        if (blocks_usable_ * block_bytes + more > reserved_ ||
            ::mprotect(at(blocks_usable_), more, PROT_READ | PROT_WRITE) != 0)
            return nullptr;
        blocks_usable_ += blocks_at_once;
        spare_blocks_.reserve(blocks_usable_);   // put_back_block() must not fail
    }
    return at(blocks_made_++);
}

void Slabs::put_back_block(void* block) {
    if (kept_ < kept_blocks_.size()) {
        kept_blocks_[kept_++] = block;
        return;
    }
    ::madvise(block, block_bytes, MADV_DONTNEED);
    spare_blocks_.push_back(static_cast<std::uint32_t>((reinterpret_cast<std::uintptr_t>(block) - base_ - reserved_) / block_bytes));
}

void* Slabs::allocate(std::size_t bytes) {
    if (bytes == 0) return nullptr;
    if (bytes > block_bytes || reserved_ == 0 || !is_mine()) return std::malloc(bytes);
    if (bytes > largest) {
        auto* block = allocate_block();
        return block ? block : std::malloc(bytes);
    }
    const auto kind = kind_of(bytes);
    if (kind < magazines_.size() && magazines_[kind].count != 0) {
        auto& magazine = magazines_[kind];
        return magazine.pieces[--magazine.count];
    }
    auto* slab = with_room_[kind];
    if (!slab && !(slab = open(kind))) return std::malloc(bytes);
    void* piece = slab->free;
    if (piece) {
        slab->free = slab->free->next;
    } else {
        piece = std::exchange(slab->first_fresh, slab->first_fresh + slab->piece_bytes);
        --slab->fresh;
    }
    if (slab->live++ == 0) --empty_[kind];
    if (slab->is_full()) unlink(*slab);
    return piece;
}

void Slabs::put_back(void* piece) {
    if (is_block(piece)) return put_back_block(piece);
    const std::size_t kind = kind_of_slab_[index_of(piece)];
    if (kind >= magazines_.size() || magazines_[kind].count == Magazine::most) return put_into_slab(piece);
    auto& magazine = magazines_[kind];
    magazine.pieces[magazine.count++] = piece;
}

void Slabs::put_into_slab(void* piece) {
    auto& slab = slabs_[index_of(piece)];
    const bool was_full = slab.is_full();
    slab.free = new (piece) Piece{slab.free};
    if (was_full) link(slab);
    // One that is empty stays: the next piece may come soon.
    if (--slab.live == 0 && ++empty_[slab.kind] > 1) close(slab);
}

void Slabs::take_returned() {
    auto* piece = returned_.exchange(nullptr, std::memory_order_acquire);
    while (piece) {
        auto* next = piece->next;
        put_back(piece);
        piece = next;
    }
}

void Slabs::release(void* piece) {
    if (!holds(piece)) return std::free(piece);
    if (is_mine()) return put_back(piece);
    auto* mine = new (piece) Piece{returned_.load(std::memory_order_relaxed)};
    while (!returned_.compare_exchange_weak(mine->next, mine, std::memory_order_release, std::memory_order_relaxed)) {}
}

void* Slabs::resize(void* piece, std::size_t bytes) {
    if (!piece) return allocate(bytes);
    if (bytes == 0) {
        release(piece);
        return nullptr;
    }
    if (!holds(piece)) return std::realloc(piece, bytes);
    const std::size_t room = is_block(piece) ? block_bytes : slabs_[index_of(piece)].piece_bytes;
    if (bytes <= room) return piece;
    auto* moved = allocate(bytes);
    if (!moved) return nullptr;
    std::memcpy(moved, piece, room);
    release(piece);
    return moved;
}

}  // namespace weir
