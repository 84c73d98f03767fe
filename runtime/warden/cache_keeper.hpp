// SPDX-License-Identifier: Apache-2.0
// CacheKeeper: the upkeep of the caches, in a thread of the warden's own so that a slow disk holds up
// nothing else. Reads the folders once after a start (loader), then removes what nobody asked for or what
// is too much (manager). Workers go on beside it: a file that goes while it is read stays readable.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/cache/store.hpp"
#include "runtime/zone/tables.hpp"

namespace weir::warden {

// One pass over a store; for the keeper, and for tests without a thread.
class CacheUpkeep {
public:
    // `wait` sleeps that many ms between two pieces of work; false: end at once.
    using Wait = bool (*)(void* self, std::int64_t ms);
    CacheUpkeep(cache::Store& store, Wait wait, void* self) : store_(store), wait_(wait), self_(self) {}

    void load();
    void clean();
    // Lines for the log since the last call.
    std::vector<std::string> take_lines() { return std::move(lines_); }

private:
    struct Entry {
        cache::Digest digest;
        std::uint64_t bytes;
        std::int64_t used;
    };
    bool load_folder(const std::string& folder, std::size_t depth);
    bool load_file(const std::string& path, const std::string& name);
    bool pause_after(const ir::CacheStore::Pace& pace);
    bool remove(const Entry& entry);
    bool purge(const std::vector<Entry>& entries);
    [[nodiscard]] std::uint64_t missing_space() const;

    cache::Store& store_;
    Wait wait_;
    void* self_;
    std::uint32_t done_ = 0;
    std::int64_t begun_ = 0;
    std::uint64_t loaded_bytes_ = 0, loaded_files_ = 0;
    std::vector<std::string> lines_;
};

class CacheKeeper {
public:
    ~CacheKeeper() { stop(); }
    // Keeps these from now on.
    void adopt(std::shared_ptr<const ir::Config> config, zone::Tables& tables);
    void stop();
    // Lines for the log; any thread.
    std::vector<std::string> take_lines();

private:
    struct Round;   // what one thread works on, from adopt() to stop()
    std::shared_ptr<Round> round_;
};

}  // namespace weir::warden
