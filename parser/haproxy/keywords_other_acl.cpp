// SPDX-License-Identifier: Apache-2.0
// Words of ACLs:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "-M", .where = in::acl_flag, .args = count(0, unbounded), .support = not_yet(),
     .summary = "Loads the patterns as a map."},
    {.name = "RDP_COOKIE", .where = in::acl_predefined, .support = not_yet(),
     .summary = "True when an RDP cookie is present."},
    {.name = "http_auth_group", .where = in::acl, .support = not_yet(),
     .summary = "Group of the authenticated user, compared with patterns."},
    {.name = "payload_lv", .where = in::acl, .support = not_yet(),
     .summary = "Bytes of the data received, compared with patterns."},
    {.name = "req_rdp_cookie", .where = in::acl, .support = not_yet(),
     .summary = "RDP cookie of the client, compared with patterns."},
    {.name = "req_rdp_cookie_cnt", .where = in::acl, .support = not_yet(),
     .summary = "Number of RDP cookies, compared with patterns."},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> acl_tables() { return {rows}; }

}  // namespace weir::haproxy::other
