// SPDX-License-Identifier: Apache-2.0
// TLS as both languages say it, to clients and to servers: rules and certificates as bytes that the
// loader read. Nobody at run time opens a key by its path.
#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "parser/ir/expr.hpp"
#include "parser/ir/shared.hpp"

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
    File ocsp;           // a response to staple (DER)
    File transparency;   // signed certificate timestamps (RFC 6962)
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

// What is said about TLS to clients: by a site (nginx), by a bind line or a line of a certificate list
// (HAProxy).
struct TlsProfile {
    TlsRules rules;
    std::vector<TlsIdentity> identities;   // of the site, one per type of key
    // Their paths are computed for each handshake (ssl_certificate with variables); the key's is empty
    // when it stands with the certificate.
    struct Computed {
        Text chain, key;
        Span span;
    };
    std::vector<Computed> computed;
    std::string computed_folder;           // with '/', where relative ones start
    // Of files so named, how many are kept, how long before they are looked at again, and how long
    // unused (ssl_certificate_cache).
    std::uint32_t kept_files = 0;
    std::chrono::seconds kept_valid{60}, kept_inactive{10};
    File passwords;                        // of their keys
    bool reject = false;                   // ssl_reject_handshake
    // A client certificate that is wrong or missing ends the handshake (HAProxy); else requests get 400.
    bool bad_certificate_ends = false;
    // Errors (X509_V_ERR_...) that are none: of the certificate itself, and of those above it.
    std::vector<int> ignored_errors, ignored_ca_errors;
    bool ignores_all_errors = false, ignores_all_ca_errors = false;
    File announced;                        // CAs, too, and clients are told their names
    File dh_parameters;
    bool own_dh_parameters = false;        // without a file: parameters of the library (HAProxy)
    bool prefers_own_ciphers = false;
    bool alpn_must_match = false;          // else the handshake goes on without
    // Sessions by id, in a table of all workers; tickets: rules.tickets.
    bool session_table = false;
    std::chrono::seconds session_time{300};
    std::vector<File> ticket_keys;         // the first makes tickets; none: weir's own, which rotate
    bool early_data = false;
    std::chrono::milliseconds handshake_time{60000};
};

// A listener that speaks TLS.
struct ListenerTls {
    bool sites_decide = true;   // nginx: Settings::tls of the site that SNI picks
    // HAProxy: a certificate for the names that it is to answer to.
    struct Entry {
        std::vector<TlsIdentity> identities;   // one per type of key
        // SNI filters in lower case: "a.b", "*.b", "!c.b"; none: the names in the certificate.
        std::vector<std::string> names;
        Shared<TlsProfile> rules;
        bool is_default = false;               // for clients that name no known host
    };
    std::vector<Entry> certificates;
    Shared<TlsProfile> rules;
    bool strict_names = false;  // no known name: no handshake
    Span span;
};

// What expressions ask about a TLS connection: the number of the fetches tls_text and tls_number, and
// server_tls_text and server_tls_number. Of a connection to a server, "the client's certificate" is the
// server's.
enum class TlsFact : std::uint8_t {
    // of the connection
    session_id, session_id_hex, session_key, unique_id, client_random, server_random, cipher_list,
    group, group_list, reused_mark, early_mark, verdict, signature_list, signature_used,
    peer_signature_used, chain_der, protocol, cipher, alpn, server_name,
    // of the client's certificate
    pem, pem_with_tabs, pem_escaped, fingerprint_hex, serial_hex, subject_2253, issuer_2253,
    subject_line, issuer_line, starts, ends, days_left,
    der, serial, sha1, subject, issuer, start, end, key_algorithm, signature_algorithm,
    // of ours
    own_der, own_serial, own_sha1, own_subject, own_issuer, own_start, own_end, own_key_algorithm,
    own_signature_algorithm,
    // numbers
    resumed, certificate_shown, certificate_known, verify_error, error, ca_error, ca_error_depth,
    cipher_bits, used_bits, version, own_version, there,
};

}  // namespace weir::ir
