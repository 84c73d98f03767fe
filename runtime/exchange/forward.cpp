// SPDX-License-Identifier: Apache-2.0
// Asking a server, and what its answer (or the lack of one) leads to. The cache is asked before it.
#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/exchange/shelved.hpp"
#include "runtime/exchange/storing.hpp"
#include "runtime/exchange/track.hpp"
#include "runtime/exchange/tunnel.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

using http::FieldId;
using net::Io;
using net::time_of;

// No server gave an answer.
Exchange::Next Exchange::after_failure(forward::Failure failure) {
    if (failure == forward::Failure::client_gone) {
        close_silently(499);
        return Next::close;
    }
    if (failure == forward::Failure::client_body_timeout && !route_->style->tell_timeouts) {
        close_silently(408);
        return Next::close;
    }
    drop_unread_body();
    if (failure == forward::Failure::stale) {
        keep_ = false;
        return Next::close;
    }
    auto status = server_->status_for(failure);
    log_failure(worker_, subject_, failure, server_->problem(), error_logs_of(*route_, *site_));
    server_.reset();
    if (!body_.ended()) {
        keep_ = false;
        connection_.linger = true;
    }
    if (cache_)
        if (auto next = use_stale_after(failure, status); next != Next::ask) return next;
    return fail(status);
}

// A path that was decoded goes to the server escaped anew.
void Exchange::note_escaping() {
    if (route_->has_uri || target_.changed)
        target_.escape = internal_ || request_.path.find('%') != std::string_view::npos;
}

// What was passed on unread is gone for whoever is asked next.
void Exchange::drop_unread_body() {
    if (!gathered_.whole && !body_.ended()) gathered_.dropped = true;
}

// Filters and rules about an answer, a server's or a kept one. Next::perform: it is to go out.
Exchange::Next Exchange::run_response_rules(http::ResponseHead& response) {
    for (auto slot : running_->plan->request_variables) subject_.variables[slot] = {};
    if (server_ && route_->forward && route_->forward->pool != ir::no_id)
        store_sticks(*running_->plan, route_->forward->pool, subject_);
    if (server_) learn_session(true);
    for (const auto* list : {route_->filters, &own_site_filters()})
        for (const auto& one : *list) one.filter->on_response(subject_, response);
    for (const auto* list : {&route_->rules.response_content, &route_->rules.response,
                             &site_->rules.response_content, &site_->rules.response}) {
        auto ran = run_rules(*list);
        if (ran.flow == Flow::decided) return ran.next;
    }
    return Next::perform;
}

