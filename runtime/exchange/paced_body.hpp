// SPDX-License-Identifier: Apache-2.0
// PacedBody: the body of a reply at the rate that its client may have it (nginx limit_rate). The first
// bytes may be free; then as many as the seconds since the reply began allow.
#pragma once

#include "runtime/http/body.hpp"
#include "runtime/plan/plan.hpp"

namespace weir::exchange {

struct Pace {
    std::uint64_t rate = 0;    // bytes per second; 0: no limit
    std::uint64_t after = 0;   // so many bytes before that
};
// What the route says of this reply, and what a rule or the server set instead.
Pace pace_of(const plan::Plan& plan, const plan::Route& route, route::Subject& subject);
// "10k": bytes; 0 when it is no size.
std::uint64_t parse_rate(std::string_view text);

class PacedBody final : public http::BodySource {
public:
    // `inner` null: `whole` is all there is. `client`: its end is told by Watch::peer_closed.
    PacedBody(Pace pace, net::Loop& loop, net::Watch& client, http::BodySource* inner,
              std::string_view whole)
        : pace_(pace), loop_(loop), client_(client), inner_(inner), begun_(loop.now()) {
        if (!inner) held_ = {whole, true};
    }
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return ended_; }
    [[nodiscard]] std::uint64_t received() const override { return passed_; }
    [[nodiscard]] std::string_view trailers() const override {
        return inner_ ? inner_->trailers() : std::string_view();
    }

private:
    // A slice of what is held, as long as it may be now; false: none may.
    bool slice(http::Piece& piece, net::Time& wait);
    [[nodiscard]] bool holds() const { return !held_.bytes.empty() || held_.last; }

    Pace pace_;
    net::Loop& loop_;
    net::Watch& client_;
    http::BodySource* inner_;
    http::Piece held_;
    net::Time begun_;
    std::uint64_t passed_ = 0;
    bool ended_ = false;
};

}  // namespace weir::exchange
