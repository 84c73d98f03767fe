// SPDX-License-Identifier: Apache-2.0
// Facts about a TLS connection in the forms that the languages have for them.
#include "runtime/net/tls_facts.hpp"

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <charconv>
#include <cstring>
#include <ctime>

#include "runtime/base/hash.hpp"
#include "runtime/net/tls_text.hpp"

namespace weir::net {

namespace {

using F = ir::TlsFact;

struct Bio {
    BIO* bio = BIO_new(BIO_s_mem());
    Bio() = default;
    Bio(const Bio&) = delete;
    Bio& operator=(const Bio&) = delete;
    ~Bio() { BIO_free(bio); }
    [[nodiscard]] std::string_view view() const {
        char* bytes = nullptr;
        auto size = BIO_get_mem_data(bio, &bytes);
        return {bytes, static_cast<std::size_t>(size)};
    }
};

std::string_view copied(const unsigned char* bytes, std::size_t count, Arena& arena) {
    return arena.copy({reinterpret_cast<const char*>(bytes), count});
}

std::string_view hex(std::string_view bytes, Arena& arena, const char* digits = "0123456789abcdef") {
    char* out = arena.bytes(bytes.size() * 2 + 1);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto byte = static_cast<unsigned char>(bytes[i]);
        out[2 * i] = digits[byte >> 4];
        out[2 * i + 1] = digits[byte & 15];
    }
    return {out, bytes.size() * 2};
}

std::string_view der(X509* of, Arena& arena) {
    int size = i2d_X509(of, nullptr);
    if (size <= 0) return {};
    auto* out = reinterpret_cast<unsigned char*>(arena.bytes(static_cast<std::size_t>(size)));
    auto* end = out;
    i2d_X509(of, &end);
    return {reinterpret_cast<char*>(out), static_cast<std::size_t>(size)};
}

std::string_view sha1(X509* of, Arena& arena) {
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(of, EVP_sha1(), bytes, &size) != 1) return {};
    return copied(bytes, size, arena);
}

std::string_view pem(X509* of, Arena& arena) {
    Bio bio;
    PEM_write_bio_X509(bio.bio, of);
    return arena.copy(bio.view());
}

// As a field of a request: the lines behind the first begin with a tab.
std::string_view with_tabs(std::string_view text, Arena& arena) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    char* out = arena.bytes(text.size() * 2 + 1);
    std::size_t size = 0;
    for (char c : text) {
        out[size++] = c;
        if (c == '\n') out[size++] = '\t';
    }
    return {out, size};
}

std::string_view escaped(std::string_view text, Arena& arena) {
    static constexpr char digits[] = "0123456789ABCDEF";
    char* out = arena.bytes(text.size() * 3 + 1);
    std::size_t size = 0;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        // RFC 3986 section 2.3: unreserved
        if (std::isalnum(byte) || c == '-' || c == '.' || c == '_' || c == '~') {
            out[size++] = c;
            continue;
        }
        out[size++] = '%';
        out[size++] = digits[byte >> 4];
        out[size++] = digits[byte & 15];
    }
    return {out, size};
}

std::string_view name_2253(X509_NAME* name, Arena& arena) {
    Bio bio;
    X509_NAME_print_ex(bio.bio, name, 0, XN_FLAG_RFC2253);
    return arena.copy(bio.view());
}

std::string_view name_in_one_line(X509_NAME* name, Arena& arena) {
    char* text = X509_NAME_oneline(name, nullptr, 0);
    auto line = arena.copy(text ? text : "");
    OPENSSL_free(text);
    return line;
}

struct Part {
    std::string_view key, value;
};
Part part_of(X509_NAME* name, int at) {
    auto* entry = X509_NAME_get_entry(name, at);
    auto* value = X509_NAME_ENTRY_get_data(entry);
    const char* key = OBJ_nid2sn(OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)));
    return {key ? key : "", {reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                             static_cast<std::size_t>(ASN1_STRING_length(value))}};
}

