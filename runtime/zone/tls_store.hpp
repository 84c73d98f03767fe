// SPDX-License-Identifier: Apache-2.0
// What the workers share of TLS: keys of session tickets that rotate by themselves, and sessions by
// their id for clients without tickets. Both live in the shared arena, so that they outlive reloads
// and workers. No locks: keys are published with a release store, a session's slot has a version that
// is odd while it is written.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/zone/shared_arena.hpp"

namespace weir::zone {

class TlsStore {
public:
    struct Key {
        unsigned char name[16], hmac[32], aes[32];
    };
    // In the master, before it starts workers: makes both. Later ones find what is there.
    explicit TlsStore(SharedArena& arena);

    // The key for new tickets. Whoever comes first in a new period makes one.
    bool newest_key(std::int64_t unix_seconds, Key& key);
    // The key of a ticket; `newest` tells whether tickets should be made by it still.
    bool find_key(const unsigned char* name, Key& key, bool& newest) const;

    void put(std::string_view id, std::string_view session);
    bool find(std::string_view id, std::string& session) const;

    static constexpr std::int64_t period = 8 * 3600;   // seconds; a key serves for two more

private:
    struct Keys;
    struct Slot;
    static constexpr std::uint64_t slot_count = 16384;
    [[nodiscard]] Keys* keys() const;
    [[nodiscard]] Slot* slot_of(std::string_view id) const;
    SharedArena* arena_;
};

}  // namespace weir::zone
