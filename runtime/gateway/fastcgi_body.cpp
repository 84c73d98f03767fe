// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/fastcgi_body.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace weir::gateway {

using http::BodyState;
using http::Framing;
using http::Piece;
using net::Io;

namespace {

// Bytes up to and with the empty line that ends a head; all of them where there is none.
std::size_t head_in(std::string_view text) {
    for (auto at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) {
        auto next = at + 1;
        if (next < text.size() && text[next] == '\r') ++next;
        if (next < text.size() && text[next] == '\n') return next + 1;
    }
    return text.size();
}

}  // namespace

FastcgiDecoder::Step FastcgiAnswer::next_step() {
    auto step = decoder_.feed(input_.view());
    input_.consume(step.consumed);
    return step;
}

void FastcgiAnswer::take(std::uint32_t bytes) {
    decoder_.take(bytes);
    input_.consume(bytes);
}

bool FastcgiAnswer::tell_errors(std::uint32_t bytes) {
    bool spoiled = errors_.on_errors && errors_.on_errors(errors_.owner, {input_.data(), bytes});
    take(bytes);
    return spoiled;
}

Io FastcgiAnswer::fill() {
    if (input_.empty()) {
        input_.clear();
        input_.acquire();
    }
    auto got = stream_.read(input_.room(), input_.room_size());
    if (got.state != Io::State::ok) return got;
    input_.produced(got.bytes);
    got_bytes_ = true;
    return got;
}

// Puts what may be of the head behind the head so far. False: there is no room left.
bool FastcgiAnswer::gather(std::string_view piece, std::uint32_t most) {
    if (head_size_ >= most) return false;
    auto part = piece.substr(0, std::min<std::size_t>(most - head_size_, head_in(piece)));
    if (head_size_ + part.size() > head_room_) {
        // The usual head comes in one piece.
        head_room_ = head_ ? most : static_cast<std::uint32_t>(part.size());
        char* larger = arena_.bytes(head_room_);
        if (head_size_ != 0) std::memcpy(larger, head_, head_size_);
        head_ = larger;
        resume_ = 0;
    }
    std::memcpy(head_ + head_size_, part.data(), part.size());
    head_size_ += static_cast<std::uint32_t>(part.size());
    return true;
}

FastcgiAnswer::Head FastcgiAnswer::read_head(const http::HeadLimits& limits, http::Method method,
                                             http::ResponseHead& head) {
    for (;;) {
        auto step = next_step();
        switch (step.what) {
            case What::output: {
                auto before = head_size_;
                if (!gather({input_.data(), step.content}, limits.max_head)) return Head::bad;
                auto parsed = http::parse_cgi_head({head_, head_size_}, limits, arena_, method, head, &resume_);
                if (parsed.status == http::ParseStatus::done) {
                    take(parsed.bytes - before);
                    return Head::done;
                }
                if (parsed.status != http::ParseStatus::more) return Head::bad;
                take(head_size_ - before);
                break;
            }
            case What::errors:
                if (tell_errors(step.content)) return Head::bad;
                break;
            case What::end: return decoder_.refused() ? Head::refused : Head::bad;
            case What::output_end:
            case What::bad: return Head::bad;
            case What::more:
                if (!stream_.watch.readable) return Head::more;
                switch (fill().state) {
                    case Io::State::ok: break;
                    case Io::State::blocked: return Head::more;
                    case Io::State::end:
                    case Io::State::failed: return Head::lost;
                }
                break;
        }
    }
}

void FastcgiAnswer::start(const http::ResponseHead& head) {
    framing_ = head.framing;
    left_ = head.length;
    ended_ = framing_ == Framing::none || (framing_ == Framing::length && left_ == 0);
}

// The application has no more to say.
void FastcgiAnswer::end_body(Piece& piece) {
    if (framing_ == Framing::length && left_ != 0) piece.state = BodyState::truncated;
    else ended_ = piece.last = true;
}

bool FastcgiAnswer::ready(Piece& piece) {
    piece = {};
    if (handed_ != 0) take(std::exchange(handed_, 0));
    if (ended_) {
        piece.last = true;
        return true;
    }
    for (;;) {
        auto step = next_step();
        switch (step.what) {
            case What::output:
                handed_ = step.content;
                if (framing_ == Framing::length) {
                    handed_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(handed_, left_));
                    left_ -= handed_;
                    piece.last = ended_ = left_ == 0;
                }
                piece.bytes = {input_.data(), handed_};
                received_ += handed_;
                return true;
            case What::errors: tell_errors(step.content); break;
            case What::output_end: output_ended_ = true; break;
            case What::end: end_body(piece); return true;
            case What::bad: piece.state = BodyState::malformed; return true;
            case What::more: {
                if (!stream_.watch.readable) return false;
                auto got = fill();
                if (got.state == Io::State::ok) break;
                if (got.state == Io::State::blocked) return false;
                if (output_ended_) {
                    end_body(piece);
                    return true;
                }
                piece.state = got.state == Io::State::end ? BodyState::truncated : BodyState::failed;
                piece.error = got.error;
                return true;
            }
        }
    }
}

bool FastcgiAnswer::settle() {
    if (handed_ != 0) take(std::exchange(handed_, 0));
    for (bool filled = false;;) {
        auto step = next_step();
        switch (step.what) {
            // More than was announced, or the body of an answer that has none.
            case What::output: take(step.content); break;
            case What::errors: tell_errors(step.content); break;
            case What::output_end: break;
            case What::end: return input_.empty();
            case What::bad: return false;
            case What::more:
                if (filled || !stream_.watch.readable) return false;
                filled = true;
                if (fill().state != Io::State::ok) return false;
                break;
        }
    }
}

// Cuts the next records, as many as go with one call. False: all of the body is framed.
bool FastcgiWriter::frame_next() {
    std::size_t count = 0, records = 0;
    auto add = [&](const char* data, std::size_t size) { pieces_[count++] = {const_cast<char*>(data), size}; };
    auto add_record = [&](std::string_view content) {
        char* header = headers_[records++];
        write_record_header(header, RecordType::input, content.size());
        add(header, record_header);
        if (!content.empty()) add(content.data(), content.size());
    };
    if (!head.empty()) add(head.data(), head.size());
    while (!unframed_.empty() && records < most_records) {
        add_record(unframed_.substr(0, most_content));
        unframed_.remove_prefix(std::min(unframed_.size(), most_content));
    }
    // The empty record that ends the stream.
    if (unframed_.empty() && std::exchange(last_, false)) add_record({});
    rest_ = {pieces_, count};
    return count != 0;
}

bool FastcgiWriter::write_now(std::string_view bytes, bool last, net::WriteAll& result) {
    body_sent_ += bytes.size();
    unframed_ = bytes;
    last_ = last;
    while (frame_next()) {
        bool settled = write_rest_now(result);
        if (!rest_.empty()) return settled;
    }
    return true;
}

net::Task<net::WriteAll> FastcgiWriter::write_rest(net::Time timeout, net::WriteAll so_far) {
    for (bool more = true; more; more = frame_next()) {
        so_far = co_await StreamSink::write_rest(timeout, so_far);
        if (so_far.state != Io::State::ok) break;
    }
    co_return so_far;
}

}  // namespace weir::gateway