// entry[,occurrence[,format]]
std::string_view name_part(X509_NAME* name, std::string_view argument, Arena& arena) {
    auto comma = argument.find(',');
    auto key = argument.substr(0, comma);
    int wanted = 1;
    if (comma != argument.npos) {
        auto rest = argument.substr(comma + 1);
        std::from_chars(rest.data(), rest.data() + rest.size(), wanted);
        if (rest.ends_with("rfc2253")) return name_2253(name, arena);
    }
    int count = X509_NAME_entry_count(name);
    if (key.empty()) {
        std::string_view all;
        for (int i = 0; i < count; ++i) {
            auto part = part_of(name, i);
            all = arena.join({all, "/", part.key, "=", part.value});
        }
        return all;
    }
    bool from_end = wanted < 0;
    int left = wanted == 0 ? 1 : std::abs(wanted);
    for (int i = 0; i < count; ++i) {
        auto part = part_of(name, from_end ? count - 1 - i : i);
        if (part.key == key && --left == 0) return arena.copy(part.value);
    }
    return {};
}

// YYMMDDhhmmssZ
std::string_view short_time(const ASN1_TIME* time, Arena& arena) {
    auto text = copied(ASN1_STRING_get0_data(time), static_cast<std::size_t>(ASN1_STRING_length(time)), arena);
    if (ASN1_STRING_type(time) != V_ASN1_GENERALIZEDTIME) return text;
    return text.starts_with("20") ? text.substr(2) : std::string_view();
}

std::string_view printed_time(const ASN1_TIME* time, Arena& arena) {
    Bio bio;
    ASN1_TIME_print(bio.bio, time);
    return arena.copy(bio.view());
}

std::string_view days_left(const ASN1_TIME* end, Arena& arena) {
    int days = 0, seconds = 0;
    if (ASN1_TIME_diff(&days, &seconds, nullptr, end) != 1) return {};
    char text[16];
    auto stop = std::to_chars(text, text + sizeof text, std::max(days, 0)).ptr;
    return arena.copy({text, static_cast<std::size_t>(stop - text)});
}

std::string_view key_algorithm(X509* of) {
    ASN1_OBJECT* algorithm = nullptr;
    X509_PUBKEY_get0_param(&algorithm, nullptr, nullptr, nullptr, X509_get_X509_PUBKEY(of));
    const char* name = OBJ_nid2sn(OBJ_obj2nid(algorithm));
    return name ? name : "";
}

std::string_view signature_algorithm(X509* of) {
    const char* name = OBJ_nid2sn(X509_get_signature_nid(of));
    return name ? name : "";
}

std::string_view policies(X509* of, std::string_view wanted, Arena& arena) {
    auto* all = static_cast<CERTIFICATEPOLICIES*>(X509_get_ext_d2i(of, NID_certificate_policies, nullptr, nullptr));
    std::string_view list;
    for (int i = 0; i < sk_POLICYINFO_num(all); ++i) {
        char text[256];
        const int size = OBJ_obj2txt(text, sizeof text, sk_POLICYINFO_value(all, i)->policyid, 1);
        if (size <= 0 || size >= static_cast<int>(sizeof text)) continue;
        const auto one = arena.copy({text, static_cast<std::size_t>(size)});
        if (wanted.empty()) list = list.empty() ? one : arena.join({list, ", ", one});
        else if (one == wanted) list = one;
    }
    CERTIFICATEPOLICIES_free(all);
    return list;
}

std::string_view of_certificate(F what, X509* of, std::string_view argument, Arena& arena) {
    switch (what) {
        case F::pem: return pem(of, arena);
        case F::pem_with_tabs: return with_tabs(pem(of, arena), arena);
        case F::pem_escaped: return escaped(pem(of, arena), arena);
        case F::fingerprint_hex: return hex(sha1(of, arena), arena);
        case F::serial_hex: {
            Bio bio;
            i2a_ASN1_INTEGER(bio.bio, X509_get0_serialNumber(of));
            return arena.copy(bio.view());
        }
        case F::subject_2253: return name_2253(X509_get_subject_name(of), arena);
        case F::issuer_2253: return name_2253(X509_get_issuer_name(of), arena);
        case F::subject_line: return name_in_one_line(X509_get_subject_name(of), arena);
        case F::issuer_line: return name_in_one_line(X509_get_issuer_name(of), arena);
        case F::starts: return printed_time(X509_get0_notBefore(of), arena);
        case F::ends: return printed_time(X509_get0_notAfter(of), arena);
        case F::days_left: return days_left(X509_get0_notAfter(of), arena);
        case F::policies: return policies(of, argument, arena);
        case F::alternative_names: return arena.copy(alternative_names(of));
        case F::der: case F::own_der: return der(of, arena);
        case F::serial: case F::own_serial: {
            const auto* number = X509_get0_serialNumber(of);
            return copied(ASN1_STRING_get0_data(number), static_cast<std::size_t>(ASN1_STRING_length(number)), arena);
        }
        case F::sha1: case F::own_sha1: return sha1(of, arena);
        case F::subject: case F::own_subject: return name_part(X509_get_subject_name(of), argument, arena);
        case F::issuer: case F::own_issuer: return name_part(X509_get_issuer_name(of), argument, arena);
        case F::start: case F::own_start: return short_time(X509_get0_notBefore(of), arena);
        case F::end: case F::own_end: return short_time(X509_get0_notAfter(of), arena);
        case F::key_algorithm: case F::own_key_algorithm: return key_algorithm(of);
        case F::signature_algorithm: case F::own_signature_algorithm: return signature_algorithm(of);
        default: return {};
    }
}

