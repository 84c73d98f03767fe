// SPDX-License-Identifier: Apache-2.0
// The steps of an exchange in their order; see run().
#include "runtime/exchange/exchange.hpp"

#include <algorithm>

#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/inner.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/exchange/shelved.hpp"
#include "runtime/exchange/storing.hpp"
#include "runtime/exchange/track.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/time.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/plan/tls.hpp"
#include "runtime/route/escape.hpp"
#include "runtime/route/real_address.hpp"

namespace weir::exchange {

using http::FieldId;
using http::Framing;
using http::ParseStatus;
using net::Io;

namespace {

constexpr std::uint32_t most_internal_redirects = 10;
// A body that nobody wants is read to its end only when that is cheap.
constexpr std::uint64_t worth_discarding = 65536;

using net::time_of;

}  // namespace

Exchange::Exchange(Connection& connection, http::Carrier& carrier)
    : connection_(connection),
      carrier_(carrier),
      worker_(connection.worker),
      running_(connection.running),
      arena_(carrier.arena),
      request_(carrier.request),
      body_(carrier.body),
      writer_(carrier.sink) {
    ++connection.requests;
    subject_.arena = &arena_;
    subject_.around = &running_->around;
    subject_.connection = &connection.facts;
    subject_.client = &connection.facts.client;
    subject_.local = &connection.facts.local;
    subject_.connection_requests = connection.requests;
    subject_.serial = ++worker_.exchange_serial;
    subject_.now_us = worker_.loop.now_us();
    subject_.wall_ms = worker_.loop.wall_ms();
    subject_.payload_ended = true;   // rules run when the head is whole: nothing is undecided
    if (connection.followers) subject_.connection_followed = connection.followers->list;
    auto& times = subject_.times;
    times.started = connection.requests == 1 ? connection.facts.accepted_us : subject_.now_us;
    times.handshaken = connection.requests == 1 ? connection.facts.ready_us : times.started;
    times.started_wall_ms =
        subject_.wall_ms - (subject_.now_us - times.started) / 1000;
}

void Exchange::Destroy::operator()(CacheUse* use) const { use->~CacheUse(); }
void Exchange::Destroy::operator()(ShelfUse* use) const { use->~ShelfUse(); }

Exchange::~Exchange() {
    if (stage_ != Stage::waiting) enter(Stage::waiting);
}

// For stub_status: heads that came in part, and requests under way.
void Exchange::enter(Stage stage) {
    if (worker_.process.slots) {
        auto& mine = worker_.process.mine(worker_.index);
        if (stage_ == Stage::reading) mine.reading.subtract(1);
        if (stage_ == Stage::busy) mine.busy.subtract(1);
        if (stage == Stage::reading) mine.reading.add(1);
        if (stage == Stage::busy) mine.busy.add(1);
    }
    stage_ = stage;
}

// The site that answers before a Host says more: SNI's, else the listener's default.
ir::SiteId Exchange::first_site(const plan::Listener& listener) {
    if (listener.only != ir::no_id) return listener.only;
    auto name = connection_.facts.tls ? connection_.facts.tls_facts->server_name() : std::string_view();
    if (name.empty()) return listener.names.fallback();
    return listener.names.find(route::normalize_host(name, arena_).host, subject_);
}

// Before the head is known: the site that answers for the listener.
void Exchange::choose_site() {
    const auto& listener = running_->plan->listeners[connection_.listener];
    site_ = &running_->plan->sites[first_site(listener)];
    route_ = &site_->own;
    subject_.site = site_->source;
    subject_.site_id = site_->id;
}

http::HeadLimits head_limits(const ir::ClientLimits& limits) {
    http::HeadLimits bounds;
    bounds.max_line = limits.max_line;
    bounds.max_head = limits.max_head;
    bounds.max_fields = limits.max_fields;
    bounds.drop_invalid = limits.drop_invalid;
    bounds.underscores = limits.underscores;
    bounds.upper_case_methods = limits.upper_case_methods;
    bounds.fragments = limits.fragments;
    bounds.fragment_behind_host = limits.fragment_behind_host;
    bounds.target_host_wins = limits.target_host_wins;
    return bounds;
}

http::HeadWish Exchange::head_wish() {
    http::HeadWish wish;
    wish.bounds = head_limits(*route_->limits);
    // HAProxy never asks for it; without, two readers may think of two sites (RFC 9112 section 3.2).
    wish.bounds.needs_host = site_->source->is_nginx_style || !wish.bounds.fragment_behind_host;
    wish.bounds.tidy_line = !site_->source->is_nginx_style;
    auto head_time = time_of(route_->timeouts->request_head);
    auto begun = connection_.requests == 1 ? connection_.facts.accepted_us / 1000
                                           : worker_.loop.now();
    if (head_time != net::never) wish.until = begun + head_time;
    wish.owner = this;
    wish.on_part = [](void* owner) { static_cast<Exchange*>(owner)->enter(Stage::reading); };
    return wish;
}

// False: the client left (or was silent) before it asked for anything.
bool Exchange::take_head(const http::HeadRead& read, const http::HeadLimits& bounds) {
    using How = http::HeadRead::How;
    if (read.first_byte_us >= 0) {
        subject_.times.first_byte = read.first_byte_us;
        subject_.times.request_wall_ms = read.first_byte_wall_ms;
    }
    subject_.pipelined = read.pipelined;
    switch (read.how) {
        case How::whole: break;
        case How::nothing: return false;
        case How::broke_off:
            // 400 in the log, and nobody there to tell.
            note_partial_head(bounds);
            close_silently(400);
            return false;
        case How::refused:
            note_partial_head(bounds);
            refuse_head(read.status);
            break;
        case How::timed_out:
            keep_ = false;
            if (!route_->style->tell_timeouts) {
                silent_ = carrier_.partial_head().empty();
                note_partial_head(bounds);
                close_silently(408);
                return false;
            }
            subject_.request = nullptr;
            subject_.termination[0] = 'c';
            subject_.termination[1] = 'R';
            fail(408);
            break;
    }
    enter(Stage::busy);
    subject_.now_us = worker_.loop.now_us();
    if (reply_.status == 0) subject_.times.request = subject_.now_us;
    return true;
}

// What the log tells of a head that is not whole or not right: its request line, and what came.
void Exchange::note_partial_head(const http::HeadLimits& bounds) {
    if (!carrier_.is_http1) {
        subject_.request = &request_;
        subject_.received = request_.head_bytes;
        subject_.normalized_path = request_.path;
        return;
    }
    auto text = carrier_.partial_head();
    while (text.starts_with('\r') || text.starts_with('\n')) text.remove_prefix(1);
    // Anew: the block may have moved since the line was read.
    http::parse_request_head(text, bounds, arena_, request_, nullptr);
    if (request_.line.empty()) {
        request_.line = text.substr(0, text.find_first_of("\r\n"));
        request_.method_text = request_.target = request_.path = request_.query = {};
    } else {
        auto end = text.find("\r\n\r\n");
        subject_.received = end == std::string_view::npos ? request_.line.size() + 2 : end + 4;
        subject_.normalized_path = request_.path;
        subject_.query = request_.query;
    }
    if (!request_.line.empty()) subject_.request = &request_;
}

// Nobody waits for an answer, or is to get one: the log alone tells.
void Exchange::close_silently(std::uint16_t status) {
    keep_ = false;
    subject_.status = reply_.status = status;
    log();
    silent_ = true;
}

Exchange::Next Exchange::refuse_head(ParseStatus status) {
    keep_ = false;
    head_refused_ = true;
    connection_.linger = true;
    // HAProxy says nothing of a request that it could not read, not even in the log.
    subject_.request = site_->source->is_nginx_style ? &request_ : nullptr;
    in_error_page_ = true;   // no inner request for what could not be read
    subject_.termination[0] = 'P';
    subject_.termination[1] = 'R';
    switch (status) {
        case ParseStatus::line_too_long: return fail(414);
        case ParseStatus::bad_version: return fail(505);
        case ParseStatus::not_implemented: return fail(501);
        case ParseStatus::field_too_long:
        case ParseStatus::too_many_fields:
            return fail(site_->source->is_nginx_style ? 494 : 431);
        default: return fail(route_->limits->refuse_status);
    }
}

// The head is whole: which site, which path.
namespace {

// A field that has one value came twice: what it means would be a guess (nginx refuses it since 1.23).
bool has_double_field(const http::FieldList& fields) {
    constexpr FieldId once[] = {FieldId::authorization,     FieldId::content_range,
                                FieldId::expect,            FieldId::if_match,
                                FieldId::if_modified_since, FieldId::if_none_match,
                                FieldId::if_range,          FieldId::if_unmodified_since};
    for (auto id : once) {
        if (!fields.seen(id)) continue;
        auto count = std::count_if(fields.begin(), fields.end(), [&](const auto& field) { return field.id == id; });
        if (count > 1) return true;
    }
    return false;
}

}  // namespace

Exchange::Next Exchange::begin() {
    auto& plan = *running_->plan;
    const auto& listener = plan.listeners[connection_.listener];
    subject_.request = &request_;
    subject_.received = request_.head_bytes;
    subject_.query = request_.query;
    if (!subject_.connection_followed.empty()) count_followed(subject_, Counted::request);
    subject_.body_length = request_.length;
    if (auto count = plan.config().variables.size(); count != 0)
        subject_.variables = {arena_.make_array<route::Value>(count), count};
    if (connection_.variables) connection_.variables->give(subject_.variables);
    if (auto count = plan.config().named_captures.size(); count != 0)
        subject_.named_captures = {arena_.make_array<std::string_view>(count), count};
    auto host = route::normalize_host(request_.authority, arena_);
    bool nginx = site_->source->is_nginx_style;
    if (!host.valid && !request_.authority.empty() && nginx) {
        keep_ = false;
        return fail(400);
    }
    subject_.host = host.host;
    if (listener.only == ir::no_id) {
        auto id = listener.names.find(subject_.host, subject_);
        site_ = &plan.sites[id];
        route_ = &site_->own;
        subject_.site = site_->source;
        subject_.site_id = id;
    }
    nginx = site_->source->is_nginx_style;
    if (route_->real_address) route::take_real_address(*route_->real_address, subject_);
    auto refusal = listener.source->tls ? tls_refusal(connection_, *site_, subject_.host) : std::uint16_t{0};
    // A connection that was agreed on for one site of several may ask for another one.
    if (nginx && !carrier_.is_http1 && !plan::speaks_h2(*listener.source, *site_->source)) refusal = 421;
    if (refusal != 0) {
        subject_.normalized_path = request_.path;
        keep_ = false;
        return fail(refusal);
    }
    if (const auto& slots = site_->source->request_captures; !slots.empty())
        subject_.request_captures = {arena_.make_array<std::string_view>(slots.size()), slots.size()};
    if (const auto& slots = site_->source->response_captures; !slots.empty())
        subject_.response_captures = {arena_.make_array<std::string_view>(slots.size()), slots.size()};
    if (nginx) {
        if (has_double_field(request_.fields)) {
            subject_.normalized_path = request_.path;
            keep_ = false;
            return fail(400);
        }
        if (request_.method == http::Method::connect || request_.method == http::Method::trace) {
            keep_ = false;
            return fail(request_.method == http::Method::trace ? 405 : 400);
        }
        auto path = route::normalize_path(request_.path, route_->limits->merge_slashes, arena_);
        if (!path.valid || !path.path.starts_with('/')) {
            keep_ = false;
            return fail(400);
        }
        subject_.normalized_path = path.path;
    } else {
        subject_.normalized_path = request_.path;
    }
    if (!site_->unique_id.empty()) subject_.unique_id_format = &site_->unique_id;
    if (site_->source->cookie_capture)
        subject_.request_cookie_capture = captured_cookie(request_.fields, FieldId::cookie);
    const auto& monitor = site_->source->monitor_uri;
    if (!monitor.empty() && request_.target == monitor) return answer_monitor();
    return Next::rules;
}

// capture cookie: "NAME=value" of the first cookie whose name begins as configured.
std::string_view Exchange::captured_cookie(const http::FieldList& fields, FieldId id) const {
    const auto& capture = *site_->source->cookie_capture;
    for (const auto& field : fields) {
        if (field.id != id) continue;
        auto rest = field.value;
        while (!rest.empty()) {
            while (rest.starts_with(' ')) rest.remove_prefix(1);
            auto end = std::min(rest.find(';'), rest.size());
            auto one = rest.substr(0, end);
            if (one.starts_with(capture.prefix)) return one.substr(0, capture.length);
            if (id == FieldId::set_cookie || end == rest.size()) break;   // attributes follow
            rest.remove_prefix(end + 1);
        }
    }
    return {};
}

// monitor-uri: this program answers for itself, or for its servers where "monitor fail" asks for
// that. Such requests come often and say nothing about clients: they are not logged.
Exchange::Next Exchange::answer_monitor() {
    silent_ = true;
    bool fails = std::any_of(site_->monitor_fail.begin(), site_->monitor_fail.end(),
                             [&](const route::Program& when) { return when.holds(subject_); });
    return fail(fails ? 503 : 200);
}

Exchange::Next Exchange::use_route(ir::RouteId id) {
    route_ = &running_->plan->routes[id];
    subject_.pool_name = route_->source->pool_name;
    if (body_is_too_large() && !gathered_.dropped) {
        keep_ = false;
        connection_.linger = true;
        gathered_.dropped = true;
        return fail(413);
    }
    plan::point_at(subject_, *route_);
    uri_changed_ = whole_goes_on_ = false;
    next_route_ = ir::no_id;
    for (const auto* list : {&route_->rules.content, &route_->rules.request}) {
        auto ran = run_rules(*list);
        if (ran.flow == Flow::decided) return ran.next;
        if (ran.flow == Flow::stop && ran.next == Next::perform) uri_changed_ = false;   // break
    }
    if (uri_changed_) {
        ++internal_redirects_;
        return Next::route;
    }
    if (next_route_ != ir::no_id) route_ = &running_->plan->routes[next_route_];
    plan::point_at(subject_, *route_);
    if (route_->real_address) route::take_real_address(*route_->real_address, subject_);
    return Next::perform;
}

bool Exchange::body_is_too_large() const {
    return request_.framing == Framing::length && route_->limits->max_body != 0 &&
           request_.length > route_->limits->max_body;
}

Exchange::Next Exchange::pick_route() {
    auto found = site_->router.pick(subject_);
    if (found.add_slash) {
        ir::action::Redirect action;
        action.status = 301;
        action.short_body = false;
        bool query = !subject_.query.empty();
        route_ = found.route == ir::no_id ? &site_->own : &running_->plan->routes[found.route];
        return redirect(action, arena_.join({route::escape_path(subject_.normalized_path, arena_), "/",
                                             query ? "?" : "", subject_.query}));
    }
    if (found.route == ir::no_id) {
        route_ = &site_->own;
        subject_.termination[0] = 'S';
        subject_.termination[1] = 'C';
        return fail(503);
    }
    const auto& route = running_->plan->routes[found.route];
    if (route.source->internal && site_->source->is_nginx_style && !internal_) {
        route_ = &route;   // its error pages
        return fail(404);
    }
    return use_route(found.route);
}

bool Exchange::send_continue() {
    if (!request_.expects_continue || request_.is_http10() || body_.ended()) return true;
    request_.expects_continue = false;
    return carrier_.write_continue();
}

void Exchange::take(const filter::Answer& answer) {
    reply_ = {};
    reply_.status = answer.status;
    reply_.fields = answer.fields;
    reply_from_server_ = unsized_ = false;
    own_body_ = answer.body;
    content_type_ = answer.content_type;
}

net::Task<Exchange::Next> Exchange::perform() {
    if (!route_->filters->empty()) {
        std::size_t at = 0;
        std::int64_t wait_ms = 0;
        for (;;) {
            auto next = ask_filters(at, wait_ms);
            if (next == Next::perform) break;
            if (next != Next::wait) co_return next;
            if (!co_await wait_here(wait_ms)) co_return Next::close;
        }
    }
    if (route_->access && !is_inner_) {
        auto next = co_await check_access();
        if (next != Next::perform) co_return next;
    }
    if (!route_->inner->mirrors.empty() && !is_inner_ && !mirrored_) {
        auto next = co_await start_mirrors();
        if (next != Next::perform) co_return next;
    }
    if (route_->try_files) {
        auto next = try_files();
        if (next != Next::perform) co_return next;
    }
    if (route_->forward) co_return co_await forward();
    if (const auto* answer = std::get_if<ir::Answer>(&route_->source->action))
        co_return respond(route_->answer, answer->respond);
    if (const auto* served = std::get_if<ir::ServedBy>(&route_->source->action)) {
        auto answer = route_->service->serve(subject_, served->conf.get());
        if (answer.status >= 400 && answer.body.empty()) co_return fail(answer.status);
        take(answer);
        co_return Next::reply;
    }
    if (std::holds_alternative<ir::ServeFiles>(route_->source->action)) co_return serve_files();
    co_return fail(std::get<ir::NoAction>(route_->source->action).status);
}

net::Task<bool> Exchange::discard_body() {
    if (body_.ended()) co_return true;
    if (request_.expects_continue) co_return false;   // the client waits and may never send it
    if (request_.framing == Framing::length && body_.left() > worth_discarding) co_return false;
    std::uint64_t before = body_.received();
    while (!body_.ended() && body_.received() - before < worth_discarding) {
        auto piece = co_await body_.next(time_of(route_->timeouts->lingering), nullptr);
        if (piece.state != http::BodyState::ok) co_return false;
    }
    co_return body_.ended();
}

// wait-for-body, http-buffer-request: until the body is whole, or as much as was asked for, or as the
// buffer holds.
net::Task<Exchange::Next> Exchange::wait_for_body() {
    const auto* rule = std::exchange(wait_, nullptr);
    const auto& wait = std::get<ir::action::WaitForBody>(rule->source->action);
    if (!send_continue()) co_return Next::close;
    request_.fields.remove(FieldId::expect);
    auto& spool = gathered_.spool;
    std::uint64_t most = client_rules().limits->body_buffer;
    if (wait.bytes != 0) most = std::min(most, wait.bytes);
    auto end = net::after(worker_.loop.now(), wait.time);
    while (!body_.ended() && spool.size() < most) {
        auto left = end == net::never ? net::never : std::max<net::Time>(end - worker_.loop.now(), 0);
        auto piece = co_await body_.next(left, nullptr);
        if (piece.state != http::BodyState::ok) {
            bool late = piece.state == http::BodyState::timed_out;
            keep_ = false;
            connection_.linger = true;
            note_request_failure(subject_, late);
            if (late) co_return fail(408);
            // HAProxy goes on to choose who would have been asked, and tells its log.
            gathered_.broken = true;
            break;
        }
        spool.acquire(spool.size() + piece.bytes.size());
        if (spool.room_size() < piece.bytes.size()) spool.grow(spool.size() + piece.bytes.size() + net::Buffer::standard);
        spool.append(piece.bytes);
    }
    gathered_.tried = true;
    gathered_.whole = body_.ended();
    subject_.body = gathered_.bytes();
    resume_after_ = rule;
    co_return route_ == &site_->own ? run_site_rules() : use_route(route_->id);
}

net::Task<Exchange::Next> Exchange::wait_for_handshake() {
    const auto* rule = std::exchange(wait_, nullptr);
    auto& stream = connection_.stream;
    const auto deadline = net::after(worker_.loop.now(), client_rules().timeouts->client_read);
    bool over = false;
    if (carrier_.is_http1) {
        over = co_await net::finish_handshake(stream, deadline);
    } else {
        // Who reads for all streams of the connection comes to its end; nobody tells.
        constexpr net::Time pause = 5;
        while (stream.is_open() && stream.tls()->early() && worker_.loop.now() < deadline)
            co_await net::sleep_for(worker_.loop, pause);
        over = stream.is_open() && !stream.tls()->early();
    }
    if (!over) co_return Next::close;
    resume_after_ = rule;
    co_return route_ == &site_->own ? run_site_rules() : use_route(route_->id);
}

Exchange::Next Exchange::run_site_rules() {
    plan::point_at(subject_, site_->own);
    for (const auto* list : {&site_->rules.content, &site_->rules.request}) {
        auto ran = run_rules(*list);
        if (ran.flow == Flow::decided) return ran.next;
    }
    // HAProxy: a frontend has modules of its own (the stats page), before its backend is picked.
    if (!site_->source->is_nginx_style && !route_->filters->empty()) {
        std::size_t at = 0;
        std::int64_t wait_ms = 0;
        if (auto next = ask_filters(at, wait_ms); next != Next::perform && next != Next::wait) return next;
    }
    return Next::route;
}

net::Task<bool> Exchange::run() {
    auto next = Next::rules;
    if (!is_inner_) {
        choose_site();
        auto wish = head_wish();
        auto read = co_await carrier_.read_head(wish);
        if (!take_head(read, wish.bounds)) co_return false;
        next = reply_.status != 0 ? Next::reply : begin();
    }
    if (is_clone_) next = co_await forward();
    if (!named_.empty()) next = go_to(named_, true);
    while (next == Next::rules || next == Next::route || next == Next::perform || next == Next::wait) {
        if (internal_redirects_ > most_internal_redirects) {
            in_error_page_ = true;
            next = fail(500);
            break;
        }
        switch (next) {
            case Next::rules: next = run_site_rules(); break;
            case Next::route: next = pick_route(); break;
            case Next::wait:
                if (std::holds_alternative<ir::action::WaitForHandshake>(wait_->source->action))
                    next = co_await wait_for_handshake();
                else
                    next = co_await wait_for_body();
                break;
            default: next = co_await perform();
        }
    }
    if (tarpit_ms_ != 0) {
        co_await net::sleep_for(worker_.loop, tarpit_ms_);
        // HAProxy's log shows this time as one in a queue.
        subject_.times.request = -1;
        subject_.times.queued = worker_.loop.now_us();
    }
    if (next == Next::close) {
        if (wants_post_action()) co_await run_post_action();
        if (!silent_) log();
        if (mirrored_) co_await MirrorsDone{mirrors_running_, mirrors_done_};
        co_return false;
    }
    bool keep = false;
    if (next == Next::reply && early_) co_await write_early_head();   // a client that is gone is found out anyway
    if (next == Next::reply) keep = co_await send_reply();
    if (wants_post_action()) co_await run_post_action();
    log();
    if (mirrored_) co_await MirrorsDone{mirrors_running_, mirrors_done_};
    co_return co_await leave(keep);
}

// The answer is out: makes the connection ready for what comes next, or for its end.
net::Task<bool> Exchange::leave(bool keep) {
    if (keep && !running_->plan->connection_variables.empty())
        connection_.variables = ConnectionVariables::take(*running_->plan, subject_.variables);
    if (!carrier_.is_http1) co_return carrier_.finish(subject_.completed);
    if (keep) keep = co_await discard_body();
    if (!keep && !body_.ended()) connection_.linger = true;
    using Linger = ir::KeepAlive::Linger;
    if (route_->keepalive->linger == Linger::off) connection_.linger = false;
    if (route_->keepalive->linger == Linger::always && !keep) connection_.linger = true;
    if (connection_.linger) {
        connection_.linger_time = route_->keepalive->linger_time.count();
        connection_.linger_timeout = time_of(route_->timeouts->lingering);
    }
    carrier_.finish(subject_.completed);
    co_return keep;
}

}  // namespace weir::exchange
