// SPDX-License-Identifier: Apache-2.0
// Arena: memory of one exchange. Bump allocation out of blocks that a per-worker pool keeps; nothing
// is freed before the exchange ends, so a view into it is valid as long as the exchange lives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <new>
#include <string_view>
#include <type_traits>

namespace weir {

class Arena {
public:
    Arena() = default;
    Arena(const Arena&) = delete;
    Arena& operator=(const Arena&) = delete;
    ~Arena() { clear(); }

    void* allocate(std::size_t bytes, std::size_t align = alignof(std::max_align_t)) {
        auto at = (next_ + align - 1) & ~(align - 1);
        if (at + bytes > end_) return allocate_slowly(bytes, align);
        next_ = at + bytes;
        return reinterpret_cast<void*>(at);
    }
    // Only for types without a destructor: nobody runs one.
    template <class T, class... Args>
    T* make(Args&&... args) {
        static_assert(std::is_trivially_destructible_v<T>);
        return new (allocate(sizeof(T), alignof(T))) T{static_cast<Args&&>(args)...};
    }
    template <class T>
    T* make_array(std::size_t count) {
        static_assert(std::is_trivially_destructible_v<T>);
        return new (allocate(sizeof(T) * count, alignof(T))) T[count]();
    }
    char* bytes(std::size_t count) { return static_cast<char*>(allocate(count, 1)); }
    std::string_view copy(std::string_view text) {
        char* at = bytes(text.size());
        if (!text.empty()) std::memcpy(at, text.data(), text.size());
        return {at, text.size()};
    }
    std::string_view join(std::initializer_list<std::string_view> parts) {
        std::size_t size = 0;
        for (auto part : parts) size += part.size();
        char* start = bytes(size);
        char* at = start;
        for (auto part : parts) {
            if (!part.empty()) std::memcpy(at, part.data(), part.size());
            at += part.size();
        }
        return {start, size};
    }
    // Gives every block back to the pool.
    void clear();

private:
    struct Block;
    void* allocate_slowly(std::size_t bytes, std::size_t align);

    std::uintptr_t next_ = 0, end_ = 0;
    Block* blocks_ = nullptr;
};

}  // namespace weir
