// SPDX-License-Identifier: Apache-2.0
// The floor: a bare relay of bytes between each client and a server connection of its own, without
// HTTP, rules, time-outs or counters. What it costs is what the kernel charges any proxy for the
// same traffic; a proxy's own work is the difference. It reads and writes through one buffer, or
// with "splice" moves the bytes through a pipe.
//
//   relay PORT SERVER_PORT copy|splice
#include "sockets.hpp"

#include <fcntl.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace weir::bench {
namespace {

constexpr std::size_t most_at_once = 64 * 1024;
std::array<char, most_at_once> buffer;

class Pair;

/// One of the two sockets of a pair, and what still waits to be written to it.
class Side final : public Handler {
public:
    Side(Pair& pair, Descriptor socket) : pair_{pair}, socket_{std::move(socket)} {}

    void on_ready(std::uint32_t events) override;
    int number() const { return socket_.get(); }
    bool write(std::string_view bytes);
    bool flush();
    bool full() const { return !waiting_.empty(); }

private:
    Pair& pair_;
    Descriptor socket_;
    std::string waiting_;
};

/// Two pipes, made on first use, for the bytes that splice moves each way.
struct Pipe {
    Descriptor in, out;
    std::size_t held = 0;

    bool open() {
        if (in) return true;
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_NONBLOCK | O_CLOEXEC) != 0) return false;
        out = Descriptor{ends[0]};
        in = Descriptor{ends[1]};
        ::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);
        return true;
    }
};

class Pair final : public Handler {
public:
    Pair(Loop& loop, Descriptor client, Descriptor server, bool splice)
        : loop_{loop},
          splice_{splice},
          sides_{Side{*this, std::move(client)}, Side{*this, std::move(server)}} {
        for (auto& side : sides_) loop_.add(side.number(), side, Loop::both);
    }

    void on_ready(std::uint32_t) override {}

    void on_side(Side& side, std::uint32_t events) {
        std::size_t const index = &side == &sides_[0] ? 0 : 1;
        auto& other = sides_[1 - index];
        if (over_) return;
        bool open = true;
        // Every event says "writable" as well; it matters only where bytes had to wait.
        bool const waited = side.full() || pipes_[1 - index].held > 0;
        if ((events & EPOLLOUT) != 0 && waited) open = move(other, side, false);
        if (open && (events & ~EPOLLOUT) != 0) open = move(side, other, (events & EPOLLRDHUP) != 0);
        if (open) return;
        over_ = true;
        for (auto& each : sides_) ::shutdown(each.number(), SHUT_RDWR);
        loop_.bury(std::unique_ptr<Handler>{this});
    }

private:
    bool move(Side& from, Side& to, bool ended) {
        return splice_ ? move_by_splice(from, to) : move_by_copy(from, to, ended);
    }

    /// False at the end of the connection.
    bool move_by_copy(Side& from, Side& to, bool ended) {
        if (!to.flush()) return false;
        while (!to.full()) {
            auto const count = ::recv(from.number(), buffer.data(), buffer.size(), 0);
            if (count < 0 && errno == EAGAIN) return true;
            if (count <= 0) return false;
            auto const size = static_cast<std::size_t>(count);
            if (!to.write({buffer.data(), size})) return false;
            if (size < buffer.size() && !ended) return true;
        }
        return true;
    }

    bool move_by_splice(Side& from, Side& to) {
        auto& pipe = pipes_[&from == &sides_[0] ? 0 : 1];
        if (!pipe.open()) return false;
        constexpr unsigned flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
        for (;;) {
            while (pipe.held > 0) {
                auto const put =
                    ::splice(pipe.out.get(), nullptr, to.number(), nullptr, pipe.held, flags);
                if (put < 0) return errno == EAGAIN;
                pipe.held -= static_cast<std::size_t>(put);
            }
            auto const got =
                ::splice(from.number(), nullptr, pipe.in.get(), nullptr, 1 << 20, flags);
            if (got < 0) return errno == EAGAIN;
            if (got == 0) return false;
            pipe.held = static_cast<std::size_t>(got);
        }
    }

    Loop& loop_;
    bool splice_;
    bool over_ = false;
    std::array<Side, 2> sides_;
    std::array<Pipe, 2> pipes_;
};

void Side::on_ready(std::uint32_t events) { pair_.on_side(*this, events); }

bool Side::write(std::string_view bytes) {
    auto const count = ::send(number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) return false;
    auto const done = count < 0 ? 0 : static_cast<std::size_t>(count);
    waiting_.assign(bytes.substr(done));
    return true;
}

bool Side::flush() {
    if (waiting_.empty()) return true;
    auto const rest = std::exchange(waiting_, {});
    return write(rest);
}

class Door final : public Handler {
public:
    Door(Loop& loop, std::uint16_t port, std::uint16_t server, bool splice)
        : loop_{loop}, socket_{listen_on(port).first}, server_{server}, splice_{splice} {
        loop_.add(socket_.get(), *this, EPOLLIN);
    }

    void on_ready(std::uint32_t) override {
        auto client = accept_from(socket_.get());
        if (!client) return;
        auto server = start_connect(server_);
        // The pair owns itself until its connection ends (on_side).
        if (server) new Pair{loop_, std::move(client), std::move(server), splice_};
    }

private:
    Loop& loop_;
    Descriptor socket_;
    std::uint16_t server_;
    bool splice_;
};

void run_relay(char** words) {
    Loop loop;
    auto const port = [](char const* word) { return static_cast<std::uint16_t>(std::atoi(word)); };
    Door const door{loop, port(words[1]), port(words[2]), std::string_view{words[3]} == "splice"};
    for (;;) loop.turn(milliseconds{-1});
}

}  // namespace
}  // namespace weir::bench

int main(int count, char** words) {
    std::signal(SIGPIPE, SIG_IGN);
    if (count != 4) {
        std::cerr << "usage: relay PORT SERVER_PORT copy|splice\n";
        return 2;
    }
    try {
        weir::bench::run_relay(words);
    } catch (std::exception const& error) {
        std::cerr << "relay: " << error.what() << '\n';
        return 1;
    }
}
