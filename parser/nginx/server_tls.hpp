// SPDX-License-Identifier: Apache-2.0
// TLS towards servers: what the rows of a family (proxy_ssl_, grpc_ssl_) do. The families differ in
// their prefix and in where their words are kept: server_tls_row<lower_tls_verify, pick>.
#pragma once

#include "parser/nginx/scope.hpp"

namespace weir::nginx {

// What *_ssl_certificate_cache says: off | max=N [inactive=time] [valid=time].
struct CertificateCache {
    std::uint32_t most = 0;   // files
    std::chrono::seconds valid{60}, inactive{10};
};
bool read_certificate_cache(keyword::Scope& scope, const keyword::Call& call, CertificateCache& cache);
// The value of an *_ssl_conf_command; a file's name becomes a path.
std::string command_value(const Block& block, std::string_view name, std::string_view value);

using LowerTls = void (*)(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_alpn(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_certificate(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_certificate_cache(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_certificate_follow(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_certificate_key(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_ciphers(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_conf_command(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_crl(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_name(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_password_file(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_protocols(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_server_name(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_session_reuse(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_trusted_certificate(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_verify(Block& block, const keyword::Call& call, ir::ServerTls& tls);
void lower_tls_verify_depth(Block& block, const keyword::Call& call, ir::ServerTls& tls);

using PickTls = ir::ServerTls& (*)(ir::Settings& settings);
inline ir::ServerTls& tls_of_proxy(ir::Settings& settings) {
    return settings.forward.edit().tls.edit();
}

template <LowerTls Lower, PickTls Pick = tls_of_proxy>
void server_tls_row(keyword::Scope& scope, const keyword::Call& call) {
    Lower(block_of(scope), call, Pick(scope.settings()));
}

// At the end of a block with an action: nginx reads the files only where a connection over TLS can
// come of it, and then wants all of them. `family` is the prefix of the directives, for messages.
void finish_server_tls(Block& block, std::string_view family = "proxy");

}  // namespace weir::nginx
