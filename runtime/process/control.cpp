// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/control.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::process {

namespace {

struct Head {
    std::uint32_t kind;
    std::uint32_t swap;
    std::uint64_t number;
};

}  // namespace

bool send_message(int socket, const Message& message) {
    Head head{static_cast<std::uint32_t>(message.kind), message.swap, message.number};
    iovec parts[2] = {{&head, sizeof head},
                      {const_cast<char*>(message.text.data()),
                       std::min(message.text.size(), longest_text)}};
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * most_fds)];
    if (!message.fds.empty()) {
        const std::size_t count = std::min(message.fds.size(), most_fds);
        header.msg_control = space;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        std::memset(space, 0, header.msg_controllen);
        cmsghdr* rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
        for (std::size_t i = 0; i < count; ++i) {
            const int fd = message.fds[i]->get();
            std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
        }
    }
    for (;;) {
        if (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
        if (errno != EINTR) return false;
    }
}

std::optional<Message> receive_message(int socket) {
    Head head{};
    std::string text(longest_text, '\0');
    iovec parts[2] = {{&head, sizeof head}, {text.data(), text.size()}};
    alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int) * most_fds)];
    msghdr header{};
    header.msg_iov = parts;
    header.msg_iovlen = 2;
    header.msg_control = space;
    header.msg_controllen = sizeof space;
    ssize_t got = -1;
    do got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        if (got == 0) errno = 0;
        return std::nullopt;
    }
    Message message;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            message.fds.push_back(std::make_shared<Fd>(fd));
        }
    }
    // MSG_CTRUNC (this process has no descriptors left, some of the fds are lost) is no reason to give
    // the channel up: whoever needs the fds counts them.
    if (static_cast<std::size_t>(got) < sizeof head ||
        head.kind >= static_cast<std::uint32_t>(Message::Kind::last_)) {
        errno = EBADMSG;
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(got) - sizeof head);
    message.kind = static_cast<Message::Kind>(head.kind);
    message.swap = head.swap != 0;
    message.number = head.number;
    message.text = std::move(text);
    return message;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        lines.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return lines;
}

Expected<std::pair<Fd, Fd>, std::string> Channel::make_pair() {
    int both[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both) != 0)
        return Unexpected{std::string("socketpair() failed: ") + std::strerror(errno)};
    return std::pair{Fd(both[0]), Fd(both[1])};
}

bool Channel::attach(net::Loop& loop, std::function<void(Message)> on_message,
                     std::function<void()> on_closed) {
    on_message_ = std::move(on_message);
    on_closed_ = std::move(on_closed);
    watch_.owner = this;
    watch_.on_event = [](net::Watch& watch, std::uint32_t) {
        static_cast<Channel*>(watch.owner)->on_event();
    };
    return watch_.attach(loop, socket_.get());
}

void Channel::on_event() {
    write_queue();
    while (socket_) {
        auto message = receive_message(socket_.get());
        if (message) {
            on_message_(std::move(*message));
            continue;
        }
        if (errno == EAGAIN) return;
        close();
        if (on_closed_) on_closed_();
    }
}

void Channel::write_queue() {
    while (socket_ && !queue_.empty()) {
        if (!send_message(socket_.get(), queue_.front())) {
            if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS) return;
            queue_.clear();   // the reader is gone; its end is seen on the reading side
            return;
        }
        queue_.pop_front();
    }
}

void Channel::send(Message message) {
    queue_.push_back(std::move(message));
    write_queue();
}

void Channel::send(Message::Kind kind, std::uint64_t number, std::string text) {
    Message message;
    message.kind = kind;
    message.number = number;
    message.text = std::move(text);
    send(std::move(message));
}

void Channel::flush(int milliseconds) {
    write_queue();
    for (int tries = 0; socket_ && !queue_.empty() && tries < 10; ++tries) {
        pollfd wanted{socket_.get(), POLLOUT, 0};
        if (::poll(&wanted, 1, milliseconds / 10 + 1) < 0 && errno != EINTR) return;
        write_queue();
    }
}

void Channel::close() {
    watch_.detach();
    socket_.reset();
    queue_.clear();
}

}  // namespace weir::process
