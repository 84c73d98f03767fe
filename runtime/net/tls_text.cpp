// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/tls_text.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <memory>

#include "runtime/net/tls.hpp"

namespace weir::net {

namespace {

template <auto Free>
struct Freer {
    template <class T>
    void operator()(T* object) const {
        Free(object);
    }
};
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Cert = std::unique_ptr<X509, Freer<X509_free>>;
using Crl = std::unique_ptr<X509_CRL, Freer<X509_CRL_free>>;
using CertId = std::unique_ptr<OCSP_CERTID, Freer<OCSP_CERTID_free>>;
using Response = std::unique_ptr<OCSP_RESPONSE, Freer<OCSP_RESPONSE_free>>;
using Basic = std::unique_ptr<OCSP_BASICRESP, Freer<OCSP_BASICRESP_free>>;

Bio bio_over(std::string_view bytes) { return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size()))); }

// What a function of OpenSSL prints.
template <class Print>
std::string printed(Print print) {
    Bio bio(BIO_new(BIO_s_mem()));
    print(bio.get());
    char* bytes = nullptr;
    const auto size = BIO_get_mem_data(bio.get(), &bytes);
    return {bytes, static_cast<std::size_t>(std::max<long>(size, 0))};
}

std::string hex(const unsigned char* bytes, std::size_t size, const char* digits) {
    std::string out;
    for (std::size_t i = 0; i < size; ++i) {
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}
constexpr char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";

std::string upper_hex(const ASN1_STRING* text) {
    return hex(ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)), upper_digits);
}

std::string time_text(const ASN1_TIME* time) {
    return printed([&](BIO* bio) { ASN1_TIME_print(bio, time); });
}

std::string name_text(const X509_NAME* name) {
    char* text = X509_NAME_oneline(name, nullptr, 0);
    std::string out = text ? text : "";
    OPENSSL_free(text);
    return out;
}

std::string key_text(X509* of) {
    auto* key = X509_get0_pubkey(of);
    if (!key) return {};
    const auto bits = std::to_string(EVP_PKEY_get_bits(key));
    switch (EVP_PKEY_get_base_id(key)) {
        case EVP_PKEY_RSA: return "RSA" + bits;
        case EVP_PKEY_EC: return "EC" + bits;
        case EVP_PKEY_DSA: return "DSA" + bits;
        default: return OBJ_nid2sn(EVP_PKEY_get_base_id(key));
    }
}

}  // namespace

std::string alternative_names(X509* of) {
    auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(of, NID_subject_alt_name, nullptr, nullptr));
    std::string out;
    for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
        if (i != 0) out += ", ";
        out += printed([&](BIO* bio) { GENERAL_NAME_print(bio, sk_GENERAL_NAME_value(names, i)); });
    }
    GENERAL_NAMES_free(names);
    return out;
}

namespace {

std::string describe(X509* of) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    X509_digest(of, EVP_sha1(), sum, &size);
    std::string out;
    auto line = [&](std::string_view name, std::string_view value) {
        ((out += name) += value) += '\n';
    };
    line("Serial: ", upper_hex(X509_get0_serialNumber(of)));
    line("notBefore: ", time_text(X509_get0_notBefore(of)));
    line("notAfter: ", time_text(X509_get0_notAfter(of)));
    line("Subject Alternative Name: ", alternative_names(of));
    line("Algorithm: ", key_text(of));
    line("SHA1 FingerPrint: ", hex(sum, size, upper_digits));
    line("Subject: ", name_text(X509_get_subject_name(of)));
    line("Issuer: ", name_text(X509_get_issuer_name(of)));
    return out;
}

std::vector<Cert> certificates_in(std::string_view pem) {
    std::vector<Cert> found;
    auto bio = bio_over(pem);
    while (auto* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) found.emplace_back(one);
    ERR_clear_error();
    return found;
}

std::string describe(X509_CRL* of) {
    std::string out = "Version " + std::to_string(X509_CRL_get_version(of) + 1) + "\n";
    out += "Signature Algorithm: ";
    out += OBJ_nid2ln(X509_CRL_get_signature_nid(of));
    out += "\nIssuer: " + name_text(X509_CRL_get_issuer(of));
    out += "\nLast Update: " + time_text(X509_CRL_get0_lastUpdate(of));
    out += "\nNext Update: ";
    out += X509_CRL_get0_nextUpdate(of) ? time_text(X509_CRL_get0_nextUpdate(of)) : "NONE";
    auto* revoked = X509_CRL_get_REVOKED(of);
    if (sk_X509_REVOKED_num(revoked) <= 0) return out + "\nNo Revoked Certificates.\n";
    out += "\nRevoked Certificates:\n";
    for (int i = 0; i < sk_X509_REVOKED_num(revoked); ++i) {
        const auto* one = sk_X509_REVOKED_value(revoked, i);
        out += "    Serial Number: " + upper_hex(X509_REVOKED_get0_serialNumber(one)) + "\n";
        out += "        Revocation Date: " + time_text(X509_REVOKED_get0_revocationDate(one)) + "\n";
    }
    return out;
}

