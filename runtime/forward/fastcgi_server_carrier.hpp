// SPDX-License-Identifier: Apache-2.0
// FastcgiServerCarrier: a try at an application that speaks FastCGI. It has its connection to itself
// until it ends, as over HTTP/1.
#pragma once

#include "runtime/forward/server_carrier.hpp"
#include "runtime/gateway/fastcgi_body.hpp"

namespace weir::forward {

class FastcgiServerCarrier final : public ServerCarrier {
public:
    FastcgiServerCarrier(net::Stream& stream, Arena& arena, bool keep, gateway::ErrorsReader errors)
        : stream_(stream), answer_(stream, arena, errors), writer_(stream), keeps_(keep) {}

    // The records of the head go in here.
    [[nodiscard]] net::Buffer& head() { return writer_.head; }

    Failure send_now(std::string_view body, bool last) override;
    [[nodiscard]] bool rest_pending() const override { return rest_pending_; }
    net::Task<Failure> connected(net::Time deadline, net::Watch* abort_when) override;
    net::Task<Failure> send_rest(net::Time timeout) override;
    net::Watch& watch() override { return stream_.watch; }
    void rest_input() override { answer_.rest(); }
    HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) override;
    [[nodiscard]] bool got_bytes() const override { return answer_.got_bytes(); }
    http::BodySink& sink() override { return writer_; }
    http::BodySource& body() override { return answer_; }
    void begin_body(const http::ResponseHead& response, bool) override { answer_.start(response); }
    [[nodiscard]] std::uint64_t sent() const override { return writer_.sent(); }
    [[nodiscard]] bool reusable(const http::ResponseHead&) override {
        return keeps_ && answer_.ended() && answer_.settle();
    }

private:
    net::Stream& stream_;
    gateway::FastcgiAnswer answer_;
    gateway::FastcgiWriter writer_;
    net::WriteAll written_;
    bool keeps_;
    bool rest_pending_ = false;
};

}  // namespace weir::forward
