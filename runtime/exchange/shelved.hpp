// SPDX-License-Identifier: Apache-2.0
// How one exchange uses caches in memory (HAProxy: cache-use, cache-store): what it found there, and the
// answer that it keeps.
#pragma once

#include <optional>

#include "runtime/cache/memory.hpp"
#include "runtime/http/body.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/loop.hpp"

namespace weir::exchange {

// A body out of a shelf; whoever made it has the pin.
class ShelfBody final : public http::BodySource {
public:
    ShelfBody(zone::Shelf& shelf, std::uint32_t item, zone::Shelf::Place from)
        : shelf_(shelf), item_(item), at_(from), begun_(from.passed) {}
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return left() == 0; }
    [[nodiscard]] std::uint64_t left() const override { return shelf_.length(item_) - at_.passed; }
    [[nodiscard]] std::uint64_t received() const override { return at_.passed - begun_; }

private:
    zone::Shelf& shelf_;
    std::uint32_t item_;
    zone::Shelf::Place at_;
    std::uint64_t begun_;
    net::Buffer gathered_;     // of blocks that do not lie side by side
};

// Lives in the arena of the exchange.
struct ShelfUse {
    explicit ShelfUse(net::Loop& at) : loop(at) {}
    ~ShelfUse() {
        if (item != zone::Shelf::none) shelf->unpin(item);
        give_up();
    }
    ShelfUse(const ShelfUse&) = delete;
    ShelfUse& operator=(const ShelfUse&) = delete;

    net::Loop& loop;
    cache::Asked asked;
    // What answers.
    zone::Shelf* shelf = nullptr;
    std::uint32_t item = zone::Shelf::none;    // pinned
    cache::Kept kept;
    http::ResponseHead head;
    std::optional<ShelfBody> body;
    bool answers = false;                      // rules of answers are about `head` now
    // What is kept of a server's answer.
    zone::Shelf* into = nullptr;
    std::uint32_t fresh = zone::Shelf::none;
    cache::Keeping keeping;
    std::uint64_t room = 0;                    // bytes that it may have still

    [[nodiscard]] std::int64_t unix_now() const { return loop.wall_ms() / 1000; }
    void take(std::string_view bytes);
    void keep();
    void give_up() {
        if (fresh != zone::Shelf::none) into->give_up(std::exchange(fresh, zone::Shelf::none));
    }
};

// A body on its way to the client, and to a shelf. Without room there the body goes on.
class ShelvingBody final : public http::BodySource {
public:
    ShelvingBody(http::BodySource& inner, ShelfUse& use) : inner_(inner), use_(use) {}
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return inner_.ended(); }
    [[nodiscard]] std::string_view trailers() const override { return inner_.trailers(); }
    [[nodiscard]] std::uint64_t left() const override { return inner_.left(); }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }

private:
    void take(const http::Piece& piece);
    http::BodySource& inner_;
    ShelfUse& use_;
};

}  // namespace weir::exchange
