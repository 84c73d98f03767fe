// SPDX-License-Identifier: Apache-2.0
// Store: one cache as a worker or the warden sees it: its index in shared memory, and where the files
// of it lie. The index says who was asked for how often and who is being asked for; what an answer is,
// its file alone says. Times are ms of the loop's monotonic clock unless they are called unix time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/cache.hpp"
#include "runtime/cache/file.hpp"
#include "runtime/cache/freshness.hpp"
#include "runtime/zone/board.hpp"
#include "runtime/zone/shelf.hpp"
#include "runtime/zone/table.hpp"

namespace weir::cache {

class Store {
public:
    // What it lives on. All outlive it. `index` may be null: nothing is kept then. A cache in memory has a shelf
    // instead.
    struct Parts {
        zone::Table* index = nullptr;
        zone::Table* purges = nullptr;
        zone::Shelf* shelf = nullptr;
        zone::Counters* counters = nullptr;   // of this worker
    };
    Store(const ir::CacheStore& conf, const Parts& parts);

    [[nodiscard]] const ir::CacheStore& conf() const { return *conf_; }
    [[nodiscard]] bool usable() const { return parts_.index != nullptr; }
    [[nodiscard]] zone::Table& index() const { return *parts_.index; }
    [[nodiscard]] zone::Shelf* shelf() const { return parts_.shelf; }

    // Where the file lies, ending in a NUL (in the arena).
    [[nodiscard]] std::string_view path_of(const Digest& digest, Arena& arena) const;
    [[nodiscard]] std::string path_of(const Digest& digest) const;

    // What is known; notes a use where it is one (`count`).
    struct Seen {
        bool noted = false;              // the index has room for it
        bool known = false;              // the index says that there is a file
        bool has_file = false;           // there is, or may be one: the folder was not read yet
        std::uint64_t uses = 0;          // this one included
        std::uint16_t error = 0;         // a failure that is kept: its status
    };
    Seen use(const Digest& digest, std::int64_t now, std::int64_t unix_now, bool count);

    // Takes on asking for the answer. False: somebody does, for less than `age` ms.
    bool claim(const Digest& digest, std::int64_t now, std::int64_t age);
    // Whether somebody is at it.
    [[nodiscard]] bool is_claimed(const Digest& digest, std::int64_t now, std::int64_t age) const;
    void release(const Digest& digest, std::int64_t now);

    void note_file(const Digest& digest, std::uint64_t bytes, std::int64_t now);
    void note_error(const Digest& digest, std::uint16_t status, std::int64_t unix_until, std::int64_t now);
    // Its file is not there, or no good.
    void forget_file(const Digest& digest, std::int64_t now);

    // Purges (purge.hpp): what was kept until `unix_ms` is no longer of use. False: there are too many of
    // them, or it is too long.
    bool add_purge(std::string_view purge, std::int64_t unix_ms);
    [[nodiscard]] bool is_purged(const KeptFile& file) const;
    // Those there are; and, once no file of theirs is left, without those of them.
    struct Purge {
        std::string text;
        std::int64_t unix_ms = 0;
    };
    [[nodiscard]] std::vector<Purge> purges() const;
    void end_purges(const std::vector<Purge>& ended);

    // An answer went out: how the cache had part in it ("HIT"), and bytes of its body.
    void count(std::string_view status, std::uint64_t bytes) const;

    // Warden: what there is, for who shows it. `oldest`: ms since the last use of the entry that is used
    // least.
    struct Totals {
        std::uint64_t bytes = 0, files = 0;
        std::int64_t oldest = 0;
    };
    void note_totals(const Totals& totals, std::int64_t now);
    [[nodiscard]] Totals totals(std::int64_t now) const;

    // Warden: the folder was read; a store whose folder is another one begins anew.
    [[nodiscard]] bool is_loaded(std::int64_t now) const;
    void set_loaded(std::int64_t now);
    // From the folder: a file that the index does not know. False: no room.
    bool add_file(const Digest& digest, std::uint64_t bytes, std::int64_t used, std::int64_t now);

    // Cells of an entry.
    enum Cell : std::uint32_t { bytes, uses, claimed, error, error_until, used, cell_count };

private:
    const ir::CacheStore* conf_;
    Parts parts_;
    std::uint64_t folder_mark_;
};

// Parts of the tables of a process for a store of disk; `board`: of the warden or a status page.
Store::Parts parts_of(const ir::Config& config, const ir::CacheStore& conf, zone::Tables& tables);

// "0123...": 32 letters.
std::string hex_of(const Digest& digest);
// False: it is no name of a file of a cache.
bool read_hex(std::string_view name, Digest& digest);

}  // namespace weir::cache
