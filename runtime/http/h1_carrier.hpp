// SPDX-License-Identifier: Apache-2.0
// H1Carrier: a request and its answer over HTTP/1: the head parsed in place out of the connection's
// input, the answer's written as text in front of its body.
#pragma once

#include "runtime/http/carrier.hpp"
#include "runtime/http/h1_body.hpp"

namespace weir::http {

class H1Carrier final : public Carrier {
public:
    // `later`: not the first request of the connection.
    H1Carrier(net::Stream& stream, net::Buffer& input, bool later)
        : Carrier(true, source_, writer_, stream.watch), stream_(stream), input_(input),
          source_(stream, input), writer_(stream), later_(later) {}

    net::Task<HeadRead> read_head(const HeadWish& wish) override;
    [[nodiscard]] std::string_view partial_head() const override { return input_.view(); }
    bool write_continue() override;
    net::Task<bool> write_interim(const ResponseHead& head, std::string_view text,
                                  net::Time timeout) override;
    void write_head(const ReplyHead& reply) override;
    net::Stream* tunnel() override { return &stream_; }
    net::Buffer take_unread() override;
    bool finish(bool complete) override;
    void reset() override;

private:
    // False: would block.
    bool parse(const HeadWish& wish, HeadRead& read);
    void keep_head();
    void write_fields(const ReplyHead& reply);
    std::string_view interim_text(const ResponseHead& head);

    net::Stream& stream_;
    net::Buffer& input_;
    net::Buffer head_block_;               // where the head lies when the input is needed anew
    H1Body source_;
    H1Writer writer_;
    std::uint32_t resume_ = 0;
    bool later_;
};

}  // namespace weir::http
