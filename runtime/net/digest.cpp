// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/digest.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/random.h>

#include <cstring>

namespace weir::net {
namespace {

const EVP_MD* algorithm(Digest kind) {
    switch (kind) {
        case Digest::md5: return EVP_md5();
        case Digest::sha1: return EVP_sha1();
        case Digest::sha224: return EVP_sha224();
        case Digest::sha256: return EVP_sha256();
        case Digest::sha384: return EVP_sha384();
        case Digest::sha512: return EVP_sha512();
    }
    return nullptr;
}

}  // namespace

std::size_t digest(Digest kind, std::string_view bytes, unsigned char* out) {
    unsigned int size = 0;
    if (!EVP_Digest(bytes.data(), bytes.size(), out, &size, algorithm(kind), nullptr)) return 0;
    return size;
}

namespace {

const EVP_MD* named(std::string_view name) {
    char text[32];
    if (name.size() >= sizeof text) return nullptr;
    std::memcpy(text, name.data(), name.size());
    text[name.size()] = 0;
    return EVP_get_digestbyname(text);
}

}  // namespace

bool knows_digest(std::string_view name) { return named(name) != nullptr; }

std::size_t digest(std::string_view name, std::string_view bytes, unsigned char* out) {
    const auto* kind = named(name);
    unsigned int size = 0;
    if (!kind || !EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr)) return 0;
    return size;
}

std::size_t hmac(std::string_view name, std::string_view key, std::string_view bytes, unsigned char* out) {
    const auto* kind = named(name);
    unsigned int size = 0;
    if (!kind || !HMAC(kind, key.data(), static_cast<int>(key.size()),
                       reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out, &size))
        return 0;
    return size;
}

void random_bytes(unsigned char* out, std::size_t count) {
    // The kernel is asked for a stock, not for every identifier.
    static thread_local unsigned char stock[1024];
    static thread_local std::size_t left = 0;
    while (count) {
        if (!left) {
            const ssize_t got = getrandom(stock, sizeof stock, 0);
            if (got <= 0) continue;
            left = static_cast<std::size_t>(got);
        }
        const std::size_t piece = count < left ? count : left;
        std::memcpy(out, stock + left - piece, piece);
        std::memset(stock + left - piece, 0, piece);
        left -= piece;
        out += piece;
        count -= piece;
    }
}

}  // namespace weir::net
