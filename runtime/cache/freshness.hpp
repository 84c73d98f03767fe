// SPDX-License-Identifier: Apache-2.0
// What an answer says about being kept (RFC 9111, RFC 5861, X-Accel-Expires), and which requests a
// variant of it is for (Vary). Pure functions of fields.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::cache {

// Under which an answer is found: the digest of its key.
using Digest = std::array<unsigned char, 16>;
Digest digest_of(std::string_view key);
inline std::string_view bytes_of(const Digest& digest) {
    return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Fields of servers that change nothing (proxy_ignore_headers).
struct Ignored {
    bool cache_control = false, expires = false, accel_expires = false, set_cookie = false, vary = false;
};

struct Lifetime {
    bool may_be_kept = true;
    std::int64_t until = 0;               // unix seconds; 0: it says nothing of that
    std::int64_t stale_updating = 0;      // seconds behind `until`: stale-while-revalidate
    std::int64_t stale_on_error = 0;      // stale-if-error
};
Lifetime read_lifetime(const http::FieldList& answer, const Ignored& ignored, std::int64_t now);

// All Vary fields as one list, in the arena; empty: none. Longer than what can be kept: "*".
std::string_view vary_of(const http::FieldList& answer, Arena& arena);
inline constexpr std::size_t most_vary = 128;

// The digest of the variant that this request gets of what varies by `vary`.
Digest variant_of(const Digest& key, std::string_view vary, const http::FieldList& request, Arena& arena);

}  // namespace weir::cache
