// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/arena.hpp"

#include <cstdlib>

namespace weir {

// Blocks of the standard size are kept in a free list per thread; larger ones go back to malloc.
struct Arena::Block {
    Block* next;
    std::size_t size;
};

namespace {

constexpr std::size_t standard_block = 4096;
constexpr std::size_t most_kept = 4096;

// Blocks are typed as void* chains: the first word of a free block is the link.
thread_local void* free_blocks = nullptr;
thread_local std::size_t free_count = 0;

}  // namespace

void* Arena::allocate_slowly(std::size_t bytes, std::size_t align) {
    std::size_t need = sizeof(Block) + bytes + align;
    std::size_t size = need <= standard_block ? standard_block : need;
    void* memory = nullptr;
    if (size == standard_block && free_blocks) {
        memory = free_blocks;
        free_blocks = *static_cast<void**>(memory);
        --free_count;
    } else {
        memory = std::malloc(size);
        if (!memory) throw std::bad_alloc();
    }
    auto* block = new (memory) Block{blocks_, size};
    blocks_ = block;
    auto start = reinterpret_cast<std::uintptr_t>(block + 1);
    auto at = (start + align - 1) & ~(align - 1);
    // A big piece gets a block of its own; the room left in the current one stays in use.
    if (size != standard_block && end_ - next_ > 256) return reinterpret_cast<void*>(at);
    next_ = at + bytes;
    end_ = reinterpret_cast<std::uintptr_t>(memory) + size;
    return reinterpret_cast<void*>(at);
}

void Arena::clear() {
    while (blocks_) {
        Block* block = blocks_;
        blocks_ = block->next;
        if (block->size == standard_block && free_count < most_kept) {
            *reinterpret_cast<void**>(block) = free_blocks;
            free_blocks = block;
            ++free_count;
        } else {
            std::free(block);
        }
    }
    next_ = end_ = 0;
}

}  // namespace weir
