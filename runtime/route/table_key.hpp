// SPDX-License-Identifier: Apache-2.0
// Values as keys of tables, and what an expression asks of an entry.
#pragma once

#include <string_view>

#include "runtime/route/context.hpp"

namespace weir::route {

// The key that `value` is in tables of this definition; data() is null when it can be none.
std::string_view table_key(const ir::Zone& zone, const Value& value, Arena& arena);
// Where the subject's follower of that number counts; zone::Holds::none: nowhere.
std::uint32_t followed_by(const Subject& subject, std::uint32_t follower);
// The table of a zone; null when there is none.
zone::Table* table_of(const Subject& subject, ir::ZoneId zone);

}  // namespace weir::route