std::string_view hex_number(unsigned number, Arena& arena) {
    char text[8] = "0x";
    static constexpr char digits[] = "0123456789abcdef";
    for (int i = 0; i < 4; ++i) text[2 + i] = digits[number >> (12 - 4 * i) & 15];
    return arena.copy({text, 6});
}

std::string_view group_name(int number, Arena& arena) {
    if (number & TLSEXT_nid_unknown) return hex_number(static_cast<unsigned>(number & 0xffff), arena);
    const char* name = OBJ_nid2sn(number);
    return name ? name : "";
}

std::string_view add(std::string_view list, std::string_view one, Arena& arena) {
    return list.empty() ? one : arena.join({list, ":", one});
}

std::string_view groups_of(SSL* ssl, Arena& arena) {
    int numbers[64];
    auto count = SSL_get1_curves(ssl, nullptr);
    if (count <= 0 || count > 64) return {};
    SSL_get1_curves(ssl, numbers);
    std::string_view list;
    for (int i = 0; i < count; ++i) list = add(list, group_name(numbers[i], arena), arena);
    return list;
}

// The client's offer. Random values that a client puts in (RFC 8701) show as numbers.
std::string_view ciphers_of(SSL* ssl, Arena& arena) {
    unsigned char* raw = nullptr;
    auto size = static_cast<std::size_t>(SSL_get0_raw_cipherlist(ssl, &raw));
    auto each = SSL_get0_raw_cipherlist(ssl, nullptr);   // bytes of one
    if (!raw || each != 2) return {};
    std::string_view list;
    for (std::size_t at = 0; at + 2 <= size; at += 2) {
        const auto* known = SSL_CIPHER_find(ssl, raw + at);
        auto one = known ? std::string_view(SSL_CIPHER_get_name(known))
                         : hex_number(static_cast<unsigned>(raw[at] << 8 | raw[at + 1]), arena);
        list = add(list, one, arena);
    }
    return list;
}

// The client's offer, by RFC 8446 numbers where the library has no name.
std::string_view signature_name(int hash, int key, Arena& arena) {
    const char* key_name = OBJ_nid2sn(key);
    std::string_view kind = key == NID_rsaEncryption ? "RSA"
                            : key == NID_X9_62_id_ecPublicKey ? "ECDSA"
                            : key == EVP_PKEY_RSA_PSS || key == NID_rsassaPss ? "RSA-PSS"
                                                                              : (key_name ? key_name : "");
    const char* hash_name = hash == NID_undef ? nullptr : OBJ_nid2sn(hash);
    return hash_name ? arena.join({kind, "+", hash_name}) : kind;
}

std::string_view signatures_of(SSL* ssl, Arena& arena) {
    std::string_view list;
    int count = SSL_get_sigalgs(ssl, -1, nullptr, nullptr, nullptr, nullptr, nullptr);
    for (int i = 0; i < count; ++i) {
        int key = 0, hash = 0, both = 0;
        unsigned char low = 0, high = 0;
        if (SSL_get_sigalgs(ssl, i, &key, &hash, &both, &low, &high) <= 0) break;
        auto one = key != NID_undef ? signature_name(hash, key, arena)
                                    : hex_number(static_cast<unsigned>(high << 8 | low), arena);
        list = add(list, one, arena);
    }
    return list;
}

