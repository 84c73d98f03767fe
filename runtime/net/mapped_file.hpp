// SPDX-License-Identifier: Apache-2.0
// MappedFile: an open file that several hold at once, and a mapping of it that only the kernel reads from
// (send()). Who cuts the file off makes a system call fail with EFAULT, but kills a process that touches the
// mapping itself: so nobody does.
#pragma once

#include <cstdint>
#include <memory>

namespace weir::net {

class MappedFile {
public:
    // Takes the descriptor where it can be mapped. Null (errno): it cannot, and stays the caller's.
    static std::shared_ptr<const MappedFile> make(int fd, std::uint64_t size);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] std::uint64_t size() const { return size_; }
    // For a system call only.
    [[nodiscard]] const char* address(std::uint64_t offset) const { return start_ + offset; }
    // How many of these bytes, from the first one on, can be sent from there without waiting for a disk. None
    // behind where the file ends by now: its last page has zeros there.
    [[nodiscard]] std::uint64_t at_hand(std::uint64_t offset, std::uint64_t bytes) const;
    static constexpr std::uint64_t most_at_hand = 2u << 20;   // that it tells

private:
    MappedFile(int fd, char* start, std::uint64_t size) : fd_(fd), start_(start), size_(size) {}

    int fd_;
    char* start_;
    std::uint64_t size_;
};

}  // namespace weir::net
