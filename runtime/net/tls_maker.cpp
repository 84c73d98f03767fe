// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/tls_maker.hpp"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

namespace weir::net {

namespace {

constexpr long valid_seconds = 365L * 24 * 3600;

struct Freed {
    void operator()(X509* of) const { X509_free(of); }
};

bool add_extension(X509* to, X509* issuer, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
    auto* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    const bool added = extension && X509_add_ext(to, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

bool is_host_name(std::string_view name) {
    for (char c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_')) return false;
    return !name.empty() && name.size() <= 253;
}

bool fill(X509* made, const std::string& name, X509* issuer) {
    unsigned char serial[16];
    if (RAND_bytes(serial, sizeof serial) != 1) return false;
    serial[0] &= 0x7f;
    auto* number = BN_bin2bn(serial, sizeof serial, nullptr);
    BN_to_ASN1_INTEGER(number, X509_get_serialNumber(made));
    BN_free(number);
    X509_set_version(made, 2);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);   // clocks differ
    X509_gmtime_adj(X509_getm_notAfter(made), valid_seconds);
    X509_set_issuer_name(made, X509_get_subject_name(issuer));
    constexpr std::size_t longest_common_name = 64;   // RFC 5280 appendix A.1
    const auto common = name.substr(0, longest_common_name);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common.data()), static_cast<int>(common.size()),
                               -1, 0);
    return add_extension(made, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(made, issuer, NID_subject_alt_name, "DNS:" + name) &&
           add_extension(made, issuer, NID_ext_key_usage, "serverAuth") &&
           add_extension(made, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(made, issuer, NID_authority_key_identifier, "keyid");
}

}  // namespace

Expected<std::unique_ptr<CertificateMaker>, TlsProblem> CertificateMaker::make(const ir::TlsIdentity& signer,
                                                                               std::size_t most) {
    auto parsed = Certificate::find(signer);
    if (!parsed) return Unexpected{parsed.error()};
    return std::unique_ptr<CertificateMaker>(new CertificateMaker(std::move(*parsed), most));
}

std::shared_ptr<const Certificate> CertificateMaker::issue(const std::string& name, const Certificate& model) const {
    // A comma would begin another alternative name.
    if (!is_host_name(name)) return nullptr;
    std::unique_ptr<X509, Freed> made(X509_new());
    const bool good = made && fill(made.get(), name, signer_->leaf()) &&
                      X509_set_pubkey(made.get(), model.key()) == 1 &&
                      X509_sign(made.get(), signer_->key(), EVP_sha256()) > 0;
    ERR_clear_error();
    if (!good) return nullptr;
    return Certificate::of(made.release(), model.key(), {signer_->leaf()});
}

std::shared_ptr<const Certificate> CertificateMaker::find(const std::string& name, const Certificate& model) {
    if (auto known = by_name_.find(name); known != by_name_.end()) {
        kept_.splice(kept_.begin(), kept_, known->second);
        return kept_.front().certificate;
    }
    auto made = issue(name, model);
    if (!made || most_ == 0) return made;
    kept_.push_front({name, made});
    by_name_.emplace(kept_.front().name, kept_.begin());
    if (kept_.size() > most_) {
        by_name_.erase(kept_.back().name);
        kept_.pop_back();
    }
    return made;
}

}  // namespace weir::net