std::string_view signature_used(SSL* ssl, bool of_peer, Arena& arena) {
    int hash = NID_undef, key = NID_undef;
    if ((of_peer ? SSL_get_peer_signature_type_nid(ssl, &key) : SSL_get_signature_type_nid(ssl, &key)) != 1)
        return {};
    if ((of_peer ? SSL_get_peer_signature_nid(ssl, &hash) : SSL_get_signature_nid(ssl, &hash)) != 1)
        hash = NID_undef;
    return signature_name(hash, key, arena);
}

std::string_view chain_der(SSL* ssl, Arena& arena) {
    auto* chain = SSL_get_peer_cert_chain(ssl);
    std::string_view all;   // of a client without its own certificate, as HAProxy has it
    for (int i = 0; i < sk_X509_num(chain); ++i)
        all = arena.join({all, der(sk_X509_value(chain, i), arena)});
    return all;
}

bool is_own(F what) { return what >= F::own_der; }

}  // namespace

TlsFacts::TlsFacts(const TlsSession& session, const char* status_problem)
    : ssl_(session.get()), errors_(session.errors()), offer_(session.offer()), status_problem_(status_problem) {
    SSL_up_ref(ssl_);
}

TlsFacts::~TlsFacts() { SSL_free(ssl_); }

std::string_view TlsFacts::protocol() const { return SSL_get_version(ssl_); }
std::string_view TlsFacts::cipher() const { return SSL_get_cipher_name(ssl_); }
std::string_view TlsFacts::server_name() const {
    const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name ? std::string_view(name) : std::string_view();
}
std::string_view TlsFacts::alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}
bool TlsFacts::resumed() const { return SSL_session_reused(ssl_) == 1; }
bool TlsFacts::early_pending() const {
    return SSL_get_early_data_status(ssl_) == SSL_EARLY_DATA_ACCEPTED && !SSL_is_init_finished(ssl_);
}
int TlsFacts::verify_error() const { return static_cast<int>(SSL_get_verify_result(ssl_)); }
bool TlsFacts::has_certificate() const { return SSL_get0_peer_certificate(ssl_) != nullptr; }

namespace {

// RFC 8701: values that clients put in so that servers learn to pass over what they do not know.
std::string_view without_random(std::string_view numbers, Arena& arena) {
    char* out = arena.bytes(numbers.size() + 1);
    std::size_t size = 0;
    for (std::size_t at = 0; at + 2 <= numbers.size(); at += 2) {
        const bool random = (numbers[at] & 0x0f) == 0x0a && numbers[at] == numbers[at + 1];
        if (random) continue;
        out[size++] = numbers[at];
        out[size++] = numbers[at + 1];
    }
    return {out, size};
}

std::string_view cipher_names(SSL* ssl, std::string_view numbers, Arena& arena) {
    std::string_view list;
    for (std::size_t at = 0; at + 2 <= numbers.size(); at += 2) {
        const auto* bytes = reinterpret_cast<const unsigned char*>(numbers.data() + at);
        const auto* known = SSL_CIPHER_find(ssl, bytes);
        const auto number = hex_number(static_cast<unsigned>(bytes[0] << 8 | bytes[1]), arena);
        auto one = known ? std::string_view(SSL_CIPHER_get_name(known)) : arena.join({"UNKNOWN(", number.substr(2), ")"});
        list = list.empty() ? one : arena.join({list, ",", one});
    }
    return list;
}

std::string_view root_name(SSL* ssl, std::string_view argument, Arena& arena) {
    auto* chain = SSL_get0_verified_chain(ssl);
    const int count = sk_X509_num(chain);
    if (count <= 0 || SSL_get_verify_result(ssl) != X509_V_OK) return {};
    return name_part(X509_get_subject_name(sk_X509_value(chain, count - 1)), argument, arena);
}

}  // namespace

std::string_view TlsFacts::of_offer(F what, bool random_too, Arena& arena) const {
    if (!offer_) return {};
    auto list = [&](const std::string& numbers) {
        return random_too ? arena.copy(numbers) : without_random(numbers, arena);
    };
    switch (what) {
        case F::offered_ciphers: return list(offer_->ciphers);
        case F::offered_ciphers_hex: return hex(list(offer_->ciphers), arena, "0123456789ABCDEF");
        case F::offered_ciphers_text: return cipher_names(ssl_, list(offer_->ciphers), arena);
        case F::offered_extensions: return list(offer_->extensions);
        case F::offered_groups: return list(offer_->groups);
        case F::offered_formats: return arena.copy(offer_->formats);
        case F::offered_signatures: return list(offer_->signatures);
        case F::offered_versions: return list(offer_->versions);
        default: return {};
    }
}

