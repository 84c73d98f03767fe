// SPDX-License-Identifier: Apache-2.0
// FilteredBody: the body of a reply on its way through the filters that asked for it.
#pragma once

#include <vector>

#include "runtime/filter/filter.hpp"

namespace weir::filter {

// One filter that wants the body, and what it keeps for this reply.
struct Hold {
    Filter* filter = nullptr;
    State* state = nullptr;
};

// Pieces of `inner` (or of bytes at hand), changed by each filter in turn. Filters may hold bytes back;
// they get the end with the last piece and must give all of it then.
class FilteredBody final : public http::BodySource {
public:
    FilteredBody(route::Subject& subject, std::span<const Hold> filters, http::BodySource* inner)
        : subject_(subject), filters_(filters), inner_(inner) {}

    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return ended_; }
    [[nodiscard]] std::uint64_t received() const override { return inner_->received(); }
    // The same of a whole body: what goes out in place of `bytes`.
    std::string_view whole(std::string_view bytes) { return through(bytes, true); }

private:
    std::string_view through(std::string_view bytes, bool last);
    route::Subject& subject_;
    std::span<const Hold> filters_;
    http::BodySource* inner_;
    bool ended_ = false;
};

}  // namespace weir::filter
