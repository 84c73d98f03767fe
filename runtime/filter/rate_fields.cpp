// SPDX-License-Identifier: Apache-2.0
#include "runtime/filter/rate_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace weir::filter {

namespace {

// A string of RFC 9651; what may not stand in one becomes '_'.
void put_string(fmt::memory_buffer& out, std::string_view text) {
    out.push_back('"');
    for (char byte : text) {
        if (byte == '"' || byte == '\\') out.push_back('\\');
        out.push_back(byte >= 0x20 && byte < 0x7f ? byte : '_');
    }
    out.push_back('"');
}

std::uint64_t seconds(std::uint64_t ms) { return (ms + 999) / 1000; }

}  // namespace

void tell_rates(std::span<const RateTold> rates, Arena& arena, http::FieldList& fields) {
    if (rates.empty()) return;
    fmt::memory_buffer policies, limits;   // room inside of them for what is usual
    for (const auto& rate : rates) {
        for (auto* out : {&policies, &limits}) {
            if (out->size() != 0) fmt::format_to(std::back_inserter(*out), ", ");
            put_string(*out, rate.policy);
        }
        fmt::format_to(std::back_inserter(policies), ";q={};w={}", rate.quota, std::max<std::uint64_t>(seconds(rate.window_ms), 1));
        fmt::format_to(std::back_inserter(limits), ";r={};t={}", rate.left, seconds(rate.reset_ms));
    }
    fields.add(arena, "RateLimit-Policy", arena.copy({policies.data(), policies.size()}));
    fields.add(arena, "RateLimit", arena.copy({limits.data(), limits.size()}));
}

}  // namespace weir::filter
