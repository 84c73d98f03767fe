// SPDX-License-Identifier: Apache-2.0
// Whether a key belongs to a certificate, told from their DER. OpenSSL 3 makes decoders for both public keys
// on the way to the same answer, which takes ten times as long; that counts with 50,000 certificates.
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <unordered_set>

#include "runtime/net/der.hpp"
#include "runtime/net/tls.hpp"

namespace weir::net {

namespace {

using der::Elements;
using namespace std::string_view_literals;

// A public key of a kind that is understood here: RSA, or a point of one of the usual curves.
struct PublicKey {
    std::string_view curve;      // its object id; empty: RSA
    std::string_view point;      // or
    std::string_view modulus, exponent;
    bool operator==(const PublicKey&) const = default;
};

constexpr auto rsa_id = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"sv, curves_id = "\x2a\x86\x48\xce\x3d\x02\x01"sv;
constexpr struct {
    std::string_view id;
    std::size_t bytes;   // of a coordinate
} curves[] = {{"\x2a\x86\x48\xce\x3d\x03\x01\x07"sv, 32}, {"\x2b\x81\x04\x00\x22"sv, 48}, {"\x2b\x81\x04\x00\x23"sv, 66}};

// The coordinates of a curve in bytes; 0: an unknown one.
std::size_t size_of(std::string_view curve) {
    for (const auto& one : curves)
        if (one.id == curve) return one.bytes;
    return 0;
}

// A bit string of whole bytes.
bool take_bytes(Elements& from, std::string_view& bytes) {
    if (!from.take(der::bits, bytes) || bytes.empty() || bytes[0] != 0) return false;
    bytes.remove_prefix(1);
    return true;
}

// A point as it is written in full (SEC 1 section 2.3.3).
bool is_point(std::string_view point, std::string_view curve) {
    const auto bytes = size_of(curve);
    return bytes != 0 && point.size() == 1 + 2 * bytes && point[0] == 4;
}

// AlgorithmIdentifier; `curve` stays empty for RSA.
bool read_algorithm(std::string_view algorithm, std::string_view& curve) {
    Elements parts{algorithm};
    std::string_view id;
    if (!parts.take(der::object_id, id)) return false;
    if (id == rsa_id) return parts.rest.empty() || (parts.skip(der::null) && parts.rest.empty());
    return id == curves_id && parts.take(der::object_id, curve) && parts.rest.empty() && size_of(curve) != 0;
}

bool read_modulus(Elements& from, PublicKey& key) {
    return from.take(der::integer, key.modulus) && from.take(der::integer, key.exponent) && key.modulus.size() > 1 &&
           !key.exponent.empty();
}

// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
bool read_public_key(std::string_view info, PublicKey& key) {
    Elements parts{info};
    std::string_view algorithm, bytes, both;
    if (!parts.take(der::sequence, algorithm) || !read_algorithm(algorithm, key.curve)) return false;
    if (!take_bytes(parts, bytes) || !parts.rest.empty()) return false;
    if (!key.curve.empty()) {
        key.point = bytes;
        return is_point(key.point, key.curve);
    }
    Elements outer{bytes};
    if (!outer.take(der::sequence, both) || !outer.rest.empty()) return false;
    Elements numbers{both};
    return read_modulus(numbers, key) && numbers.rest.empty();
}

// RSAPrivateKey (RFC 8017 appendix A.1.2), of two primes.
bool read_rsa_key(std::string_view bytes, PublicKey& key) {
    Elements outer{bytes};
    std::string_view inside, version;
    if (!outer.take(der::sequence, inside) || !outer.rest.empty()) return false;
    Elements numbers{inside};
    if (!numbers.take(der::integer, version) || version != "\0"sv || !read_modulus(numbers, key)) return false;
    for (int left = 6; left > 0; --left)
        if (!numbers.skip(der::integer)) return false;
    return numbers.rest.empty();
}

// ECPrivateKey (RFC 5915), with its public key. `curve` may be known from around it.
bool read_curve_key(std::string_view bytes, std::string_view curve, PublicKey& key) {
    Elements outer{bytes};
    std::string_view inside, version, secret, tagged;
    if (!outer.take(der::sequence, inside) || !outer.rest.empty()) return false;
    Elements parts{inside};
    if (!parts.take(der::integer, version) || version != "\1"sv || !parts.take(der::octets, secret)) return false;
    if (parts.take(der::tagged_0, tagged)) {
        Elements named{tagged};
        std::string_view own;
        if (!named.take(der::object_id, own) || (!curve.empty() && own != curve)) return false;
        curve = own;
    }
    if (!parts.take(der::tagged_1, tagged) || !parts.rest.empty()) return false;
    Elements open{tagged};
    key.curve = curve;
    return take_bytes(open, key.point) && is_point(key.point, curve) && secret.size() == size_of(curve);
}

// PrivateKeyInfo (RFC 5208) or one of the two within.
bool read_private_key(std::string_view kind, std::string_view bytes, PublicKey& key) {
    if (kind == "RSA PRIVATE KEY") return read_rsa_key(bytes, key);
    if (kind == "EC PRIVATE KEY") return read_curve_key(bytes, {}, key);
    if (kind != "PRIVATE KEY") return false;
    Elements outer{bytes};
    std::string_view inside, version, algorithm, secret, curve;
    if (!outer.take(der::sequence, inside) || !outer.rest.empty()) return false;
    Elements parts{inside};
    if (!parts.take(der::integer, version) || version != "\0"sv || !parts.take(der::sequence, algorithm) ||
        !read_algorithm(algorithm, curve) || !parts.take(der::octets, secret))
        return false;
    return curve.empty() ? read_rsa_key(secret, key) : read_curve_key(secret, curve, key);
}

// Whether OpenSSL makes a T of all of it.
template <class T, T* (*Decode)(T**, const unsigned char**, long), void (*Free)(T*)>
bool decodes(std::string_view element) {
    const auto* at = reinterpret_cast<const unsigned char*>(element.data());
    const auto* end = at + element.size();
    std::unique_ptr<T, decltype(Free)> made(Decode(nullptr, &at, static_cast<long>(element.size())), Free);
    return made && at == end;
}
constexpr auto is_integer = decodes<ASN1_INTEGER, d2i_ASN1_INTEGER, ASN1_INTEGER_free>;
constexpr auto is_algorithm = decodes<X509_ALGOR, d2i_X509_ALGOR, X509_ALGOR_free>;
constexpr auto is_name = decodes<X509_NAME, d2i_X509_NAME, X509_NAME_free>;
constexpr auto is_validity = decodes<X509_VAL, d2i_X509_VAL, X509_VAL_free>;
constexpr auto is_extension = decodes<X509_EXTENSION, d2i_X509_EXTENSION, X509_EXTENSION_free>;

bool are_extensions(std::string_view tagged) {
    Elements outer{tagged};
    std::string_view list, one;
    if (!outer.take(der::sequence, list) || !outer.rest.empty()) return false;
    for (Elements each{list}; !each.rest.empty();)
        if (!each.take_whole(der::sequence, one) || !is_extension(one)) return false;
    return true;
}

// Certificate (RFC 5280 section 4.1): all that OpenSSL decodes of it, but for the public key by hand.
bool read_certificate(std::string_view bytes, PublicKey& key) {
    Elements file{bytes};
    std::string_view certificate, body, algorithm, signature, serial, own_algorithm, issuer, validity, subject, info, tagged;
    if (!file.take(der::sequence, certificate) || !file.rest.empty()) return false;
    Elements outer{certificate};
    if (!outer.take(der::sequence, body) || !outer.take_whole(der::sequence, algorithm) || !is_algorithm(algorithm) ||
        !take_bytes(outer, signature) || !outer.rest.empty())
        return false;
    Elements parts{body};
    if (parts.take(der::tagged_0, tagged) && !is_integer(tagged)) return false;
    if (!parts.take_whole(der::integer, serial) || !is_integer(serial)) return false;
    if (!parts.take_whole(der::sequence, own_algorithm) || !is_algorithm(own_algorithm)) return false;
    if (!parts.take_whole(der::sequence, issuer) || !is_name(issuer)) return false;
    if (!parts.take_whole(der::sequence, validity) || !is_validity(validity)) return false;
    if (!parts.take_whole(der::sequence, subject) || !is_name(subject)) return false;
    if (!parts.take(der::sequence, info) || !read_public_key(info, key)) return false;
    if (parts.take(der::tagged_3, tagged) && !are_extensions(tagged)) return false;
    return parts.rest.empty();   // unique ids of issuer and subject are rare enough
}

// The blocks of a PEM text in clear, in their order: visit(kind, DER) until it returns false. False: it did,
// or something is no PEM.
template <class Visit>
bool each_block(std::string_view pem, Visit visit) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free);
    char *name = nullptr, *header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    bool good = true;
    while (good && PEM_read_bio(bio.get(), &name, &header, &bytes, &size) == 1) {
        good = header[0] == '\0' && visit(std::string_view(name), std::string_view(reinterpret_cast<char*>(bytes),
                                                                                   static_cast<std::size_t>(size)));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(bytes, static_cast<std::size_t>(size));
    }
    const auto last = ERR_peek_last_error();
    const bool at_end = ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    return good && at_end;
}

