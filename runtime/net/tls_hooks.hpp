// SPDX-License-Identifier: Apache-2.0
// What OpenSSL calls back: between tls.cpp and tls_context.cpp, of no interest to others.
#pragma once

#include <openssl/ssl.h>

#include "runtime/net/tls.hpp"

namespace weir::net {

struct TlsHooks {
    static int receive(Stream& stream, BIO* bio, char* into, int room);
    static int send(Stream& stream, BIO* bio, const char* from, int bytes);
    static TlsSession* session_of(const SSL* ssl);
    static int on_hello(SSL* ssl, int* alert, void*);
    static int on_alpn(SSL* ssl, const unsigned char** out, unsigned char* out_size,
                       const unsigned char* in, unsigned int in_size, void*);
    static int on_new_session(SSL* ssl, SSL_SESSION* made);
    // What SSL_set_SSL_CTX() leaves as the first context said.
    static void take_rules(SSL* ssl, const TlsContext& from);
};

}  // namespace weir::net