net::Task<Exchange::Next> Exchange::forward() {
    forget_cache();
    storing_.reset();
    begin_slices();
    note_escaping();
    subject_.response = nullptr;   // an earlier server's, before an inner redirect
    if (route_->cache && wants_purge()) co_return co_await purge();
    if (route_->cache) {
        auto next = look_in_cache();
        if (next == Next::look) next = co_await look_on_disk();
        if (next == Next::wait) next = co_await wait_for_answer();
        if (next != Next::ask) co_return next;
        leave_ranges_to_server();
    }
    if (shelf_ && shelf_->item != zone::Shelf::none) co_return reply_from_shelf();
    // Others are refused as long as this one is counted: its end is to be heard of at once.
    if (subject_.connection_limit == route::LimitOutcome::passed) carrier_.watch.enlist();
    if (early_)
        if (bool told = co_await write_early_head(); !told) co_return Next::close;
    if (!route_->forwarding->source->pass_expect && !send_continue()) co_return Next::close;
    for (auto* list : {&route_->rules.forward}) {
        auto ran = run_rules(*list);
        if (ran.flow == Flow::decided) co_return ran.next;
    }
    note_escaping();
    if (const auto& name = site_->source->unique_id_header; !name.empty() && !site_->unique_id.empty()) {
        if (!subject_.unique_id_text.data()) subject_.unique_id_text = site_->unique_id.render(subject_);
        request_.fields.add(arena_, name, subject_.unique_id_text);
    }
    if (!site_->source->is_nginx_style) read_affinity();
    server_.reset();   // an earlier one's pump may still hold the body
    ask_forward_filters();
    auto& body = forwarded_ ? static_cast<http::BodySource&>(forwarded_->body) : body_;
    auto& gathered = forwarded_ ? forwarded_->gathered : gathered_;
    if (cache_) cache_->terms.keeps = cache_->keeps;
    server_.emplace(forward::Job{worker_, *running_, *route_, *client_rules().timeouts, subject_,
                                 request_, carrier_, body, connection_.server, connection_.requests == 1, gathered,
                                 target_, made_pool_, may_repeat_, tally_,
                                 cache_ ? &cache_->terms : nullptr});
    auto failure = co_await server_->run();
    note_failure(subject_, failure);
    if (failure != forward::Failure::none) co_return after_failure(failure);
    drop_unread_body();
    if (server_->response.status == 101) co_return co_await tunnel();
    if (cache_ && cache_->expired) {
        auto next = co_await compare_with_cache();
        if (next != Next::ask) co_return next;
    }
    if (site_->source->cookie_capture)
        subject_.response_cookie_capture = captured_cookie(server_->response.fields, FieldId::set_cookie);
    if (auto next = run_response_rules(server_->response); next != Next::perform) {
        co_await server_->finish(false);
        co_return next;
    }
    if (!site_->source->is_nginx_style) write_affinity(server_->response);
    if (route_->forwarding->accel_redirect &&
        server_->response.fields.seen(FieldId::x_accel_redirect)) {
        auto next = follow_accel_redirect();
        co_await server_->finish(false);
        server_.reset();
        subject_.response = nullptr;
        co_return next;
    }
    const auto& settings = *route_->forwarding->source;
    auto status = server_->response.status;
    if (settings.intercept_errors && status >= 300 && route_->error_pages->find(status) &&
        (!in_error_page_ || route_->error_pages->recursive)) {
        if (cache_ && cache_->keeps) keep_failure(status, server_->response.fields);
        co_await server_->finish(false);
        co_return fail(status);
    }
    relay_fields(server_->response);
    if (cache_) begin_saving();
    begin_storing();
    if (saving_ || (cache_ && cache_->answers) || subject_.slice.used || settings.force_ranges) co_return answer_conditions();
    co_return Next::reply;
}

// 101: the head goes out, then bytes both ways (RFC 9110 section 7.8).
net::Task<Exchange::Next> Exchange::tunnel() {
    if (!request_.wants_upgrade) {
        // A server must not switch unasked.
        co_await server_->finish(false);
        co_return fail(502);
    }
    relay_fields(server_->response);
    decide_framing();
    write_reply_head();
    TunnelLimits limits;
    const auto& timeouts = *route_->timeouts;
    bool own = timeouts.tunnel != ir::no_limit;
    const auto& client_times = *client_rules().timeouts;
    limits.client_idle = time_of(own ? timeouts.tunnel : client_times.client_read);
    limits.server_idle = time_of(own ? timeouts.tunnel : timeouts.server_read);
    if (site_->source->is_nginx_style && !own) limits.client_idle = limits.server_idle;
    limits.half_close = route_->forwarding->source->half_close;
    auto written = co_await writer_.write({}, false, time_of(client_times.client_send));
    auto unread = carrier_.take_unread();
    if (written.state == Io::State::ok) {
        auto to_client = server_->take_input();
        TunnelResult result;
        if (auto* client = carrier_.tunnel())
            result = co_await run_tunnel(*client, server_->stream(), std::move(unread),
                                         std::move(to_client), limits);
        else
            result = co_await run_tunnel(carrier_, server_->stream(), std::move(to_client), limits);
        subject_.received += result.from_client;
        if (carrier_.tunnel()) subject_.sent += result.from_server;   // else the sink has counted
        subject_.sent_body += result.from_server;
        note_tunnel_end(subject_, result);
    }
    subject_.sent += writer_.sent();
    subject_.reply = &reply_;
    subject_.completed = true;
    co_await server_->finish(false);
    keep_ = false;
    co_return Next::done;
}

}  // namespace weir::exchange
