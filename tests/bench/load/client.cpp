// SPDX-License-Identifier: Apache-2.0
// See client.hpp. Costs per answer: one send, one recv and a share of an epoll_wait.
#include "client.hpp"

#include "head.hpp"
#include "sockets.hpp"

namespace weir::bench {
namespace {

std::array<char, 256 * 1024> received;

}  // namespace

void Client::connect() {
    pending_.clear();
    last_ = false;
    asked_ = Clock::now();
    socket_ = start_connect(run_.job_.port);
    state_ = State::connecting;
    if (!socket_) return give_up(Fault::connect);
    bound_buffers(socket_.get());
    transport_.open(socket_.get(), run_.tls());
    ++run_.result_.connects;
    request_ = run_.next_request();
    loop_.add(socket_.get(), *this, Loop::both);
}

void Client::ask() {
    asked_ = Clock::now();
    request_ = run_.next_request();
    state_ = State::sending;
    if (!send_rest()) give_up(Fault::reset);
}

bool Client::send_rest() {
    while (!request_.empty()) {
        auto const count = transport_.send(request_.data(), request_.size());
        if (count <= 0) return count < 0 && errno == EAGAIN;
        request_.remove_prefix(static_cast<std::size_t>(count));
    }
    state_ = State::head;
    return true;
}

void Client::shut() {
    transport_.close();
    socket_.reset();
}

void Client::give_up(Fault fault) {
    bool const waited = waits();
    shut();
    state_ = State::closed;
    run_.on_fault(fault);
    if (waited) reopen();
}

void Client::reopen() {
    shut();
    state_ = State::closed;
    // A refused connection comes back here at once: Run ends the run after too many faults.
    if (run_.may_go_on()) return connect();
    run_.on_rest();
}

void Client::on_ready(std::uint32_t events) {
    if (state_ == State::connecting) {
        if ((events & (EPOLLERR | EPOLLHUP)) != 0) return give_up(Fault::connect);
        state_ = State::sending;
    }
    if (state_ == State::sending && !send_rest()) return give_up(Fault::reset);
    if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        read((events & EPOLLRDHUP) != 0);
}

void Client::read(bool ended) {
    while (socket_) {
        // What a large body holds was compared before the measurement; here only its length counts,
        // and MSG_TRUNC lets the kernel drop it without a copy.
        bool const counted = state_ == State::body && !chunked_ && left_ >= received.size();
        bool const drop = transport_.plain() && counted;
        auto const count =
            transport_.receive(received.data(), received.size(), drop ? MSG_TRUNC : 0);
        if (count < 0 && errno == EAGAIN) return;
        if (count < 0) return give_up(Fault::reset);
        if (count == 0) return on_end();
        auto const size = static_cast<std::size_t>(count);
        if (drop) {
            left_ -= size;
            if (left_ == 0) on_whole();
        } else if (!take({received.data(), size})) {
            return;
        }
        // A short read has emptied the socket; only an end already announced raises no new edge.
        bool const empty = transport_.plain() && size < received.size() && !ended;
        if (empty && state_ != State::ending) return;
    }
}

/// False when the connection was given up or reopened and its bytes no longer matter.
bool Client::take(std::string_view bytes) {
    if (state_ == State::head) {
        std::string_view whole = bytes;
        if (!pending_.empty()) whole = pending_.append(bytes);
        auto const end = find_head_end(whole);
        if (!end) {
            if (pending_.empty()) pending_ = bytes;
            return true;
        }
        if (!take_head(whole.substr(0, *end))) return false;
        bytes.remove_prefix(bytes.size() - (whole.size() - *end));
        pending_.clear();
    } else if (state_ != State::body) {
        give_up(Fault::length);  // bytes nobody asked for
        return false;
    }
    if (chunked_) return take_chunks(bytes);
    if (bytes.size() > left_) {
        give_up(Fault::length);
        return false;
    }
    left_ -= bytes.size();
    if (left_ == 0) on_whole();
    return static_cast<bool>(socket_);
}

bool Client::take_head(std::string_view head) {
    if (!head.starts_with("HTTP/1.1 200 ")) {
        give_up(Fault::status);
        return false;
    }
    last_ = says_close(head);
    state_ = State::body;
    // A compressed body: as long as it is, and its coding is what was asked for.
    chunked_ = expected_ == 0;
    if (chunked_) {
        tail_.clear();
        if (find_field(head, "content-encoding") && find_field(head, "transfer-encoding")) return true;
        give_up(Fault::length);
        return false;
    }
    auto const length = find_length(head);
    if (!length || *length != expected_) {
        give_up(Fault::length);
        return false;
    }
    left_ = *length;
    return true;
}

/// One request at a time: what ends in the last chunk is whole.
bool Client::take_chunks(std::string_view bytes) {
    static constexpr std::string_view end = "\r\n0\r\n\r\n";
    tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), end.size())));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), end.size()));
    if (tail_ == end) on_whole();
    return static_cast<bool>(socket_);
}

void Client::on_whole() {
    run_.on_answer(asked_);
    if (close_ || last_) {
        state_ = State::ending;
        return;
    }
    if (run_.may_go_on()) return ask();
    state_ = State::idle;
    run_.on_rest();
}

void Client::on_end() {
    if (state_ == State::ending) {
        if (!close_) ++run_.result_.reconnects;
        return reopen();
    }
    if (state_ == State::idle) {
        shut();
        state_ = State::closed;
        return run_.on_closed_idle();
    }
    give_up(Fault::early_end);
}

}  // namespace weir::bench
