// SPDX-License-Identifier: Apache-2.0
// Sockets on the loopback address, ready for the event loop: non-blocking, without Nagle's delay.
#pragma once

#include "loop.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace weir::bench {

inline sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

inline void send_at_once(int number) {
    int const on = 1;
    ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/// Fixes how much one connection keeps in flight. Left to the kernel, the windows of a 1 MB answer
/// grow to many megabytes in one run and not in the next, and the cache misses of that decide the
/// result; a client across a network has no such window either.
inline void bound_buffers(int number) {
    int const size = 256 * 1024;
    ::setsockopt(number, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    ::setsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

/// Listens on 127.0.0.1; port 0 lets the kernel pick. Returns the socket and its port.
inline std::pair<Descriptor, std::uint16_t> listen_on(std::uint16_t port) {
    Descriptor listener{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    int const on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto address = loopback(port);
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (!listener || ::bind(listener.get(), plain, sizeof address) != 0 ||
        ::listen(listener.get(), 4096) != 0)
        throw std::system_error{errno, std::generic_category(), "listen"};
    socklen_t size = sizeof address;
    ::getsockname(listener.get(), plain, &size);
    return {std::move(listener), ntohs(address.sin_port)};
}

/// Starts a connection; the loop reports it writable when it stands. Empty when refused at once.
inline Descriptor start_connect(std::uint16_t port) {
    Descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    auto address = loopback(port);
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (!socket || (::connect(socket.get(), plain, sizeof address) != 0 && errno != EINPROGRESS))
        return {};
    send_at_once(socket.get());
    return socket;
}

inline Descriptor accept_from(int listener) {
    Descriptor socket{::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (socket) send_at_once(socket.get());
    return socket;
}

}  // namespace weir::bench
