// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/stream.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "runtime/net/tls.hpp"

namespace weir::net {

Stream::Stream() = default;
Stream::~Stream() { close(); }

bool Stream::open(Loop& loop, int fd) {
    if (watch.attach(loop, fd)) return true;
    int saved = errno;
    ::close(fd);
    errno = saved;
    return false;
}

Io Stream::receive(char* into, std::size_t bytes) {
    for (;;) {
        ssize_t got = ::recv(fd(), into, bytes, 0);
        if (got > 0) {
            // A short read emptied the socket: the next edge will tell of more (epoll(7)). Behind a
            // FIN that was there before nothing more comes, unless the read stopped at an urgent mark.
            bool emptied = static_cast<std::size_t>(got) < bytes;
            if (emptied && !watch.peer_closed) watch.readable = false;
            return {.bytes = static_cast<std::size_t>(got),
                    .last = emptied && watch.peer_closed && !watch.broken && !watch.urgent};
        }
        if (got == 0) return {Io::State::end, 0, 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            watch.readable = false;
            return {Io::State::blocked, 0, 0};
        }
        return {Io::State::failed, 0, errno};
    }
}

Io Stream::send(std::span<const iovec> pieces, bool more) {
    int flags = MSG_NOSIGNAL | (more ? MSG_MORE : 0);
    for (;;) {
        ssize_t sent;
        if (pieces.size() == 1) {
            sent = ::send(fd(), pieces[0].iov_base, pieces[0].iov_len, flags);
        } else {
            msghdr message{};
            message.msg_iov = const_cast<iovec*>(pieces.data());
            message.msg_iovlen = pieces.size();
            sent = ::sendmsg(fd(), &message, flags);
        }
        if (sent >= 0) return {Io::State::ok, static_cast<std::size_t>(sent), 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            watch.writable = false;
            return {Io::State::blocked, 0, 0};
        }
        return {Io::State::failed, 0, errno};
    }
}

Io Stream::read_tls(char* into, std::size_t bytes) { return tls_->read(*this, into, bytes); }

Io Stream::write_tls(std::span<const iovec> pieces, bool more) { return tls_->write(*this, pieces, more); }

void Stream::start_tls(std::unique_ptr<TlsSession> session) {
    tls_ = std::move(session);
    tls_->attach(*this);
}

std::string Stream::stop_tls() {
    auto sent = tls_ ? tls_->take_plain() : std::string();
    tls_.reset();
    return sent;
}

bool Stream::nothing_to_read() {
    if (!watch.readable) return true;
    if (tls_) return tls_->nothing_to_read(*this);
    char byte;
    if (::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN) return false;
    watch.readable = false;
    return true;
}

void Stream::finish_writing() {
    if (tls_) tls_->say_goodbye(*this);
    ::shutdown(fd(), SHUT_WR);
}

void Stream::close() {
    if (!is_open()) return;
    if (tls_) {
        tls_->say_goodbye(*this);
        tls_.reset();
    }
    int descriptor = fd();
    watch.detach();
    ::close(descriptor);
}

void Stream::reset() {
    if (!is_open()) return;
    linger hard{1, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    tls_.reset();
    close();
}

void advance(std::span<iovec>& pieces, std::size_t bytes) {
    while (!pieces.empty() && bytes >= pieces[0].iov_len) {
        bytes -= pieces[0].iov_len;
        pieces = pieces.subspan(1);
    }
    if (bytes != 0) {
        pieces[0].iov_base = static_cast<char*>(pieces[0].iov_base) + bytes;
        pieces[0].iov_len -= bytes;
    }
}

bool write_all_now(Stream& stream, std::span<iovec>& pieces, WriteAll& result, bool end_follows) {
    while (!pieces.empty()) {
        auto outcome = stream.write(pieces, end_follows);
        if (outcome.state == Io::State::blocked) return false;
        if (outcome.state == Io::State::failed) {
            result.state = outcome.state;
            result.error = outcome.error;
            return true;
        }
        result.done += outcome.bytes;
        advance(pieces, outcome.bytes);
    }
    return true;
}

Task<WriteAll> write_all_slowly(Stream& stream, std::span<iovec> pieces, Time timeout,
                                WriteAll so_far, Time deadline) {
    while (!pieces.empty()) {
        Time limit = timeout == never ? never : stream.watch.loop().now() + timeout;
        auto waited = co_await writable(stream.watch, std::min(limit, deadline));
        if (waited != Waited::ready) {
            so_far.timed_out = true;
            so_far.aborted = waited == Waited::aborted;
            so_far.state = Io::State::failed;
            co_return so_far;
        }
        Io result = stream.write(pieces);
        if (result.state == Io::State::failed) {
            so_far.state = result.state;
            so_far.error = result.error;
            co_return so_far;
        }
        so_far.done += result.bytes;
        advance(pieces, result.bytes);
    }
    co_return so_far;
}

Task<WriteAll> write_all(Stream& stream, std::string_view bytes, Time timeout, Time deadline) {
    iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    std::span<iovec> rest(&piece, bytes.empty() ? 0 : 1);
    WriteAll result;
    if (!write_all_now(stream, rest, result))
        result = co_await write_all_slowly(stream, rest, timeout, result, deadline);
    co_return result;
}

int start_connect(const pool::SocketAddress& target, const ConnectOptions& options) {
    int type = (options.datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
    int fd = ::socket(target.family(), type, 0);
    if (fd < 0) return -1;
    int one = 1;
    if (options.keepalive) ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    if (options.transparent) {
        bool v6 = target.family() == AF_INET6;
        ::setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, &one,
                     sizeof one);
    }
    if (options.bind) {
        // With a port of its own the address is taken again while old connections linger.
        ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        ::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (::bind(fd, options.bind->get(), options.bind->length) != 0) {
            int saved = errno;
            ::close(fd);
            errno = saved;
            return -1;
        }
    }
    if (::connect(fd, target.get(), target.length) != 0 && errno != EINPROGRESS) {
        int saved = errno;
        ::close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

Allowance allowed_by_rate(std::uint64_t rate, Time elapsed, std::uint64_t passed) {
    auto second = static_cast<std::uint64_t>(elapsed) / 1000 + 1;
    auto so_far = rate > UINT64_MAX / second ? UINT64_MAX : rate * second;
    if (so_far > passed) return {so_far - passed, 0};
    auto behind = passed - so_far;
    auto seconds = behind / rate;
    if (seconds > 3600) return {0, 3600 * 1000};
    return {0, static_cast<Time>(seconds * 1000 + behind % rate * 1000 / rate + 1)};
}

bool set_mark(int fd, std::uint32_t mark) {
    return ::setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

bool set_type_of_service(int fd, int value) {
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
    bool v4 = ::setsockopt(fd, IPPROTO_IP, IP_TOS, &value, sizeof value) == 0;
    // An IPv6 socket has both: it may carry a mapped IPv4 connection.
    return family == AF_INET6 ? ::setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &value, sizeof value) == 0 : v4;
}

int connect_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return errno;
    return error;
}

namespace {

struct Pipe {
    int in = -1, out = -1;
    std::uint64_t capacity = 0;
};
// Only empty pipes come back here.
thread_local std::vector<Pipe> idle_pipes;
constexpr std::size_t most_idle_pipes = 64;
constexpr int wanted_pipe_bytes = 1 << 20;
constexpr int modest_pipe_bytes = 1 << 18;

}  // namespace

bool Splice::prepare() {
    if (in_ >= 0) return true;
    if (!idle_pipes.empty()) {
        auto pipe = idle_pipes.back();
        idle_pipes.pop_back();
        in_ = pipe.in;
        out_ = pipe.out;
        capacity_ = pipe.capacity;
        return true;
    }
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return false;
    out_ = ends[0];
    in_ = ends[1];
    // The kernel limits the pipe memory of a user; a small pipe still works.
    int size = ::fcntl(in_, F_SETPIPE_SZ, wanted_pipe_bytes);
    if (size < 0) size = ::fcntl(in_, F_SETPIPE_SZ, modest_pipe_bytes);
    if (size < 0) size = ::fcntl(in_, F_GETPIPE_SZ);
    capacity_ = size > 0 ? static_cast<std::uint64_t>(size) : 65536;
    return true;
}

Splice::~Splice() {
    if (in_ < 0) return;
    if (held_ == 0 && idle_pipes.size() < most_idle_pipes) {
        idle_pipes.push_back({in_, out_, capacity_});
        return;
    }
    ::close(in_);
    ::close(out_);
}

Io Splice::fill(Stream& from, std::uint64_t most) {
    for (;;) {
        ssize_t moved = ::splice(from.fd(), nullptr, in_, nullptr, most,
                                 SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved > 0) {
            held_ += static_cast<std::uint64_t>(moved);
            return {Io::State::ok, static_cast<std::size_t>(moved), 0};
        }
        if (moved == 0) return {Io::State::end, 0, 0};
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            // The pipe may be full instead of the socket empty: then there is something to drain,
            // and the caller comes back here after it.
            if (held_ == 0) from.watch.readable = false;
            return {Io::State::blocked, 0, 0};
        }
        return {Io::State::failed, 0, errno};
    }
}

Io Splice::drain(Stream& to, bool more) {
    for (;;) {
        ssize_t moved =
            ::splice(out_, nullptr, to.fd(), nullptr, held_,
                     SPLICE_F_MOVE | SPLICE_F_NONBLOCK | (more ? SPLICE_F_MORE : 0u));
        if (moved > 0) {
            held_ -= static_cast<std::uint64_t>(moved);
            return {Io::State::ok, static_cast<std::size_t>(moved), 0};
        }
        if (moved < 0 && errno == EINTR) continue;
        if (moved < 0 && errno == EAGAIN) {
            to.watch.writable = false;
            return {Io::State::blocked, 0, 0};
        }
        return {Io::State::failed, 0, moved < 0 ? errno : EPIPE};
    }
}

}  // namespace weir::net
