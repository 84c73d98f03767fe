// SPDX-License-Identifier: Apache-2.0
// The way out of an H2Session: frames gather in one buffer until the end of the turn, and go with one
// call. Bodies that are worth it go from where they lie.
#include <nghttp2/nghttp2.h>

#include <tuple>
#include <utility>

#include "runtime/http/h2_stream.hpp"
#include "runtime/http/h2_text.hpp"

namespace weir::http {

using net::Io;

namespace {

// Bytes of frames that wait for the socket before no more are made.
constexpr std::uint32_t high_water = 65536;
// From so many bytes of a body on a call of its own is cheaper than a copy.
constexpr std::size_t worth_no_copy = 4096;

struct TurnEnd {
    net::Loop& loop;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { loop.post(handle); }
    void await_resume() const noexcept {}
};

}  // namespace

// Behind its head of nine bytes, what is next of the stream's body. False: no room now.
bool H2Session::put_data(H2Stream& stream, const std::uint8_t* head, std::size_t size) {
    // The end of a stream takes no room worth waiting for, and its stream may be gone after it.
    if (size != 0 && out_.size() + direct_bytes_ >= high_water) return false;
    bool direct = goes_directly(size);
    auto room = direct ? 9 : size + 9;
    if (out_.room_size() < room) out_.grow(out_.size() + room + high_water);
    out_.append(text_of(head, 9));
    auto bytes = stream.pending_.substr(0, size);
    if (direct) {
        direct_[directs_++] = {out_.size(), bytes};
        direct_bytes_ += size;
    } else {
        out_.append(bytes);
    }
    stream.pending_.remove_prefix(size);
    stream.sink_.count(size + 9);
    stream.progress_ = loop().now();
    guard_.earn_bytes(size);
    if (stream.is_written()) touch(stream);
    return true;
}

void H2Session::pump() {
    if (busy_ || dead_) return;
    busy_ = true;
    out_.compact();
    while (out_.size() + direct_bytes_ < high_water) {
        out_.acquire();
        const std::uint8_t* bytes = nullptr;
        auto before = out_.size();
        auto size = nghttp2_session_mem_send(session_, &bytes);
        if (size < 0) {
            busy_ = false;
            return die();
        }
        if (size > 0) {
            if (out_.room_size() < static_cast<std::size_t>(size))
                out_.grow(out_.size() + static_cast<std::size_t>(size) + high_water);
            out_.append(text_of(bytes, static_cast<std::size_t>(size)));
        } else if (out_.size() == before) {
            break;
        }
    }
    busy_ = false;
    // More frames may be there to be made: nobody else asks for them.
    more_frames_ = out_.size() + direct_bytes_ >= high_water;
    if (directs_ != 0) write_direct();
    settings_came_ = false;
    if (violation_ != 0) fail(violation_);
    if (out_.empty()) out_.release();
    if (more_frames_ || !out_.empty()) send_later();
    settle();
}

// Not while the socket takes nothing, nor under TLS, which copies anyway.
bool H2Session::goes_directly(std::size_t size) const {
    return size >= worth_no_copy && directs_ < direct_.size() && stream_.plain() && stream_.watch.writable;
}

// Writes out_ with the bodies in between; what the socket does not take is copied after all.
void H2Session::write_direct() {
    std::array<iovec, 2 * std::tuple_size_v<decltype(direct_)> + 1> pieces;
    std::size_t count = 0, at = 0;
    auto add = [&](const char* bytes, std::size_t size) {
        if (size != 0) pieces[count++] = {const_cast<char*>(bytes), size};
    };
    for (std::size_t i = 0; i < directs_; ++i) {
        add(out_.data() + at, direct_[i].behind - at);
        add(direct_[i].bytes.data(), direct_[i].bytes.size());
        at = direct_[i].behind;
    }
    add(out_.data() + at, out_.size() - at);
    auto all = out_.size() + std::exchange(direct_bytes_, 0);
    directs_ = 0;
    std::span<iovec> rest(pieces.data(), count);
    auto sent = stream_.write(rest);
    if (sent.state == Io::State::failed) return die();
    net::advance(rest, sent.bytes);
    net::Buffer left;
    if (!rest.empty()) left.acquire(all - sent.bytes);
    for (const auto& piece : rest) left.append({static_cast<const char*>(piece.iov_base), piece.iov_len});
    out_ = std::move(left);
}

void H2Session::send_later() {
    if (writing_ || dead_) return;
    writing_ = true;
    write_out();
}

// False: the socket takes no more now.
bool H2Session::write_some() {
    iovec piece{out_.data(), out_.size()};
    auto sent = stream_.write({&piece, 1});
    if (sent.state == Io::State::failed) {
        die();
        return true;
    }
    out_.consume(sent.bytes);
    if (out_.empty()) out_.clear();
    return sent.state != Io::State::blocked;
}

net::Detached H2Session::write_out() {
    co_await TurnEnd{loop()};
    for (;;) {
        pump();
        if (dead_ || (out_.empty() && !more_frames_)) break;
        if (out_.empty() || write_some()) continue;
        auto limit = settings_.send_timeout == net::never ? net::never
                                                          : loop().now() + settings_.send_timeout;
        auto waited = co_await net::writable(stream_.watch, limit);
        if (waited == net::Waited::timed_out) die();
    }
    writing_ = false;
    out_.release();
    after_change();
}

}  // namespace weir::http
