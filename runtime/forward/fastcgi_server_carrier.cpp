// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/fastcgi_server_carrier.hpp"

namespace weir::forward {

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
