// SPDX-License-Identifier: Apache-2.0
#include "runtime/filter/reply_body.hpp"

namespace weir::filter {

std::string_view FilteredBody::through(std::string_view bytes, bool last) {
    for (const auto& one : filters_) bytes = one.filter->on_reply_body(subject_, one.state, bytes, last);
    if (last) ended_ = true;
    return bytes;
}

bool FilteredBody::ready(http::Piece& piece) {
    // A filter that holds bytes back makes no piece of them: the next one is asked for.
    while (inner_->ready(piece)) {
        if (piece.state != http::BodyState::ok) return true;
        piece.bytes = through(piece.bytes, piece.last);
        if (!piece.bytes.empty() || piece.last) return true;
    }
    return false;
}

net::Task<http::Piece> FilteredBody::next(net::Time timeout, net::Watch* abort_when) {
    for (;;) {
        auto piece = co_await inner_->next(timeout, abort_when);
        if (piece.state == http::BodyState::ok) piece.bytes = through(piece.bytes, piece.last);
        if (piece.state != http::BodyState::ok || !piece.bytes.empty() || piece.last) co_return piece;
    }
}

}  // namespace weir::filter
