// SPDX-License-Identifier: Apache-2.0
// Sample fetches of TLS:
// known and not run yet. The rows name them, so that an operator learns so, and keep what the
// manual needs.
#include "parser/haproxy/keywords_other.hpp"

namespace weir::haproxy::other {

namespace {

// clang-format off
constexpr Keyword rows[] = {
    {.name = "ssl_bc_client_early_traffic_secret", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Early traffic secret of the client, for debugging, of the connection to the "
         "server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_client_handshake_traffic_secret", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Handshake secret of the client, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_client_traffic_secret_0", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Traffic secret of the client, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_early_exporter_secret", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Early exporter secret, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_err", .where = in::sample, .support = not_yet(),
     .summary = "Number of the last TLS error, of the connection to the server.",
     .type = ir::Type::integer},
    {.name = "ssl_bc_err_str", .where = in::sample, .support = not_yet(),
     .summary = "Text of the last TLS error, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_exporter_secret", .where = in::sample, .since = "3.x", .support = not_yet(),
     .summary = "Exporter secret, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_npn", .where = in::sample, .support = not_yet(),
     .summary = "Protocol agreed on by NPN, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_server_handshake_traffic_secret", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Handshake secret of the server, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_bc_server_traffic_secret_0", .where = in::sample, .since = "3.x",
     .support = not_yet(),
     .summary = "Traffic secret of the server, for debugging, of the connection to the server.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_client_early_traffic_secret", .where = in::sample, .support = not_yet(),
     .summary = "Early traffic secret of the client, for debugging, of the connection to the "
         "client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_client_handshake_traffic_secret", .where = in::sample, .support = not_yet(),
     .summary = "Handshake secret of the client, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_client_traffic_secret_0", .where = in::sample, .support = not_yet(),
     .summary = "Traffic secret of the client, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_crtname", .where = in::sample, .since = "3.x", .support = not_yet(),
     .summary = "File name of the certificate in use, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_early_exporter_secret", .where = in::sample, .support = not_yet(),
     .summary = "Early exporter secret, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_exporter_secret", .where = in::sample, .support = not_yet(),
     .summary = "Exporter secret, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_npn", .where = in::sample, .support = not_yet(),
     .summary = "Protocol agreed on by NPN, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_server_handshake_traffic_secret", .where = in::sample, .support = not_yet(),
     .summary = "Handshake secret of the server, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
    {.name = "ssl_fc_server_traffic_secret_0", .where = in::sample, .support = not_yet(),
     .summary = "Traffic secret of the server, for debugging, of the connection to the client.",
     .type = ir::Type::bytes},
};
// clang-format on

static_assert(keyword::well_formed(rows));

}  // namespace

std::vector<keyword::Table> tls_tables() { return {rows}; }

}  // namespace weir::haproxy::other
