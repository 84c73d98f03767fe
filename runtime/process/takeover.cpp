// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/takeover.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "runtime/process/request.hpp"
#include "runtime/process/signals.hpp"

namespace weir::process {

namespace {

constexpr int patience_ms = 5000;
constexpr std::size_t most_per_message = 253;   // SCM_MAX_FD of the kernel

bool is_socket(int fd) {
    struct stat about {};
    return ::fstat(fd, &about) == 0 && S_ISSOCK(about.st_mode);
}

std::string reason(const char* call, const std::string& path) {
    return fmt::format("{} \"{}\" failed ({}: {})", call, path, errno, std::strerror(errno));
}

// One message of descriptors; false when there is none.
bool receive_sockets(int from, std::vector<Fd>& into) {
    char bytes[65536];
    alignas(cmsghdr) char control[CMSG_SPACE(most_per_message * sizeof(int))];
    iovec piece{bytes, sizeof bytes};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = 0;
    do got = ::recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0) return false;
    bool any = false;
    for (auto* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        auto count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            into.emplace_back(fd);
            any = true;
        }
    }
    return any;
}

}  // namespace

std::string write_inherited(const std::vector<int>& descriptors) {
    std::string text;
    for (int fd : descriptors) text += std::to_string(fd) + ";";
    return text;
}

std::optional<std::vector<int>> read_inherited(std::string_view text) {
    std::vector<int> descriptors;
    while (!text.empty()) {
        auto end = text.find_first_of(";:");   // nginx takes both
        if (end == std::string_view::npos) return std::nullopt;
        int fd = -1;
        auto [rest, failure] = std::from_chars(text.data(), text.data() + end, fd);
        if (failure != std::errc() || rest != text.data() + end || fd < 3) return std::nullopt;
        descriptors.push_back(fd);
        text.remove_prefix(end + 1);
    }
    return descriptors;
}

std::vector<Fd> take_inherited() {
    std::vector<Fd> sockets;
    const char* text = std::getenv(inherit_variable);
    if (!text) return sockets;
    if (auto descriptors = read_inherited(text)) {
        for (int fd : *descriptors) {
            if (!is_socket(fd)) continue;
            ::fcntl(fd, F_SETFD, FD_CLOEXEC);
            ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
            sockets.emplace_back(fd);
        }
    }
    ::unsetenv(inherit_variable);
    return sockets;
}

std::vector<Fd> take_from_masters(const std::vector<pid_t>& pids) {
    std::vector<Fd> all;
    for (pid_t pid : pids) {
        auto reply = ask_master(pid, "sockets", patience_ms);
        if (!reply) continue;
        for (auto& socket : reply->sockets) all.push_back(std::move(socket));
    }
    return all;
}

Expected<std::vector<Fd>, std::string> take_from_stats_socket(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return Unexpected{reason("connect() to", path)};
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{.tv_sec = patience_ms / 1000, .tv_usec = 0};
    if (socket) ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Unexpected{reason("connect() to", path)};
    constexpr std::string_view request = "_getsocks\n";
    int count = 0;
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
            static_cast<ssize_t>(request.size()) ||
        ::recv(socket.get(), &count, sizeof count, MSG_WAITALL) != sizeof count)
        return Unexpected{reason("asking for the listening sockets at", path)};
    std::vector<Fd> sockets;
    while (count > 0 && sockets.size() < static_cast<std::size_t>(count)) {
        if (!receive_sockets(socket.get(), sockets))
            return Unexpected{fmt::format("\"{}\" gave {} of {} listening sockets", path, sockets.size(), count)};
        // HAProxy waits for a word after each message.
        int got = static_cast<int>(sockets.size());
        (void)::send(socket.get(), &got, sizeof got, MSG_NOSIGNAL);
    }
    return sockets;
}

pid_t start_binary(const std::vector<std::string>& arguments, const std::vector<SharedFd>& sockets) {
    // Everything that needs memory is made before fork().
    std::vector<int> descriptors;
    for (const auto& socket : sockets) descriptors.push_back(socket->get());
    const auto text = write_inherited(descriptors);
    std::vector<char*> words;
    for (const auto& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    for (int fd : descriptors) ::fcntl(fd, F_SETFD, 0);
    ::setenv(inherit_variable, text.c_str(), 1);
    unblock_signals();
    ::execvp(words[0], words.data());
    ::_exit(1);
}

}  // namespace weir::process
