// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/fastcgi_server_carrier.hpp"

#include "runtime/forward/connect.hpp"

namespace weir::forward {

using net::Io;

Failure FastcgiServerCarrier::send_now(std::string_view body, bool last) {
    rest_pending_ = !writer_.write_now(body, last, written_);
    return written_.state == Io::State::failed ? Failure::send : Failure::none;
}

net::Task<Failure> FastcgiServerCarrier::connected(net::Time deadline, net::Watch* abort_when) {
    return wait_until_connected(stream_, deadline, abort_when);
}

net::Task<Failure> FastcgiServerCarrier::send_rest(net::Time timeout) {
    written_ = co_await writer_.write_rest(timeout, written_);
    co_return failure_of(written_);
}

ServerCarrier::HeadStep FastcgiServerCarrier::take_head(http::ResponseHead& response, const AnswerRules& rules) {
    using What = HeadStep::What;
    using Head = gateway::FastcgiAnswer::Head;
    switch (answer_.read_head(limits_of(rules), rules.method, response)) {
        case Head::more: return {What::more};
        case Head::done: return {What::done};
        case Head::bad: return {What::failed, Failure::bad_answer};
        case Head::refused: return {What::failed, Failure::refused};
        case Head::lost: break;
    }
    return {What::failed, got_bytes() ? Failure::read : Failure::empty};
}

}  // namespace weir::forward
