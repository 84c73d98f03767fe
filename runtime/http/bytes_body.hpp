// SPDX-License-Identifier: Apache-2.0
// BytesBody: a body whose beginning, or all of it, lies in memory.
#pragma once

#include "runtime/http/body.hpp"

namespace weir::http {

class BytesBody final : public BodySource {
public:
    // `bytes` outlive it; what follows them comes from `rest` (null: nothing).
    explicit BytesBody(std::string_view bytes, BodySource* rest = nullptr) : bytes_(bytes), rest_(rest) {}
    bool ready(Piece& piece) override {
        if (given_ && rest_) return rest_->ready(piece);
        piece = {};
        piece.bytes = given_ ? std::string_view() : bytes_;
        given_ = true;
        piece.last = !rest_;
        return true;
    }
    net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override {
        Piece piece;
        if (ready(piece)) co_return piece;
        co_return co_await rest_->next(timeout, abort_when);
    }
    [[nodiscard]] bool ended() const override { return given_ && (!rest_ || rest_->ended()); }
    [[nodiscard]] std::uint64_t received() const override {
        return (given_ ? bytes_.size() : 0) + (rest_ ? rest_->received() : 0);
    }

private:
    std::string_view bytes_;
    BodySource* rest_;
    bool given_ = false;
};

}  // namespace weir::http
