// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/store.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/base/hash.hpp"
#include "runtime/cache/parts.hpp"
#include "runtime/cache/purge.hpp"

namespace weir::cache {

namespace {

constexpr char digits[] = "0123456789abcdef";
// The entry that tells of the store itself; no digest of a key is that in this universe.
constexpr Digest own_entry{};

void write_hex(const Digest& digest, char* to) {
    for (auto byte : digest) {
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
}

}  // namespace

std::string hex_of(const Digest& digest) {
    std::string out(digest.size() * 2, '\0');
    write_hex(digest, out.data());
    return out;
}

bool read_hex(std::string_view name, Digest& digest) {
    if (name.size() != digest.size() * 2) return false;
    auto value = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
    for (std::size_t i = 0; i < digest.size(); ++i) {
        int high = value(name[i * 2]), low = value(name[i * 2 + 1]);
        if (high < 0 || low < 0) return false;
        digest[i] = static_cast<unsigned char>(high << 4 | low);
    }
    return true;
}

Store::Store(const ir::CacheStore& conf, const Parts& parts)
    : conf_(&conf), parts_(parts), folder_mark_(hash::xxh64(conf.folder, 1) | 1) {}

// The letters of the folders are taken from the end of the name, as nginx does.
std::string_view Store::path_of(const Digest& digest, Arena& arena) const {
    char name[sizeof digest * 2];
    write_hex(digest, name);
    std::size_t size = conf_->folder.size() + 1 + sizeof name + 1;
    for (auto letters : conf_->levels) size += letters + 1u;
    char* out = arena.bytes(size);
    char* at = out;
    auto put = [&](const char* from, std::size_t count) {
        std::memcpy(at, from, count);
        at += count;
    };
    put(conf_->folder.data(), conf_->folder.size());
    *at++ = '/';
    std::size_t end = sizeof name;
    for (auto letters : conf_->levels) {
        end -= letters;
        put(name + end, letters);
        *at++ = '/';
    }
    put(name, sizeof name);
    *at++ = '\0';
    return {out, size};
}

std::string Store::path_of(const Digest& digest) const {
    auto name = hex_of(digest);
    std::string out = conf_->folder + "/";
    std::size_t end = name.size();
    for (auto letters : conf_->levels) {
        end -= letters;
        out += name.substr(end, letters) + "/";
    }
    return out + name;
}

Store::Seen Store::use(const Digest& digest, std::int64_t now, std::int64_t unix_now, bool count) {
    Seen seen;
    bool loaded = true;
    {
        auto entry = parts_.index->make(bytes_of(digest), now);
        if (!entry) return seen;
        seen.noted = true;
        seen.known = seen.has_file = entry.cell(bytes) != 0;
        if (count) ++entry.cell(uses);
        seen.uses = entry.cell(uses);
        entry.cell(used) = static_cast<std::uint64_t>(now);
        if (entry.cell(error) != 0 && static_cast<std::int64_t>(entry.cell(error_until)) >= unix_now)
            seen.error = static_cast<std::uint16_t>(entry.cell(error));
        loaded = seen.has_file || seen.uses > 1;
    }
    // Until the folder has been read only the disk knows.
    if (!loaded && !is_loaded(now)) seen.has_file = true;
    return seen;
}

bool Store::claim(const Digest& digest, std::int64_t now, std::int64_t age) {
    auto entry = parts_.index->make(bytes_of(digest), now);
    if (!entry) return true;
    auto since = static_cast<std::int64_t>(entry.cell(claimed));
    if (since != 0 && now - since < age) return false;
    entry.cell(claimed) = static_cast<std::uint64_t>(now);
    return true;
}

bool Store::is_claimed(const Digest& digest, std::int64_t now, std::int64_t age) const {
    auto entry = parts_.index->find(bytes_of(digest), now);
    if (!entry) return false;
    auto since = static_cast<std::int64_t>(entry.cell(claimed));
    return since != 0 && now - since < age;
}

void Store::release(const Digest& digest, std::int64_t now) {
    if (auto entry = parts_.index->find(bytes_of(digest), now)) entry.cell(claimed) = 0;
}

void Store::note_file(const Digest& digest, std::uint64_t size, std::int64_t now) {
    auto entry = parts_.index->make(bytes_of(digest), now);
    if (!entry) return;
    entry.cell(bytes) = size;
    entry.cell(error) = 0;
    entry.cell(used) = static_cast<std::uint64_t>(now);
}

void Store::note_error(const Digest& digest, std::uint16_t status, std::int64_t unix_until, std::int64_t now) {
    auto entry = parts_.index->make(bytes_of(digest), now);
    if (!entry) return;
    entry.cell(error) = status;
    entry.cell(error_until) = static_cast<std::uint64_t>(unix_until);
}

void Store::forget_file(const Digest& digest, std::int64_t now) {
    if (auto entry = parts_.index->find(bytes_of(digest), now)) entry.cell(bytes) = 0;
}

bool Store::is_loaded(std::int64_t now) const {
    auto entry = parts_.index->find(bytes_of(own_entry), now);
    return entry && entry.cell(bytes) == folder_mark_;
}

void Store::set_loaded(std::int64_t now) {
    if (auto entry = parts_.index->make(bytes_of(own_entry), now)) entry.cell(bytes) = folder_mark_;
}

bool Store::add_file(const Digest& digest, std::uint64_t size, std::int64_t last_used, std::int64_t now) {
    if (auto known = parts_.index->find(bytes_of(digest), now)) {
        if (known.cell(bytes) == 0) known.cell(bytes) = size;
        return true;
    }
    if (parts_.index->count(now) + parts_.index->capacity() / 32 >= parts_.index->capacity()) return false;
    auto entry = parts_.index->make(bytes_of(digest), now);
    if (!entry) return false;
    entry.cell(bytes) = size;
    entry.cell(used) = static_cast<std::uint64_t>(last_used);
    return true;
}

// --- purges ---

bool Store::add_purge(std::string_view purge, std::int64_t unix_ms) {
    if (!parts_.purges || purge.size() > parts_.purges->shape().key_bytes) return false;
    auto entry = parts_.purges->make(purge, 0);
    if (!entry) return false;
    entry.cell(0) = static_cast<std::uint64_t>(unix_ms);
    return true;
}

bool Store::is_purged(const KeptFile& file) const {
    if (!parts_.purges || parts_.purges->count(0) == 0) return false;
    bool purged = false;
    parts_.purges->each([&](zone::Access& entry) {
        purged |= file.facts.kept_at <= static_cast<std::int64_t>(entry.cell(0)) &&
                  is_purged_by(entry.key(), file.key(), file.head());
    });
    return purged;
}

std::vector<Store::Purge> Store::purges() const {
    std::vector<Purge> all;
    if (parts_.purges && parts_.purges->count(0) != 0)
        parts_.purges->each([&](zone::Access& entry) {
            all.push_back({std::string(entry.key()), static_cast<std::int64_t>(entry.cell(0))});
        });
    return all;
}

void Store::end_purges(const std::vector<Purge>& ended) {
    for (const auto& one : ended)
        if (auto entry = parts_.purges->find(one.text, 0))
            if (static_cast<std::int64_t>(entry.cell(0)) == one.unix_ms) entry.remove();
}

// --- numbers ---

void Store::count(std::string_view status, std::uint64_t size) const {
    if (!parts_.counters || status.empty()) return;
    auto& counters = *parts_.counters;
    counters.cache_lookups.add(1);
    if (status == "HIT") counters.cache_hits.add(1);
    for (std::size_t i = 0; i < zone::cache_others.size(); ++i)
        if (status == zone::cache_others[i]) counters.cache_other[i].add(1);
    const bool kept = status == "HIT" || status == "STALE" || status == "UPDATING" || status == "REVALIDATED";
    (kept ? counters.bytes_out : counters.bytes_in).add(size);
}

// Beside the mark of the folder.
void Store::note_totals(const Totals& totals, std::int64_t now) {
    auto entry = parts_.index->make(bytes_of(own_entry), now);
    if (!entry) return;
    entry.cell(uses) = totals.bytes;
    entry.cell(claimed) = totals.files;
    entry.cell(used) = static_cast<std::uint64_t>(now - totals.oldest);
}

Store::Totals Store::totals(std::int64_t now) const {
    auto entry = parts_.index->find(bytes_of(own_entry), now);
    if (!entry) return {};
    return {entry.cell(uses), entry.cell(claimed), std::max<std::int64_t>(now - static_cast<std::int64_t>(entry.cell(used)), 0)};
}

namespace {

template <class Find>
Store::Parts find_parts(const ir::Config& config, const ir::CacheStore& conf, Find find) {
    auto table = [&](std::string_view purpose) -> zone::Table* {
        const auto id = config.find_zone(conf.name, purpose);
        return id == ir::no_id ? nullptr : find(id);
    };
    return {.index = table("cache"), .purges = table("purge")};
}

}  // namespace

Store::Parts parts_of(const ir::Config& config, const ir::CacheStore& conf, zone::Tables& tables) {
    return find_parts(config, conf, [&](ir::ZoneId id) { return tables.find(config.zones[id]); });
}

Store::Parts parts_of(const ir::Config& config, const ir::CacheStore& conf, std::span<zone::Table* const> zones) {
    return find_parts(config, conf, [&](ir::ZoneId id) { return id < zones.size() ? zones[id] : nullptr; });
}

std::int64_t kept_time(const Store& store, std::int64_t unix_ms) {
    for (const auto& purge : store.purges()) unix_ms = std::max(unix_ms, purge.unix_ms + 1);
    return unix_ms;
}

}  // namespace weir::cache
