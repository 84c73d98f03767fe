// SPDX-License-Identifier: Apache-2.0
// ServerTls: TLS from weir to a server. nginx: proxy_ssl_*, per location. HAProxy: options of a server
// line. The rules are those of any TLS (tls.hpp); what stands here is about whom weir talks to.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "parser/ir/expr.hpp"
#include "parser/ir/tls.hpp"

namespace weir::ir {

struct ServerTls {
    TlsRules rules;               // verify: none or required
    TlsIdentity identity;         // what weir shows of itself; no chain: nothing
    Span trusted_span, revoked_span;
    // Names of certificate and key files with variables: the worker reads them when it connects.
    Text computed_certificate, computed_key;
    std::string computed_folder;  // with '/', where relative ones start
    // Of files so named, how many are kept, how long before they are looked at again, and how long
    // unused (proxy_ssl_certificate_cache).
    std::uint32_t kept_certificates = 0;
    std::chrono::seconds certificate_valid{60}, certificate_inactive{10};
    // Whom weir means to talk to: asked for in the handshake (SNI) with send_name, and with verify what
    // the certificate must carry. proxy_ssl_name | sni.
    Text name;
    bool named_by_target = true;  // the host of the target, as $proxy_host has it, without `name`
    bool send_name = false;       // proxy_ssl_server_name
    std::string fallback_name;    // | verifyhost: the certificate must carry it where `name` is empty
    bool needs_name = true;       // with verify: no name at all fits no certificate (nginx)
    bool name_has_port = true;    // ":8443" behind the name is not part of it (nginx)
    bool resume = true;           // proxy_ssl_session_reuse | no-ssl-reuse
    bool early_data = false;      // | allow-0rtt: a request may go with the first message (RFC 8446 section 2.3)
    // How often files of TLS were changed at run time: connections that were made before are for requests
    // of then.
    std::uint64_t changes = 0;
    Span span;

    ServerTls() { rules.verify_depth = 1; }
};

}  // namespace weir::ir
