// SPDX-License-Identifier: Apache-2.0
// TeeBody: a body on its way to a client that somebody else wants whole, whatever becomes of the client:
// a cache, a file. A Keeper has take(piece), which sees every piece once, and wants_more().
#pragma once

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
        if (!inner_.ready(piece)) return false;
        keeper_.take(piece);
        return true;
    }
    net::Task<http::Piece> next(net::Time timeout, net::Watch*) override {
        auto piece = co_await inner_.next(timeout, nullptr);
        keeper_.take(piece);
        co_return piece;
    }
    [[nodiscard]] bool ended() const override { return inner_.ended(); }
    [[nodiscard]] std::string_view trailers() const override { return inner_.trailers(); }
    [[nodiscard]] std::uint64_t left() const override { return inner_.left(); }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }

    // When nobody else reads any more: goes on for the keeper alone. False: the body broke off.
    net::Task<bool> read_rest(net::Time timeout) {
        if (keeper_.wants_more() && inner_.ended()) {
            http::Piece end;   // there was no body to read
            end.last = true;
            keeper_.take(end);
        }
        while (keeper_.wants_more()) {
            auto piece = co_await next(timeout, nullptr);
            if (piece.state != http::BodyState::ok) co_return false;
            if (piece.last) break;
        }
        co_return inner_.ended();
    }

private:
    http::BodySource& inner_;
    Keeper keeper_;
};

}  // namespace weir::exchange
