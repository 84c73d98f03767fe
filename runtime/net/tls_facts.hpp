// SPDX-License-Identifier: Apache-2.0
// What expressions and logs ask about a TLS connection and its certificates. Belongs to the connection
// and stays true after its Stream is closed, for logs are written then.
#pragma once

#include <string>
#include <string_view>

#include "parser/ir/tls.hpp"
#include "runtime/base/arena.hpp"
#include "runtime/net/tls.hpp"

namespace weir::net {

// OpenSSL's words for a number of its error queue ("error:0A00010B:SSL routines::wrong version number");
// empty for 0.
std::string tls_fault_words(unsigned long fault);
// The constant of a verification error without its number ("X509_V_ERR_CERT_HAS_EXPIRED"); the number as
// text when it has no name.
std::string verify_error_name(int error);

class TlsFacts {
public:
    // When the handshake is done, and whenever a new one with the same connection were.
    // `status_problem`: what OCSP responders said against the peer's certificate ("certificate
    // revoked"), a literal; null: nothing.
    explicit TlsFacts(const TlsSession& session, const char* status_problem = nullptr);
    ~TlsFacts();
    TlsFacts(const TlsFacts&) = delete;
    TlsFacts& operator=(const TlsFacts&) = delete;

    [[nodiscard]] std::string_view protocol() const;
    [[nodiscard]] std::string_view cipher() const;
    [[nodiscard]] std::string_view server_name() const;
    [[nodiscard]] std::string_view alpn() const;
    [[nodiscard]] bool resumed() const;
    // Early data came, and the handshake is not over.
    [[nodiscard]] bool early_pending() const;
    [[nodiscard]] int verify_error() const;
    [[nodiscard]] bool has_certificate() const;
    [[nodiscard]] const char* status_problem() const { return status_problem_; }

    // data() == nullptr: there is no such thing. `argument`: for names what HAProxy's fetches take
    // ("", "CN", "CN,2", ",0,rfc2253").
    std::string_view text(ir::TlsFact what, std::string_view argument, Arena& arena) const;
    // A number, or truth as 0 and 1.
    [[nodiscard]] std::int64_t number(ir::TlsFact what) const;

private:
    std::string_view of_connection(ir::TlsFact what, std::string_view argument, Arena& arena) const;
    std::string_view of_offer(ir::TlsFact what, bool random_too, Arena& arena) const;
    ssl_st* ssl_;              // a reference of our own; nothing is read or written through it
    TlsErrors errors_;
    std::shared_ptr<const TlsOffer> offer_;   // null: it was not kept
    const char* status_problem_ = nullptr;
};

}  // namespace weir::net
