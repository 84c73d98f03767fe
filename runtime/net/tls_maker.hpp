// SPDX-License-Identifier: Apache-2.0
// CertificateMaker: certificates made on the spot for the names that clients ask for, signed by an
// authority of the configuration (HAProxy: generate-certificates). The latest are kept. Runs within a
// handshake: a signature takes about a millisecond.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/net/tls.hpp"

namespace weir::net {

class CertificateMaker {
public:
    // `signer`: chain and key of the authority. `most`: certificates kept; 0: none.
    static Expected<std::unique_ptr<CertificateMaker>, TlsProblem> make(const ir::TlsIdentity& signer, std::size_t most);
    // For that name, with the key of `model`. Null: it could not be made.
    std::shared_ptr<const Certificate> find(const std::string& name, const Certificate& model);

private:
    struct Kept {
        std::string name;
        std::shared_ptr<const Certificate> certificate;
    };
    explicit CertificateMaker(std::shared_ptr<const Certificate> signer, std::size_t most)
        : signer_(std::move(signer)), most_(most) {}
    std::shared_ptr<const Certificate> issue(const std::string& name, const Certificate& model) const;

    std::shared_ptr<const Certificate> signer_;
    std::size_t most_;
    std::list<Kept> kept_;   // the one that was asked for last in front
    std::unordered_map<std::string_view, std::list<Kept>::iterator> by_name_;
};

}  // namespace weir::net