std::string_view TlsFacts::of_connection(F what, std::string_view argument, Arena& arena) const {
    auto* session = SSL_get0_session(ssl_);
    unsigned char bytes[256];
    switch (what) {
        case F::session_id: case F::session_id_hex: {
            unsigned size = 0;
            const auto* id = session ? SSL_SESSION_get_id(session, &size) : nullptr;
            std::string_view raw(reinterpret_cast<const char*>(id), size);
            return what == F::session_id ? arena.copy(raw) : hex(raw, arena);
        }
        case F::session_key:
            if (!session) return {};
            return copied(bytes, SSL_SESSION_get_master_key(session, bytes, sizeof bytes), arena);
        case F::unique_id: {
            // RFC 5929 section 3: the first Finished, the server's when the session was resumed.
            auto size = resumed() == (SSL_is_server(ssl_) == 1) ? SSL_get_finished(ssl_, bytes, sizeof bytes)
                                                                : SSL_get_peer_finished(ssl_, bytes, sizeof bytes);
            return copied(bytes, size, arena);
        }
        case F::client_random: return copied(bytes, SSL_get_client_random(ssl_, bytes, sizeof bytes), arena);
        case F::server_random: return copied(bytes, SSL_get_server_random(ssl_, bytes, sizeof bytes), arena);
        case F::cipher_list: return ciphers_of(ssl_, arena);
        case F::group_list: return groups_of(ssl_, arena);
        case F::group: {
            auto number = static_cast<int>(SSL_get_negotiated_group(ssl_));
            return number == 0 ? std::string_view() : group_name(number, arena);
        }
        case F::signature_list: return signatures_of(ssl_, arena);
        case F::signature_used: return signature_used(ssl_, false, arena);
        case F::peer_signature_used: return signature_used(ssl_, true, arena);
        case F::early_mark: return early_pending() ? "1" : std::string_view();
        case F::reused_mark: return resumed() ? "r" : ".";
        case F::verdict:
            if (!has_certificate()) return "NONE";
            if (verify_error() != 0) return arena.join({"FAILED:", TlsSession::verify_text(verify_error())});
            return status_problem_ ? arena.join({"FAILED:", status_problem_}) : "SUCCESS";
        case F::chain_der: return chain_der(ssl_, arena);
        case F::protocol: return protocol();
        case F::cipher: return cipher();
        case F::alpn: return alpn();
        case F::server_name: return server_name();
        case F::root: return root_name(ssl_, argument, arena);
        default: return {};
    }
}

std::string_view TlsFacts::text(F what, std::string_view argument, Arena& arena) const {
    if (what >= F::offered_ciphers && what <= F::offered_versions) return of_offer(what, argument != "1", arena);
    if (what < F::pem) return of_connection(what, argument, arena);
    auto* certificate = is_own(what) ? SSL_get_certificate(ssl_) : SSL_get0_peer_certificate(ssl_);
    return certificate ? of_certificate(what, certificate, argument, arena) : std::string_view();
}

std::int64_t TlsFacts::number(F what) const {
    auto* peer = SSL_get0_peer_certificate(ssl_);
    switch (what) {
        case F::offered_version: return offer_ ? offer_->version : 0;
        case F::offered_ciphers_hash: return offer_ ? static_cast<std::int64_t>(hash::xxh64(offer_->ciphers, 0)) : 0;
        case F::early_pending: return early_pending();
        case F::early_received: return SSL_get_early_data_status(ssl_) == SSL_EARLY_DATA_ACCEPTED;
        case F::resumed: return resumed();
        case F::certificate_shown: return peer && !resumed();
        case F::certificate_known: return peer != nullptr;
        case F::verify_error: return verify_error();
        case F::error: return errors_.error;
        case F::ca_error: return errors_.ca_error;
        case F::ca_error_depth: return errors_.ca_error_depth;
        case F::cipher_bits: {
            int bits = 0;
            SSL_get_cipher_bits(ssl_, &bits);
            return bits;
        }
        case F::used_bits: return SSL_get_cipher_bits(ssl_, nullptr);
        case F::version: return peer ? X509_get_version(peer) + 1 : 0;
        case F::own_version: {
            auto* own = SSL_get_certificate(ssl_);
            return own ? X509_get_version(own) + 1 : 0;
        }
        default: return 0;
    }
}

}  // namespace weir::net
