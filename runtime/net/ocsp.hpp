// SPDX-License-Identifier: Apache-2.0
// OCSP (RFC 6960): what is asked about a certificate, and what an answer says. Bytes in, bytes out;
// who asks is http/ocsp_client, and what becomes of it is said by who asked.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/ir/tls.hpp"

struct x509_st;
struct x509_store_st;
struct ocsp_cert_id_st;

namespace weir::net {

class TlsSession;

// What an answer says that passed all checks. Times: unix seconds.
struct OcspAnswer {
    enum class Status : std::uint8_t { good, revoked, unknown } status = Status::unknown;
    std::int64_t this_update = 0;
    std::int64_t next_update = 0;   // 0: there may be news at any time
};

// A certificate, who issued it, and by whom answers about it may be signed: the issuer, whom it
// appointed, or an authority trusted for that.
class OcspQuestion {
public:
    // About a certificate of ours, as its file and its rules say. The error is for the log.
    static Expected<std::shared_ptr<const OcspQuestion>, std::string> about(const ir::TlsIdentity& identity);
    // About the certificate that the peer has shown (and, with `whole_chain`, those above it but the
    // root), whose chain was found good. Empty: there is none that anybody could be asked about.
    static Expected<std::vector<std::shared_ptr<const OcspQuestion>>, std::string> about_peer(
        const TlsSession& session, bool whole_chain);
    ~OcspQuestion();
    OcspQuestion(const OcspQuestion&) = delete;
    OcspQuestion& operator=(const OcspQuestion&) = delete;

    // The URL that the certificate names for http; empty: none.
    [[nodiscard]] const std::string& responder() const { return responder_; }
    // The request (DER), and the form that goes behind the URL of a GET (RFC 6960 appendix A.1).
    [[nodiscard]] const std::string& request() const { return request_; }
    [[nodiscard]] std::string request_path() const;
    // Names the certificate as answers do: CertID (DER), by SHA-1.
    [[nodiscard]] const std::string& id() const { return id_; }
    // What `response` (DER) says about it, with signature and times checked. The error says what is
    // wrong with it.
    [[nodiscard]] Expected<OcspAnswer, std::string> read(std::string_view response) const;
    // Whether `response` says anything about it, true or not.
    [[nodiscard]] bool is_about(std::string_view response) const;

private:
    OcspQuestion() = default;
    static Expected<std::shared_ptr<OcspQuestion>, std::string> make(x509_st* certificate, x509_st* issuer);

    x509_st* issuer_ = nullptr;
    ocsp_cert_id_st* certificate_id_ = nullptr;
    x509_store_st* authorities_ = nullptr;
    bool checks_signer_ = true;
    std::string responder_, request_, id_;
};

// When a response (DER), by its own word, will have been followed by another one: unix seconds. 0: it does
// not say, or is none.
std::int64_t next_update_in(std::string_view response);

// Where an answer about a certificate of ours lies for all workers (32 bytes): the same for one file
// under one set of rules. Empty: nobody is asked about it.
std::string ocsp_place(const ir::TlsIdentity& identity);

}  // namespace weir::net
