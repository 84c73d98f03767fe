// SPDX-License-Identifier: Apache-2.0
// Directives inside upstream:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "least_time", .where = upstream, .args = count(1, 2), .since = "1.7.10",
     .support = not_yet(),
     .summary = "Chooses the server with the shortest response time and fewest connections."},
    {.name = "sticky", .where = upstream, .args = count(2, unbounded), .since = "1.5.7",
     .support = not_yet(), .summary = "Keeps a client at the server that answered it first."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> upstream_tables() { return {rows}; }

}  // namespace weir::nginx::other
