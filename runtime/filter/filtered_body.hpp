// SPDX-License-Identifier: Apache-2.0
// A body on its way through the filters that asked for it; of a reply, or of a request on its way to a
// server. FilteredBody pulls it through, FilteredSink pushes it.
#pragma once

#include "runtime/filter/filter.hpp"

namespace weir::filter {

// One filter that wants the body, and what it keeps for this one.
struct Hold {
    Filter* filter = nullptr;
    State* state = nullptr;
    bool more = false;   // it holds more of what it took
};

enum class Way : std::uint8_t { request, reply };

// The filters one after the other. Each piece goes through all of them; what one of them holds comes
// out by take_held() before the next piece may go in.
class Chain {
public:
    Chain(route::Subject& subject, Way way, std::span<Hold> holds)
        : subject_(subject), holds_(holds), way_(way) {}
    ~Chain();
    Chain(const Chain&) = delete;
    Chain& operator=(const Chain&) = delete;

    http::Piece take(std::string_view bytes, bool last, bool flush);
    // False: nothing is held.
    bool take_held(http::Piece& piece);
    // The last piece came out.
    [[nodiscard]] bool ended() const { return ended_; }

private:
    http::Piece pass(std::size_t at, Passing piece);

    route::Subject& subject_;
    std::span<Hold> holds_;
    Way way_;
    bool last_ = false, flush_ = false;   // of the piece that is under way
    bool ended_ = false;
};

// Pieces of `inner`, changed by the filters. They may hold bytes back; once `inner` has been silent for a
// moment they are told to let go of them: what a slow server said so far is not to wait for what it says
// next.
class FilteredBody final : public http::BodySource {
public:
    FilteredBody(route::Subject& subject, Way way, std::span<Hold> holds, http::BodySource& inner)
        : chain_(subject, way, holds), inner_(inner) {}

    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return chain_.ended(); }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }
    [[nodiscard]] std::string_view trailers() const override { return inner_.trailers(); }
    void keep_trailers() override { inner_.keep_trailers(); }

private:
    bool take(http::Piece& piece);

    Chain chain_;
    http::BodySource& inner_;
    bool unflushed_ = false;  // filters had bytes since they were told to let go
};

// What is written here goes through the filters to `to`.
class FilteredSink final : public http::BodySink {
public:
    FilteredSink(route::Subject& subject, std::span<Hold> holds, http::BodySink& to)
        : chain_(subject, Way::reply, holds), to_(to) {}

    bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
    net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;

private:
    bool send(http::Piece piece, net::WriteAll& result);

    Chain chain_;
    http::BodySink& to_;
};

}  // namespace weir::filter
