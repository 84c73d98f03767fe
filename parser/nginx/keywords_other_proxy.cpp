// SPDX-License-Identifier: Apache-2.0
// Directives of the HTTP proxy:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
// A cache that keeps nothing: slower, never wrong.
constexpr auto no_cache = ignored("answers are not kept yet: each request is sent to a server");

constexpr Keyword rows[] = {
    {.name = "proxy_allow_upstream", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.29.3", .support = not_yet(),
     .summary = "Lists conditions under which a request may be sent to a HTTP server."},
    {.name = "proxy_bind_dynamic", .where = http | server | location, .args = count(0, unbounded),
     .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Chooses the local address anew for each server that is tried."},
    {.name = "proxy_cache", .where = http | server | location, .args = count(1, 1),
     .fallback = "off", .support = no_cache,
     .summary = "Names the cache zone in which answers of HTTP servers are kept."},
    {.name = "proxy_cache_background_update", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.11.10", .support = no_cache,
     .summary = "Renews an expired cache entry in the background while the old one is served."},
    {.name = "proxy_cache_convert_head", .where = http | server | location, .args = {flag()},
     .fallback = "on", .since = "1.9.7", .support = no_cache,
     .summary = "Turns HEAD requests into GET so that the answer can be cached."},
    {.name = "proxy_cache_key", .where = http | server | location, .args = count(1, 1),
     .fallback = "$scheme$proxy_host$request_uri", .support = no_cache,
     .summary = "Sets the text under which an answer of a HTTP server is found in the cache."},
    {.name = "proxy_cache_lock", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.1.12", .support = no_cache,
     .summary = "Lets only one request at a time fill a missing cache entry."},
    {.name = "proxy_cache_lock_age", .where = http | server | location, .args = count(1, 1),
     .fallback = "5s", .since = "1.7.8", .support = no_cache,
     .summary = "Sends another request to the HTTP server when the one that fills the entry takes "
         "longer than this."},
    {.name = "proxy_cache_lock_timeout", .where = http | server | location, .args = count(1, 1),
     .fallback = "5s", .since = "1.1.12", .support = no_cache,
     .summary = "Limits how long a request waits for another one to fill the cache entry."},
    {.name = "proxy_cache_max_range_offset", .where = http | server | location, .args = count(1, 1),
     .since = "1.11.6", .support = no_cache,
     .summary = "Passes range requests beyond this offset to the HTTP server and does not cache "
         "the answer."},
    {.name = "proxy_cache_methods", .where = http | server | location, .args = count(1, unbounded),
     .fallback = "GET HEAD", .since = "0.7.59", .support = no_cache,
     .summary = "Lists the request methods whose answers may be cached."},
    {.name = "proxy_cache_min_uses", .where = http | server | location, .args = count(1, 1),
     .fallback = "1", .support = no_cache,
     .summary = "Caches an answer only after this many requests for it."},
    {.name = "proxy_cache_path", .where = http, .args = count(2, unbounded), .support = no_cache,
     .summary = "Declares a cache: its folder, layout, memory zone and limits."},
    {.name = "proxy_cache_purge", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.5.7", .support = not_yet(),
     .summary = "Lists values that, when set, turn a request into the removal of a cache entry."},
    {.name = "proxy_cache_revalidate", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.5.7", .support = no_cache,
     .summary = "Renews expired entries by conditional requests to the HTTP server."},
    {.name = "proxy_cache_use_stale", .where = http | server | location,
     .args = count(1, unbounded), .fallback = "off", .support = no_cache,
     .summary = "Lists the failures in which an expired cache entry is served all the same."},
    {.name = "proxy_cache_valid", .where = http | server | location, .args = count(1, unbounded),
     .support = no_cache, .summary = "Sets how long answers are cached, by status."},
    {.name = "proxy_force_ranges", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.7.7", .support = not_yet(),
     .summary = "Serves byte ranges of HTTP answers even when the server does not offer them."},
    {.name = "proxy_pass", .where = limit_except, .args = count(1, 1), .support = not_yet(),
     .summary = "Sends requests to a HTTP server or to a group of them."},
    {.name = "proxy_pass_trailers", .where = http | server | location, .args = {flag()},
     .fallback = "off", .since = "1.27.2", .support = not_yet(),
     .summary = "Passes trailer fields of the server's answer to the client."},
    {.name = "proxy_request_dynamic", .where = http | server | location,
     .args = count(0, unbounded), .fallback = "off", .since = "1.29.3", .support = not_yet(),
     .summary = "Allows the HTTP request to be created anew for each server tried."},
    {.name = "proxy_socket_rcvbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's receive buffer of connections to HTTP servers."},
    {.name = "proxy_socket_sndbuf", .where = http | server | location, .args = count(1, 1),
     .since = "1.31.3", .support = not_yet(),
     .summary = "Sets the kernel's send buffer of connections to HTTP servers."},
    {.name = "proxy_ssl_key_log", .where = http | server | location, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of connections to HTTP servers to a file, for debugging."},
    {.name = "proxy_store", .where = http | server | location, .args = count(1, 1),
     .fallback = "off", .support = not_yet(), .summary = "Saves answers of HTTP servers as files."},
    {.name = "proxy_store_access", .where = http | server | location, .args = count(1, 3),
     .fallback = "user:rw", .support = not_yet(),
     .summary = "Sets the permissions of files that are saved from answers."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> proxy_tables() { return {rows}; }

}  // namespace weir::nginx::other
