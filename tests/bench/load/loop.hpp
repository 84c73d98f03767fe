// SPDX-License-Identifier: Apache-2.0
// The event loop of the benchmark's own programs (load, relay): epoll, one thread, nothing else.
// It is separate from weir's runtime on purpose: the yardstick must not share code with what it
// measures. Every socket is edge-triggered, so a program pays no epoll_ctl while traffic runs.
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace weir::bench {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// A file descriptor that closes itself.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int number) : number_{number} {}
    Descriptor(Descriptor&& other) noexcept : number_{std::exchange(other.number_, -1)} {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(number_, other.number_);
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    void reset() {
        if (number_ >= 0) ::close(std::exchange(number_, -1));
    }

private:
    int number_ = -1;
};

/// Whoever owns a socket and wants to hear of it.
class Handler {
public:
    Handler() = default;
    Handler(Handler const&) = delete;
    Handler& operator=(Handler const&) = delete;
    virtual ~Handler() = default;
    virtual void on_ready(std::uint32_t events) = 0;
};

class Loop {
public:
    static constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;
    static constexpr std::uint32_t both = reading | EPOLLOUT;

    Loop() : epoll_{::epoll_create1(EPOLL_CLOEXEC)} {
        if (!epoll_) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
    }

    void add(int number, Handler& handler, std::uint32_t events) {
        control(EPOLL_CTL_ADD, number, handler, events);
    }
    void change(int number, Handler& handler, std::uint32_t events) {
        control(EPOLL_CTL_MOD, number, handler, events);
    }

    /// Keeps `handler` until the end of this turn: the events already fetched may still name it.
    void bury(std::unique_ptr<Handler> handler) { buried_.push_back(std::move(handler)); }

    /// Waits at most `limit` (negative: for ever) and serves what is ready.
    void turn(milliseconds limit) {
        int const count = ::epoll_wait(epoll_.get(), ready_.data(), static_cast<int>(ready_.size()),
                                       static_cast<int>(limit.count()));
        if (count < 0 && errno != EINTR)
            throw std::system_error{errno, std::generic_category(), "epoll_wait"};
        for (int i = 0; i < count; ++i) {
            auto const& event = ready_[static_cast<std::size_t>(i)];
            static_cast<Handler*>(event.data.ptr)->on_ready(event.events);
        }
        buried_.clear();
    }

private:
    void control(int operation, int number, Handler& handler, std::uint32_t events) {
        epoll_event event{};
        event.events = events;
        event.data.ptr = &handler;
        if (::epoll_ctl(epoll_.get(), operation, number, &event) != 0)
            throw std::system_error{errno, std::generic_category(), "epoll_ctl"};
    }

    Descriptor epoll_;
    std::array<epoll_event, 256> ready_{};
    std::vector<std::unique_ptr<Handler>> buried_;
};

}  // namespace weir::bench
