// SPDX-License-Identifier: Apache-2.0
// The one place that decides whether a request goes to a server again. A request that a server may
// have acted on is repeated only when it is idempotent (RFC 9110 section 9.2.2) or the configuration
// asks for it (proxy_next_upstream non_idempotent); a body that is gone is never made up.
#include "runtime/forward/forward.hpp"

#include <algorithm>

namespace weir::forward {

namespace {

// The kinds of failure the configuration lists (proxy_next_upstream, retry-on).
bool listed(const ir::ForwardSettings::Retry& retry, Failure failure) {
    switch (failure) {
        case Failure::connect:
        case Failure::handshake: return retry.connect || retry.error;
        case Failure::connect_timeout:
            return retry.connect || (failure == Failure::connect ? retry.error : retry.timeout);
        case Failure::handshake_timeout: return retry.connect || retry.timeout;
        case Failure::refused: return retry.connect || retry.error;
        case Failure::send:
        case Failure::read: return retry.error;
        case Failure::empty: return retry.error || retry.empty_response;
        case Failure::send_timeout:
        case Failure::read_timeout: return retry.timeout;
        case Failure::bad_answer: return retry.invalid_header || retry.junk_response;
        case Failure::status: return true;
        default: return false;
    }
}

}  // namespace

bool never_reached_server(Failure failure) {
    return failure == Failure::connect || failure == Failure::connect_timeout ||
           failure == Failure::handshake || failure == Failure::handshake_timeout ||
           failure == Failure::refused;
}

bool leaves_server(const ir::ForwardSettings::Retry& retry, std::uint32_t attempts) {
    if (retry.redispatch == -1) return retry.tries != 0 && attempts + 1 >= retry.tries;
    return retry.redispatch > 0 && attempts % static_cast<std::uint32_t>(retry.redispatch) == 0;
}

net::Time pause_before_retry(const ir::ForwardSettings::Retry& retry, const pool::LivePool& pool,
                             std::uint32_t attempts, ir::Milliseconds connect_timeout) {
    using How = ir::Balance::How;
    constexpr net::Time longest = 1000;
    auto how = pool.conf().balance.how;
    bool moves_on = how == How::round_robin || how == How::static_round_robin || how == How::random;
    if (leaves_server(retry, attempts) && moves_on && pool.usable_servers() > 1) return 0;
    return connect_timeout == ir::no_limit ? longest
                                           : std::min<net::Time>(longest, connect_timeout.count());
}

// A kept connection that its server closed meanwhile, before it said anything.
bool ServerSide::is_stale(Failure failure) const {
    return reused_ && !(carrier_ && carrier_->got_bytes()) &&
           (failure == Failure::send || failure == Failure::read || failure == Failure::empty ||
            failure == Failure::refused);
}

bool ServerSide::may_retry(Failure failure) const {
    const auto& retry = settings().retry;
    if (streamed_) return false;
    bool idempotent = http::is_idempotent(sent_method());
    bool harmless = idempotent || (retry.non_idempotent && listed(retry, failure)) ||
                    never_reached_server(failure);
    // Nobody's failure: asked anew at no cost, where that does no harm.
    if (harmless && is_stale(failure)) return retry.stale;
    if (!never_reached_server(failure) &&
        (!job_.may_repeat || (!idempotent && !retry.non_idempotent)))
        return false;
    if (!listed(retry, failure)) return false;
    // Without a limit of tries every server is asked once (nginx); a lone server never again.
    if (retry.next_server && attempts_ >= pool_->servers().size()) return false;
    if (retry.tries != 0 && attempts_ >= retry.tries) return false;
    if (retry.time.count() != 0 && now() - started_ >= retry.time.count()) return false;
    return true;
}

std::uint16_t ServerSide::status_for(Failure failure) const {
    switch (failure) {
        case Failure::none: return response.status;
        case Failure::no_server: return settings().no_server_status;
        case Failure::queue_full:
        case Failure::queue_timeout: return 503;
        case Failure::connect:
        case Failure::handshake: return settings().connect_error_status;
        case Failure::connect_timeout:
        case Failure::handshake_timeout: return settings().connect_timeout_status;
        case Failure::send:
        case Failure::read:
        case Failure::empty:
        case Failure::refused:
        case Failure::stale:
        case Failure::bad_answer: return 502;
        case Failure::send_timeout:
        case Failure::read_timeout: return 504;
        case Failure::status: return response.status;
        case Failure::client_gone: return 499;
        case Failure::client_body: return 400;
        case Failure::client_body_timeout: return 408;
        case Failure::body_too_large: return 413;
        case Failure::bad_target: return settings().no_server_status == 503 ? 503 : 500;
        case Failure::unresolved: return settings().no_server_status;
        case Failure::local: return settings().no_server_status == 503 ? 503 : 500;
    }
    return 502;
}

}  // namespace weir::forward
