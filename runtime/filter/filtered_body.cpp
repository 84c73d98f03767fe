// SPDX-License-Identifier: Apache-2.0
#include "runtime/filter/filtered_body.hpp"

#include <algorithm>
#include <cerrno>

namespace weir::filter {

namespace {

// Silence of this many ms is a pause. Less of it is how any body arrives that is longer than a buffer.
constexpr net::Time pause = 5;

bool is_to_go(const http::Piece& piece) {
    return !piece.bytes.empty() || piece.last || piece.state != http::BodyState::ok;
}

}  // namespace

Chain::~Chain() {
    for (const auto& one : holds_) one.filter->on_body_end(one.state);
}

// From the filter `at` on; none is asked about nothing.
http::Piece Chain::pass(std::size_t at, Passing piece) {
    http::Piece out;
    for (; at < holds_.size(); ++at) {
        auto& one = holds_[at];
        if (piece.bytes.empty() && !piece.last && !piece.flush && !one.more) return out;
        piece.more = false;
        if (way_ == Way::reply) one.filter->on_reply_body(subject_, one.state, piece);
        else one.filter->on_request_body(subject_, one.state, piece);
        if (piece.failed) {
            out.state = http::BodyState::malformed;
            return out;
        }
        one.more = piece.more;
        if (one.more) piece.last = piece.flush = false;
    }
    out.bytes = piece.bytes;
    out.last = ended_ = piece.last;
    return out;
}

http::Piece Chain::take(std::string_view bytes, bool last, bool flush) {
    last_ = last;
    flush_ = flush;
    return pass(0, {.bytes = bytes, .last = last, .flush = flush});
}

// What the last filters hold goes first; the end of the piece is behind what the first one holds.
bool Chain::take_held(http::Piece& piece) {
    auto held = [](const Hold& one) { return one.more; };
    auto found = std::find_if(holds_.rbegin(), holds_.rend(), held);
    if (found == holds_.rend()) return false;
    const bool first = std::none_of(std::next(found), holds_.rend(), held);
    const auto at = static_cast<std::size_t>(std::distance(found, holds_.rend())) - 1;
    piece = pass(at, {.bytes = {}, .last = last_ && first, .flush = flush_ && first});
    return true;
}

// A piece of `inner_`. True when it is to be handed on.
bool FilteredBody::take(http::Piece& piece) {
    if (piece.state != http::BodyState::ok) return true;
    unflushed_ = !piece.last && (unflushed_ || !piece.bytes.empty());
    piece = chain_.take(piece.bytes, piece.last, false);
    return is_to_go(piece);
}

bool FilteredBody::ready(http::Piece& piece) {
    for (;;) {
        if (chain_.take_held(piece)) {
            if (is_to_go(piece)) return true;
            continue;
        }
        // A filter that holds bytes back makes no piece of them: the next one is asked for.
        if (!inner_.ready(piece)) return false;
        if (take(piece)) return true;
    }
}

net::Task<http::Piece> FilteredBody::next(net::Time timeout, net::Watch* abort_when) {
    http::Piece piece;
    for (;;) {
        if (ready(piece)) co_return piece;
        const bool may_pause = unflushed_ && timeout > pause;
        auto time = timeout;
        if (may_pause) time = pause;
        piece = co_await inner_.next(time, abort_when);
        if (may_pause && piece.state == http::BodyState::timed_out) {
            unflushed_ = false;
            if (timeout != net::never) timeout -= pause;
            piece = chain_.take({}, false, true);
            if (is_to_go(piece)) co_return piece;
            continue;
        }
        if (take(piece)) co_return piece;
    }
}

// True: it is out, or failed.
bool FilteredSink::send(http::Piece piece, net::WriteAll& result) {
    do {
        if (piece.state != http::BodyState::ok) {
            result.state = net::Io::State::failed;
            result.error = EPROTO;
            return true;
        }
        if (!is_to_go(piece)) continue;
        if (!to_.write_now(piece.bytes, piece.last, result)) return false;
        if (result.state != net::Io::State::ok) return true;
    } while (chain_.take_held(piece));
    return true;
}

bool FilteredSink::write_now(std::string_view bytes, bool last, net::WriteAll& result) {
    return send(chain_.take(bytes, last, false), result);
}

net::Task<net::WriteAll> FilteredSink::write_rest(net::Time timeout, net::WriteAll so_far) {
    for (;;) {
        so_far = co_await to_.write_rest(timeout, so_far);
        if (so_far.state != net::Io::State::ok) co_return so_far;
        http::Piece piece;
        if (!chain_.take_held(piece) || send(piece, so_far)) co_return so_far;
    }
}

}  // namespace weir::filter
