// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/idle_body.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace weir::process {

void IdleBody::drain(int fd) {
    for (int one = 0; (one = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) ::close(one);
}

void IdleBody::watch(const std::vector<ListenSocket>& sockets) {
    for (const auto& socket : sockets) {
        auto& watch = watches_[socket.fd];
        if (watch) continue;
        watch = std::make_unique<net::Watch>();
        watch->on_event = [](net::Watch& ready, std::uint32_t) { drain(ready.fd()); };
        watch->attach_level(*loop_, socket.fd, true);
    }
}

Expected<void, std::string> IdleBody::start(net::Loop& loop, const WorkerStart& start) {
    loop_ = &loop;
    watch(start.sockets);
    return {};
}

Expected<void, std::string> IdleBody::prepare(const Setup& next) {
    next_ = next.sockets;
    return {};
}

void IdleBody::commit() {
    for (auto it = watches_.begin(); it != watches_.end();) {
        const bool kept = std::any_of(next_.begin(), next_.end(), [&](const auto& socket) {
            return socket.fd == it->first;
        });
        if (!kept) drain(it->first);
        it = kept ? std::next(it) : watches_.erase(it);
    }
    watch(next_);
    next_.clear();
}

void IdleBody::stop_accepting(bool last) {
    if (last)
        for (const auto& [fd, watch] : watches_) drain(fd);
    watches_.clear();
}

}  // namespace weir::process
