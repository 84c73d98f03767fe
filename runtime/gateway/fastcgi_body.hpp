// SPDX-License-Identifier: Apache-2.0
// One request over a FastCGI connection: its body on the way out as records of input, and the answer on
// the way in: a head in the form of CGI, then the body, with errors in between.
#pragma once

#include "runtime/gateway/fastcgi_codec.hpp"
#include "runtime/http/h1_codec.hpp"
#include "runtime/http/stream_sink.hpp"

namespace weir::gateway {

// Takes what the application writes to its standard error, in pieces as they come. True: there will be
// no answer of use.
struct ErrorsReader {
    void* owner = nullptr;
    bool (*on_errors)(void* owner, std::string_view text) = nullptr;
};

class FastcgiAnswer final : public http::BodySource {
public:
    FastcgiAnswer(net::Stream& stream, Arena& arena, ErrorsReader errors)
        : stream_(stream), arena_(arena), errors_(errors) {}

    // Reads what is there, without waiting.
    enum class Head : std::uint8_t { more, done, bad, refused, lost };
    Head read_head(const http::HeadLimits& limits, http::Method method, http::ResponseHead& head);
    [[nodiscard]] bool got_bytes() const { return got_bytes_; }
    // Behind the head: the body is next.
    void start(const http::ResponseHead& head);
    // Memory for input goes when there is nothing in it.
    void rest() {
        if (input_.empty()) input_.release();
    }
    // After the body has ended: takes in what belongs to the request and lies here already. True: that is
    // all, and the connection is as before the request.
    bool settle();

    bool ready(http::Piece& piece) override;
    net::Task<http::Piece> next(net::Time timeout, net::Watch* abort_when) override {
        return next_from_stream(*this, stream_, input_, timeout, abort_when);
    }
    [[nodiscard]] bool ended() const override { return ended_; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }
    [[nodiscard]] std::uint64_t left() const override {
        return ended_ ? 0 : framing_ == http::Framing::length ? left_ : UINT64_MAX;
    }

private:
    using What = FastcgiDecoder::Step::What;
    FastcgiDecoder::Step next_step();
    void take(std::uint32_t bytes);
    bool tell_errors(std::uint32_t bytes);
    net::Io fill();
    bool gather(std::string_view piece, std::uint32_t most);
    void end_body(http::Piece& piece);

    net::Stream& stream_;
    Arena& arena_;
    ErrorsReader errors_;
    net::Buffer input_;
    FastcgiDecoder decoder_;
    // The head so far, in the arena: records cut it anywhere, and the input is used again.
    char* head_ = nullptr;
    std::uint32_t head_size_ = 0, head_room_ = 0, resume_ = 0;
    http::Framing framing_ = http::Framing::none;
    std::uint64_t left_ = 0, received_ = 0;
    std::uint32_t handed_ = 0;   // bytes of the last piece, taken by the next call
    bool output_ended_ = false;  // END_REQUEST should follow, and the connection may end without
    bool got_bytes_ = false;
    bool ended_ = false;
};

// Writes a body as records of input, behind the head.
class FastcgiWriter final : public http::StreamSink {
public:
    explicit FastcgiWriter(net::Stream& stream) : StreamSink(stream) { head.acquire(); }

    bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
    net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;

private:
    bool frame_next();

    static constexpr std::size_t most_records = 8;   // of one call
    std::string_view unframed_;
    bool last_ = false;
    iovec pieces_[1 + 2 * most_records + 1];
    char headers_[most_records + 1][record_header];
};

}  // namespace weir::gateway