std::string der_hex(const OCSP_CERTID* id) {
    unsigned char* bytes = nullptr;
    const int size = i2d_OCSP_CERTID(const_cast<OCSP_CERTID*>(id), &bytes);
    if (size <= 0) return {};
    auto out = hex(bytes, static_cast<std::size_t>(size), lower_digits);
    OPENSSL_free(bytes);
    return out;
}

Response read_response(std::string_view der) {
    auto* at = reinterpret_cast<const unsigned char*>(der.data());
    Response made(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der.size())));
    ERR_clear_error();
    return made;
}

// The chain that is sent, with the leaf in front; and the file that completed it.
std::vector<Cert> whole_chain(const ir::TlsIdentity& identity, std::string& completed_from) {
    auto chain = certificates_in(identity.chain->bytes);
    if (chain.size() != 1 || !identity.completions) return chain;
    for (const auto& file : *identity.completions) {
        auto more = certificates_in(file->bytes);
        if (more.empty() || X509_check_issued(more[0].get(), chain[0].get()) != X509_V_OK) continue;
        for (auto& one : more) chain.push_back(std::move(one));
        completed_from = file->path;
        break;
    }
    return chain;
}

// The certificate of whoever issued the first one.
Cert issuer_of(const ir::TlsIdentity& identity, std::vector<Cert>& chain) {
    std::vector<Cert> candidates;
    for (std::size_t i = 1; i < chain.size(); ++i) candidates.push_back(std::move(chain[i]));
    if (identity.issuer)
        for (auto& one : certificates_in(identity.issuer->bytes)) candidates.push_back(std::move(one));
    for (auto& one : candidates)
        if (X509_check_issued(one.get(), chain[0].get()) == X509_V_OK) return std::move(one);
    return nullptr;
}

}  // namespace

std::vector<std::string> describe_certificates(std::string_view pem) {
    std::vector<std::string> out;
    for (const auto& one : certificates_in(pem)) out.push_back(describe(one.get()));
    return out;
}

std::vector<std::string> describe_revocations(std::string_view pem) {
    std::vector<std::string> out;
    auto bio = bio_over(pem);
    while (Crl one{PEM_read_bio_X509_CRL(bio.get(), nullptr, nullptr, nullptr)}) out.push_back(describe(one.get()));
    ERR_clear_error();
    return out;
}

std::string describe_identity(const ir::TlsIdentity& identity) {
    std::string completed_from;
    const auto chain = whole_chain(identity, completed_from);
    if (chain.empty()) return {};
    auto out = describe(chain[0].get());
    const auto key = ocsp_key(identity);
    if (!completed_from.empty()) out += "Chain Filename: " + completed_from + "\n";
    for (std::size_t i = 1; i < chain.size(); ++i) {
        out += "Chain Subject: " + name_text(X509_get_subject_name(chain[i].get())) + "\n";
        out += "Chain Issuer: " + name_text(X509_get_issuer_name(chain[i].get())) + "\n";
    }
    out += "OCSP Response Key: " + (identity.ocsp || identity.status->on ? key : std::string()) + "\n";
    return out;
}

std::string problem_of(const ir::TlsIdentity& identity) {
    auto parsed = Certificate::parse(identity);
    return parsed ? std::string() : parsed.error().text;
}

namespace {

// Calls visit(block, is_key) for each block of a PEM text.
template <class Visit>
void each_block(std::string_view pem, Visit visit) {
    constexpr std::string_view begin = "-----BEGIN ", end = "-----END ", tail = "-----";
    for (std::size_t at = 0; (at = pem.find(begin, at)) != pem.npos;) {
        auto stop = pem.find(end, at);
        if (stop == pem.npos) return;
        stop = pem.find(tail, stop + end.size());
        if (stop == pem.npos) return;
        stop += tail.size();
        const auto block = pem.substr(at, stop - at);
        const auto title = block.substr(0, block.find('\n'));
        visit(block, title.find("PRIVATE KEY") != title.npos || title.find("EC PARAMETERS") != title.npos);
        at = stop;
    }
}

std::string blocks_of(std::string_view pem, bool keys) {
    std::string out;
    each_block(pem, [&](std::string_view block, bool is_key) {
        if (is_key == keys) (out += block) += '\n';
    });
    return out;
}

}  // namespace

std::string keys_in(std::string_view pem) { return blocks_of(pem, true); }
std::string without_keys(std::string_view pem) { return blocks_of(pem, false); }

