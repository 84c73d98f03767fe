// SPDX-License-Identifier: Apache-2.0
// Certificates, revocation lists and OCSP responses in words, as the runtime socket shows them, and
// what it must know of the bytes that it is given. Runs in the warden only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/ir/tls.hpp"

struct x509_st;

namespace weir::net {

// "DNS:a.example, IP Address:192.0.2.1"
std::string alternative_names(x509_st* of);
// Each certificate of a PEM text as lines ("Serial: 100F\n..."). Empty: there is none.
std::vector<std::string> describe_certificates(std::string_view pem);
// Each revocation list likewise.
std::vector<std::string> describe_revocations(std::string_view pem);
// The certificate, and behind it the chain that is sent with it, and from which file that came.
std::string describe_identity(const ir::TlsIdentity& identity);

// Why a certificate with its key cannot be used; empty: it can.
std::string problem_of(const ir::TlsIdentity& identity);
// The blocks of a PEM text that hold a private key, or all the others.
std::string keys_in(std::string_view pem);
std::string without_keys(std::string_view pem);

// One certificate name of a listener as `show ssl sni` lists it.
struct CertificateSummary {
    std::string type, starts, ends;   // "rsa"; "Jun 10 08:54:15 2021 GMT"
    std::int64_t ends_at = 0;         // unix seconds
};
CertificateSummary summary_of(std::string_view pem);

// What an OCSP response is about (RFC 6960 section 4.1.1), DER of the CertID in hexadecimal. Empty: the
// issuer is not known, or there is no such thing in the bytes.
std::string ocsp_key(const ir::TlsIdentity& identity);
std::string ocsp_key_of_response(std::string_view der);
struct OcspParts {
    std::string name_hash, key_hash, serial;   // in hexadecimal, upper case
};
OcspParts ocsp_parts(std::string_view key);
// The response in full; empty: it is none.
std::string describe_ocsp(std::string_view der);
// Why the response cannot be stapled to that certificate; empty: it can.
std::string ocsp_problem(std::string_view der, const ir::TlsIdentity& identity);

std::optional<std::string> from_base64(std::string_view text);   // white space does not count
std::string to_base64(std::string_view bytes);

std::vector<std::string> tls_providers();

}  // namespace weir::net
