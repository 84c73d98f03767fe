// SPDX-License-Identifier: Apache-2.0
// Datagrams to log servers. The messages of a turn leave with one sendmmsg().
#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/log/sink_kinds.hpp"

namespace weir::log {

namespace {

constexpr std::size_t most_messages = 64;

int open_unix(std::string_view path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

// "host", "host:port", "[v6]:port", and HAProxy's v6 without brackets, whose last colon starts the
// port.
std::pair<std::string, std::string> split_server(std::string_view text) {
    std::string host{text}, port{"514"};
    if (!text.empty() && text[0] == '[') {
        auto end = text.find(']');
        if (end == text.npos) return {host, port};
        host = text.substr(1, end - 1);
        if (text.size() > end + 2 && text[end + 1] == ':') port = text.substr(end + 2);
    } else if (auto colon = text.rfind(':'); colon != text.npos) {
        host = text.substr(0, colon);
        if (colon + 1 < text.size()) port = text.substr(colon + 1);
    }
    return {host, port};
}

int open_udp(std::string_view server) {
    auto [host, port] = split_server(server);
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    // A name that no address was put in for is looked up once, when its log is first used.
    int failed = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
    if (failed != 0) {
        errno = failed == EAI_SYSTEM ? errno : EADDRNOTAVAIL;
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        int error = errno;
        close(fd);
        fd = -1;
        errno = error;
    }
    freeaddrinfo(found);
    return fd;
}

}  // namespace

SyslogSink::SyslogSink(LogSinks& sinks, const ir::LogTarget& target)
    : LogSink(sinks, target.path), target_(target) {}

SyslogSink::~SyslogSink() { close_socket(); }

void SyslogSink::close_socket() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

void SyslogSink::reopen() { close_socket(); }

void SyslogSink::clear_pending() {
    pending_.clear();
    lengths_.clear();
}

int SyslogSink::open_socket() {
    std::string_view path = place_;
    if (path.starts_with("unix:")) path.remove_prefix(5);
    bool is_path = path.starts_with("/") || path.size() != place_.size();
    fd_ = is_path ? open_unix(path) : open_udp(path);
    return fd_ >= 0 ? 0 : errno;
}

void SyslogSink::append(std::string_view line, int severity) {
    if (target_.sample_size != 0) {
        sample_ = sample_ % target_.sample_size + 1;
        if (sample_ < target_.sample_low || sample_ > target_.sample_high) return;
    }
    std::size_t before = pending_.size();
    append_message(pending_, target_, sinks_.origin, severity, sinks_.wall_us(), line);
    lengths_.push_back(static_cast<std::uint32_t>(pending_.size() - before));
    ++pending_lines_;
}

// One system call; moves index and offset past what was taken.
int SyslogSink::send_some(std::size_t& index, std::size_t& offset) {
    std::array<mmsghdr, most_messages> messages{};
    std::array<iovec, most_messages> pieces{};
    std::size_t count = 0;
    for (std::size_t at = offset; count < most_messages && index + count < lengths_.size();
         ++count) {
        pieces[count] = {pending_.data() + at, lengths_[index + count]};
        messages[count].msg_hdr.msg_iov = &pieces[count];
        messages[count].msg_hdr.msg_iovlen = 1;
        at += lengths_[index + count];
    }
    int sent =
        sendmmsg(fd_, messages.data(), static_cast<unsigned>(count), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0) return errno;
    for (int i = 0; i < sent; ++i) offset += lengths_[index++];
    return 0;
}

int SyslogSink::send() {
    std::size_t index = 0, offset = 0;
    int error = 0;
    bool refused = false;
    while (index < lengths_.size()) {
        if (fd_ < 0) error = open_socket();
        if (error == 0) error = send_some(index, offset);
        if (error == 0) continue;
        if (error == EINTR) {
            error = 0;
        } else if (error == EMSGSIZE) {
            // Only this one is too large.
            count_lost(1);
            offset += lengths_[index++];
            error = 0;
        } else if (error == ECONNREFUSED && fd_ >= 0 && !refused) {
            // May tell of an earlier datagram (UDP), or of a server that has been restarted (Unix).
            refused = true;
            if (place_.find('/') != place_.npos) close_socket();
            error = 0;
        } else {
            break;
        }
    }
    if (error != 0 && error != EAGAIN && error != ENOBUFS) close_socket();
    pending_.erase(0, offset);
    lengths_.erase(lengths_.begin(), lengths_.begin() + static_cast<std::ptrdiff_t>(index));
    pending_lines_ = lengths_.size();
    return error;
}

}  // namespace weir::log
