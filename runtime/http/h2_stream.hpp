// SPDX-License-Identifier: Apache-2.0
// H2Stream: a request and its answer over one stream of an HTTP/2 connection. DATA waits here until
// somebody reads it, and only then may the client send more; what is written goes out as the windows
// of the client allow, and the writer waits for it: no queue of its own either way.
#pragma once

#include <string>

#include "runtime/http/carrier.hpp"
#include "runtime/http/h2_session.hpp"

namespace weir::http {

class H2Stream final : public Carrier {
public:
    static void* operator new(std::size_t bytes) { return net::FrameSlab::allocate(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept {
        net::FrameSlab::release(memory, bytes);
    }

    H2Stream(H2Session& session, std::int32_t id);
    ~H2Stream() override;

    net::Task<HeadRead> read_head(const HeadWish& wish) override;
    bool write_continue() override;
    net::Task<bool> write_interim(const ResponseHead& head, std::string_view text,
                                  net::Time timeout) override;
    void write_head(const ReplyHead& reply) override;
    bool finish(bool complete) override;
    void close_after() override { session_.drain(); }
    void reset() override { session_.die(); }

    [[nodiscard]] std::uint32_t glitches() const { return session_.glitches(); }
    // Around the exchange that serves this stream. After leave() the stream may be gone.
    void enter();
    void leave();

private:
    friend class H2Session;
    friend struct H2Callbacks;

    class Source final : public BodySource {
    public:
        explicit Source(H2Stream& stream) : stream_(stream) {}
        bool ready(Piece& piece) override;
        net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override;
        [[nodiscard]] bool ended() const override;
        [[nodiscard]] std::string_view trailers() const override {
            return stream_.keeps_trailers_ ? std::string_view(stream_.trailers_) : std::string_view();
        }
        void keep_trailers() override { stream_.keeps_trailers_ = true; }
        [[nodiscard]] std::uint64_t left() const override;
        [[nodiscard]] std::uint64_t received() const override { return stream_.taken_; }

    private:
        H2Stream& stream_;
    };
    class Sink final : public BodySink {
    public:
        explicit Sink(H2Stream& stream) : stream_(stream) {}
        bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
        net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;
        void set_trailers(std::string_view trailers) override { stream_.trailers_out_ = trailers; }
        void count(std::size_t bytes) { sent_ += bytes; }

    private:
        H2Stream& stream_;
    };

    // Of the input
    void on_head_whole(bool ends);
    bool on_data(std::string_view bytes);          // false: the stream is in error
    bool on_end();
    void on_trailer(std::string_view name, std::string_view value);
    void give_back(std::size_t bytes);             // to the windows
    // Of the output
    void submit(const void* fields, std::size_t count, bool ends);
    [[nodiscard]] bool is_written() const {
        return pending_.empty() && (!pending_last_ || end_sent_);
    }
    void send_reset(std::uint32_t error);
    void tell();

    H2Session& session_;
    Source source_;
    Sink sink_;
    net::Watch watch_;
    H2RequestBuilder builder_;
    H2Rules rules_;                        // of when it began
    ParseResult parsed_;
    std::int32_t id_;
    std::uint32_t chunk_ = 16384;          // largest DATA frame sent
    std::uint32_t place_ = 0;              // in H2Session::all_
    std::int64_t begun_us_, begun_wall_ms_;
    net::Buffer arrived_, handed_;         // bytes that nobody has seen; that a reader looks at
    std::uint64_t arrived_bytes_ = 0, taken_ = 0, kept_back_ = 0;
    std::string trailers_;
    std::string_view pending_, trailers_out_;
    net::Time progress_ = 0;
    bool keeps_trailers_ = false;
    bool head_whole_ = false, serving_ = false, served_ = false;
    bool input_ended_ = false;
    bool closed_ = false;                  // for nghttp2 it is over
    bool is_tunnel_ = false, accepted_ = false;
    bool malformed_ = false, refused_ = false;
    bool body_broken_ = false;             // malformed, and to be told to who reads the body
    bool head_sent_ = false, has_body_ = false, deferred_ = false;
    bool pending_last_ = false, end_sent_ = false;
    bool touched_ = false, reset_sent_ = false, answered_ = false;
};

}  // namespace weir::http
