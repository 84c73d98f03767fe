// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/h2_server_carrier.hpp"

namespace weir::forward {

using http::H2End;

Failure H2ServerCarrier::send_now(std::string_view body, bool last) {
    auto& client = *std::exchange(client_, nullptr);
    if (!client.open(request_, method, head, body, last)) return Failure::refused;
    if (!fresh_) {
        // Others may have something to send in this turn, too.
        client.flush_soon();
        return Failure::none;
    }
    client.flush();
    if (request_.end() == H2End::no_connect) return Failure::connect;
    return request_.end() == H2End::open ? Failure::none : Failure::send;
}

bool H2ServerCarrier::rest_pending() const {
    return request_.end() == H2End::open && !request_.connected();
}

net::Task<Failure> H2ServerCarrier::connected(net::Time deadline, net::Watch* abort_when) {
    while (rest_pending()) {
        request_.watch.writable = false;
        auto waited = co_await net::writable(request_.watch, deadline, abort_when);
        if (waited == net::Waited::aborted) co_return Failure::client_gone;
        if (waited == net::Waited::timed_out) co_return Failure::connect_timeout;
    }
    co_return request_.end() == H2End::no_connect ? Failure::connect : Failure::none;
}

// Answers are read while the body goes out: a server may well answer before it has all of it.
net::Task<Failure> H2ServerCarrier::send_rest(net::Time) { co_return Failure::none; }

ServerCarrier::HeadStep H2ServerCarrier::take_head(http::ResponseHead& response,
                                                   const AnswerRules&) {
    using What = HeadStep::What;
    const auto* head_here = request_.take_head();
    // Known to be broken before anybody was told of it.
    bool spoiled = request_.end() == H2End::broken || request_.end() == H2End::reset;
    if (head_here && (head_here->status < 200 || !spoiled)) {
        response = *head_here;
        return {response.status < 200 ? What::interim : What::done};
    }
    switch (request_.end()) {
        case H2End::open: request_.watch.readable = false; return {What::more};
        case H2End::refused: return {What::failed, Failure::refused};
        case H2End::no_connect: return {What::failed, Failure::connect};
        case H2End::lost:
            return {What::failed, request_.got_bytes() ? Failure::read : Failure::empty};
        case H2End::whole:
        case H2End::reset:
        case H2End::broken: break;
    }
    return {What::failed, Failure::bad_answer};
}

}  // namespace weir::forward
