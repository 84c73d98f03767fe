// SPDX-License-Identifier: Apache-2.0
// H1ServerCarrier: a try over HTTP/1 (RFC 9112). It has its connection to itself until it ends; a
// head and a body that lie ready go out in one call, which also finds out whether a fresh connection
// stands.
#pragma once

#include "runtime/forward/server_carrier.hpp"
#include "runtime/http/h1_body.hpp"

namespace weir::forward {

class H1ServerCarrier final : public ServerCarrier {
public:
    // `takes_cgi`: the answer may have the form of CGI (SCGI, uwsgi).
    explicit H1ServerCarrier(net::Stream& stream, bool takes_cgi = false)
        : stream_(stream), body_(stream, input_), writer_(stream), takes_cgi_(takes_cgi) {
        writer_.head.acquire();
    }

    // The head goes in here, then start_body().
    [[nodiscard]] net::Buffer& head() { return writer_.head; }
    void start_body(bool chunked) {
        writer_.start(chunked ? http::Framing::chunked : http::Framing::length);
    }

    Failure send_now(std::string_view body, bool last) override;
    [[nodiscard]] bool rest_pending() const override { return rest_pending_; }
    net::Task<Failure> connected(net::Time deadline, net::Watch* abort_when) override;
    net::Task<Failure> send_rest(net::Time timeout) override;
    net::Watch& watch() override { return stream_.watch; }
    void rest_input() override {
        if (input_.empty()) input_.release();
    }
    HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) override;
    [[nodiscard]] std::string_view interim_text() const override {
        return {input_.data(), interim_bytes_};
    }
    [[nodiscard]] bool got_bytes() const override { return got_bytes_; }
    http::BodySink& sink() override { return writer_; }
    http::BodySource& body() override { return body_; }
    void begin_body(const http::ResponseHead& response, bool keep_trailers) override;
    [[nodiscard]] std::uint64_t sent() const override { return writer_.sent(); }
    [[nodiscard]] bool reusable(const http::ResponseHead& response) override;

    // For a tunnel after 101.
    [[nodiscard]] net::Buffer take_input() { return std::move(input_); }

private:
    HeadStep parse(http::ResponseHead& response, const AnswerRules& rules);

    net::Stream& stream_;
    net::Buffer input_;
    http::H1Body body_;
    http::H1Writer writer_;
    net::WriteAll written_;
    std::uint32_t resume_ = 0;          // what of the head was scanned already
    std::uint32_t interim_bytes_ = 0;   // of the last interim answer, which lies in front
    bool takes_cgi_;
    bool rest_pending_ = false;
    bool got_bytes_ = false;
};

}  // namespace weir::forward
