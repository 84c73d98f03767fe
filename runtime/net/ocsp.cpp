// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/ocsp.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "runtime/net/digest.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/tls_reason.hpp"

namespace weir::net {

namespace {

constexpr long clock_skew = 300;   // seconds that a responder's clock may differ

struct Free {
    void operator()(BIO* it) const { BIO_free(it); }
    void operator()(X509* it) const { X509_free(it); }
    void operator()(X509_STORE* it) const { X509_STORE_free(it); }
    void operator()(X509_STORE_CTX* it) const { X509_STORE_CTX_free(it); }
    void operator()(OCSP_RESPONSE* it) const { OCSP_RESPONSE_free(it); }
    void operator()(OCSP_BASICRESP* it) const { OCSP_BASICRESP_free(it); }
    void operator()(OCSP_REQUEST* it) const { OCSP_REQUEST_free(it); }
    // The certificates in a list may be borrowed or not.
    void operator()(STACK_OF(X509) * it) const { sk_X509_free(it); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// All certificates of a PEM file.
std::vector<Owned<X509>> certificates_in(const ir::File& file) {
    std::vector<Owned<X509>> all;
    if (!file) return all;
    Owned<BIO> bio(BIO_new_mem_buf(file->bytes.data(), static_cast<int>(file->bytes.size())));
    while (auto* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) all.emplace_back(one);
    ERR_clear_error();
    return all;
}

X509* issuer_among(const std::vector<Owned<X509>>& list, std::size_t from, X509* certificate) {
    for (std::size_t i = from; i < list.size(); ++i)
        if (X509_check_issued(list[i].get(), certificate) == X509_V_OK) return list[i].get();
    return nullptr;
}

Owned<X509_STORE> store_of(const std::vector<Owned<X509>>& trusted, X509* issuer) {
    Owned<X509_STORE> store(X509_STORE_new());
    for (const auto& one : trusted) X509_STORE_add_cert(store.get(), one.get());
    if (trusted.empty()) {
        // Whom the issuer itself appointed is fine without a root, too.
        X509_STORE_add_cert(store.get(), issuer);
        X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
    }
    ERR_clear_error();
    return store;
}

// The first http URL of authorityInfoAccess (RFC 5280 section 4.2.2.1).
std::string responder_of(X509* certificate) {
    auto* list = X509_get1_ocsp(certificate);
    std::string found;
    for (int i = 0; i < sk_OPENSSL_STRING_num(list) && found.empty(); ++i) {
        std::string_view url = sk_OPENSSL_STRING_value(list, i);
        if (url.starts_with("http://")) found = url;
    }
    X509_email_free(list);
    return found;
}

template <class T>
std::string der_of(int (*encode)(const T*, unsigned char**), const T* of) {
    int size = encode(of, nullptr);
    if (size <= 0) return {};
    std::string bytes(static_cast<std::size_t>(size), '\0');
    auto* end = reinterpret_cast<unsigned char*>(bytes.data());
    encode(of, &end);
    return bytes;
}

std::int64_t unix_time(const ASN1_GENERALIZEDTIME* time) {
    std::tm parts{};
    if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    return ::timegm(&parts);
}

// Chain of the peer's certificate, itself first; empty, and `problem`, when none comes about. A
// resumed session does not hold it.
std::vector<Owned<X509>> verified_chain(SSL* ssl, X509* leaf, std::string& problem) {
    std::vector<Owned<X509>> chain;
    auto take = [&](STACK_OF(X509) * list) {
        for (int i = 0; i < sk_X509_num(list); ++i) {
            auto* one = sk_X509_value(list, i);
            X509_up_ref(one);
            chain.emplace_back(one);
        }
    };
    if (auto* known = SSL_get0_verified_chain(ssl)) {
        take(known);
        return chain;
    }
    Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
    auto* store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    if (X509_STORE_CTX_init(context.get(), store, leaf, SSL_get_peer_cert_chain(ssl)) != 1 ||
        X509_STORE_CTX_set_default(context.get(), SSL_is_server(ssl) ? "ssl_client" : "ssl_server") != 1 ||
        X509_verify_cert(context.get()) != 1)
        problem = "X509_verify_cert() failed" + because();
    else
        take(X509_STORE_CTX_get0_chain(context.get()));
    ERR_clear_error();
    return chain;
}

}  // namespace

OcspQuestion::~OcspQuestion() {
    X509_free(issuer_);
    OCSP_CERTID_free(certificate_id_);
    X509_STORE_free(authorities_);
}

Expected<std::shared_ptr<OcspQuestion>, std::string> OcspQuestion::make(X509* certificate, X509* issuer) {
    ERR_clear_error();
    std::shared_ptr<OcspQuestion> made(new OcspQuestion);
    X509_up_ref(issuer);
    made->issuer_ = issuer;
    made->certificate_id_ = OCSP_cert_to_id(nullptr, certificate, issuer);
    auto* copy = OCSP_CERTID_dup(made->certificate_id_);
    Owned<OCSP_REQUEST> request(OCSP_REQUEST_new());
    if (!copy || !request || !OCSP_request_add0_id(request.get(), copy)) {
        OCSP_CERTID_free(copy);
        return Unexpected{"no OCSP request can be made" + because()};
    }
    made->request_ = der_of(i2d_OCSP_REQUEST, request.get());
    made->id_ = der_of(i2d_OCSP_CERTID, made->certificate_id_);
    made->responder_ = responder_of(certificate);
    return made;
}

Expected<std::shared_ptr<const OcspQuestion>, std::string> OcspQuestion::about(const ir::TlsIdentity& identity) {
    const auto& rules = *identity.status;
    auto chain = certificates_in(identity.chain);
    if (chain.empty()) return Unexpected{"cannot read certificate \"" + identity.chain->path + '"'};
    auto trusted = certificates_in(rules.trusted);
    auto* leaf = chain.front().get();
    auto* issuer = issuer_among(chain, 1, leaf);
    std::vector<Owned<X509>> beside;
    auto look_in = [&](const ir::File& file) {
        if (issuer) return;
        beside = certificates_in(file);
        issuer = issuer_among(beside, 0, leaf);
    };
    look_in(identity.issuer);
    if (!issuer) issuer = issuer_among(trusted, 0, leaf);
    if (chain.size() == 1 && identity.completions)
        for (const auto& file : *identity.completions) look_in(file);
    if (!issuer)
        return Unexpected{"issuer certificate not found for certificate \"" + identity.chain->path + '"'};
    auto made = make(leaf, issuer);
    if (!made) return Unexpected{made.error()};
    auto& question = **made;
    question.checks_signer_ = rules.checks_signer;
    question.authorities_ = store_of(trusted, issuer).release();
    if (!rules.responder.empty()) question.responder_ = rules.responder;
    if (question.responder_.empty())
        return Unexpected{"no OCSP responder URL in the certificate \"" + identity.chain->path + '"'};
    return std::shared_ptr<const OcspQuestion>(*made);
}

Expected<std::vector<std::shared_ptr<const OcspQuestion>>, std::string> OcspQuestion::about_peer(
    const TlsSession& session, bool whole_chain) {
    std::vector<std::shared_ptr<const OcspQuestion>> all;
    auto* ssl = session.get();
    auto* leaf = SSL_get0_peer_certificate(ssl);
    if (!leaf || SSL_get_verify_result(ssl) != X509_V_OK) return all;
    std::string problem;
    auto chain = verified_chain(ssl, leaf, problem);
    if (!problem.empty()) return Unexpected{std::move(problem)};
    auto* store = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    for (std::size_t i = 0; i + 1 < chain.size() && (i == 0 || whole_chain); ++i) {
        auto made = make(chain[i].get(), chain[i + 1].get());
        if (!made) return Unexpected{made.error()};
        X509_STORE_up_ref(store);
        (*made)->authorities_ = store;
        all.push_back(*made);
    }
    return all;
}

std::string OcspQuestion::request_path() const {
    std::string coded((request_.size() + 2) / 3 * 4 + 1, '\0');
    int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(coded.data()),
                               reinterpret_cast<const unsigned char*>(request_.data()),
                               static_cast<int>(request_.size()));
    std::string path;
    for (int i = 0; i < size; ++i) {
        char byte = coded[static_cast<std::size_t>(i)];
        if (byte == '+') path += "%2B";
        else if (byte == '/') path += "%2F";
        else if (byte == '=') path += "%3D";
        else path += byte;
    }
    return path;
}

Expected<OcspAnswer, std::string> OcspQuestion::read(std::string_view response) const {
    ERR_clear_error();
    const auto* at = reinterpret_cast<const unsigned char*>(response.data());
    Owned<OCSP_RESPONSE> whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
    if (!whole) return Unexpected{"d2i_OCSP_RESPONSE() failed" + because()};
    if (int status = OCSP_response_status(whole.get()); status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        return Unexpected{fmt::format("OCSP response not successful ({}: {})", status, OCSP_response_status_str(status))};
    Owned<OCSP_BASICRESP> basic(OCSP_response_get1_basic(whole.get()));
    if (!basic) return Unexpected{"OCSP_response_get1_basic() failed" + because()};
    // The issuer may sign. Else the certificate comes along, and must be one that it appointed, or be
    // trusted for OCSP (RFC 6960 section 4.2.2.2).
    Owned<STACK_OF(X509)> issuers(sk_X509_new_null());
    sk_X509_push(issuers.get(), issuer_);
    if (OCSP_basic_verify(basic.get(), issuers.get(), authorities_, checks_signer_ ? OCSP_TRUSTOTHER : OCSP_NOVERIFY) != 1)
        return Unexpected{"OCSP_basic_verify() failed" + because()};
    int status = 0;
    ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
    if (OCSP_resp_find_status(basic.get(), certificate_id_, &status, nullptr, nullptr, &from, &until) != 1)
        return Unexpected{std::string("certificate status not found in the OCSP response")};
    if (OCSP_check_validity(from, until, clock_skew, -1) != 1)
        return Unexpected{"OCSP_check_validity() failed" + because()};
    using Status = OcspAnswer::Status;
    return OcspAnswer{status == V_OCSP_CERTSTATUS_GOOD      ? Status::good
                      : status == V_OCSP_CERTSTATUS_REVOKED ? Status::revoked
                                                            : Status::unknown,
                      unix_time(from), unix_time(until)};
}

bool OcspQuestion::is_about(std::string_view response) const {
    const auto* at = reinterpret_cast<const unsigned char*>(response.data());
    Owned<OCSP_RESPONSE> whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
    Owned<OCSP_BASICRESP> basic(whole ? OCSP_response_get1_basic(whole.get()) : nullptr);
    bool found = basic && OCSP_resp_find(basic.get(), certificate_id_, -1) >= 0;
    ERR_clear_error();
    return found;
}

std::int64_t next_update_in(std::string_view response) {
    const auto* at = reinterpret_cast<const unsigned char*>(response.data());
    Owned<OCSP_RESPONSE> whole(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(response.size())));
    Owned<OCSP_BASICRESP> basic(whole ? OCSP_response_get1_basic(whole.get()) : nullptr);
    auto* single = basic ? OCSP_resp_get0(basic.get(), 0) : nullptr;
    ASN1_GENERALIZEDTIME* until = nullptr;
    if (single) OCSP_single_get0_status(single, nullptr, nullptr, nullptr, &until);
    ERR_clear_error();
    return unix_time(until);
}

std::string ocsp_place(const ir::TlsIdentity& identity) {
    const auto& rules = *identity.status;
    if (!rules.on || !identity.chain || identity.chain->left_out) return {};
    unsigned char sum[most_digest_bytes];
    auto digest_of = [&](std::string_view bytes) {
        return std::string(reinterpret_cast<char*>(sum), digest(Digest::sha256, bytes, sum));
    };
    // Authorities are many bytes, and the same for many certificates.
    static thread_local std::pair<ir::File, std::string> last;
    if (rules.trusted && last.first != rules.trusted) last = {rules.trusted, digest_of(rules.trusted->bytes)};
    return digest_of(digest_of(identity.chain->bytes) + (rules.trusted ? last.second : std::string()) +
                     (rules.checks_signer ? 'c' : '-') + (rules.shows_revoked ? 'r' : '-') + rules.responder);
}

}  // namespace weir::net