// Public keys in a form that outlives the bytes they were read from.
std::string text_of(const PublicKey& key) {
    std::string text(key.curve);
    for (auto part : {key.point, key.modulus, key.exponent}) (text += ' ') += part;
    return text;
}

}  // namespace

bool Certificate::fits_plainly(const ir::TlsIdentity& from) {
    // Those above it are the same in many files.
    static thread_local std::unordered_set<std::string> well_formed;
    constexpr std::size_t most_kept = 1024;
    if (well_formed.size() > most_kept) well_formed.clear();
    ERR_clear_error();
    std::string own, of_key;
    bool good = each_block(from.chain->bytes, [&](std::string_view kind, std::string_view bytes) {
        if (kind != PEM_STRING_X509) return kind.find("CERTIFICATE") == kind.npos;
        if (!own.empty() && well_formed.contains(std::string(bytes))) return true;
        PublicKey key;
        if (!read_certificate(bytes, key)) return false;
        if (own.empty()) own = text_of(key);
        else well_formed.emplace(bytes);
        return true;
    });
    if (!good || own.empty()) return false;
    good = each_block(from.key->bytes, [&](std::string_view kind, std::string_view bytes) {
        if (!kind.ends_with("PRIVATE KEY") || !of_key.empty()) return true;
        PublicKey key;
        if (!read_private_key(kind, bytes, key)) return false;
        of_key = text_of(key);
        return true;
    });
    return good && own == of_key;
}

}  // namespace weir::net
