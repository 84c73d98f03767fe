// SPDX-License-Identifier: Apache-2.0
// H1ServerCarrier: a try over HTTP/1 (RFC 9112).
#pragma once

#include "runtime/forward/own_stream_carrier.hpp"
#include "runtime/http/h1_body.hpp"

namespace weir::forward {

class H1ServerCarrier final : public OwnStreamCarrier<http::H1Writer> {
public:
    // `takes_cgi`: the answer may have the form of CGI (SCGI, uwsgi).
    explicit H1ServerCarrier(net::Stream& stream, bool takes_cgi = false)
        : OwnStreamCarrier(stream), body_(stream, input_), takes_cgi_(takes_cgi) {
        writer_.head.acquire();
    }

    // Behind the head.
    void start_body(bool chunked) {
        writer_.start(chunked ? http::Framing::chunked : http::Framing::length);
    }

    void rest_input() override {
        if (input_.empty()) input_.release();
    }
    HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) override;
    [[nodiscard]] std::string_view interim_text() const override {
        return {input_.data(), interim_bytes_};
    }
    [[nodiscard]] bool got_bytes() const override { return got_bytes_; }
    http::BodySource& body() override { return body_; }
    void begin_body(const http::ResponseHead& response, bool keep_trailers) override;
    [[nodiscard]] bool reusable(const http::ResponseHead& response) override;

    // For a tunnel after 101.
    [[nodiscard]] net::Buffer take_input() { return std::move(input_); }

private:
    HeadStep parse(http::ResponseHead& response, const AnswerRules& rules);

    net::Buffer input_;
    http::H1Body body_;
    std::uint32_t resume_ = 0;          // what of the head was scanned already
    std::uint32_t interim_bytes_ = 0;   // of the last interim answer, which lies in front
    bool takes_cgi_;
    bool got_bytes_ = false;
};

}  // namespace weir::forward
