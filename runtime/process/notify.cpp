// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/notify.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "runtime/process/fd.hpp"

namespace weir::process {

namespace {

std::string& target() {
    static std::string path;
    return path;
}

}  // namespace

void keep_notify_socket() {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (!path) return;
    target() = path;
    ::unsetenv("NOTIFY_SOCKET");
}

void notify(const std::string& state) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& path = target();
    if (path.empty() || path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.data(), path.size());
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // systemd not taking it is no reason to stop serving.
    if (socket)
        ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), length);
}

void notify_ready(const std::string& status) {
    notify(fmt::format("READY=1\nMAINPID={}\nSTATUS={}\n", ::getpid(), status));
}

void notify_reloading() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    notify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=Reloading.\n",
                       static_cast<long long>(now.tv_sec) * 1000000 + now.tv_nsec / 1000));
}

void notify_stopping() { notify("STOPPING=1\nSTATUS=Stopping.\n"); }

}  // namespace weir::process
