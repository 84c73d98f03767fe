// SPDX-License-Identifier: Apache-2.0
// How `-s reload`, `ping` and a newer master talk to the running one: an abstract Unix socket named
// after the master's process id, found through the pid file. Only root and the master's own user are
// heard. The answer comes when the outcome is known.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/net/loop.hpp"
#include "runtime/process/control.hpp"

namespace weir::process {

// One asker. finish() answers; a destroyed Asker that did not answer hangs up.
class Asker {
public:
    explicit Asker(int socket) : socket_(socket) {}
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;
    void finish(int status, const std::string& text, std::vector<SharedFd> sockets = {});

private:
    int socket_;   // a duplicate, closed by finish() or with this
};

class RequestServer {
public:
    using Handler = std::function<void(const std::string& verb, std::shared_ptr<Asker> asker)>;
    // False with errno: the master works without, requests fall back to signals.
    bool start(net::Loop& loop, Handler handler);

private:
    void accept_all();
    void serve(int fd);

    Fd listener_;
    net::Watch watch_;
    net::Loop* loop_ = nullptr;
    Handler handler_;
    struct Connection {
        Fd socket;
        net::Watch watch;
    };
    std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

struct Reply {
    int status = 1;
    std::string text;
    std::vector<Fd> sockets;
};
// Asks the master with this process id; nothing when there is no such master to talk to.
std::optional<Reply> ask_master(pid_t pid, const std::string& verb, int timeout_ms);

}  // namespace weir::process
