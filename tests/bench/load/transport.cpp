// SPDX-License-Identifier: Apache-2.0
// See transport.hpp. The handshake is done by the first send().
#include "transport.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <utility>

namespace weir::bench {

TlsClient::TlsClient(Tls how) : how_{how}, rules_{SSL_CTX_new(TLS_client_method())} {
    if (!rules_) throw std::runtime_error{"no TLS"};
    SSL_CTX_set_mode(rules_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(rules_, SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_session_cache_mode(rules_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(rules_, this);
    // The newest one: servers may take each ticket only once.
    SSL_CTX_sess_set_new_cb(rules_, [](SSL* tls, SSL_SESSION* session) {
        auto& self = *static_cast<TlsClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(tls)));
        if (self.how_ != Tls::resumed) return 0;
        SSL_SESSION_free(std::exchange(self.session_, session));
        return 1;
    });
}

TlsClient::~TlsClient() {
    SSL_SESSION_free(session_);
    SSL_CTX_free(rules_);
}

void Transport::Free::operator()(ssl_st* tls) const { SSL_free(tls); }

void Transport::open(int number, TlsClient* tls) {
    number_ = number;
    shared_ = tls;
    counted_ = false;
    tls_.reset(tls ? SSL_new(tls->rules_) : nullptr);
    if (!tls_) return;
    SSL_set_fd(tls_.get(), number);
    SSL_set_tlsext_host_name(tls_.get(), "bench.example");
    SSL_set_connect_state(tls_.get());
    if (tls->session_) SSL_set_session(tls_.get(), tls->session_);
}

void Transport::close() {
    // A session whose connection was not closed in order is not resumed.
    if (tls_) SSL_set_shutdown(tls_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    tls_.reset();
    number_ = -1;
}

ssize_t Transport::outcome(int result) {
    if (!counted_ && SSL_is_init_finished(tls_.get())) {
        counted_ = true;
        if (SSL_session_reused(tls_.get())) ++shared_->resumed_;
    }
    if (result > 0) return result;
    auto const why = SSL_get_error(tls_.get(), result);
    ERR_clear_error();
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

ssize_t Transport::send(char const* bytes, std::size_t size) {
    if (!tls_) return ::send(number_, bytes, size, MSG_NOSIGNAL);
    return outcome(SSL_write(tls_.get(), bytes, static_cast<int>(size)));
}

ssize_t Transport::receive(char* into, std::size_t size, int flags) {
    if (!tls_) return ::recv(number_, into, size, flags);
    return outcome(SSL_read(tls_.get(), into, static_cast<int>(size)));
}

}  // namespace weir::bench
