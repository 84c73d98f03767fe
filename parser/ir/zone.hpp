// SPDX-License-Identifier: Apache-2.0
// Zone: a table in memory shared by all workers. nginx: zone=, keys_zone=. HAProxy: stick-table.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "parser/base/source.hpp"

namespace weir::ir {

struct Zone {
    std::string name;
    std::uint64_t bytes = 0;      // fixed size; 0: sized by entries
    std::uint64_t entries = 0;
    std::string purpose;          // module or "pool" that owns the layout
    std::chrono::milliseconds expire{0};
    Span span;
};

}  // namespace weir::ir
