// SPDX-License-Identifier: Apache-2.0
// OwnStreamCarrier: the writing half of a try that has its connection to itself until it ends. A head
// and a body that lie ready go out in one call, which also finds out whether a fresh connection
// stands. `Writer`: a BodySink behind a head (H1Writer, FastcgiWriter).
#pragma once

#include "runtime/forward/connect.hpp"
#include "runtime/forward/server_carrier.hpp"

namespace weir::forward {

template <class Writer>
class OwnStreamCarrier : public ServerCarrier {
public:
    // The head goes in here.
    [[nodiscard]] net::Buffer& head() { return writer_.head; }

    Failure send_now(std::string_view body, bool last) override {
        rest_pending_ = !writer_.write_now(body, last, written_);
        return written_.state == net::Io::State::failed ? Failure::send : Failure::none;
    }
    [[nodiscard]] bool rest_pending() const override { return rest_pending_; }
    net::Task<Failure> connected(net::Time deadline, net::Watch* abort_when) override {
        return wait_until_connected(stream_, deadline, abort_when);
    }
    net::Task<Failure> send_rest(net::Time timeout) override {
        written_ = co_await writer_.write_rest(timeout, written_);
        if (written_.state == net::Io::State::ok) co_return Failure::none;
        co_return written_.timed_out ? Failure::send_timeout : Failure::send;
    }
    net::Watch& watch() override { return stream_.watch; }
    http::BodySink& sink() override { return writer_; }
    [[nodiscard]] std::uint64_t sent() const override { return writer_.sent(); }

protected:
    explicit OwnStreamCarrier(net::Stream& stream) : stream_(stream), writer_(stream) {}

    net::Stream& stream_;
    Writer writer_;

private:
    net::WriteAll written_;
    bool rest_pending_ = false;
};

}  // namespace weir::forward
