// SPDX-License-Identifier: Apache-2.0
// What OpenSSL calls back: between tls.cpp and tls_context.cpp, of no interest to others.
#pragma once

#include <openssl/ssl.h>

#include "runtime/net/tls.hpp"

namespace weir::net {

// Bytes of early data that a client may send.
inline constexpr std::uint32_t most_early_data = 16384;

struct TlsHooks {
    static int receive(Stream& stream, BIO* bio, char* into, int room);
    static int send(Stream& stream, BIO* bio, const char* from, int bytes);
    static TlsSession* session_of(const SSL* ssl);
    static int on_hello(SSL* ssl, int* alert, void*);
    static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                       const unsigned char* in, unsigned int in_size, void*);
    static int on_verify(int fine, X509_STORE_CTX* context);
    static int on_early_data(SSL* ssl, void*);
    static int on_new_session(SSL* ssl, SSL_SESSION* made);
    static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int encrypts);
    static int on_session_made(SSL* ssl, SSL_SESSION* made);
    static SSL_SESSION* on_session_wanted(SSL* ssl, const unsigned char* id, int size, int* copied);
    static int on_certify(SSL* ssl, void*);
    static int on_status(SSL* ssl, void*);
    static int on_timestamps(SSL* ssl, unsigned type, unsigned where, const unsigned char** out, std::size_t* size,
                             X509* certificate, std::size_t index, int* alert, void*);
    static void send_more(SSL_CTX* context);
    static void resume_sessions(SSL_CTX* context, bool by_id);
    // What SSL_set_SSL_CTX() leaves as the first context said.
    static void take_rules(SSL* ssl, const TlsContext& from);
};

}  // namespace weir::net
