// SPDX-License-Identifier: Apache-2.0
// Filters of a route before its action: what they answer, how long they hold a request back, and what
// they change of it for its server.
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
        if (!answer.note.empty()) log_note(subject_, answer.note_level, answer.note, {}, error_logs_of(*route_, *site_));
        if (verdict == filter::Verdict::next) continue;
        wait_ms = answer.wait_ms;
        if (verdict == filter::Verdict::wait) return Next::wait;
        if (answer.status >= 400 && answer.body.empty() && answer.fields.empty()) return fail(answer.status);
        take(answer);
        return Next::reply;
    }
    return Next::perform;
}

// Filters that change what the server gets. A body that one of them wants has no length any more.
void Exchange::ask_forward_filters() {
    const auto& site_filters = own_site_filters();
    if (route_->filters->empty() && site_filters.empty()) return;
    auto* holds = arena_.make_array<filter::Hold>(route_->filters->size() + site_filters.size());
    std::size_t count = 0;
    for (const auto* list : {route_->filters, &site_filters}) {
        for (const auto& one : *list) {
            filter::Hold hold{one.filter.get(), nullptr};
            if (hold.filter->on_forward(subject_, request_, hold.state)) holds[count++] = hold;
        }
    }
    if (count == 0) return;
    if (gathered_.dropped || gathered_.file.size() != 0 || forwarded_) {
        // There is no body any more, or it lies in a file, which only nginx's language knows.
        for (std::size_t i = 0; i < count; ++i) holds[i].filter->on_body_end(holds[i].state);
        return;
    }
    request_.framing = http::Framing::chunked;
    request_.fields.remove(http::FieldId::content_length);
    auto* rest = gathered_.whole ? nullptr : &body_;
    std::span<filter::Hold> wanted(holds, count);
    forwarded_.reset(new (arena_.allocate(sizeof(Forwarded), alignof(Forwarded)))
                         Forwarded(gathered_.bytes(), rest, subject_, wanted));
}

// The filters that want the body of this reply. Its length is open then, unless all of it is here.
std::span<filter::Hold> Exchange::ask_reply_filters() {
    if (knows_length()) {
        reply_.framing = http::Framing::length;
        reply_.length = file_ ? file_->length() : own_body_.size();
    }
    subject_.reply_from_server = reply_from_server_;
    const auto& site_filters = own_site_filters();
    auto* holds = arena_.make_array<filter::Hold>(route_->filters->size() + site_filters.size());
    std::size_t count = 0;
    for (const auto* list : {route_->filters, &site_filters}) {
        for (const auto& one : *list) {
            filter::Hold hold{one.filter.get(), nullptr};
            if (hold.filter->on_reply(subject_, reply_, hold.state)) holds[count++] = hold;
        }
    }
    if (count == 0) return {};
    open_the_length();
    return {holds, count};
}

// HAProxy: filters of the frontend, behind those of the backend. A route of nginx's has inherited them.
const std::vector<filter::Instance>& Exchange::own_site_filters() const {
    static const std::vector<filter::Instance> none;
    return site_->source->is_nginx_style || route_->filters == site_->own.filters ? none : *site_->own.filters;
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
