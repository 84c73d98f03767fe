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

#include "parser/base/source_set.hpp"
#include "parser/ir/endpoint.hpp"
#include "parser/ir/expr.hpp"
#include "parser/ir/rule.hpp"
#include "parser/ir/shared.hpp"

namespace weir::ir {

// The content of a file. Shared: 10,000 servers with one certificate hold it once.
struct FileContent {
    std::string path;    // for messages
    std::string bytes;
    bool left_out = false;   // --offline: there, content unknown
    FileStamp stamp;         // when it was read, where a reload may go by it
};
using File = std::shared_ptr<const FileContent>;   // null: none named

enum class TlsVersion : std::uint8_t { ssl3, tls1_0, tls1_1, tls1_2, tls1_3, count_ };
using TlsVersions = std::bitset<static_cast<std::size_t>(TlsVersion::count_)>;
inline TlsVersions all_tls_versions() { return TlsVersions("11110"); }       // but SSL 3
inline TlsVersions modern_tls_versions() { return TlsVersions("11000"); }    // 1.2 and 1.3

// What is asked of OCSP responders (RFC 6960) about certificates of ours, so that the answers go to
// clients with them. nginx: ssl_stapling. HAProxy: ocsp-update.
struct OcspRules {
    bool on = false;
    std::string responder;        // "http://host:port/path"; empty: the one that the certificate names
    File trusted;                 // authorities: the issuer is looked for here, too, and who may sign
    bool checks_signer = true;    // else a signature holds whoever made it (ssl_stapling_verify off)
    bool shows_revoked = false;   // such answers go to clients, too; else none does
    bool only_when_told = false;  // nobody is asked by itself (HAProxy: update ssl ocsp-response)
    std::string proxy;            // "host:port" of the HTTP proxy that asks; empty: none
    NameServers names;            // for the responder's, or the proxy's
    // Between two questions, whatever the answer says; and after the first failure in a row, doubled
    // with each further one.
    std::chrono::seconds soonest{300}, latest{3600}, retry{1};
};

// A certificate with what belongs to it, PEM.
struct TlsIdentity {
    File chain;          // the certificate, then those between it and the root
    File key;            // may be the same file
    File passwords;      // of the key, one a line, tried in turn
    File ocsp;           // a response to staple (DER)
    File transparency;   // signed certificate timestamps (RFC 6962)
    File issuer;         // the authority's certificate, where the chain has none
    // Where what stands between it and the root is looked for when `chain` has it not
    // (issuers-chain-path); null: nowhere.
    std::shared_ptr<const std::vector<File>> completions;
    // HAProxy: what the runtime socket calls it, when that is not the chain's path ("@store/alias"), and
    // the paths of files beside it without ".ocsp", ".issuer", ".key" at their end.
    std::string name, base;
    Shared<OcspRules> status;
    Span chain_span, key_span;
    [[nodiscard]] const std::string& known_as() const { return name.empty() ? chain->path : name; }
};

// HAProxy's lists of certificates (crt-list) and folders of them, as the runtime socket shows and
// changes them.
struct TlsList {
    struct Line {
        std::string certificate;      // known_as()
        std::string options, names;   // as written; options without brackets
        unsigned number = 0;          // from 1
    };
    File content;                     // null: a folder
    std::string path;
    std::vector<Line> lines;
};

// Files that no line needs to name: those of a crt-store, and what the runtime socket brought.
struct TlsStored {
    std::vector<TlsIdentity> identities;
    std::vector<File> authorities, revocations;
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
    // Files of certificates, keys, authorities and CRLs are taken anew when they change, without a reload.
    bool follows = false;         // ssl_certificate_follow | ssl-follow-certificates
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
    bool answers_alpn = true;              // else what clients offer by it is passed over (HAProxy no-alpn)
    // Sessions by id, in a table of all workers; tickets: rules.tickets.
    bool session_table = false;
    std::chrono::seconds session_time{300};
    std::vector<File> ticket_keys;         // the first makes tickets; none: weir's own, which rotate
    bool early_data = false;               // a client's data counts before the handshake is over
    bool early_data_needs_alpn = false;    // only where the protocol is agreed on (HAProxy)
    // What a client offers is kept for expressions, so much of each list (tune.ssl.capture-buffer-size).
    std::uint32_t keeps_hello = 0;         // bytes; 0: nothing
    std::chrono::milliseconds handshake_time{60000};
    // Responders are asked about certificates of clients, too, when these fit otherwise (ssl_ocsp).
    struct ClientStatus {
        enum class Of : std::uint8_t { none, leaf, chain } of = Of::none;
        std::string responder;             // as in OcspRules
        NameServers names, responder_names;   // for names in certificates; for `responder`
        ZoneId cache = no_id;              // of what they said
    };
    Shared<ClientStatus> client_status;
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
    // HAProxy generate-certificates: for names without a certificate one is made and signed with this.
    // Null chain: none is made.
    TlsIdentity signer;
    std::uint32_t kept_made = 1000;   // certificates, in each process
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
    // the root of the chain that the client's certificate was found good by
    root,
    // of the hello, where it is kept (TlsProfile::keeps_hello); an argument of 1 leaves out values of RFC 8701
    offered_ciphers, offered_ciphers_hex, offered_ciphers_text, offered_extensions, offered_groups,
    offered_formats, offered_signatures, offered_versions,
    // of the client's certificate
    pem, pem_with_tabs, pem_escaped, fingerprint_hex, serial_hex, subject_2253, issuer_2253,
    subject_line, issuer_line, starts, ends, days_left,
    policies, alternative_names,
    der, serial, sha1, subject, issuer, start, end, key_algorithm, signature_algorithm,
    // of ours
    own_der, own_serial, own_sha1, own_subject, own_issuer, own_start, own_end, own_key_algorithm,
    own_signature_algorithm,
    // numbers
    offered_version, offered_ciphers_hash, early_pending, early_received, resumed, certificate_shown, certificate_known, verify_error, error, ca_error, ca_error_depth,
    cipher_bits, used_bits, version, own_version, there,
};

}  // namespace weir::ir
