// SPDX-License-Identifier: Apache-2.0
// Inner requests: an exchange without a client of its own. Its head is made here, its answer goes to a
// sink: thrown away (auth_request, mirror) or into the body of the outer answer (addition).
#pragma once

#include "runtime/exchange/exchange.hpp"
#include "runtime/http/carrier.hpp"
#include "runtime/http/temp_file.hpp"

namespace weir::exchange {

// A body that is not there.
class NoBody final : public http::BodySource {
public:
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return true; }
    [[nodiscard]] std::uint64_t left() const override { return 0; }
    [[nodiscard]] std::uint64_t received() const override { return 0; }
};

// Where the answer's body goes: on to another sink, without its end; or nowhere.
class InnerSink final : public http::BodySink {
public:
    explicit InnerSink(http::BodySink* on_to) : on_to_(on_to) {}
    bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
    net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;

private:
    http::BodySink* on_to_;
};

class InnerCarrier final : public http::Carrier {
public:
    // `watch` tells that the client went away.
    InnerCarrier(net::Watch& watch_of_client, http::BodySink* on_to)
        : Carrier(false, none_, sink_, watch_of_client), sink_(on_to) {}
    InnerCarrier(net::Watch& watch_of_client, http::BodySource& body_of_request)
        : Carrier(false, body_of_request, sink_, watch_of_client), sink_(nullptr) {}

    net::Task<http::HeadRead> read_head(const http::HeadWish& wish) override;
    bool write_continue() override { return true; }
    net::Task<bool> write_interim(const http::ResponseHead&, std::string_view, net::Time) override;
    void write_head(const http::ReplyHead&) override {}
    bool finish(bool) override { return false; }
    void reset() override {}

private:
    NoBody none_;
    InnerSink sink_;
};

// What is saved of a request's body: memory, then a file.
class SavedBody final : public http::BodySource {
public:
    SavedBody(std::string_view first, const http::TempFile& rest) : first_(first), rest_(rest) {}
    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return given_ && rest_.ended(); }
    [[nodiscard]] std::uint64_t left() const override;
    [[nodiscard]] std::uint64_t received() const override;

private:
    std::string_view first_;
    http::FileBody rest_;
    bool given_ = false;
};

// co_await: until no mirror runs any more.
struct MirrorsDone {
    const std::uint32_t& running;
    std::coroutine_handle<>& who;
    [[nodiscard]] bool await_ready() const noexcept { return running == 0; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { who = handle; }
    void await_resume() noexcept {}
};

// A body with fields behind it that are made when it has ended.
class TrailingBody final : public http::BodySource {
public:
    TrailingBody(Exchange& exchange, http::BodySource& inner) : exchange_(exchange), inner_(inner) {}
    bool ready(http::Piece& piece) override { return inner_.ready(piece); }
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override {
        return inner_.next(timeout, abort_when);
    }
    [[nodiscard]] bool ended() const override { return inner_.ended(); }
    [[nodiscard]] std::uint64_t received() const override { return inner_.received(); }
    [[nodiscard]] std::string_view trailers() const override { return exchange_.make_trailers(); }

private:
    Exchange& exchange_;
    http::BodySource& inner_;
};

// A path that a server or a page names: unescaped, and empty where it is to lead out of a folder.
std::string_view unescape_inner(std::string_view path, Arena& arena);
// Makes the head of an inner request out of that of the outer one.
void copy_head(const http::RequestHead& from, http::RequestHead& to, Arena& arena);

}  // namespace weir::exchange
