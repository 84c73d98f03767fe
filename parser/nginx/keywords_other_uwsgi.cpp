// SPDX-License-Identifier: Apache-2.0
// Directives of uwsgi:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "uwsgi_allow_upstream", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a uwsgi server."},
    {.name = "uwsgi_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "uwsgi_request_dynamic", .where = http | server | location,
     .args = count(0, unbounded), .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Allows the uwsgi request to be created anew for each server tried."},
    {.name = "uwsgi_ssl_key_log", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to uwsgi servers to a file, for debugging."},
    {.name = "uwsgi_string", .where = http | server | location, .args = count(1, 1),
     .support = not_yet(), .summary = "Sets a string that is sent to the uwsgi server."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> uwsgi_tables() { return {rows}; }

}  // namespace weir::nginx::other
