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
    {.name = "resolver", .where = upstream | stream_upstream, .args = count(1, unbounded), .since = "1.27.3",
     .support = keyword::ignored("names of servers are looked up when the configuration is read"),
     .summary = "Name servers for the servers of the upstream."},
    {.name = "resolver_timeout", .where = upstream | stream_upstream, .args = {keyword::duration("time")}, .fallback = "30s",
     .since = "1.27.3",
     .support = keyword::ignored("names of servers are looked up when the configuration is read"),
     .summary = "Limits the time for a name."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> upstream_tables() { return {rows}; }

}  // namespace weir::nginx::other
