// SPDX-License-Identifier: Apache-2.0
// H2ServerCarrier: a try as one stream among others on a connection of HTTP/2 (RFC 9113). The
// connection belongs to its server (idle_cache.hpp) and may go away at any time; the request on it
// then says how it ended.
#pragma once

#include "runtime/forward/server_carrier.hpp"
#include "runtime/http/h2_client.hpp"

namespace weir::forward {

class H2ServerCarrier final : public ServerCarrier {
public:
    // `client` is needed until send_now() only. `fresh`: it was opened for this request.
    H2ServerCarrier(http::H2Client& client, Arena& arena, net::Loop& loop, bool fresh)
        : client_(&client), request_(arena, loop), fresh_(fresh) {}

    // The head goes in here: pseudo-header fields first, names in lower case.
    http::FieldList head;
    http::Method method = http::Method::other;

    Failure send_now(std::string_view body, bool last) override;
    [[nodiscard]] bool rest_pending() const override;
    net::Task<Failure> connected(net::Time deadline, net::Watch* abort_when) override;
    net::Task<Failure> send_rest(net::Time timeout) override;
    net::Watch& watch() override { return request_.watch; }
    HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) override;
    [[nodiscard]] bool got_bytes() const override { return request_.got_bytes(); }
    http::BodySink& sink() override { return request_.sink; }
    http::BodySource& body() override { return request_.answer; }
    void begin_body(const http::ResponseHead&, bool keep_trailers) override {
        if (keep_trailers) request_.answer.keep_trailers();
    }
    [[nodiscard]] std::uint64_t sent() const override { return request_.sent(); }
    // The connection sees to itself.
    [[nodiscard]] bool reusable(const http::ResponseHead&) override { return false; }

private:
    http::H2Client* client_;
    http::H2Request request_;
    bool fresh_;
};

}  // namespace weir::forward
