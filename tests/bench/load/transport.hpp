// SPDX-License-Identifier: Apache-2.0
// The bytes of one client connection, plain or under TLS. Both never block; as with the system calls,
// -1 with errno EAGAIN says that an event of the socket comes first, 0 that the peer has ended.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>

struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace weir::bench {

enum class Tls { none, full, resumed };

/// What the connections of a run share: the rules, and the session that is resumed.
class TlsClient {
public:
    explicit TlsClient(Tls how);
    ~TlsClient();
    TlsClient(TlsClient const&) = delete;
    TlsClient& operator=(TlsClient const&) = delete;

    std::size_t resumed() const { return resumed_; }

private:
    friend class Transport;
    Tls how_;
    ssl_ctx_st* rules_ = nullptr;
    ssl_session_st* session_ = nullptr;
    std::size_t resumed_ = 0;
};

class Transport {
public:
    /// Over a descriptor that is connecting or stands; `tls` null: plain.
    void open(int number, TlsClient* tls);
    void close();
    bool plain() const { return !tls_; }
    ssize_t send(char const* bytes, std::size_t size);
    ssize_t receive(char* into, std::size_t size, int flags);

private:
    struct Free {
        void operator()(ssl_st* tls) const;
    };
    ssize_t outcome(int result);

    int number_ = -1;
    TlsClient* shared_ = nullptr;
    std::unique_ptr<ssl_st, Free> tls_;
    bool counted_ = false;
};

}  // namespace weir::bench
