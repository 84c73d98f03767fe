// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/cache_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "runtime/cache/memory.hpp"
#include "runtime/cache/parts.hpp"

namespace weir::warden {

namespace {

zone::Shelf* shelf_of(const filter::CommandCall& call, const ir::CacheStore& store) {
    return store.in_memory ? call.around.board->shelves().find(store, zone::Shelf::no_worker) : nullptr;
}

std::uint64_t first_bytes(const zone::Shelf::Key& key) {
    std::uint32_t bytes = 0;
    std::memcpy(&bytes, key.data(), sizeof bytes);
    return bytes;
}

void show_disk(filter::CommandCall& call, const ir::CacheStore& store) {
    if (store.in_memory) return;
    const auto parts = cache::parts_of(*call.around.config, store, call.around.zones);
    if (!parts.index) return;
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
    const auto totals = cache::Store(store, parts).totals(now);
    call.say(fmt::format("{}: folder:{} files:{} bytes:{} oldest:{}s", store.name, store.folder, totals.files,
                         totals.bytes, totals.oldest / 1000));
}

// As HAProxy shows them; where it shows addresses these are numbers of blocks.
void show(filter::CommandCall& call) {
    for (const auto& store : call.around.config->caches) {
        auto* shelf = shelf_of(call, store);
        if (!shelf) {
            show_disk(call, store);
            continue;
        }
        const auto items = shelf->shown();
        auto available = shelf->free_blocks();   // with what would be given up
        for (const auto& one : items) available += one.pins == 0 ? one.blocks : 0;
        call.say(fmt::format("{}: {} (shctx:{}, available blocks:{})", static_cast<const void*>(shelf), store.name,
                             static_cast<const void*>(shelf), available));
        for (const auto& one : items) {
            if (one.whole && one.until <= call.now_seconds) continue;
            const auto kept = cache::kept_of(one.note);
            const auto vary = kept.by == 0 ? 0 : kept.referer ^ kept.origin ^ kept.codings;
            call.say(fmt::format("{:#x} hash:{} vary:{:#018x} size:{} ({} blocks), refcount:{}, expire:{}, type:{}",
                                 one.item, first_bytes(one.key), vary, one.length, one.blocks, one.pins,
                                 one.until - call.now_seconds, one.whole ? "full" : "hints"));
        }
    }
}

// clear cache NAME [key KEY | prefix TEXT | tag TAG]. Keys of caches in memory: "www.example.org/path?query".
void clear(filter::CommandCall& call) {
    if (call.words.empty()) return call.say("Missing cache name.");
    const auto& caches = call.around.config->caches;
    auto store = std::find_if(caches.begin(), caches.end(), [&](const auto& one) { return one.name == call.word(0); });
    if (store == caches.end()) return call.say("No such cache.");
    constexpr std::pair<std::string_view, char> kinds[] = {{"key", '='}, {"prefix", '^'}, {"tag", '#'}};
    const auto* kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const auto& one) { return one.first == call.word(1); });
    const bool all = call.words.size() == 1;
    if (!all && (call.words.size() != 3 || kind == std::end(kinds)))
        return call.say("Expected: clear cache <name> [key <key> | prefix <text> | tag <tag>].");
    const auto text = all ? std::string("^") : fmt::format("{}{}", kind->second, call.word(2));
    if (auto* shelf = shelf_of(call, *store))
        return call.say(fmt::format("{} removed.", cache::purge(*shelf, text)));
    auto parts = store->in_memory ? cache::Store::Parts()
                                  : cache::parts_of(*call.around.config, *store, call.around.zones);
    if (!parts.index) return call.say("No such cache.");
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    call.say(cache::Store(*store, parts).add_purge(text, now) ? "Purged; files go as the manager comes to them."
                                                              : "Too many purges at a time.");
}

constexpr filter::Command rows[] = {
    {"clear cache", "<name> [key <key> | prefix <text> | tag <tag>]", "remove answers of a cache", filter::Level::admin,
     clear},
    {"show cache", "", "caches, and what those in memory keep", filter::Level::user, show},
};

}  // namespace

filter::Commands cache_commands() { return rows; }

}  // namespace weir::warden
