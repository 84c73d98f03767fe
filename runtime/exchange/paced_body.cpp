// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/paced_body.hpp"

#include <algorithm>

namespace weir::exchange {

std::uint64_t parse_rate(std::string_view text) {
    std::uint64_t number = 0, unit = 1;
    if (!text.empty()) {
        const char last = static_cast<char>(text.back() | 0x20);
        unit = last == 'k' ? 1024 : last == 'm' ? 1048576 : last == 'g' ? 1073741824 : 1;
        if (unit != 1) text.remove_suffix(1);
    }
    if (text.empty() || text.size() > 12) return 0;
    for (char c : text) {
        if (c < '0' || c > '9') return 0;
        number = number * 10 + static_cast<std::uint64_t>(c - '0');
    }
    return number * unit;
}

Pace pace_of(const plan::Plan& plan, const plan::Route& route, route::Subject& subject) {
    Pace pace;
    if (const auto* rate = route.rate) {
        pace.rate = parse_rate(rate->rate.render(subject));
        pace.after = parse_rate(rate->after.render(subject));
    }
    if (plan.rate_slot < subject.variables.size() && subject.variables[plan.rate_slot].exists)
        pace.rate = parse_rate(subject.variables[plan.rate_slot].bytes);
    // X-Accel-Limit-Rate, where servers are listened to.
    const auto& forward = *route.forwarding->source;
    constexpr auto id = http::FieldId::x_accel_limit_rate;
    if (forward.accel_redirect && subject.response && subject.response->fields.seen(id)) {
        const auto* field = subject.response->fields.find(id);
        const auto ignored = std::any_of(forward.ignore_fields.begin(), forward.ignore_fields.end(),
                                         [](const auto& name) { return http::field_id(name) == id; });
        if (field && !ignored) pace.rate = parse_rate(field->value);
    }
    subject.limit_rate = pace.rate;
    return pace;
}

bool PacedBody::slice(http::Piece& piece, net::Time& wait) {
    const auto counted = passed_ > pace_.after ? passed_ - pace_.after : 0;
    auto allowed = net::allowed_by_rate(pace_.rate, loop_.now() - begun_, counted);
    wait = allowed.wait;
    // What of the free bytes is left comes on top.
    if (passed_ < pace_.after) allowed.bytes += pace_.after - passed_;
    if (allowed.bytes == 0 && !held_.bytes.empty()) return false;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(held_.bytes.size(), allowed.bytes));
    piece = held_;
    piece.bytes = held_.bytes.substr(0, size);
    held_.bytes.remove_prefix(size);
    piece.last = held_.last && held_.bytes.empty();
    if (piece.last) {
        held_.last = false;
        ended_ = true;
    }
    passed_ += size;
    return true;
}

bool PacedBody::ready(http::Piece& piece) {
    if (!holds() && inner_ && (!inner_->ready(held_) || held_.state != http::BodyState::ok)) {
        piece = held_;
        return held_.state != http::BodyState::ok;
    }
    net::Time wait = 0;
    return holds() && slice(piece, wait);
}

net::Task<http::Piece> PacedBody::next(net::Time timeout, net::Watch* abort_when) {
    http::Piece piece;
    for (;;) {
        if (!holds() && inner_) {
            if (!inner_->ready(held_)) held_ = co_await inner_->next(timeout, abort_when);
            if (held_.state != http::BodyState::ok) co_return held_;
        }
        net::Time wait = 0;
        if (slice(piece, wait)) co_return piece;
        // In slices: a client that goes away meanwhile is noticed.
        client_.enlist();
        co_await net::sleep_for(loop_, std::min<net::Time>(wait, 250));
        if (client_.broken || (abort_when && client_.peer_closed)) {
            piece.state = http::BodyState::aborted;
            co_return piece;
        }
    }
}

}  // namespace weir::exchange
