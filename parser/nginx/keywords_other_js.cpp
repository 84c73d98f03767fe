// SPDX-License-Identifier: Apache-2.0
// Directives of the JavaScript modules:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "js_access", .where = location | if_in_location | limit_except,
     .args = count(0, unbounded), .since = "0.9.9", .support = not_yet(),
     .summary = "Decides about access by a JavaScript function."},
    {.name = "js_body_filter", .where = location | if_in_location | limit_except,
     .args = count(0, unbounded), .since = "0.5.2", .support = not_yet(),
     .summary = "Changes answer bodies by a JavaScript function."},
    {.name = "js_content", .where = location | if_in_location | limit_except,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Answers requests by a JavaScript function."},
    {.name = "js_context_reuse", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "128", .since = "0.8.6", .support = not_yet(),
     .summary = "Sets how many JavaScript contexts are kept for reuse."},
    {.name = "js_engine", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "njs", .since = "0.8.6", .support = not_yet(),
     .summary = "Chooses the JavaScript engine."},
    {.name = "js_fetch_buffer_size", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "16k", .since = "0.7.4", .support = not_yet(),
     .summary = "Sets the buffer of requests made from JavaScript."},
    {.name = "js_fetch_ciphers", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "HIGH:!aNULL:!MD5", .since = "0.7.0",
     .support = not_yet(), .summary = "Lists the ciphers of requests made from JavaScript."},
    {.name = "js_fetch_keepalive", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "0", .since = "0.9.2", .support = not_yet(),
     .summary = "Keeps connections of requests made from JavaScript."},
    {.name = "js_fetch_keepalive_requests",
     .where = http | server | location | stream | stream_server, .args = count(0, unbounded),
     .fallback = "1000", .since = "0.9.2", .support = not_yet(),
     .summary = "Limits the requests of one kept connection made from JavaScript."},
    {.name = "js_fetch_keepalive_time", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "1h", .since = "0.9.2", .support = not_yet(),
     .summary = "Limits the life of one kept connection made from JavaScript."},
    {.name = "js_fetch_keepalive_timeout",
     .where = http | server | location | stream | stream_server, .args = count(0, unbounded),
     .fallback = "60s", .since = "0.9.2", .support = not_yet(),
     .summary = "Sets how long an idle connection made from JavaScript is kept."},
    {.name = "js_fetch_max_response_buffer_size",
     .where = http | server | location | stream | stream_server, .args = count(0, unbounded),
     .fallback = "1m", .since = "0.7.4", .support = not_yet(),
     .summary = "Limits answers to requests made from JavaScript."},
    {.name = "js_fetch_protocols", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "TLSv1 TLSv1.1 TLSv1.2", .since = "0.7.0",
     .support = not_yet(), .summary = "Lists the TLS versions of requests made from JavaScript."},
    {.name = "js_fetch_proxy", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .since = "0.9.4", .support = not_yet(),
     .summary = "Sends requests made from JavaScript through a proxy."},
    {.name = "js_fetch_timeout", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "60s", .since = "0.7.4", .support = not_yet(),
     .summary = "Limits the time of requests made from JavaScript."},
    {.name = "js_fetch_trusted_certificate",
     .where = http | server | location | stream | stream_server, .args = count(0, unbounded),
     .since = "0.7.0", .support = not_yet(),
     .summary = "Names the authorities for requests made from JavaScript."},
    {.name = "js_fetch_verify", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "on", .since = "0.7.4", .support = not_yet(),
     .summary = "Checks certificates in requests made from JavaScript."},
    {.name = "js_fetch_verify_depth", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .fallback = "100", .since = "0.7.0", .support = not_yet(),
     .summary = "Limits certificate chains in requests made from JavaScript."},
    {.name = "js_filter", .where = stream | stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Changes the data of a session by a JavaScript function."},
    {.name = "js_header_filter", .where = location | if_in_location | limit_except,
     .args = count(0, unbounded), .since = "0.5.1", .support = not_yet(),
     .summary = "Changes answer heads by a JavaScript function."},
    {.name = "js_import", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .since = "0.4.0", .support = not_yet(),
     .summary = "Imports a JavaScript module."},
    {.name = "js_include", .where = http | stream, .args = count(0, unbounded),
     .support = refused("use js_import"), .summary = "Includes a JavaScript file."},
    {.name = "js_load_http_native_module", .where = main, .args = count(0, unbounded),
     .since = "0.9.5", .support = not_yet(),
     .summary = "Loads a native module for JavaScript in http."},
    {.name = "js_load_stream_native_module", .where = main, .args = count(0, unbounded),
     .since = "0.9.5", .support = not_yet(),
     .summary = "Loads a native module for JavaScript in stream."},
    {.name = "js_path", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .since = "0.3.0", .support = not_yet(),
     .summary = "Adds a folder in which JavaScript modules are looked for."},
    {.name = "js_periodic", .where = location | stream_server, .args = count(0, unbounded),
     .since = "0.8.1", .support = not_yet(), .summary = "Runs a JavaScript function at intervals."},
    {.name = "js_preload_object", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .since = "0.7.8", .support = not_yet(),
     .summary = "Loads a frozen object for JavaScript at start."},
    {.name = "js_preread", .where = stream | stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Runs a JavaScript function before a session is forwarded."},
    {.name = "js_set", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .support = not_yet(),
     .summary = "Sets a variable by a JavaScript function."},
    {.name = "js_shared_dict_zone", .where = http | stream, .args = count(0, unbounded),
     .since = "0.8.0", .support = not_yet(),
     .summary = "Declares a dictionary shared by all workers."},
    {.name = "js_var", .where = http | server | location | stream | stream_server,
     .args = count(0, unbounded), .since = "0.5.3", .support = not_yet(),
     .summary = "Declares a variable that JavaScript may write."},
};
constexpr Keyword more_rows[] = {
    {.name = "js_access", .where = stream | stream_server, .args = count(0, unbounded),
     .support = not_yet(), .summary = "Decides about access by a JavaScript function."},
};
// clang-format on

static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(more_rows));

}  // namespace

std::vector<keyword::Table> js_tables() { return {rows, more_rows}; }

}  // namespace weir::nginx::other
