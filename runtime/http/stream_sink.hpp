// SPDX-License-Identifier: Apache-2.0
// StreamSink: a sink with a stream of its own and a head that waits to go first. Forms say what bytes a
// piece becomes: H1Writer (h1_body.hpp), FastcgiWriter (gateway/fastcgi_body.hpp).
#pragma once

#include "runtime/http/body.hpp"
#include "runtime/net/buffer.hpp"

namespace weir::http {

class StreamSink : public BodySink {
public:
    net::Buffer head;   // filled by who writes the head; goes out with the first write

    net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;
    [[nodiscard]] net::Stream* stream() override { return &stream_; }

protected:
    explicit StreamSink(net::Stream& stream) : stream_(stream) {}
    // What write_now() promises, for `rest_`; `end_follows` as for Stream::write(). Without a failure
    // `rest_` is empty where all went out.
    bool write_rest_now(net::WriteAll& result, bool end_follows = false);

    net::Stream& stream_;
    std::span<iovec> rest_;   // the head and a framed piece, as far as they did not go out
};

}  // namespace weir::http
