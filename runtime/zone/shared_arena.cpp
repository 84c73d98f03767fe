// SPDX-License-Identifier: Apache-2.0
// The head of the arena holds a high-water mark and one list of free pieces per size class, all as
// offsets, so that a later master (binary upgrade) goes on where this one stopped.
#include "runtime/zone/shared_arena.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace weir::zone {

namespace {

constexpr std::uint64_t magic = 0x77656972'61726e31;   // changes with the layout
constexpr std::uint64_t granule = 64, page = 4096;
constexpr std::uint64_t smallest_reserve = std::uint64_t{1} << 20;
// Up to 4 KB in steps of 64 bytes, then four steps per doubling up to 2^40.
constexpr unsigned small_classes = page / granule, large_classes = 4 * 28;

struct Class {
    unsigned index;
    std::uint64_t bytes;
};

Class class_of(std::uint64_t bytes) {
    if (bytes == 0) bytes = 1;
    std::uint64_t rounded = (bytes + granule - 1) / granule * granule;
    if (rounded <= page) return {static_cast<unsigned>(rounded / granule) - 1, rounded};
    const unsigned top = 63 - static_cast<unsigned>(std::countl_zero(rounded - 1));   // >= 12
    const std::uint64_t step = std::uint64_t{1} << (top - 2);
    rounded = (rounded + step - 1) / step * step;
    const auto quarter = static_cast<unsigned>((rounded - (std::uint64_t{1} << top)) / step) - 1;
    return {small_classes + (top - 12) * 4 + quarter, rounded};
}

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

struct SharedArena::Head {
    std::uint64_t magic;
    std::uint64_t used;
    std::array<std::uint64_t, small_classes + large_classes> free;   // offset of the first; 0 = none
};

SharedArena::Head* SharedArena::head() const { return reinterpret_cast<Head*>(base_); }

SharedArena SharedArena::create(std::uint64_t reserve) {
    static_assert(sizeof(Head) <= page);
    int fd = ::memfd_create("weir-zones", MFD_CLOEXEC);
    if (fd < 0) fail("memfd_create");
    // A limit on address space or file size (ulimit -v, -f) leaves less: take what there is.
    for (;; reserve /= 2) {
        void* base = MAP_FAILED;
        if (::ftruncate(fd, static_cast<off_t>(reserve)) == 0)
            base = ::mmap(nullptr, reserve, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (base != MAP_FAILED) {
            // 64 GB of holes have no place in a core file.
            ::madvise(base, reserve, MADV_DONTDUMP);
            SharedArena arena(fd, static_cast<char*>(base), reserve);
            arena.head()->magic = magic;
            arena.head()->used = root_bytes + page;
            return arena;
        }
        if (reserve / 2 < smallest_reserve) {
            int saved = errno;
            ::close(fd);
            errno = saved;
            fail("shared memory for zones cannot be mapped");
        }
    }
}

SharedArena SharedArena::adopt(int fd) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) fail("fstat of the shared memory");
    auto size = static_cast<std::uint64_t>(about.st_size);
    if (size < smallest_reserve) {
        errno = EINVAL;
        fail("shared memory of the former master");
    }
    void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (base == MAP_FAILED) fail("mmap of the shared memory");
    ::madvise(base, size, MADV_DONTDUMP);
    if (static_cast<Head*>(base)->magic != magic) {
        ::munmap(base, size);
        errno = EPROTO;
        fail("shared memory of the former master has another layout");
    }
    return {fd, static_cast<char*>(base), size};
}

SharedArena::SharedArena(SharedArena&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      base_(std::exchange(other.base_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedArena::~SharedArena() {
    if (base_) ::munmap(base_, size_);
    if (fd_ >= 0) ::close(fd_);
}

void* SharedArena::allocate(std::uint64_t bytes) {
    if (bytes > size_) return nullptr;
    const Class wanted = class_of(bytes);
    std::uint64_t& first = head()->free[wanted.index];
    if (first != 0) {
        char* piece = base_ + first;
        std::memcpy(&first, piece, sizeof first);
        std::memset(piece, 0, sizeof first);   // the rest was zeroed by release()
        return piece;
    }
    std::uint64_t begin = head()->used;
    if (wanted.bytes > page) begin = (begin + page - 1) / page * page;
    if (begin > size_ || wanted.bytes > size_ - begin) return nullptr;
    head()->used = begin + wanted.bytes;
    return base_ + begin;
}

void SharedArena::release(void* piece, std::uint64_t bytes) {
    if (!piece) return;
    const Class held = class_of(bytes);
    // Large pieces give their pages back to the system, which zeroes them too.
    if (held.bytes <= page || held.bytes % page != 0 ||
        ::madvise(piece, held.bytes, MADV_REMOVE) != 0)
        std::memset(piece, 0, held.bytes);
    std::uint64_t& first = head()->free[held.index];
    std::memcpy(piece, &first, sizeof first);
    first = offset_of(piece);
}

}  // namespace weir::zone
