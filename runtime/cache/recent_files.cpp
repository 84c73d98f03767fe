// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/recent_files.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <algorithm>

#include "runtime/base/hash.hpp"

namespace weir::cache {

namespace {

constexpr std::int64_t ns_of_second = 1'000'000'000, ns_of_ms = 1'000'000;

// Of times far away, which anybody may give a file, it is the lowest bits.
std::int64_t in_ns(const statx_timestamp& at) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(at.tv_sec) * ns_of_second + at.tv_nsec);
}

RecentFiles::Limits usual_limits() {
    RecentFiles::Limits limits;
    rlimit open{};
    if (::getrlimit(RLIMIT_NOFILE, &open) == 0)
        limits.mapped_files = std::min<std::size_t>(limits.mapped_files, open.rlim_cur / 8);
    return limits;
}

}  // namespace

FileIdentity::FileIdentity(const struct statx& about)
    : device(std::uint64_t{about.stx_dev_major} << 32 | about.stx_dev_minor),
      inode(about.stx_ino),
      size(about.stx_size),
      changed(in_ns(about.stx_ctime)),
      modified(in_ns(about.stx_mtime)) {}

RecentFiles::RecentFiles(net::Loop& loop) : RecentFiles(loop, usual_limits()) {}

RecentFiles::RecentFiles(net::Loop& loop, Limits limits) : loop_(loop), limits_(limits) {
    sweep_.self = this;
    sweep_.fire = [](net::Timer& timer) { static_cast<Sweep&>(timer).self->drop_stale(); };
}

RecentFiles::Slot& RecentFiles::slot_of(std::string_view path) { return slots_[hash::crc32(path) % slots]; }

void RecentFiles::count_use(Slot& slot) { slot.uses = std::min(slot.uses + use, most_uses); }

// What changed just now may change again within the same tick of the file system's clock: one of the
// kernel's, or of a second or two where it has no fractions.
bool RecentFiles::has_settled(const FileIdentity& identity) const {
    const std::int64_t tick = identity.changed % ns_of_second != 0 ? 50 : 2500;
    return loop_.wall_ms() - identity.changed / ns_of_ms >= tick;
}

bool RecentFiles::find(std::string_view path, File& file) {
    auto& slot = slot_of(path);
    if (slot.path != path || is_stale(slot)) return false;
    struct statx there {};
    constexpr int how = AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC;
    if (::statx(AT_FDCWD, path.data(), how, FileIdentity::wanted, &there) != 0 || FileIdentity(there) != slot.identity) {
        drop(slot);
        return false;
    }
    slot.looked = loop_.now();
    count_use(slot);
    file.bytes = slot.bytes;
    file.mapped = slot.mapped;
    file.identity = slot.identity;
    return true;
}

std::shared_ptr<const net::MappedFile> RecentFiles::note(std::string_view path, const FileIdentity& identity,
                                                         std::string_view bytes, int fd) {
    const bool is_whole = bytes.size() == identity.size;
    if (bytes.size() > most_bytes || identity.size > largest_mapped || !has_settled(identity)) return nullptr;
    auto& slot = slot_of(path);
    if (slot.identity != identity) {
        if (slot.uses > 1 && !is_stale(slot)) {
            --slot.uses;
            return nullptr;
        }
        drop(slot);
        slot.identity = identity;
    }
    slot.looked = loop_.now();
    count_use(slot);
    if (!slot.path.empty()) return nullptr;
    if (!is_whole) {
        const bool has_room = mapped_files_ < limits_.mapped_files && mapped_bytes_ + identity.size <= limits_.mapped_bytes;
        if (slot.uses < worth_mapping || !has_room) return nullptr;
        slot.mapped = net::MappedFile::make(fd, identity.size);
        if (!slot.mapped) return nullptr;
        mapped_bytes_ += identity.size;
        if (mapped_files_++ == 0) loop_.arm(sweep_, loop_.now() + limits_.trust);
    }
    slot.path = path;
    slot.bytes = bytes;
    return slot.mapped;
}

void RecentFiles::drop(Slot& slot) {
    if (slot.mapped) {
        mapped_bytes_ -= slot.identity.size;
        --mapped_files_;
    }
    slot = {};
}

void RecentFiles::drop_stale() {
    for (auto& slot : slots_)
        if (slot.mapped && is_stale(slot)) drop(slot);
    if (mapped_files_ != 0) loop_.arm(sweep_, loop_.now() + limits_.trust);
}

}  // namespace weir::cache
