// SPDX-License-Identifier: Apache-2.0
// See responder.hpp. Costs per request: one recv, one sendmsg and a share of an epoll_wait.
#include "responder.hpp"

#include "head.hpp"
#include "sockets.hpp"

#include <sys/uio.h>

#include <numeric>

namespace weir::bench {
namespace {

// One for all peers: a peer keeps bytes of its own only when a head comes in pieces.
std::array<char, 256 * 1024> received;

// The same bytes as EXPECTED in traffic.py, so that a byte lost or moved shows in the comparison.
std::string make_body() {
    std::string body(big_size, '\0');
    for (std::size_t i = 0; i < body.size(); ++i)
        body[i] = static_cast<char>(33 + (i * 7 + i / 251) % 90);
    return body;
}

/// A list of things as services send them; the same as traffic.py makes to compare. Answers begin anywhere
/// in it: so many are different from each other.
constexpr std::size_t json_kinds = 4096;

std::string make_json() {
    static constexpr std::array<char const*, 8> words{"alpha", "bravo", "charlie", "delta",
                                                      "echo",  "foxtrot", "golf",  "hotel"};
    std::string text = "[";
    std::uint64_t state = 12345;
    auto const add = [&](char const* before, std::uint64_t below) {
        state = (state * 1103515245 + 12345) % (std::uint64_t{1} << 31);
        auto const drawn = (state >> 16) % below;
        text += before + (below == words.size() ? std::string{words[drawn]} : std::to_string(drawn));
    };
    while (text.size() < json_size + json_kinds) {
        add("{\"id\":", 30000);
        add(",\"name\":\"", words.size());
        add("-", words.size());
        add("\",\"price\":", 20000);
        add(",\"text\":\"item ", 1000);
        add(" of ", words.size());
        text += "\",\"active\":true},";
    }
    return text;
}

std::string make_head(std::size_t index, std::size_t size, bool json, std::string_view more) {
    return "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
           "Content-Type: " + std::string{json ? "application/json" : "application/octet-stream"} +
           "\r\nContent-Length: " + std::to_string(size) +
           "\r\nCache-Control: max-age=60\r\nX-Backend: " + std::to_string(index) + "\r\n" +
           std::string{more} + "\r\n";
}

class Peer final : public Handler {
public:
    Peer(Loop& loop, Descriptor socket, std::size_t index)
        : loop_{loop}, socket_{std::move(socket)}, index_{index} {
        loop_.add(socket_.get(), *this, Loop::reading);
    }

    void on_ready(std::uint32_t events) override {
        if ((events & EPOLLOUT) != 0 && !flush()) return finish();
        if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) == 0) return;
        for (;;) {
            auto const count = ::recv(socket_.get(), received.data(), received.size(), 0);
            if (count < 0 && errno == EAGAIN) return;
            if (count <= 0) return finish();
            auto const size = static_cast<std::size_t>(count);
            if (!take({received.data(), size})) return finish();
            // A short read has emptied the socket; the next bytes raise a new edge.
            if (size < received.size() && (events & EPOLLRDHUP) == 0) return;
        }
    }

private:
    void finish() {
        socket_.reset();
        loop_.bury(std::unique_ptr<Handler>{this});
    }

    bool take(std::string_view bytes) {
        if (!pending_.empty()) {
            pending_.append(bytes);
            auto const whole = std::move(pending_);
            pending_.clear();
            return take_all(whole);
        }
        return take_all(bytes);
    }

    bool take_all(std::string_view bytes) {
        while (!bytes.empty()) {
            if (body_left_ == 0) {
                auto const end = find_head_end(bytes);
                if (!end) {
                    pending_ = bytes;
                    return true;
                }
                if (!take_head(bytes.substr(0, *end))) return false;
                bytes.remove_prefix(*end);
            }
            auto const part = bytes.substr(0, body_left_);
            sum_ =
                std::accumulate(part.begin(), part.end(), sum_, [](std::uint64_t sum, char byte) {
                    return sum + static_cast<unsigned char>(byte);
                });
            body_left_ -= part.size();
            bytes.remove_prefix(part.size());
            if (body_left_ == 0 && !answer()) return false;
        }
        return true;
    }

