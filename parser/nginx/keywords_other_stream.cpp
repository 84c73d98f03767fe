// SPDX-License-Identifier: Apache-2.0
// Directives of TCP and UDP servers:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "geoip_city", .where = stream, .args = count(1, 2), .support = not_yet(),
     .summary = "Names the database that tells the client's city."},
    {.name = "geoip_country", .where = stream, .args = count(1, 2), .support = not_yet(),
     .summary = "Names the database that tells the client's country."},
    {.name = "geoip_org", .where = stream, .args = count(1, 2), .support = not_yet(),
     .summary = "Names the database that tells the client's organization."},
    {.name = "least_time", .where = stream_upstream, .args = count(1, 2), .since = "1.7.11",
     .support = not_yet(),
     .summary = "Chooses the server with the shortest response time and fewest connections."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_tables() { return {rows}; }

}  // namespace weir::nginx::other
