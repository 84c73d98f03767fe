// SPDX-License-Identifier: Apache-2.0
// Fields that tell a client of its limits: RateLimit-Policy and RateLimit, as
// draft-ietf-httpapi-ratelimit-headers-10 has them (lists of RFC 9651).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::filter {

struct RateTold {
    std::string_view policy;           // its name
    std::uint64_t quota = 0;           // requests
    std::uint64_t left = 0;            // of them, now
    std::uint64_t window_ms = 0;       // in which the quota may be used
    std::uint64_t reset_ms = 0;        // until more are left
};

void tell_rates(std::span<const RateTold> rates, Arena& arena, http::FieldList& fields);

}  // namespace weir::filter
