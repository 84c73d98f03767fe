// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/tls_resume.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>

#include "runtime/net/tls_hooks.hpp"

namespace weir::net {

namespace {

TlsKeeper the_keeper;

bool read_key(std::string_view bytes, TlsTicketKey& key) {
    if (bytes.size() != 48 && bytes.size() != 80) return false;
    bool small = bytes.size() == 48;
    key = {};
    key.hmac_bytes = key.aes_bytes = small ? 16 : 32;
    std::memcpy(key.name, bytes.data(), 16);
    // The two forms have their halves in another order.
    std::memcpy(small ? key.aes : key.hmac, bytes.data() + 16, small ? 16 : 32);
    std::memcpy(small ? key.hmac : key.aes, bytes.data() + (small ? 32 : 48), small ? 16 : 32);
    return true;
}

std::string from_base64(std::string_view text) {
    std::string out(text.size(), '\0');
    int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
    if (size < 0) return {};
    for (auto c : {text.size() > 0 ? text[text.size() - 1] : 'x', text.size() > 1 ? text[text.size() - 2] : 'x'})
        if (c == '=') --size;
    out.resize(static_cast<std::size_t>(size));
    return out;
}

}  // namespace

void keep_sessions_by(const TlsKeeper& keeper) { the_keeper = keeper; }
const TlsKeeper& session_keeper() { return the_keeper; }

std::vector<TlsTicketKey> read_ticket_keys(const std::vector<ir::File>& files) {
    std::vector<TlsTicketKey> keys;
    for (const auto& file : files) {
        TlsTicketKey key;
        if (read_key(file->bytes, key)) {
            keys.push_back(key);
            continue;
        }
        std::vector<TlsTicketKey> lines;
        std::string_view rest = file->bytes;
        while (!rest.empty()) {
            auto end = std::min(rest.find('\n'), rest.size());
            auto line = rest.substr(0, end);
            rest.remove_prefix(std::min(end + 1, rest.size()));
            while (line.ends_with('\r') || line.ends_with(' ')) line.remove_suffix(1);
            if (line.empty()) continue;
            if (!read_key(from_base64(line), key)) return {};
            lines.push_back(key);
        }
        // The last but one makes tickets: the last is the next one, known to all before it is used.
        if (lines.size() >= 2) std::swap(lines[0], lines[lines.size() - 2]);
        keys.insert(keys.end(), lines.begin(), lines.end());
    }
    return keys;
}

namespace {

bool start_cipher(EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, const TlsTicketKey& key, const unsigned char* iv,
                  bool encrypts) {
    static EVP_CIPHER* const large = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
    static EVP_CIPHER* const small = EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<unsigned char*>(key.hmac), key.hmac_bytes),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
        OSSL_PARAM_construct_end()};
    const auto* algorithm = key.aes_bytes == 32 ? large : small;
    return EVP_CipherInit_ex(cipher, algorithm, nullptr, key.aes, iv, encrypts) == 1 &&
           EVP_MAC_CTX_set_params(mac, params) == 1;
}

}  // namespace

// ssl_ticket_key_cb(3): 1 = fine, 2 = fine, but make a new one, 0 = unknown key, a full handshake.
int TlsHooks::on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int encrypts) {
    auto* session = session_of(ssl);
    if (!session) return 0;
    const auto& own = session->context_->ticket_keys_;
    TlsTicketKey key;
    if (encrypts) {
        if (!own.empty())
            key = own.front();
        else if (!the_keeper.newest_key || !the_keeper.newest_key(the_keeper.self, key))
            return 0;
        std::memcpy(name, key.name, sizeof key.name);
        if (RAND_bytes(iv, 16) != 1) return -1;
        return start_cipher(cipher, mac, key, iv, true) ? 1 : -1;
    }
    bool newest = true;
    if (!own.empty()) {
        auto found = std::find_if(own.begin(), own.end(), [&](const TlsTicketKey& one) {
            return std::memcmp(one.name, name, sizeof one.name) == 0;
        });
        if (found == own.end()) return 0;
        key = *found;
        newest = found == own.begin();
    } else if (!the_keeper.find_key || !the_keeper.find_key(the_keeper.self, name, key, newest)) {
        return 0;
    }
    if (!start_cipher(cipher, mac, key, iv, false)) return -1;
    // Clients of TLS 1.3 take each ticket once (RFC 8446 appendix C.4): without a new one only every other
    // connection would be resumed.
    return newest && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

int TlsHooks::on_session_made(SSL* ssl, SSL_SESSION* made) {
    auto* session = session_of(ssl);
    // With a ticket the client keeps it itself.
    if (!session || !the_keeper.put || SSL_SESSION_has_ticket(made)) return 0;
    if (SSL_version(ssl) >= TLS1_3_VERSION && (SSL_get_options(ssl) & SSL_OP_NO_TICKET) == 0) return 0;
    unsigned size = 0;
    const auto* id = SSL_SESSION_get_id(made, &size);
    int bytes = i2d_SSL_SESSION(made, nullptr);
    if (bytes <= 0 || size == 0) return 0;
    std::string text(static_cast<std::size_t>(bytes), '\0');
    auto* end = reinterpret_cast<unsigned char*>(text.data());
    i2d_SSL_SESSION(made, &end);
    the_keeper.put(the_keeper.self, {reinterpret_cast<const char*>(id), size}, text);
    OPENSSL_cleanse(text.data(), text.size());
    return 0;
}

SSL_SESSION* TlsHooks::on_session_wanted(SSL* ssl, const unsigned char* id, int size, int* copied) {
    *copied = 0;
    std::string text;
    auto* session = session_of(ssl);
    if (!session || !the_keeper.find || size <= 0) return nullptr;
    if (!the_keeper.find(the_keeper.self, {reinterpret_cast<const char*>(id), static_cast<std::size_t>(size)}, text))
        return nullptr;
    const auto* from = reinterpret_cast<const unsigned char*>(text.data());
    auto* found = d2i_SSL_SESSION(nullptr, &from, static_cast<long>(text.size()));
    OPENSSL_cleanse(text.data(), text.size());
    return found;
}

void TlsHooks::resume_sessions(SSL_CTX* context, bool by_id) {
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
    // A client that opens one more connection needs one, and gets the next with that. OpenSSL makes two, each for
    // a twentieth of the cost of a handshake. (ssl_conf_command NumTickets)
    SSL_CTX_set_num_tickets(context, 1);
    // All contexts have these: OpenSSL asks the one that the connection began with.
    SSL_CTX_sess_set_new_cb(context, on_session_made);
    SSL_CTX_sess_set_get_cb(context, on_session_wanted);
    SSL_CTX_set_session_cache_mode(context, by_id ? SSL_SESS_CACHE_SERVER | SSL_SESS_CACHE_NO_INTERNAL
                                                  : SSL_SESS_CACHE_OFF);
}

}  // namespace weir::net
