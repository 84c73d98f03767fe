// SPDX-License-Identifier: Apache-2.0
// TeeBody: a body on its way to a client that somebody else wants whole, whatever becomes of the client:
// a cache, a file. A Keeper sees every piece once, by take_now(piece) or, where that says false because it
// would have to wait, by the coroutine take(piece); and has wants_more().
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "runtime/http/body.hpp"

namespace weir::exchange {

template <class Keeper>
class TeeBody final : public http::BodySource {
public:
    template <class... Arguments>
    explicit TeeBody(http::BodySource& inner, Arguments&&... arguments)
        : inner_(inner), keeper_(std::forward<Arguments>(arguments)...) {}

    bool ready(http::Piece& piece) override {
        if (held_ || !inner_.ready(piece)) return false;
        if (keeper_.take_now(piece)) return true;
        held_ = std::exchange(piece, {});
        return false;
    }
    net::Task<http::Piece> next(net::Time timeout, net::Watch*) override {
        http::Piece piece;
        if (held_) {
            piece = *held_;
        } else {
            piece = co_await inner_.next(timeout, nullptr);
            if (keeper_.take_now(piece)) co_return piece;
        }
        co_await take(piece);
        held_.reset();
        co_return piece;
    }
    [[nodiscard]] bool ended() const override { return !held_ && inner_.ended(); }
    [[nodiscard]] std::string_view trailers() const override { return inner_.trailers(); }
    [[nodiscard]] std::uint64_t left() const override {
        return inner_.left() == UINT64_MAX ? UINT64_MAX : inner_.left() + held_bytes();
    }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received() - held_bytes(); }

    // When nobody else reads any more: goes on for the keeper alone. False: the body broke off.
    net::Task<bool> read_rest(net::Time timeout) {
        if (keeper_.wants_more() && ended()) {
            http::Piece end;   // there was no body to read
            end.last = true;
            if (!keeper_.take_now(end)) co_await take(end);
        }
        while (keeper_.wants_more()) {
            auto piece = co_await next(timeout, nullptr);
            if (piece.state != http::BodyState::ok) co_return false;
            if (piece.last) break;
        }
        co_return inner_.ended();
    }

private:
    [[nodiscard]] std::uint64_t held_bytes() const { return held_ ? held_->bytes.size() : 0; }
    net::Task<void> take(const http::Piece& piece) {
        if constexpr (requires { keeper_.take(piece); }) co_await keeper_.take(piece);
        else co_return;
    }

    http::BodySource& inner_;
    Keeper keeper_;
    std::optional<http::Piece> held_;   // waits for the keeper
};

}  // namespace weir::exchange
