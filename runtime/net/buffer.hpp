// SPDX-License-Identifier: Apache-2.0
// Buffers: 16 KB blocks that a worker keeps in a free list. A connection holds one only while bytes
// are under way, so idle connections cost none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace weir::net {

class Buffer {
public:
    static constexpr std::uint32_t standard = 16384;

    Buffer() = default;
    Buffer(Buffer&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          capacity_(std::exchange(other.capacity_, 0)),
          begin_(std::exchange(other.begin_, 0)),
          end_(std::exchange(other.end_, 0)) {}
    Buffer& operator=(Buffer&& other) noexcept {
        if (this != &other) {
            release();
            data_ = std::exchange(other.data_, nullptr);
            capacity_ = std::exchange(other.capacity_, 0);
            begin_ = std::exchange(other.begin_, 0);
            end_ = std::exchange(other.end_, 0);
        }
        return *this;
    }
    ~Buffer() { release(); }

    // Makes sure there is memory: a standard block, or at least `bytes` if that is more.
    void acquire(std::size_t bytes = standard);
    void release();
    // Larger memory with the same content; views into the old one are void.
    void grow(std::size_t capacity);

    [[nodiscard]] bool held() const { return data_ != nullptr; }
    [[nodiscard]] char* data() { return data_ + begin_; }
    [[nodiscard]] const char* data() const { return data_ + begin_; }
    [[nodiscard]] std::uint32_t size() const { return end_ - begin_; }
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    [[nodiscard]] std::string_view view() const { return {data_ + begin_, size()}; }
    [[nodiscard]] char* room() { return data_ + end_; }
    [[nodiscard]] std::uint32_t room_size() const { return capacity_ - end_; }
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
    void produced(std::size_t bytes) { end_ += static_cast<std::uint32_t>(bytes); }
    void consume(std::size_t bytes) { begin_ += static_cast<std::uint32_t>(bytes); }
    void clear() { begin_ = end_ = 0; }
    // Moves the content to the front.
    void compact();
    // Appends as much as fits; returns how much.
    std::size_t append(std::string_view bytes);
    // Appends all, in larger memory where it must be.
    void put(std::string_view bytes) {
        if (bytes.size() > room_size()) {
            compact();
            grow(size() + bytes.size() + standard);
        }
        append(bytes);
    }

private:
    char* data_ = nullptr;
    std::uint32_t capacity_ = 0;
    std::uint32_t begin_ = 0, end_ = 0;
};

}  // namespace weir::net
