// SPDX-License-Identifier: Apache-2.0
// Directives of TLS in stream:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/nginx/keywords_other.hpp"

namespace weir::nginx::other {

namespace {

using namespace context;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_certificate_compression", .where = stream | stream_server, .args = {flag()},
     .fallback = "off", .since = "1.29.1", .support = not_yet(),
     .summary = "Compresses certificates in the TLS handshake."},
    {.name = "ssl_ech_file", .where = stream | stream_server, .args = count(1, 1),
     .since = "1.29.4", .support = not_yet(),
     .summary = "Names a key file for encrypted client hello."},
    {.name = "ssl_key_log", .where = stream | stream_server, .args = count(0, unbounded),
     .since = "1.27.2", .support = not_yet(),
     .summary = "Writes the TLS secrets of client connections to a file, for debugging."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> stream_ssl_tables() { return {rows}; }

}  // namespace weir::nginx::other
