// SPDX-License-Identifier: Apache-2.0
// TLS of bind lines: what global says for all of them, what one line says, and the listeners it comes
// to. A line is complete at its end only (alpn may stand behind crt): then certificates get the rules.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parser/haproxy/certificate_store.hpp"
#include "parser/ir/config.hpp"

namespace weir::haproxy {

class Scope;

struct BindVersions {
    std::optional<ir::TlsVersion> least, most;   // ssl-min-ver, ssl-max-ver, force-*
    ir::TlsVersions off;                         // no-tlsv10 ...
};

// What global says: ssl-default-bind-*, crt-base and their like.
struct BindTlsDefaults {
    ir::TlsProfile profile;
    BindVersions versions;
    bool strict_names = false;
    std::string certificate_base, authority_base, key_base;   // crt-base, ca-base, key-base
    struct Extra {
        bool bundle = true, sctl = true, ocsp = true, issuer = true, key = true;
    } extra;                                        // ssl-load-extra-files
    std::uint32_t kept_made = 1000;                 // tune.ssl.ssl-ctx-cache-size
    bool cut_extension = false;                     // ssl-load-extra-del-ext
    BindTlsDefaults();
};

// What a bind line says, or the brackets of a line in a certificate list.
struct BindTlsWords {
    bool on = false;
    ir::TlsProfile profile;
    BindVersions versions;
    bool strict_names = false, announces = true;    // no-ca-names
    ir::File authorities;                           // ca-file
    struct Named {
        std::string path;
        Span span;
        bool list = false, is_default = false;
    };
    std::vector<Named> certificates;                // crt, crt-list, default-crt, in their order
    bool makes_certificates = false;                // generate-certificates
    ir::File signer;                                // ca-sign-file
    std::string signer_password;                    // ca-sign-pass
    Span signer_span;
    CertificateWords certificate;                   // in brackets of a list: key, ocsp, ...
    Span span;                                      // of "ssl"
};

// Puts TLS on the listeners of a line.
void finish_bind_tls(Scope& scope, const BindTlsWords& words, std::vector<ir::Listener>& listeners);
// The versions that words allow; without any: 1.2 and 1.3.
ir::TlsVersions versions_of(const BindVersions& line, const BindVersions& global);
// certificates.cpp: the certificates of a line, each with the names it is for.
std::vector<ir::ListenerTls::Entry> load_certificates(Scope& scope, const BindTlsWords& words,
                                                      const ir::Shared<ir::TlsProfile>& rules);
// keywords_bind_tls.cpp: the rules that words come to.
ir::TlsProfile profile_of(const BindTlsWords& words, const BindTlsDefaults& defaults);
// A file by the path that a line gives, below `base` when it is relative. Null, and an error.
ir::File tls_file(Scope& scope, std::string_view path, const std::string& base, Span span,
                  std::string_view what);

}  // namespace weir::haproxy
