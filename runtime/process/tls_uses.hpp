// SPDX-License-Identifier: Apache-2.0
// What of a configuration names files of TLS: to clients and to servers, in both languages. Settings that
// many places share are visited once.
#pragma once

#include <functional>

#include "parser/ir/config.hpp"

namespace weir::process {

// Files that stand for themselves. An identity (certificate, key and what belongs to it) is one thing.
enum class TlsFileKind : std::uint8_t { authorities, revocations, other };

struct TlsVisitor {
    // `follows`: a change of the files is taken without a reload (TlsRules::follows).
    std::function<void(const ir::TlsIdentity& identity, bool follows)> on_identity;
    std::function<void(const ir::File& file, TlsFileKind kind, bool follows)> on_file;   // never null
};
void each_tls_use(const ir::Config& config, const TlsVisitor& visitor);

// Calls visit(file) for all that an identity is read from.
template <class Visit>
void each_file(const ir::TlsIdentity& identity, Visit visit) {
    for (const auto& file : {identity.chain, identity.key, identity.passwords, identity.ocsp, identity.transparency,
                             identity.issuer, identity.status->trusted})
        if (file) visit(file);
    if (identity.completions)
        for (const auto& file : *identity.completions) visit(file);
}

}  // namespace weir::process
