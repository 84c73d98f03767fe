// SPDX-License-Identifier: Apache-2.0
// Directives of HTTP servers and locations:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "client_body_early_read", .where = http | server, .args = count(1, unbounded),
     .support = not_yet(),
     .summary = "Starts to read the request body before the request is handled."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> http_tables() { return {rows}; }

}  // namespace weir::nginx::other
