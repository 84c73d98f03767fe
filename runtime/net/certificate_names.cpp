// SPDX-License-Identifier: Apache-2.0
// The names of a certificate, read from its DER (RFC 5280 section 4.1): every process needs those of
// all certificates at every reload, and OpenSSL would decode each public key along the way.
#include <openssl/err.h>
#include <openssl/pem.h>

#include <memory>

#include "runtime/net/der.hpp"
#include "runtime/net/tls.hpp"

namespace weir::net {

namespace {

using namespace der;

constexpr std::string_view subject_alternative("\x55\x1d\x11", 3), common_name("\x55\x04\x03", 3);

std::string lower(std::string_view text) {
    std::string name(text);
    for (char& c : name)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    return name;
}

void add_alternatives(std::string_view list, std::vector<std::string>& names) {
    std::string_view extension, inside, id, value, general;
    Elements all{list};
    for (Elements each{all.take(sequence, inside) ? inside : ""}; each.take(sequence, extension);) {
        Elements parts{extension};
        if (!parts.take(object_id, id) || id != subject_alternative) continue;
        while (!parts.rest.empty() && !parts.next_is(octets))
            if (!parts.take(value)) return;   // critical
        if (!parts.take(octets, value)) return;
        Elements outer{value};
        for (Elements name{outer.take(sequence, inside) ? inside : ""}; !name.rest.empty();) {
            bool is_dns = name.next_is(dns_name);
            if (!name.take(general)) return;
            if (is_dns) names.push_back(lower(general));
        }
        return;
    }
}

void add_common_names(std::string_view subject, std::vector<std::string>& names) {
    std::string_view relative, pair, id, value;
    for (Elements each{subject}; each.take(set, relative);)
        for (Elements inner{relative}; inner.take(sequence, pair);) {
            Elements parts{pair};
            if (parts.take(object_id, id) && id == common_name && parts.take(value))
                names.push_back(lower(value));
        }
}

// The first certificate of a PEM file, as DER.
std::string first_certificate(std::string_view pem) {
    std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                  BIO_free);
    std::string der;
    char *name = nullptr, *header = nullptr;
    unsigned char* bytes = nullptr;
    long size = 0;
    while (der.empty() && PEM_read_bio(bio.get(), &name, &header, &bytes, &size) == 1) {
        std::string_view kind(name);
        if (kind == PEM_STRING_X509 || kind == PEM_STRING_X509_OLD || kind == PEM_STRING_X509_TRUSTED)
            der.assign(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(bytes);
    }
    ERR_clear_error();
    return der;
}

}  // namespace

std::vector<std::string> names_in(std::string_view pem) {
    std::vector<std::string> names;
    auto der = first_certificate(pem);
    std::string_view certificate, body, subject, list;
    Elements file{der};
    if (!file.take(sequence, certificate)) return names;
    Elements outer{certificate};
    if (!outer.take(sequence, body)) return names;
    Elements parts{body};
    parts.skip(tagged_0);   // version
    // serial number, algorithm, issuer, validity, subject, public key
    bool whole = parts.skip(integer) && parts.skip(sequence) && parts.skip(sequence) && parts.skip(sequence) &&
                 parts.take(sequence, subject) && parts.skip(sequence);
    if (!whole) return names;
    while (!parts.rest.empty() && !parts.next_is(tagged_3)) {
        std::string_view unique_id;
        if (!parts.take(unique_id)) return names;
    }
    if (parts.take(tagged_3, list)) add_alternatives(list, names);
    add_common_names(subject, names);
    return names;
}

}  // namespace weir::net
