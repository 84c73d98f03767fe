// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "runtime/net/kept_buffers.hpp"

namespace weir::net {

namespace {

// Last in, first out: the block that is still in the cache goes out first.
thread_local void* free_blocks = nullptr;
thread_local std::size_t free_count = 0;
constexpr std::size_t most_kept = 1024;

char* allocate(std::size_t bytes) {
    auto* memory = static_cast<char*>(std::malloc(bytes));
    if (!memory) throw std::bad_alloc();
    return memory;
}

}  // namespace

void free_kept_buffers() {
    while (free_blocks) {
        void* block = free_blocks;
        std::memcpy(&free_blocks, block, sizeof free_blocks);
        std::free(block);
    }
    free_count = 0;
}

void Buffer::acquire(std::size_t bytes) {
    if (data_) {
        if (capacity_ < bytes) grow(bytes);
        return;
    }
    if (bytes <= standard) {
        if (free_blocks) {
            data_ = static_cast<char*>(free_blocks);
            std::memcpy(&free_blocks, data_, sizeof free_blocks);
            --free_count;
        } else {
            data_ = allocate(standard);
        }
        capacity_ = standard;
    } else {
        data_ = allocate(bytes);
        capacity_ = static_cast<std::uint32_t>(bytes);
    }
    begin_ = end_ = 0;
}

void Buffer::release() {
    if (!data_) return;
    if (capacity_ == standard && free_count < most_kept) {
        std::memcpy(data_, &free_blocks, sizeof free_blocks);
        free_blocks = data_;
        ++free_count;
    } else {
        std::free(data_);
    }
    data_ = nullptr;
    capacity_ = begin_ = end_ = 0;
}

void Buffer::grow(std::size_t capacity) {
    if (capacity <= capacity_) return;
    Buffer larger;
    larger.acquire(capacity);
    if (size() != 0) std::memcpy(larger.data_, data(), size());
    larger.end_ = size();
    *this = std::move(larger);
}

void Buffer::compact() {
    if (begin_ == 0) return;
    if (size() != 0) std::memmove(data_, data_ + begin_, size());
    end_ -= begin_;
    begin_ = 0;
}

std::size_t Buffer::append(std::string_view bytes) {
    std::size_t count = std::min<std::size_t>(bytes.size(), room_size());
    if (count != 0) std::memcpy(room(), bytes.data(), count);
    produced(count);
    return count;
}

}  // namespace weir::net
