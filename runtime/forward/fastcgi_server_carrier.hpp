// SPDX-License-Identifier: Apache-2.0
// FastcgiServerCarrier: a try at an application that speaks FastCGI. It has its connection to itself
// until it ends, as over HTTP/1.
#pragma once

#include "runtime/forward/own_stream_carrier.hpp"
#include "runtime/gateway/fastcgi_body.hpp"

namespace weir::forward {

class FastcgiServerCarrier final : public OwnStreamCarrier<gateway::FastcgiWriter> {
public:
    FastcgiServerCarrier(net::Stream& stream, Arena& arena, bool keep, gateway::ErrorsReader errors)
        : OwnStreamCarrier(stream), answer_(stream, arena, errors), keeps_(keep) {}

    void rest_input() override { answer_.rest(); }
    HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) override;
    [[nodiscard]] bool got_bytes() const override { return answer_.got_bytes(); }
    http::BodySource& body() override { return answer_; }
    void begin_body(const http::ResponseHead& response, bool) override { answer_.start(response); }
    [[nodiscard]] bool reusable(const http::ResponseHead&) override {
        return keeps_ && answer_.ended() && answer_.settle();
    }

private:
    gateway::FastcgiAnswer answer_;
    bool keeps_;
};

}  // namespace weir::forward
