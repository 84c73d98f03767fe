// SPDX-License-Identifier: Apache-2.0
// Files that a worker opened shortly before, each known to be whole: short ones as they are, larger ones that
// are asked for again and again open and mapped. That one is still what lies at its path takes one look: an
// operator may remove or replace any of them.
#pragma once

#include <sys/stat.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/net/loop.hpp"
#include "runtime/net/mapped_file.hpp"

namespace weir::cache {

// What tells that a file is still the same.
struct FileIdentity {
    static constexpr unsigned wanted = STATX_INO | STATX_SIZE | STATX_CTIME | STATX_MTIME;   // of statx()
    FileIdentity() = default;
    explicit FileIdentity(const struct statx& about);
    bool operator==(const FileIdentity&) const = default;
    // The same file, whatever it holds by now.
    [[nodiscard]] bool is_of(const FileIdentity& other) const { return device == other.device && inode == other.inode; }

    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t changed = 0, modified = 0;   // unix ns
};

class RecentFiles {
public:
    struct Limits {
        std::uint64_t mapped_bytes = 256u << 20;   // of all files; they lie in the page cache
        std::size_t mapped_files = 128;            // descriptors, too
        // One that nobody asked for in so many ms may have to be looked for on the disk; what is mapped of it
        // is given back, as a removed file takes room on the disk so long.
        net::Time trust = 10'000;
    };
    // Fewer files than that where the process may open few.
    explicit RecentFiles(net::Loop& loop);
    RecentFiles(net::Loop& loop, Limits limits);
    RecentFiles(const RecentFiles&) = delete;
    RecentFiles& operator=(const RecentFiles&) = delete;

    // The begin of the file, or all of it, and the whole as a mapping in the first case. `path` ends in a NUL.
    struct File {
        std::string_view bytes;   // until the next call
        std::shared_ptr<const net::MappedFile> mapped;
        FileIdentity identity;
    };
    // False: it has to be opened.
    bool find(std::string_view path, File& file);
    // It was opened, and has been found to be whole. `bytes`: all of a short file, or what is to be known of a
    // larger one without reading it. What comes back has taken the descriptor.
    std::shared_ptr<const net::MappedFile> note(std::string_view path, const FileIdentity& identity,
                                                std::string_view bytes, int fd);
    [[nodiscard]] std::uint64_t mapped_bytes() const { return mapped_bytes_; }
    [[nodiscard]] std::size_t mapped_files() const { return mapped_files_; }

    static constexpr std::size_t most_bytes = 8192;              // that are kept of a file
    static constexpr std::uint64_t largest_mapped = 8u << 20;

private:
    struct Slot {
        std::string path, bytes;   // empty: only counted yet
        FileIdentity identity;
        std::shared_ptr<const net::MappedFile> mapped;
        net::Time looked = 0;
        int uses = 0;              // more for each, less for each of another file that wants the slot
    };
    static constexpr std::size_t slots = 512;
    static constexpr int use = 2, most_uses = 16, worth_mapping = 2 * use;

    [[nodiscard]] bool is_stale(const Slot& slot) const { return loop_.now() - slot.looked > limits_.trust; }
    [[nodiscard]] bool has_settled(const FileIdentity& identity) const;
    static void count_use(Slot& slot);
    Slot& slot_of(std::string_view path);
    void drop(Slot& slot);
    void drop_stale();

    net::Loop& loop_;
    Limits limits_;
    std::uint64_t mapped_bytes_ = 0;
    std::size_t mapped_files_ = 0;
    struct Sweep : net::Timer {
        RecentFiles* self = nullptr;
    };
    Sweep sweep_;   // while something is mapped
    std::array<Slot, slots> slots_;
};

}  // namespace weir::cache
