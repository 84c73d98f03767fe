// SPDX-License-Identifier: Apache-2.0
// Slabs: memory for the pieces of a library that asks for many and keeps some of them long (OpenSSL: some
// thousand pieces in a handshake, of which 34 stay with the connection). Pieces of one size lie side by
// side, without headers, in slabs of their own: what is given back leaves no holes between what stays,
// and slabs that have become empty go back to the system, but for a few. Small pieces that were given back
// last wait in a magazine of their kind, so that neither they nor their slab need be touched. Larger ones (a record of TLS with its frame) are
// blocks by themselves; some of those that are given back are kept, the others' pages go at once.
//
// One thread, the first that allocates, is served without a lock. Others get memory of malloc(); any
// thread may give back any piece.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weir {

class Slabs {
public:
    // Bytes of a piece in a slab, and in a block; more comes from malloc().
    static constexpr std::size_t largest = 8192, block_bytes = 32 << 10;

    // Reserves addresses, no memory. Where it can't, malloc() serves all.
    Slabs();
    ~Slabs();
    Slabs(const Slabs&) = delete;
    Slabs& operator=(const Slabs&) = delete;

    // Aligned to 16 bytes. Null: there is no memory, or `bytes` is 0.
    void* allocate(std::size_t bytes);
    // As realloc() does it.
    void* resize(void* piece, std::size_t bytes);
    void release(void* piece);   // null is fine

    // Of slabs in use, and of blocks; those that are kept for the next ones included.
    [[nodiscard]] std::size_t bytes() const { return (made_ - spare_.size()) * slab_bytes; }
    [[nodiscard]] std::size_t bytes_of_blocks() const { return (blocks_made_ - spare_blocks_.size()) * block_bytes; }

private:
    struct Piece {
        Piece* next;
    };
    // These stand side by side: at the starts of their slabs they would all fall into the same few lines of
    // the processor's caches.
    struct alignas(64) Slab {
        Slab *next, *previous;   // of those of its kind that have room
        Piece* free;
        char* first_fresh;
        std::uint32_t fresh;     // pieces from there on that never were
        std::uint32_t live;      // pieces in use
        std::uint32_t piece_bytes, kind;
        [[nodiscard]] bool is_full() const { return !free && fresh == 0; }
    };
    static constexpr std::size_t slab_bytes = 64 << 10, slabs_at_once = 16, blocks_at_once = 32;
    static constexpr std::size_t step = 16, fine = 1024, coarse_step = 64;
    static constexpr std::size_t kinds = fine / step + (largest - fine) / coarse_step;
    static_assert(kinds <= 256);

    static constexpr std::size_t bytes_for_each_slab = sizeof(Slab) + 1;   // beside it
    // Of one kind: one line of the processor's caches.
    struct alignas(64) Magazine {
        static constexpr std::uint32_t most = 7;
        std::uint32_t count = 0;
        void* pieces[most];
    };

    static std::size_t kind_of(std::size_t bytes);
    static std::size_t bytes_of(std::size_t kind);
    [[nodiscard]] bool holds(const void* piece) const {
        return reinterpret_cast<std::uintptr_t>(piece) - base_ < 2 * reserved_;
    }
    [[nodiscard]] bool is_block(const void* piece) const {
        return reinterpret_cast<std::uintptr_t>(piece) - base_ >= reserved_;
    }
    [[nodiscard]] std::size_t index_of(const void* piece) const {
        return (reinterpret_cast<std::uintptr_t>(piece) - base_) / slab_bytes;
    }
    [[nodiscard]] char* memory_of(std::size_t index) const { return reinterpret_cast<char*>(base_ + index * slab_bytes); }
    [[nodiscard]] bool is_mine();
    bool take_index(std::size_t& index);
    Slab* open(std::size_t kind);
    void close(Slab& slab);
    void link(Slab& slab);
    void unlink(Slab& slab);
    void* allocate_block();
    void put_back(void* piece);
    void put_into_slab(void* piece);
    void put_back_block(void* block);
    void take_returned();

    std::uintptr_t base_ = 0;
    std::size_t reserved_ = 0;   // bytes for slabs, and as many behind them for blocks
    void* mapped_ = nullptr;
    std::size_t mapped_bytes_ = 0;
    Slab* slabs_ = nullptr;                 // by number, from the base on
    std::uint8_t* kind_of_slab_ = nullptr;  // likewise
    std::array<Magazine, fine / step> magazines_;
    std::size_t made_ = 0, usable_ = 0;     // those that ever were, that may be touched
    std::vector<std::uint32_t> spare_;      // those of them that are empty, without pages
    std::array<std::uint32_t, 2> kept_slabs_{};   // empty, with their pages
    std::size_t slabs_kept_ = 0;
    std::array<Slab*, kinds> with_room_{};
    std::array<std::uint32_t, kinds> empty_{};   // of those
    std::size_t blocks_made_ = 0, blocks_usable_ = 0;
    std::array<void*, 16> kept_blocks_{};   // with their pages
    std::size_t kept_ = 0;
    std::vector<std::uint32_t> spare_blocks_;   // without
    std::atomic<Piece*> returned_{nullptr};   // by other threads
    std::atomic<const void*> owner_{nullptr};
};

}  // namespace weir
