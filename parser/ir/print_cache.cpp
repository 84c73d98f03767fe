// SPDX-License-Identifier: Apache-2.0
// Caches and what is kept in them.
#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

void put(Printer& to, const char* name, const CacheStore::Pace& pace) {
    if (pace == CacheStore::Pace()) return;
    to.line("{} files {} pause {} threshold {}", name, pace.files, show(pace.pause), show(pace.threshold));
}

std::string show(const std::vector<std::uint16_t>& statuses) {
    std::string out;
    for (auto status : statuses) out += fmt::format(" {}", status);
    return out;
}

}  // namespace

void Printer::cache(const CacheStore& store) {
    const CacheStore d;
    line("cache {}", show(store.name));
    Deeper deeper(*this);
    field("in_memory", store.in_memory, d.in_memory);
    field("folder", store.folder, d.folder);
    for (auto letters : store.levels) line("level {}", letters);
    field("max_size", store.max_size, d.max_size);
    field("min_free", store.min_free, d.min_free);
    field("inactive", store.inactive, d.inactive);
    put(*this, "loader", store.loader);
    put(*this, "manager", store.manager);
    field("max_object", store.max_object, d.max_object);
    if (store.longest != d.longest) line("longest {}s", store.longest.count());
    field("varies", store.varies, d.varies);
    field("most_variants", store.most_variants, d.most_variants);
    if (store.hints != d.hints) line("hints {}", store.hints == CacheStore::Hints::only ? "only" : "on");
    field("hint_share", store.hint_share, d.hint_share);
}

void Printer::cache_settings(const CacheSettings& cache) {
    const CacheSettings d;
    field("store", cache.store, d.store);
    field("computed_store", cache.computed_store);
    field("key", cache.key);
    for (const auto& valid : cache.valid)
        line("valid{} {}s", valid.statuses.empty() ? " any" : show(valid.statuses), valid.time.count());
    for (const auto& text : cache.bypass) line("bypass {}", show(text, config));
    for (const auto& text : cache.keep_out) line("keep_out {}", show(text, config));
    for (const auto& text : cache.purge) line("purge {}", show(text, config));
    if (cache.methods != d.methods) each("method", cache.methods);
    field("min_uses", cache.min_uses, d.min_uses);
    field("lock", cache.lock, d.lock);
    field("lock_age", cache.lock_age, d.lock_age);
    field("lock_timeout", cache.lock_timeout, d.lock_timeout);
    const auto& stale = cache.use_stale;
    field("use_stale_error", stale.error, false);
    field("use_stale_timeout", stale.timeout, false);
    field("use_stale_invalid_header", stale.invalid_header, false);
    field("use_stale_updating", stale.updating, false);
    if (!stale.statuses.empty()) line("use_stale{}", show(stale.statuses));
    field("background_update", cache.background_update, d.background_update);
    field("revalidate", cache.revalidate, d.revalidate);
    field("convert_head", cache.convert_head, d.convert_head);
    field("max_range_offset", cache.max_range_offset);
    field("slice", cache.slice, d.slice);
}

}  // namespace weir::ir::printing
