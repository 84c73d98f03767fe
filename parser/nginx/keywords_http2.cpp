// SPDX-License-Identifier: Apache-2.0
// Rows of nginx's http2_* directives; "listen ... http2" is in listen.cpp.
#include <algorithm>

#include "parser/nginx/contexts.hpp"
#include "parser/nginx/scope.hpp"
#include "parser/nginx/tables.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::Settings;
using keyword::Call;
using keyword::ignored;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

constexpr std::int64_t largest_window = 0x7fffffff;   // RFC 9113 section 6.9.1
constexpr std::int64_t largest_frame = 0xffffff;      // section 4.2
constexpr auto no_push = ignored("server push is gone from HTTP clients and from weir");

// nginx takes any size and then at least one byte.
void lower_chunk_size(Scope& scope, const Call& call) {
    scope.settings().http2.edit().chunk =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(call[0].number, 1, largest_frame));
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "http2", .where = http | server, .args = {keyword::flag()},
     .apply = set<&Settings::http2, &ir::Http2::on>, .fallback = "off", .since = "1.25.1",
     .summary = "Takes HTTP/2 from clients, over TLS and by prior knowledge.", .once = true},
    {.name = "http2_body_preread_size", .where = http | server, .args = {keyword::size("size", 0, largest_window)},
     .apply = set<&Settings::http2, &ir::Http2::window>, .fallback = "64k", .since = "1.11.0",
     .summary = "How much of a body a client may send before it is asked for.", .once = true},
    {.name = "http2_chunk_size", .where = http | server | location, .args = {keyword::size("size")},
     .apply = lower_chunk_size, .fallback = "8k",
     .summary = "Largest piece of a body in one frame; what the server block says holds.", .once = true},
    {.name = "http2_idle_timeout", .where = http | server, .args = {keyword::duration("time")}, .fallback = "3m",
     .support = ignored("it is obsolete: keepalive_timeout holds"),
     .summary = "Closed idle HTTP/2 connections."},
    {.name = "http2_max_concurrent_pushes", .where = http | server, .args = {keyword::number("number")},
     .fallback = "10", .since = "1.13.9", .support = no_push, .summary = "Limits pushes at one time."},
    {.name = "http2_max_concurrent_streams", .where = http | server, .args = {keyword::number("number", 1, largest_window)},
     .apply = set<&Settings::http2, &ir::Http2::max_streams>, .fallback = "128",
     .summary = "Most requests at one time on an HTTP/2 connection.", .once = true},
    {.name = "http2_max_field_size", .where = http | server, .args = {keyword::size("size")}, .fallback = "4k",
     .support = ignored("it is obsolete: large_client_header_buffers holds"),
     .summary = "Limited a compressed request field."},
    {.name = "http2_max_header_size", .where = http | server, .args = {keyword::size("size")}, .fallback = "16k",
     .support = ignored("it is obsolete: large_client_header_buffers holds"),
     .summary = "Limited the request head after decompression."},
    {.name = "http2_max_requests", .where = http | server, .args = {keyword::number("number")}, .fallback = "1000",
     .since = "1.11.6", .support = ignored("it is obsolete: keepalive_requests holds"),
     .summary = "Limited the requests of one HTTP/2 connection."},
    {.name = "http2_pool_size", .where = http | server, .args = {keyword::size("size")},
     .support = ignored("weir takes memory from its own pools"),
     .summary = "Memory pool of an HTTP/2 stream."},
    {.name = "http2_push", .where = http | server | location, .args = {keyword::text("uri")}, .fallback = "off",
     .since = "1.13.9", .support = no_push, .summary = "Sent a resource before it was asked for."},
    {.name = "http2_push_preload", .where = http | server | location, .args = {keyword::flag()}, .fallback = "off",
     .since = "1.13.9", .support = no_push, .summary = "Pushed what Link fields name."},
    {.name = "http2_recv_buffer_size", .where = http, .args = {keyword::size("size")}, .fallback = "256k",
     .support = ignored("weir takes buffers from its own pools"),
     .summary = "Receive buffer of a worker for HTTP/2."},
    {.name = "http2_recv_timeout", .where = http | server, .args = {keyword::duration("time")}, .fallback = "30s",
     .support = ignored("it is obsolete: client_header_timeout holds"),
     .summary = "Limited the wait for data on an HTTP/2 connection."},
    {.name = "http2_streams_index_size", .where = http | server, .args = {keyword::number("number")},
     .support = ignored("weir sizes its tables by itself"),
     .summary = "Size of the index of HTTP/2 streams."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table http2_keywords() { return rows; }

}  // namespace weir::nginx
