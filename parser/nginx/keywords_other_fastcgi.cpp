// SPDX-License-Identifier: Apache-2.0
// Directives of FastCGI:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "fastcgi_allow_upstream", .where = http | server | location,
     .args = count(0, unbounded), .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a FastCGI server."},
    {.name = "fastcgi_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "fastcgi_request_dynamic", .where = http | server | location,
     .args = count(0, unbounded), .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Allows the FastCGI request to be created anew for each server tried."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> fastcgi_tables() { return {rows}; }

}  // namespace weir::nginx::other
