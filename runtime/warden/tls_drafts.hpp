// SPDX-License-Identifier: Apache-2.0
// TLS files as the runtime socket sees them: those of the running configuration, those that were made
// and have nothing in them yet, and the drafts that wait for their commit. Drafts are of the process:
// one for each name, whoever made it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"

namespace weir::warden {

struct TlsDrafts {
    std::map<std::string, ir::TlsIdentity, std::less<>> certificates;
    std::map<std::string, std::string, std::less<>> authorities, revocations;   // their PEM texts
    // Made by "new ssl ...", nothing committed so far.
    std::vector<std::string> new_certificates, new_authorities, new_revocations;
};
TlsDrafts& tls_drafts();

// The certificates of a configuration, each name once.
struct CertificateInUse {
    const ir::TlsIdentity* identity = nullptr;
    bool used = false;   // by a listener or a server
};
std::map<std::string_view, CertificateInUse> certificates_of(const ir::Config& config);

struct TrustInUse {
    ir::File file;
    bool used = false;
};
std::map<std::string_view, TrustInUse> authorities_of(const ir::Config& config);
std::map<std::string_view, TrustInUse> revocations_of(const ir::Config& config);

// The certificate of that name, or whose files have it in front; null: none.
const ir::TlsIdentity* find_certificate(const ir::Config& config, std::string_view name);
// What keeps a certificate at hand that may lose its last user by the changes.
void keep_certificate(const ir::Config& config, std::string_view name, std::vector<Amendment>& changes);

}  // namespace weir::warden
