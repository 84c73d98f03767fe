// SPDX-License-Identifier: Apache-2.0
// SharedArena: one sparse memfd that the master maps before it starts anything; workers and warden
// inherit the mapping. It is reserved large (pages cost only when touched), so that a reload finds
// room for new zones and servers without new mappings. Only the master allocates; addresses differ
// between generations of processes, so what is stored inside are offsets.
#pragma once

#include <cstdint>

namespace weir::zone {

inline constexpr std::uint32_t most_workers = 64;

class SharedArena {
public:
    // Creates, or maps what a former master left (and takes fd over). Both throw std::system_error.
    // Where the kernel grants no such range, a smaller one is reserved.
    static SharedArena create(std::uint64_t reserve = std::uint64_t{64} << 30);
    static SharedArena adopt(int fd);
    SharedArena(SharedArena&&) noexcept;
    SharedArena& operator=(SharedArena&&) = delete;
    ~SharedArena();

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    static constexpr std::uint64_t head_bytes = 4096;
    // A piece at a fixed place for whoever must be found first (the Board's directory); zeroed.
    static constexpr std::uint64_t root_bytes = 8192;
    [[nodiscard]] void* root() const { return base_ + head_bytes; }
    // Who has which part of it: no two may share one.
    static constexpr std::uint64_t board_place = 0, tables_place = 2048, tls_place = 4096, shelf_place = 6144;
    // Zeroed, 64-byte aligned memory that lives as long as the arena; null when the reserve is used up.
    void* allocate(std::uint64_t bytes);
    // Gives a piece back; the same size class is handed out again (zeroed).
    void release(void* piece, std::uint64_t bytes);
    [[nodiscard]] std::uint64_t offset_of(const void* piece) const {
        return static_cast<std::uint64_t>(static_cast<const char*>(piece) - base_);
    }
    [[nodiscard]] void* at(std::uint64_t offset) const { return base_ + offset; }

private:
    struct Head;
    SharedArena(int fd, char* base, std::uint64_t size) : fd_(fd), base_(base), size_(size) {}
    [[nodiscard]] Head* head() const;
    int fd_ = -1;
    char* base_ = nullptr;
    std::uint64_t size_ = 0;
};

}  // namespace weir::zone