    bool take_head(std::string_view head) {
        if (find_field(head, "transfer-encoding")) return false;  // no case sends it
        auto const path = head.find(' ') + 1;
        has_body_ = head.starts_with("POST ");
        big_ = head.substr(path).starts_with("/big");
        json_ = head.substr(path).starts_with("/json");
        kind_ = 0;
        if (head.substr(path).starts_with("/json?")) {
            auto const digits = head.substr(path + 6);
            std::from_chars(digits.data(), digits.data() + digits.size(), kind_);
        }
        close_ = says_close(head) || head.find("HTTP/1.0\r") < head.find('\n');
        body_left_ = find_length(head).value_or(0);
        sum_ = 0;
        return true;
    }

    bool answer() {
        static std::string const plain = make_body(), json = make_json();
        auto const& body = json_ ? json : plain;
        auto const size = json_ ? json_size : big_ ? big_size : small_size;
        std::string more;
        if (has_body_) more = "X-Sum: " + std::to_string(sum_) + "\r\n";
        if (close_) more += "Connection: close\r\n";
        if (head_.empty() || more != more_ || size != body_.size()) {
            head_ = make_head(index_, size, json_, more);
            more_ = more;
        }
        body_ = std::string_view{body}.substr(kind_ % json_kinds, size);
        sent_ = 0;
        return flush();
    }

    /// False when the peer is done with: broken, or answered and to be closed.
    bool flush() {
        auto const size = head_.size() + body_.size();
        while (sent_ < size) {
            std::array<iovec, 2> parts{};
            std::size_t count = 0;
            if (sent_ < head_.size()) parts[count++] = {head_.data() + sent_, head_.size() - sent_};
            auto const skip = sent_ > head_.size() ? sent_ - head_.size() : 0;
            parts[count++] = {const_cast<char*>(body_.data()) + skip, body_.size() - skip};
            msghdr message{};
            message.msg_iov = parts.data();
            message.msg_iovlen = count;
            auto const done = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
            if (done < 0 && errno == EAGAIN) return wait_for_room();
            if (done < 0) return false;
            sent_ += static_cast<std::size_t>(done);
        }
        return size == 0 || !close_;
    }

    bool wait_for_room() {
        if (!std::exchange(waits_, true)) loop_.change(socket_.get(), *this, Loop::both);
        return true;
    }

    Loop& loop_;
    Descriptor socket_;
    std::size_t index_;
    std::string pending_, head_, more_;
    std::string_view body_;
    std::size_t sent_ = 0;
    std::uint64_t body_left_ = 0, sum_ = 0;
    std::size_t kind_ = 0;   // of the JSON
    bool has_body_ = false, big_ = false, json_ = false, close_ = false, waits_ = false;
};

class Listener final : public Handler {
public:
    Listener(Loop& loop, Descriptor socket, std::size_t index)
        : loop_{loop}, socket_{std::move(socket)}, index_{index} {
        loop_.add(socket_.get(), *this, EPOLLIN);
    }

    void on_ready(std::uint32_t) override {
        while (auto socket = accept_from(socket_.get())) {
            bound_buffers(socket.get());
            // The peer owns itself until its connection ends (finish).
            new Peer{loop_, std::move(socket), index_};
        }
    }

private:
    Loop& loop_;
    Descriptor socket_;
    std::size_t index_;
};

}  // namespace

Responder::Responder(Loop& loop, std::size_t ports) {
    for (std::size_t index = 0; index < ports; ++index) {
        auto [socket, port] = listen_on(0);
        listeners_.push_back(std::make_unique<Listener>(loop, std::move(socket), index));
        ports_.push_back(port);
    }
}

Responder::~Responder() = default;

}  // namespace weir::bench