CertificateSummary summary_of(std::string_view pem) {
    auto all = certificates_in(pem);
    if (all.empty()) return {};
    auto* leaf = all[0].get();
    CertificateSummary summary;
    auto* key = X509_get0_pubkey(leaf);
    switch (key ? EVP_PKEY_get_base_id(key) : 0) {
        case EVP_PKEY_RSA: summary.type = "rsa"; break;
        case EVP_PKEY_EC: summary.type = "ecdsa"; break;
        case EVP_PKEY_DSA: summary.type = "dsa"; break;
        default: summary.type = "-"; break;
    }
    summary.starts = time_text(X509_get0_notBefore(leaf));
    summary.ends = time_text(X509_get0_notAfter(leaf));
    std::tm when{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &when) == 1) summary.ends_at = ::timegm(&when);
    return summary;
}

std::string ocsp_key(const ir::TlsIdentity& identity) {
    std::string completed_from;
    auto chain = whole_chain(identity, completed_from);
    if (chain.empty()) return {};
    auto issuer = issuer_of(identity, chain);
    if (!issuer) return {};
    const CertId id(OCSP_cert_to_id(EVP_sha1(), chain[0].get(), issuer.get()));
    return id ? der_hex(id.get()) : std::string();
}

std::string ocsp_key_of_response(std::string_view der) {
    auto response = read_response(der);
    const Basic basic(response ? OCSP_response_get1_basic(response.get()) : nullptr);
    auto* single = basic ? OCSP_resp_get0(basic.get(), 0) : nullptr;
    return single ? der_hex(OCSP_SINGLERESP_get0_id(single)) : std::string();
}

OcspParts ocsp_parts(std::string_view key) {
    std::string bytes;
    auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; };
    for (std::size_t i = 0; i + 1 < key.size(); i += 2)
        bytes += static_cast<char>(digit(key[i]) << 4 | digit(key[i + 1]));
    auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
    const CertId id(d2i_OCSP_CERTID(nullptr, &at, static_cast<long>(bytes.size())));
    OcspParts parts;
    ASN1_OCTET_STRING *name = nullptr, *issuer_key = nullptr;
    ASN1_INTEGER* serial = nullptr;
    if (!id || OCSP_id_get0_info(&name, nullptr, &issuer_key, &serial, id.get()) != 1) return parts;
    return {upper_hex(name), upper_hex(issuer_key), upper_hex(serial)};
}

std::string describe_ocsp(std::string_view der) {
    auto response = read_response(der);
    if (!response) return {};
    return printed([&](BIO* bio) { OCSP_RESPONSE_print(bio, response.get(), 0); });
}

std::string ocsp_problem(std::string_view der, const ir::TlsIdentity& identity) {
    auto response = read_response(der);
    if (!response) return "Unable to parse OCSP response";
    if (OCSP_response_status(response.get()) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return "OCSP response status not successful";
    const Basic basic(OCSP_response_get1_basic(response.get()));
    if (!basic) return "OCSP response is not a basic one";
    if (OCSP_resp_count(basic.get()) != 1) return "OCSP response holds more than one answer";
    auto* single = OCSP_resp_get0(basic.get(), 0);
    ASN1_GENERALIZEDTIME *produced = nullptr, *this_update = nullptr, *next_update = nullptr;
    int reason = 0;
    if (OCSP_single_get0_status(single, &reason, &produced, &this_update, &next_update) ==
        V_OCSP_CERTSTATUS_UNKNOWN)
        return "OCSP single response: certificate status is unknown";
    constexpr long skew_seconds = 300;
    const bool fresh = OCSP_check_validity(this_update, next_update, skew_seconds, -1) == 1;
    ERR_clear_error();
    if (!next_update || !fresh) return "OCSP single response: no longer valid.";
    const auto wanted = ocsp_key(identity);
    if (wanted.empty()) return "the certificate of the issuer is not known";
    if (der_hex(OCSP_SINGLERESP_get0_id(single)) != wanted) return "OCSP response does not match the certificate";
    return {};
}

std::optional<std::string> from_base64(std::string_view text) {
    std::string clean, out;
    std::copy_if(text.begin(), text.end(), std::back_inserter(clean),
                 [](char c) { return c != '\n' && c != '\r' && c != ' ' && c != '\t'; });
    if (clean.empty() || clean.size() % 4 != 0) return std::nullopt;
    out.resize(clean.size() / 4 * 3);
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(clean.data()),
                                     static_cast<int>(clean.size()));
    if (size < 0) return std::nullopt;
    out.resize(static_cast<std::size_t>(size));
    for (std::size_t pad = 0; pad < 2 && clean[clean.size() - 1 - pad] == '='; ++pad) out.pop_back();
    return out;
}

std::string to_base64(std::string_view bytes) {
    std::string out(bytes.size() / 3 * 4 + 8, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

std::vector<std::string> tls_providers() {
    std::vector<std::string> names;
    OSSL_PROVIDER_do_all(
        nullptr,
        [](OSSL_PROVIDER* one, void* into) {
            static_cast<std::vector<std::string>*>(into)->emplace_back(OSSL_PROVIDER_get0_name(one));
            return 1;
        },
        &names);
    return names;
}

}  // namespace weir::net
