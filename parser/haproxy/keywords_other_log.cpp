// SPDX-License-Identifier: Apache-2.0
// Variables of log formats:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "%OG", .where = in::log_format, .since = "3.x", .support = not_yet(),
     .summary = "Origin of the log line."},
    {.name = "%lc", .where = in::log_format, .support = not_yet(),
     .summary = "Log counter of the frontend."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> log_tables() { return {rows}; }

}  // namespace weir::haproxy::other
