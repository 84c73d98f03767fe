// SPDX-License-Identifier: Apache-2.0
// What the workers share of TLS: keys of session tickets that rotate by themselves, sessions by their
// id for clients without tickets, and what OCSP responders said about certificates. All live in the
// shared arena, so that they outlive reloads and workers. No locks: keys are published with a release
// store, other slots have a version that is odd while they are written.
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

    // Whether early data under this client random (32 bytes) comes for the first time within `fresh`
    // seconds. Never true for one that came; not true as well when another one has its slot.
    bool is_first(std::string_view client_random, std::int64_t unix_seconds);

    // The OCSP response (DER) about the certificate of that place (net::ocsp_place()), and until when
    // (unix seconds) it may be shown. One writer: the warden. False: it is too large, or there is no room.
    bool put_status(std::string_view place, std::string_view response, std::int64_t until);
    // Nothing is known about it any more.
    void drop_status(std::string_view place);
    bool find_status(std::string_view place, std::int64_t unix_seconds, std::string& response) const;

    static constexpr std::int64_t period = 8 * 3600;   // seconds; a key serves for two more
    static constexpr std::size_t most_status = 8100;   // bytes of a response
    // Longer than a ticket's age may be off for early data (OpenSSL: 10 s) and than clocks differ.
    static constexpr std::int64_t fresh = 30;

private:
    struct Keys;
    struct Slot;
    struct Status;
    static constexpr std::uint64_t slot_count = 16384;
    static constexpr std::uint64_t seen_count = std::uint64_t{1} << 18;
    static constexpr std::uint64_t ways = 8;           // slots where one place may lie
    [[nodiscard]] Status* statuses_of(std::string_view place) const;
    [[nodiscard]] Keys* keys() const;
    [[nodiscard]] Slot* slot_of(std::string_view id) const;
    SharedArena* arena_;
};

}  // namespace weir::zone
