// SPDX-License-Identifier: Apache-2.0
// Bodies of HTTP/1 messages (RFC 9112 section 6 and 7): reading by length, chunks or until close,
// writing the same way.
#pragma once

#include <string>

#include "runtime/http/h1_codec.hpp"
#include "runtime/http/stream_sink.hpp"

namespace weir::http {

// Reads a body from a stream; starts with what is already in `buffer` behind the head. Bytes after
// the end of the body stay in the buffer (the next pipelined request).
class H1Body final : public BodySource {
public:
    H1Body(net::Stream& stream, net::Buffer& buffer) : stream_(stream), buffer_(buffer) {}
    void start(Framing framing, std::uint64_t length);
    // The trailer section of a chunked body is kept for trailers().
    void keep_trailers() override { keeps_trailers_ = true; }

    bool ready(Piece& piece) override;
    net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override;
    [[nodiscard]] bool ended() const override { return ended_; }
    [[nodiscard]] std::string_view trailers() const override { return trailers_; }
    [[nodiscard]] std::uint64_t spliceable() const override;
    void spliced(std::uint64_t bytes) override;
    [[nodiscard]] net::Stream* stream() override { return &stream_; }
    [[nodiscard]] std::uint64_t received() const override { return received_; }
    [[nodiscard]] Framing framing() const { return framing_; }
    [[nodiscard]] std::uint64_t left() const override {
        return ended_ ? 0 : framing_ == Framing::length ? left_ : UINT64_MAX;
    }
    [[nodiscard]] const char* why() const { return why_; }
    // Takes the last piece out of the buffer: what stays there is not of this body.
    void settle() {
        buffer_.consume(handed_);
        handed_ = 0;
        if (buffer_.empty()) buffer_.clear();
    }

private:
    bool take_plain(Piece& piece);
    bool take_chunked(Piece& piece);
    // Reads into the buffer. False: would block.
    bool fill(Piece& piece);

    net::Stream& stream_;
    net::Buffer& buffer_;
    Framing framing_ = Framing::none;
    std::uint64_t left_ = 0, received_ = 0;
    std::uint32_t handed_ = 0;      // bytes of the last piece, consumed by the next call
    ChunkedDecoder chunks_;
    std::string trailers_;
    bool keeps_trailers_ = false;
    bool ended_ = true;
    bool flows_ = false;            // the last read filled the buffer
    const char* why_ = "";
};

// Writes a body to a stream, behind the head.
class H1Writer final : public StreamSink {
public:
    explicit H1Writer(net::Stream& stream) : StreamSink(stream) {}
    // `closes`: the connection is closed as soon as the last piece is written.
    void start(Framing framing, bool closes = false) {
        framing_ = framing;
        closes_ = closes;
    }
    void set_trailers(std::string_view trailers) override { trailers_ = trailers; }

    bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
    [[nodiscard]] bool takes_splice() const override {
        return head.empty() && stream_.plain();
    }
    void expect_splice() override { splice_follows_ = stream_.plain(); }
    [[nodiscard]] bool frames() const override { return framing_ == Framing::chunked; }
    std::string_view frame(std::uint64_t bytes, bool first) override;
    void spliced(std::uint64_t bytes, bool) override {
        sent_ += bytes;
        body_sent_ += bytes;
    }

private:
    Framing framing_ = Framing::none;
    bool closes_ = false;
    bool splice_follows_ = false;   // behind the next write, which takes it
    std::string_view trailers_;   // with the line that ends them
    iovec pieces_[5];
    char size_line_[22];   // with the end of the chunk before
};

}  // namespace weir::http
