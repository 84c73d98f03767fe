// SPDX-License-Identifier: Apache-2.0
// Caches: where answers are kept (CacheStore), and what of a route is kept and used (nginx: CacheSettings,
// HAProxy: the actions UseCache and KeepAnswer).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parser/base/source.hpp"
#include "parser/ir/expr.hpp"

namespace weir::ir {

// nginx: proxy_cache_path. The index lies in a zone of the same name and the purpose "cache", what was
// purged and may lie on the disk still in one of the purpose "purge".
// HAProxy: section cache. All of it lies in memory that workers share.
struct CacheStore {
    std::string name;                    // keys_zone=
    std::string folder;                  // where its files lie
    std::vector<std::uint8_t> levels;    // letters in the names of its folders, outermost first
    std::uint64_t max_size = 0;          // bytes; 0: no limit. total-max-size
    std::uint64_t min_free = 0;          // bytes that stay free on the disk; 0: no matter
    std::chrono::milliseconds inactive{600000};   // not asked for that long: it goes
    // How much is done at a time before other work gets its turn: loader_, manager_files and so on.
    struct Pace {
        std::uint32_t files = 100;
        std::chrono::milliseconds pause{50}, threshold{200};
        bool operator==(const Pace&) const = default;
    } loader, manager;
    // In memory:
    bool in_memory = false;              // no folder, no zone
    std::uint64_t max_object = 0;        // bytes of an answer, head and body: max-object-size
    std::chrono::seconds longest{60};    // max-age
    bool varies = false;                 // process-vary: answers with Vary are kept, if it is a known one
    std::uint32_t most_variants = 10;    // of one key: max-secondary-entries
    // early-hints: links of answers that are kept no longer go out as 103 before a server is asked.
    enum class Hints : std::uint8_t { off, on, only } hints = Hints::off;   // only: no answers are kept
    std::uint32_t hint_share = 25;       // percent of its room that hints may take: ratio
    Span span;
};

// nginx: proxy_cache and its kin.
struct CacheSettings {
    std::string store;                   // proxy_cache; empty: off
    std::optional<Text> computed_store;  // proxy_cache with variables: a name, or "off"
    std::optional<Text> key;             // proxy_cache_key; none: scheme, host and target as sent
    struct Valid {
        std::vector<std::uint16_t> statuses;   // empty: any
        std::chrono::seconds time{0};
    };
    std::vector<Valid> valid;            // proxy_cache_valid; the first that names the status counts
    std::vector<Text> bypass;            // proxy_cache_bypass: one is neither empty nor "0": not used
    std::vector<Text> keep_out;          // proxy_no_cache: the same: not kept
    std::vector<Text> purge;             // proxy_cache_purge: the same: the request takes answers out
    std::vector<std::string> methods{"GET", "HEAD"};
    std::uint32_t min_uses = 1;
    bool lock = false;
    std::chrono::milliseconds lock_age{5000}, lock_timeout{5000};
    // proxy_cache_use_stale: when an answer that has expired is used all the same.
    struct UseStale {
        bool error = false, timeout = false, invalid_header = false, updating = false;
        std::vector<std::uint16_t> statuses;
    } use_stale;
    bool background_update = false;
    bool revalidate = false;
    bool convert_head = true;
    std::optional<std::uint64_t> max_range_offset;   // bytes; ranges behind it are not kept
    std::uint64_t slice = 0;             // slice: servers are asked for pieces of so many bytes; 0: whole
};

}  // namespace weir::ir
