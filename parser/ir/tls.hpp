// SPDX-License-Identifier: Apache-2.0
// TLS as both languages say it, to clients and to servers: rules and certificates as bytes that the
// loader read. Nobody at run time opens a key by its path.
#pragma once

#include <bitset>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parser/base/source.hpp"

namespace weir::ir {

// The content of a file. Shared: 10,000 servers with one certificate hold it once.
struct FileContent {
    std::string path;    // for messages
    std::string bytes;
    bool left_out = false;   // --offline: there, content unknown
};
using File = std::shared_ptr<const FileContent>;   // null: none named

enum class TlsVersion : std::uint8_t { ssl3, tls1_0, tls1_1, tls1_2, tls1_3, count_ };
using TlsVersions = std::bitset<static_cast<std::size_t>(TlsVersion::count_)>;
inline TlsVersions all_tls_versions() { return TlsVersions("11110"); }       // but SSL 3
inline TlsVersions modern_tls_versions() { return TlsVersions("11000"); }    // 1.2 and 1.3

// A certificate with what belongs to it, PEM.
struct TlsIdentity {
    File chain;          // the certificate, then those between it and the root
    File key;            // may be the same file
    File passwords;      // of the key, one a line, tried in turn
    Span chain_span, key_span;
};

// What client and server have in common.
struct TlsRules {
    enum class Verify : std::uint8_t { none, optional, optional_any_issuer, required };
    TlsVersions versions = modern_tls_versions();
    std::string ciphers;          // OpenSSL's list, up to TLS 1.2; empty: the library's own
    std::string ciphersuites;     // TLS 1.3
    std::string groups;           // curves; empty or "auto": the library's own
    std::string signatures;       // signature algorithms we offer or accept
    std::string client_signatures;   // that we ask of a client's certificate
    std::vector<std::pair<std::string, std::string>> commands;   // SSL_CONF_cmd(3)
    std::vector<std::string> alpn;   // ours, best first
    bool tickets = true;
    Verify verify = Verify::none;
    int verify_depth = 100;
    File trusted;                 // CAs
    bool trusts_system = false;   // those of the machine, too
    File revoked;                 // CRLs
    std::uint32_t record_bytes = 16384;   // largest piece in one record
};

}  // namespace weir::ir
