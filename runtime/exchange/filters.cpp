// SPDX-License-Identifier: Apache-2.0
// Filters of a route before its action: what they answer, and how long they hold a request back.
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"

namespace weir::exchange {

// What a filter of the route wants, from the one at `at` on: none of them anything (perform), the answer
// it made, or to wait a while before the next is asked.
Exchange::Next Exchange::ask_filters(std::size_t& at, std::int64_t& wait_ms) {
    const auto& filters = *route_->filters;
    while (at < filters.size()) {
        filter::Answer answer;
        auto verdict = filters[at++].filter->on_request(subject_, answer);
        if (!answer.note.empty()) log_note(subject_, answer.note_level, answer.note);
        if (verdict == filter::Verdict::next) continue;
        wait_ms = answer.wait_ms;
        if (verdict == filter::Verdict::wait) return Next::wait;
        if (answer.status >= 400 && answer.body.empty() && answer.fields.empty()) return fail(answer.status);
        take(answer);
        return Next::reply;
    }
    return Next::perform;
}

// A filter holds the request back. False: the client left meanwhile.
net::Task<bool> Exchange::wait_here(net::Time time) {
    auto& loop = worker_.loop;
    auto& watch = carrier_.watch;
    watch.enlist();
    const auto until = loop.now() + time;
    while (loop.now() < until && !watch.peer_closed && !watch.broken) {
        if (watch.readable || !carrier_.is_http1)   // more is here already, or may come: just wait
            co_await net::sleep_for(loop, until - loop.now());
        else
            co_await net::readable(watch, until);
    }
    subject_.now_us = loop.now_us();
    if (!watch.peer_closed && !watch.broken) co_return true;
    close_silently(499);
    co_return false;
}

}  // namespace weir::exchange
