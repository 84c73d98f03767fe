// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/cache_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/cache/memory.hpp"

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

// As HAProxy shows them; where it shows addresses these are numbers of blocks.
void show(filter::CommandCall& call) {
    for (const auto& store : call.around.config->caches) {
        auto* shelf = shelf_of(call, store);
        if (!shelf) continue;
        const auto items = shelf->shown();
        auto available = shelf->free_blocks();   // with what would be given up
        for (const auto& one : items) available += one.pins == 0 ? one.blocks : 0;
        call.say(fmt::format("{}: {} (shctx:{}, available blocks:{})", static_cast<const void*>(shelf), store.name,
                             static_cast<const void*>(shelf), available));
        for (const auto& one : items) {
            if (one.until <= call.now_seconds) continue;
            const auto kept = cache::kept_of(one.note);
            const auto vary = kept.by == 0 ? 0 : kept.referer ^ kept.origin ^ kept.codings;
            call.say(fmt::format("{:#x} hash:{} vary:{:#018x} size:{} ({} blocks), refcount:{}, expire:{}", one.item,
                                 first_bytes(one.key), vary, one.length, one.blocks, one.pins,
                                 one.until - call.now_seconds));
        }
    }
}

// clear cache NAME [prefix URL | key URL]: a URL as "www.example.org/path?query".
void clear(filter::CommandCall& call) {
    const auto& caches = call.around.config->caches;
    auto store = std::find_if(caches.begin(), caches.end(),
                              [&](const auto& one) { return one.in_memory && one.name == call.word(0); });
    if (call.words.empty()) return call.say("Missing cache name.");
    auto* shelf = store == caches.end() ? nullptr : shelf_of(call, *store);
    if (!shelf) return call.say("No such cache.");
    const auto how = call.word(1);
    const bool all = call.words.size() == 1;
    if (!all && (call.words.size() != 3 || (how != "key" && how != "prefix")))
        return call.say("Expected: clear cache <name> [key <url> | prefix <url>].");
    struct Wanted {
        std::string_view url;
        bool all, prefix;
    } wanted{call.word(2), all, how == "prefix"};
    const auto removed = shelf->remove_all(
        [](const void* self, const zone::Shelf::Note& note, std::string_view front) {
            const auto& want = *static_cast<const Wanted*>(self);
            const auto url = front.substr(0, cache::kept_of(note).url);
            return want.all || url == want.url || (want.prefix && url.starts_with(want.url));
        },
        &wanted);
    call.say(fmt::format("{} removed.", removed));
}

constexpr filter::Command rows[] = {
    {"clear cache", "<name> [key <url> | prefix <url>]", "remove answers of a cache in memory", filter::Level::admin,
     clear},
    {"show cache", "", "caches in memory, and what they keep", filter::Level::user, show},
};

}  // namespace

filter::Commands cache_commands() { return rows; }

}  // namespace weir::warden
