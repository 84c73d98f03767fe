// SPDX-License-Identifier: Apache-2.0
// The tables of a store for who has those of a configuration at hand (commands, pages); and when something
// is kept.
#pragma once

#include <span>

#include "runtime/cache/store.hpp"

namespace weir::cache {

// `zones`: by ir::ZoneId.
Store::Parts parts_of(const ir::Config& config, const ir::CacheStore& conf, std::span<zone::Table* const> zones);

// Facts::kept_at of an answer that comes at `unix_ms`: later than every purge that there is, whatever the
// clocks of other workers say.
std::int64_t kept_time(const Store& store, std::int64_t unix_ms);

}  // namespace weir::cache
