// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h1_body.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/http/file_parts.hpp"

namespace weir::http {

namespace {

// For a body that comes faster than it goes: fewer, larger pieces.
constexpr std::size_t large_buffer = 65536;

}  // namespace

void H1Body::start(Framing framing, std::uint64_t length) {
    framing_ = framing;
    left_ = length;
    received_ = 0;
    handed_ = 0;
    flows_ = false;
    chunks_ = {};
    trailers_.clear();
    ended_ = framing == Framing::none || (framing == Framing::length && length == 0);
}

bool H1Body::take_plain(Piece& piece) {
    auto count = buffer_.size();
    if (framing_ == Framing::length)
        count = static_cast<std::uint32_t>(std::min<std::uint64_t>(count, left_));
    if (count == 0) return false;
    piece.bytes = {buffer_.data(), count};
    handed_ = count;
    received_ += count;
    if (framing_ == Framing::length) {
        left_ -= count;
        ended_ = left_ == 0;
    }
    piece.last = ended_;
    return true;
}

bool H1Body::take_chunked(Piece& piece) {
    for (;;) {
        auto step = chunks_.feed(buffer_.view());
        using What = ChunkedDecoder::Step::What;
        if (step.what == What::bad) {
            piece.state = BodyState::malformed;
            why_ = step.why;
            return true;
        }
        if (step.trailers != 0 && keeps_trailers_)
            trailers_.append(buffer_.data() + step.consumed - step.trailers, step.trailers);
        buffer_.consume(step.consumed);
        if (step.what == What::more) return false;
        if (step.what == What::end) {
            ended_ = piece.last = true;
            return true;
        }
        if (step.body == 0) continue;
        piece.bytes = {buffer_.data(), static_cast<std::size_t>(step.body)};
        handed_ = static_cast<std::uint32_t>(step.body);
        received_ += step.body;
        return true;
    }
}

bool H1Body::fill(Piece& piece) {
    if (buffer_.empty()) {
        buffer_.clear();
        buffer_.acquire(flows_ && left() > large_buffer ? large_buffer : net::Buffer::standard);
    }
    if (buffer_.room_size() == 0) buffer_.compact();
    auto room = buffer_.room_size();
    auto result = stream_.read(buffer_.room(), room);
    switch (result.state) {
        case net::Io::State::ok:
            buffer_.produced(result.bytes);
            flows_ = result.bytes == room;
            return true;
        case net::Io::State::blocked: return false;
        case net::Io::State::end:
            if (framing_ == Framing::until_close) {
                ended_ = piece.last = true;
            } else {
                piece.state = BodyState::truncated;
            }
            return true;
        case net::Io::State::failed:
            piece.state = BodyState::failed;
            piece.error = result.error;
            return true;
    }
    return true;
}

bool H1Body::ready(Piece& piece) {
    piece = {};
    if (handed_ != 0) settle();
    if (ended_) {
        piece.last = true;
        return true;
    }
    for (;;) {
        if (buffer_.held() && !buffer_.empty())
            if (framing_ == Framing::chunked ? take_chunked(piece) : take_plain(piece)) return true;
        if (!stream_.watch.readable) return false;
        if (!fill(piece)) return false;
        if (piece.last || piece.state != BodyState::ok) return true;
    }
}

net::Task<Piece> H1Body::next(net::Time timeout, net::Watch* abort_when) {
    return next_from_stream(*this, stream_, buffer_, timeout, abort_when);
}

net::Task<Piece> next_from_stream(BodySource& source, net::Stream& stream, net::Buffer& input,
                                  net::Time timeout, net::Watch* abort_when) {
    Piece piece;
    while (!source.ready(piece)) {
        net::Time limit = timeout == net::never ? net::never : stream.watch.loop().now() + timeout;
        // An idle body costs no buffer.
        if (input.empty()) input.release();
        auto waited = co_await net::readable(stream.watch, limit, abort_when);
        if (waited != net::Waited::ready) {
            piece.state =
                waited == net::Waited::aborted ? BodyState::aborted : BodyState::timed_out;
            co_return piece;
        }
    }
    co_return piece;
}

std::uint64_t H1Body::spliceable() const {
    if (!stream_.plain() || ended_ || buffer_.size() != handed_) return 0;
    switch (framing_) {
        case Framing::length: return left_;
        case Framing::chunked: return chunks_.left_in_chunk();
        case Framing::until_close: return flows_ ? UINT64_MAX : 0;   // else it may come in drops
        case Framing::none: break;
    }
    return 0;
}

void H1Body::spliced(std::uint64_t bytes) {
    received_ += bytes;
    if (framing_ == Framing::chunked) chunks_.skip_body(bytes);
    if (framing_ != Framing::length) return;
    left_ -= bytes;
    ended_ = left_ == 0;
}

std::string_view H1Writer::frame(std::uint64_t bytes, bool first) {
    if (framing_ != Framing::chunked) return {};
    std::size_t size = 0;
    if (!first) {
        size_line_[size++] = '\r';
        size_line_[size++] = '\n';
    }
    if (bytes != 0) size += write_chunk_size(size_line_ + size, bytes);
    sent_ += size;
    return {size_line_, size};
}

bool H1Writer::write_now(std::string_view bytes, bool last, net::WriteAll& result) {
    bool chunked = framing_ == Framing::chunked;
    std::size_t count = 0;
    auto add = [&](const char* data, std::size_t size) {
        if (size != 0) pieces_[count++] = {const_cast<char*>(data), size};
    };
    body_sent_ += bytes.size();
    // A small body rides in the head's block: one send() of one piece is the cheapest call.
    bool joined = !chunked && !head.empty() && bytes.size() <= head.room_size() &&
                  bytes.size() <= 8192;
    if (joined) head.append(bytes);
    if (!head.empty()) add(head.data(), head.size());
    if (chunked && !bytes.empty()) add(size_line_, write_chunk_size(size_line_, bytes.size()));
    if (!joined) add(bytes.data(), bytes.size());
    if (chunked && !bytes.empty() && !last) add("\r\n", 2);
    if (chunked && last) {
        bool plain = trailers_.empty();
        std::string_view end = plain ? "\r\n0\r\n\r\n" : "\r\n0\r\n";
        if (bytes.empty()) end.remove_prefix(2);
        add(end.data(), end.size());
        add(trailers_.data(), trailers_.size());
    }
    rest_ = {pieces_, count};
    // The FIN rides with the last bytes. Not when there is something to be read: closing would reset
    // the connection then, and take these bytes along.
    bool end_follows = last && closes_ && !stream_.watch.readable;
    bool splice_follows = std::exchange(splice_follows_, false);
    return write_rest_now(result, end_follows || splice_follows);
}

net::Task<net::WriteAll> BodySink::write(std::string_view bytes, bool last, net::Time timeout) {
    net::WriteAll result;
    if (write_now(bytes, last, result)) co_return result;
    co_return co_await write_rest(timeout, result);
}

namespace {

// Below this a copy through a buffer is cheaper than two splice() calls.
constexpr std::uint64_t worth_splicing = 65536;

net::Task<net::WriteAll> write_frame(BodySink& to, std::uint64_t bytes, bool first, net::Time timeout) {
    auto text = to.frame(bytes, first);
    iovec piece{const_cast<char*>(text.data()), text.size()};
    co_return co_await net::write_all_slowly(*to.stream(), {&piece, 1}, timeout, {});
}

// Moves bytes inside the kernel as long as the source has some that nobody has to look at; ends early when
// it has an end or an error.
net::Task<RelayResult> splice_body(BodySource& from, BodySink& to, RelayLimits limits) {
    RelayResult result;
    net::Splice pipe;
    if (!pipe.prepare()) co_return result;
    auto& source = *from.stream();
    auto& sink = *to.stream();
    auto& loop = source.watch.loop();
    auto limit = [&](net::Time timeout) {
        return timeout == net::never ? net::never : loop.now() + timeout;
    };
    auto fail = [&](RelayResult::Side side, int error, bool timed_out) {
        result.failed = side;
        result.error = error;
        result.timed_out = timed_out;
        result.state = timed_out ? BodyState::timed_out : BodyState::failed;
    };
    bool framed = false;   // a frame is open
    while (from.spliceable() != 0 || pipe.held() != 0) {
        if (from.spliceable() != 0 && pipe.held() == 0) {
            while (!source.watch.readable) {
                auto waited = co_await net::readable(source.watch, limit(limits.read_timeout),
                                                     limits.abort_when);
                if (waited == net::Waited::ready) break;
                fail(RelayResult::Side::source, 0, waited == net::Waited::timed_out);
                if (!result.timed_out) result.state = BodyState::aborted;
                co_return result;
            }
            auto moved = pipe.fill(source, std::min(from.spliceable(), pipe.capacity()));
            if (moved.state == net::Io::State::end) break;   // the caller sees it again
            if (moved.state == net::Io::State::failed) {
                fail(RelayResult::Side::source, moved.error, false);
                co_return result;
            }
            if (moved.state == net::Io::State::ok) {
                from.spliced(moved.bytes);
                result.spliced += moved.bytes;
                if (to.frames()) {
                    auto written = co_await write_frame(to, moved.bytes, !framed, limits.write_timeout);
                    framed = true;
                    if (written.state != net::Io::State::ok) {
                        fail(RelayResult::Side::sink, written.error, written.timed_out);
                        co_return result;
                    }
                }
            }
        }
        if (pipe.held() == 0) continue;
        auto moved = pipe.drain(sink, false);
        if (moved.state == net::Io::State::ok) to.spliced(moved.bytes, from.ended());
        if (moved.state == net::Io::State::failed) {
            fail(RelayResult::Side::sink, moved.error, false);
            co_return result;
        }
        if (moved.state == net::Io::State::blocked &&
            co_await net::writable(sink.watch, limit(limits.write_timeout)) != net::Waited::ready) {
            fail(RelayResult::Side::sink, 0, true);
            co_return result;
        }
    }
    if (!framed) co_return result;
    auto written = co_await write_frame(to, 0, false, limits.write_timeout);
    if (written.state != net::Io::State::ok) fail(RelayResult::Side::sink, written.error, written.timed_out);
    co_return result;
}

}  // namespace

net::Task<RelayResult> relay_body(BodySource& from, BodySink& to, RelayLimits limits) {
    RelayResult result;
    std::uint64_t spliced = 0;
    auto started = net::never;
    for (;;) {
        if (limits.rate != 0) {
            auto& loop = limits.paced->loop();
            if (started == net::never) started = loop.now();
            auto allowed = net::allowed_by_rate(limits.rate, loop.now() - started, from.received());
            // In slices: a peer that goes away meanwhile is noticed.
            if (allowed.bytes == 0) limits.paced->enlist();
            if (allowed.bytes == 0 && !limits.paced->broken) {
                co_await net::sleep_for(loop, std::min<net::Time>(allowed.wait, 250));
                continue;
            }
        }
        Piece piece;
        bool have = false;
        const bool takes_files = limits.rate == 0 && !to.frames() && to.stream() && to.stream()->plain();
        if (takes_files && to.takes_splice() && from.goes_on_in_file()) {
            result = co_await send_file(from, to, limits);
            if (result.failed != RelayResult::Side::none || from.ended()) co_return result;
        }
        if (limits.rate == 0 && from.spliceable() >= worth_splicing && to.takes_splice() && from.stream() &&
            to.stream()) {
            // Hands over what the last piece still held in the buffer, then goes past user space.
            auto before = from.received();
            result = co_await splice_body(from, to, limits);
            result.spliced = spliced += result.spliced;
            if (result.failed != RelayResult::Side::none) co_return result;
            if (from.ended() && !to.frames()) co_return result;
            if (from.received() == before) have = from.ready(piece);   // no pipe, or the end
        } else {
            // The head goes alone before what is mapped.
            have = (takes_files && !to.takes_splice() && from.goes_on_mapped()) || from.ready(piece);
        }
        if (!have) piece = co_await from.next(limits.read_timeout, limits.abort_when);
        if (piece.state != BodyState::ok) {
            result.failed = RelayResult::Side::source;
            result.state = piece.state;
            result.error = piece.error;
            result.timed_out = piece.state == BodyState::timed_out;
            co_return result;
        }
        if (piece.last) to.set_trailers(from.trailers());
        if (limits.rate == 0 && !piece.last && from.goes_on_in_file()) to.expect_splice();
        net::WriteAll written;
        if (!to.write_now(piece.bytes, piece.last, written))
            written = co_await to.write_rest(limits.write_timeout, written);
        if (written.state != net::Io::State::ok) {
            result.failed = RelayResult::Side::sink;
            result.state = written.timed_out ? BodyState::timed_out : BodyState::failed;
            result.timed_out = written.timed_out;
            result.error = written.error;
            co_return result;
        }
        if (piece.last) co_return result;
    }
}

}  // namespace weir::http
