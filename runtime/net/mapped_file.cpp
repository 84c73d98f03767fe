// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace weir::net {

namespace {

constexpr std::uint64_t page = 4096;

}  // namespace

std::shared_ptr<const MappedFile> MappedFile::make(int fd, std::uint64_t size) {
    auto* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) return nullptr;
    return std::shared_ptr<const MappedFile>(new MappedFile(fd, static_cast<char*>(start), size));
}

MappedFile::~MappedFile() {
    ::munmap(start_, size_);
    ::close(fd_);
}

std::uint64_t MappedFile::at_hand(std::uint64_t offset, std::uint64_t bytes) const {
    struct statx about {};
    if (::statx(fd_, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_SIZE, &about) != 0) return 0;
    const auto size = std::min<std::uint64_t>(size_, about.stx_size);
    if (offset >= size) return 0;
    bytes = std::min({bytes, size - offset, most_at_hand});
    // Who is not the owner and may not write is told that all is there: such a one cannot open a kept file.
    std::array<unsigned char, most_at_hand / page + 1> pages;
    const auto into = offset % page;
    if (::mincore(start_ + (offset - into), into + bytes, pages.data()) != 0) return 0;
    const auto count = (into + bytes + page - 1) / page;
    const auto* missing = std::find_if(pages.data(), pages.data() + count, [](auto one) { return (one & 1) == 0; });
    const auto there = static_cast<std::uint64_t>(missing - pages.data()) * page;
    return there <= into ? 0 : std::min(bytes, there - into);
}

}  // namespace weir::net
