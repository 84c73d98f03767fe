// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/request.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "runtime/process/child.hpp"

namespace weir::process {

namespace {

// Containers may share a network namespace (and so this name space) but not their process ids.
socklen_t name_of(pid_t pid, sockaddr_un& address) {
    struct stat space {};
    if (::stat("/proc/self/ns/pid", &space) != 0) space.st_ino = 0;
    const std::string name = fmt::format("weir/{}/{}", space.st_ino, pid);
    address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
}

std::optional<ucred> peer_of(int socket) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return std::nullopt;
    return peer;
}

constexpr std::size_t most_connections = 64;

}  // namespace

Asker::~Asker() {
    if (socket_ >= 0) ::close(socket_);
}

void Asker::finish(int status, const std::string& text, std::vector<SharedFd> sockets) {
    for (std::size_t i = 0; i < sockets.size(); i += most_fds) {
        Message part;
        part.kind = Message::Kind::sockets;
        part.fds.assign(sockets.begin() + static_cast<std::ptrdiff_t>(i),
                        sockets.begin() + static_cast<std::ptrdiff_t>(
                                              std::min(sockets.size(), i + most_fds)));
        if (!send_message(socket_, part)) break;
    }
    Message message;
    message.kind = Message::Kind::answer;
    message.number = static_cast<std::uint64_t>(status);
    if (!text.empty()) {
        if (auto file = make_sealed_file(text))
            message.fds.push_back(std::make_shared<Fd>(std::move(*file)));
        else
            message.text = text;
    }
    // An asker that went away, or reads nothing, has only itself to blame.
    (void)send_message(socket_, message);
    ::close(socket_);
    socket_ = -1;
}

bool RequestServer::start(net::Loop& loop, Handler handler) {
    sockaddr_un address{};
    const socklen_t length = name_of(::getpid(), address);
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket ||
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
        ::listen(socket.get(), 16) != 0)
        return false;
    listener_ = std::move(socket);
    loop_ = &loop;
    handler_ = std::move(handler);
    watch_.owner = this;
    watch_.on_event = [](net::Watch& watch, std::uint32_t) {
        static_cast<RequestServer*>(watch.owner)->accept_all();
    };
    return watch_.attach_level(loop, listener_.get());
}

void RequestServer::accept_all() {
    for (;;) {
        Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) return;
        const auto peer = peer_of(socket.get());
        if (!peer || (peer->uid != 0 && peer->uid != ::geteuid()) ||
            connections_.size() >= most_connections)
            continue;
        const int fd = socket.get();
        auto connection = std::make_unique<Connection>();
        connection->socket = std::move(socket);
        connection->watch.owner = this;
        connection->watch.on_event = [](net::Watch& watch, std::uint32_t) {
            static_cast<RequestServer*>(watch.owner)->serve(watch.fd());
        };
        if (connection->watch.attach_level(*loop_, fd)) connections_[fd] = std::move(connection);
    }
}

// One request per connection; what is left to do is the answer.
void RequestServer::serve(int fd) {
    auto request = receive_message(fd);
    if (!request && errno == EAGAIN) return;
    std::shared_ptr<Asker> asker;
    if (request && request->kind == Message::Kind::request)
        asker = std::make_shared<Asker>(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    connections_[fd]->watch.detach();
    loop_->post([this, fd] { connections_.erase(fd); });   // its watch is in use right now
    if (asker) handler_(request->text, std::move(asker));
}

std::optional<Reply> ask_master(pid_t pid, const std::string& verb, int timeout_ms) {
    sockaddr_un address{};
    const socklen_t length = name_of(pid, address);
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
        return std::nullopt;
    const auto peer = peer_of(socket.get());
    if (!peer || peer->pid != pid) return std::nullopt;   // somebody else took the name
    Message request;
    request.kind = Message::Kind::request;
    request.text = verb;
    if (!send_message(socket.get(), request)) return std::nullopt;
    Reply reply;
    for (;;) {
        pollfd wanted{socket.get(), POLLIN, 0};
        const int ready = ::poll(&wanted, 1, timeout_ms);
        if (ready < 0 && errno == EINTR) continue;
        if (ready <= 0) {
            reply.text = "no answer from the master in time\n";
            return reply;
        }
        auto message = receive_message(socket.get());
        if (!message) {
            if (errno == EAGAIN) continue;
            reply.text = "the master ended before it answered\n";
            return reply;
        }
        if (message->kind == Message::Kind::sockets) {
            for (auto& fd : message->fds) reply.sockets.push_back(std::move(*fd));
            continue;
        }
        reply.status = static_cast<int>(message->number);
        reply.text = message->text;
        if (!message->fds.empty())
            if (auto text = read_whole(message->fds[0]->get())) reply.text = *text;
        return reply;
    }
}

}  // namespace weir::process
