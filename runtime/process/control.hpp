// SPDX-License-Identifier: Apache-2.0
// The control channel between the master and one child: whole messages over a SOCK_SEQPACKET pair,
// descriptors beside them (SCM_RIGHTS). Neither side ever blocks: what does not fit waits in a queue.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "parser/base/expected.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

struct Message {
    enum class Kind : std::uint32_t {
        // master to child
        sockets,        // text: one key per line; fds: the sockets, in that order
        logs,           // text: one path per line; fds: the files; new ones, or (swap) anew opened
        prepare,        // number: reload; fds: serialized SourceSet
        commit, abort,  // number: reload
        stop_fast,
        stop_graceful,  // number: 1 = nobody else will accept
        amended,        // number: as asked; text: why not, or empty
        // child to master
        started,
        ready,          // number: reload
        failed,         // number: reload, 0 = the start; text: why
        committed,      // number: reload
        amend,          // warden; number: its own, for the answer; fds: serialized amendments
        // between a command line and the master (request.hpp)
        request,        // text: the verb
        answer,         // number: exit status; fds: a file with what to print, or none
        last_,
    };
    Kind kind = Kind::last_;
    std::uint64_t number = 0;
    bool swap = false;
    std::string text;
    std::vector<SharedFd> fds;
};

inline constexpr std::size_t longest_text = 32768;   // longer ones are cut
inline constexpr std::size_t most_fds = 200;         // the kernel takes 253 per message

// One message on a socket. send: false with errno (EAGAIN: later). receive: nothing with errno
// (EAGAIN; 0 = the other side is gone; EBADMSG = not a message).
bool send_message(int socket, const Message& message);
std::optional<Message> receive_message(int socket);

// "a\nb" to {"a", "b"}.
std::vector<std::string> lines_of(const std::string& text);

class Channel {
public:
    // A connected pair: the first stays, the second is the child's.
    static Expected<std::pair<Fd, Fd>, std::string> make_pair();

    explicit Channel(Fd socket) : socket_(std::move(socket)) {}
    // Callbacks may send, but must not destroy the channel (post that to the loop).
    bool attach(net::Loop& loop, std::function<void(Message)> on_message,
                std::function<void()> on_closed);
    void send(Message message);
    void send(Message::Kind kind, std::uint64_t number = 0, std::string text = {});
    [[nodiscard]] int fd() const { return socket_.get(); }
    // Waits at most so long until everything queued is sent (before a process ends).
    void flush(int milliseconds);
    void close();

private:
    void on_event();
    void write_queue();

    Fd socket_;
    net::Watch watch_;
    std::deque<Message> queue_;
    std::function<void(Message)> on_message_;
    std::function<void()> on_closed_;
};

}  // namespace weir::process
