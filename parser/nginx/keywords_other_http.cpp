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
    {.name = "alias", .where = location, .args = count(1, 1), .support = not_yet(),
     .summary = "Replaces the location's prefix by a folder."},
    {.name = "auth_delay", .where = http | server | location, .args = count(1, 1), .fallback = "0s",
     .since = "1.17.10", .support = not_yet(),
     .summary = "Delays answers with status 401 to slow down guessing."},
    {.name = "chunked_transfer_encoding", .where = http | server | location, .args = {flag()},
     .fallback = "on", .support = not_yet(), .summary = "Allows chunked answers in HTTP/1.1."},
    {.name = "client_body_early_read", .where = http | server, .args = count(1, unbounded),
     .support = not_yet(),
     .summary = "Starts to read the request body before the request is handled."},
    {.name = "client_body_in_file_only", .where = http | server | location, .args = count(1, 1),
     .fallback = "off", .support = not_yet(), .summary = "Stores every request body in a file."},
    {.name = "disable_symlinks", .where = http | server | location, .args = count(1, 2),
     .fallback = "off", .since = "1.1.15", .support = not_yet(),
     .summary = "Tells how symbolic links are treated when files are opened."},
    {.name = "gzip_disable", .where = http | server | location, .args = count(1, unbounded),
     .since = "0.6.23", .support = not_yet(),
     .summary = "Lists patterns of User-Agent fields that get no compressed answers."},
    {.name = "gzip_http_version", .where = http | server | location, .args = count(1, 1),
     .fallback = "1.1", .support = not_yet(),
     .summary = "Sets the lowest HTTP version that gets compressed answers."},
    {.name = "gzip_proxied", .where = http | server | location, .args = count(1, unbounded),
     .fallback = "off", .support = not_yet(),
     .summary = "Tells when answers to requests that came through a proxy are compressed."},
    {.name = "gzip_vary", .where = http | server | location, .args = {flag()}, .fallback = "off",
     .support = not_yet(),
     .summary = "Adds \"Vary: Accept-Encoding\" where answers may be compressed."},
    {.name = "if_modified_since", .where = http | server | location, .args = count(1, 1),
     .fallback = "exact", .since = "0.7.24", .support = not_yet(),
     .summary = "Tells how a file's time is compared with If-Modified-Since."},
    {.name = "limit_except", .where = location, .args = count(1, unbounded), .body = Body::block,
     .support = not_yet(), .summary = "Restricts the methods other than those listed."},
    {.name = "limit_rate", .where = http | server | location | if_in_location, .args = count(1, 1),
     .fallback = "0", .support = not_yet(),
     .summary = "Limits the rate of an answer to the client, in bytes per second."},
    {.name = "limit_rate_after", .where = http | server | location | if_in_location,
     .args = count(1, 1), .fallback = "0", .since = "0.8.0", .support = not_yet(),
     .summary = "Sets how much of an answer goes out before the rate is limited."},
    {.name = "max_ranges", .where = http | server | location, .args = count(1, 1), .since = "1.1.2",
     .support = not_yet(), .summary = "Limits the number of byte ranges in a request."},
    {.name = "open_file_cache_events", .where = http | server | location, .args = {flag()},
     .support = ignored("weir has no cache of open files"),
     .summary = "Watches cached files for changes."},
    {.name = "post_action", .where = http | server | location | if_in_location, .args = count(1, 1),
     .support = not_yet(), .summary = "Runs another URI after a request has ended."},
    {.name = "root", .where = http | server | location | if_in_location, .args = count(1, 1),
     .fallback = "html", .support = not_yet(),
     .summary = "Sets the folder that files are served from."},
    {.name = "satisfy", .where = http | server | location, .args = count(1, 1), .fallback = "all",
     .support = not_yet(), .summary = "Tells whether all or any of the access checks must agree."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> http_tables() { return {rows}; }

}  // namespace weir::nginx::other
