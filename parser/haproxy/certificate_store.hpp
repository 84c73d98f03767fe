// SPDX-License-Identifier: Apache-2.0
// The certificates of a configuration by name: each is loaded once with the files that belong to it
// (.key, .ocsp, .issuer, .sctl, or what a crt-store or a line of a list names instead), whoever uses it.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/tls.hpp"

namespace weir::haproxy {

class Scope;

// What a load line of a crt-store, or the brackets in a list, say of the files of a certificate.
struct CertificateWords {
    std::string crt, key, ocsp, issuer, sctl, alias;   // paths as written
    std::optional<bool> ocsp_update;
    bool operator==(const CertificateWords&) const = default;
};

struct CertificateStore {
    struct Known {
        ir::TlsIdentity identity;
        CertificateWords words;
        bool of_section = false;   // of a crt-store: who uses it need not say its files again
    };
    std::map<std::string, Known, std::less<>> known;   // by ir::TlsIdentity::known_as()
    bool ocsp_update = false;     // ocsp-update.mode
    bool never_updates = false;   // ocsp-update.disable
    ir::OcspRules ocsp;           // of ocsp-update.mindelay, maxdelay and httpproxy
    Span delays_at;
    // What is asked about a certificate whose responder is asked again and again, or when somebody says so.
    const ir::Shared<ir::OcspRules>& rules(bool updates);
    std::shared_ptr<const std::vector<ir::File>> completions;   // issuers-chain-path
    // While a crt-store is read.
    std::string name, certificate_base, key_base;

private:
    ir::Shared<ir::OcspRules> asked, only_when_told;   // most certificates share one of them
};

// "base/path"; a path that is absolute or names a store ("@web/a") is whole already.
std::string full_path(std::string_view path, const std::string& base);
bool knows_certificate(const Scope& scope, std::string_view name);
// The certificate of that name, loaded if it was not yet. Null, and an error.
const ir::TlsIdentity* find_certificate(Scope& scope, const std::string& name, Span span,
                                        const CertificateWords& words);
// When all is read: what the runtime socket brought, for ir::Config::tls_stored.
void keep_stored(Scope& scope);

}  // namespace weir::haproxy
