// SPDX-License-Identifier: Apache-2.0
// One request at its servers, in reading order: run() at the end of the file is the table of contents.
#include "runtime/forward/forward.hpp"

#include <algorithm>
#include <cerrno>
#include <string>

#include "runtime/forward/connect.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/net/time.hpp"
#include "runtime/pool/queue_turn.hpp"

namespace weir::forward {

using net::after;
using net::Io;
using net::time_of;

ServerSide::~ServerSide() {
    if (server_) pool_->release(*server_, pool::UseResult::not_counted, now());
}

void ServerSide::choose_pool() {
    const auto& forward = *job_.route.forward;
    job_.subject.forward_host = forward.host;
    job_.subject.forward_port = forward.port;
    pool_id_ = forward.pool;
    if (pool_id_ == ir::no_id) return;
    job_.subject.pool = pool_ = job_.running.pools[pool_id_];
    job_.tally.enter(*pool_);
}

// A target with variables: the name of a pool, an address, or a name to look up.
net::Task<Failure> ServerSide::compute_pool() {
    constexpr auto kind = ir::Pool::Kind::http;
    auto& subject = job_.subject;
    auto text = job_.route.pool_or_host.render(subject);
    if (settings().target_as_authority || speaks_cgi()) {
        // grpc_pass and so on: the scheme may be left out, and there is no URI.
        bool tls = false;
        for (std::string_view scheme : {"grpc://", "grpcs://", "uwsgi://", "suwsgi://"}) {
            if (scheme.ends_with("wsgi://") != speaks_cgi()) continue;
            if (!http::equal_ignoring_case(text.substr(0, scheme.size()), scheme)) continue;
            text.remove_prefix(scheme.size());
            tls = scheme == "grpcs://" || scheme == "suwsgi://";
            break;
        }
        computed_ = parse_computed(text, ir::Pool::Kind::stream, *subject.arena);
        computed_.tls = tls;
    } else {
        computed_ = parse_computed(text, kind, *subject.arena);
    }
    if (computed_.problem) {
        problem_ = computed_.problem;
        co_return Failure::bad_target;
    }
    subject.forward_host = computed_.authority;
    subject.forward_port = computed_.has_port ? computed_.port : computed_.usual_port();
    auto found = find_pool(job_.worker, job_.running, computed_, kind);
    if (!found.pool && found.problem.empty())
        found = co_await look_up_pool(job_.worker, *job_.route.name_servers, computed_, kind);
    problem_ = std::move(found.problem);
    if (!found.pool) co_return Failure::unresolved;
    pool_id_ = found.id;
    subject.pool = pool_ = found.pool;
    job_.tally.enter(*pool_);
    job_.made_pool = std::move(found.made);   // last: it may be what held the one before
    co_return Failure::none;
}

pool::Picked ServerSide::pick() {
    const auto& retry = settings().retry;
    pool::PickRequest request;
    request.client = &job_.subject.client->ip;
    request.try_number = attempts_;
    request.tried = &tried_;
    request.now = now();
    // HAProxy asks the same server again and leaves it only on the tries that redispatch says.
    if (!retry.next_server && server_) {
        if (leaves_server(retry, attempts_)) request.avoid = server_;
        else request.same = server_;
    }
    if (pool_id_ != ir::no_id) job_.running.plan->pools[pool_id_].fill(request, job_.subject);
    return pool_->pick(request);
}

net::Task<Failure> ServerSide::wait_for_slot(pool::LiveServer* wanted) {
    auto limit = timeouts().queue == ir::no_limit ? timeouts().connect : timeouts().queue;
    auto deadline = after(now(), limit);
    if (settings().no_server_status == 502 && timeouts().queue == ir::no_limit)
        co_return Failure::no_server;   // nginx has no queue of its own
    auto& place = wanted ? job_.subject.server_queue : job_.subject.pool_queue;
    job_.client.watch.enlist();
    place = static_cast<std::uint32_t>(wanted ? wanted->waiters.count : pool_->queue_length()) + 1;
    for (;;) {
        auto turn = co_await pool::QueueTurn(*pool_, wanted, job_.worker.loop, deadline);
        job_.subject.times.queued = job_.worker.loop.now_us();
        if (turn.timed_out) co_return Failure::queue_timeout;
        server_ = turn.server;
        if (!server_) {   // what it waited for went away
            auto picked = pick();
            if (picked.outcome == pool::PickOutcome::none) co_return Failure::no_server;
            wanted = picked.server;
            if (picked.outcome == pool::PickOutcome::full) continue;
            server_ = picked.server;
        }
        if (!job_.client.watch.broken) co_return Failure::none;
        pool_->release(*server_, pool::UseResult::not_counted, now());
        server_ = nullptr;
        co_return Failure::client_gone;
    }
}

void ServerSide::begin_try() {
    auto& subject = job_.subject;
    bool first = !tries_;
    if (first) {
        // What was asked before an error page or a redirect in here stays in the log.
        tries_ = subject.arena->make_array<route::Try>(most_tries_logged);
        try_count_ = static_cast<std::uint32_t>(subject.tries.size());
        std::copy(subject.tries.begin(), subject.tries.end(), tries_);
    }
    auto& one = tries_[std::min(try_count_, most_tries_logged - 1)];
    try_count_ = std::min(try_count_ + 1, most_tries_logged);
    one = {};
    one.new_group = first && try_count_ > 1;
    one.address = server_ ? std::string_view(server_->address_text) : std::string_view(pool_->name());
    if (pool_id_ == ir::no_id) one.address = subject.arena->copy(one.address);   // may go before the log
    subject.tries = {tries_, try_count_};
    subject.server = server_;
    try_started_us_ = subject.now_us = job_.worker.loop.now_us();
    if (server_ && subject.times.queued < 0) subject.times.queued = try_started_us_;
    ++attempts_;
    if (server_ && !again_here_) job_.tally.attempt(*server_);
}

void ServerSide::end_try(Failure failure) {
    auto& one = tries_[try_count_ - 1];
    one.response_us = job_.worker.loop.now_us() - try_started_us_;
    if (one.status == 0) one.status = status_for(failure);
    drop_connection();
    tried_.add(server_->index);
    // A server that refuses or does not have it is well (nginx).
    bool well = failure == Failure::status && (response.status == 403 || response.status == 404);
    pool_->release(*server_, well ? pool::UseResult::ok : pool::UseResult::failed, now());
    if (settings().retry.next_server) server_ = nullptr;
}

// HAProxy's "safe": what the client would have to be told of, were the connection dead already, never
// goes first. A request that can be repeated is no risk.
bool ServerSide::may_be_first_on_kept() {
    if (settings().reuse != ir::ForwardSettings::Reuse::safe || !job_.first_of_connection) return true;
    return http::is_idempotent(sent_method()) && body_whole() && !file_follows();
}

// A connection to the server that earlier requests left open.
std::unique_ptr<ServerConnection> ServerSide::kept_connection() {
    if (closes_connection() || !may_be_first_on_kept()) return nullptr;
    if (!stays_with_client() && shared_) return take_idle(*server_, peer_.get(), wire());
    auto own = std::move(job_.own_connection);
    if (!own || own->server != server_ || own->peer != peer_ || !own->stream.is_open()) return nullptr;
    if (own->fastcgi != (wire() == Wire::fastcgi)) return nullptr;
    // Readable while nothing was asked: closed, or bytes nobody asked for.
    if (own->peer ? !own->stream.nothing_to_read() : own->stream.watch.readable) return nullptr;
    if (own->greeting != greeting()) return nullptr;
    own->stream.watch.on_event = nullptr;
    own->reused = true;
    return own;
}

std::string ServerSide::greeting() const {
    const auto* pool = pool_id_ == ir::no_id ? nullptr : &job_.running.plan->pools[pool_id_];
    return proxy_header(*server_, *job_.route.forwarding, job_.subject, pool);
}

void ServerSide::keep_connection() {
    if (!stays_with_client() && shared_) return keep_idle(std::move(connection_));
    auto& stream = connection_->stream;
    stream.watch.owner = &stream;
    stream.watch.on_event = [](net::Watch& watch, std::uint32_t) {
        auto& kept = *static_cast<net::Stream*>(watch.owner);
        if (watch.readable && (kept.plain() || !kept.nothing_to_read())) kept.close();
    };
    job_.own_connection = std::move(connection_);
}

// Over TLS: whom the connection is to.
Failure ServerSide::choose_peer() {
    peer_ = nullptr;
    bool secure = computed_.tls || job_.route.forward->tls || settings().over_tls;
    if (!secure && !server_->conf->over_tls) return Failure::none;
    const auto* tls = server_tls(*server_, *job_.route.forwarding, secure);
    // A WebSocket goes by HTTP/1 where the server may choose.
    if (tls && tls->apart && job_.request.wants_upgrade && !only_h2()) tls = tls->apart.get();
    if (tls) peer_ = find_peer(*server_, *tls, job_.subject, problem_);
    return peer_ ? Failure::none : Failure::local;
}

Failure ServerSide::open_connection() {
    auto failure = choose_peer();
    if (failure != Failure::none) return failure;
    shared_ = may_share_connection(*server_, *job_.route.forwarding);
    if (!again_here_) {
        bool offers_h2 = only_h2() || (peer_ && peer_->offers_h2);
        if (offers_h2 && may_join()) joined_ = join_connection(*server_, peer_.get());
        if (!joined_ && !only_h2()) connection_ = kept_connection();
    }
    again_here_ = false;
    reused_ = connection_ || joined_;
    job_.tally.connection(reused_);
    if (reused_) {
        ++(joined_ ? joined_ : connection_.get())->requests;
        return Failure::none;
    }
    int fd = connect_to(*server_, *job_.route.forwarding, job_.subject);
    if (fd < 0) {
        if (errno != EADDRNOTAVAIL) return Failure::connect;
        problem_ = log::ErrorLog::with_error("the address to connect from cannot be used", errno);
        return Failure::local;
    }
    connection_ = std::make_unique<ServerConnection>();
    if (!connection_->stream.open(job_.worker.loop, fd)) {
        connection_.reset();
        return Failure::connect;
    }
    connection_->server = server_;
    connection_->peer = peer_;
    connection_->opened = now();
    connection_->requests = 1;
    if (!shared_) connection_->greeting = greeting();
    return Failure::none;
}

// The handshake of a fresh connection. It must stand before that, and a PROXY header goes first.
net::Task<Failure> ServerSide::secure_connection() {
    auto& stream = connection_->stream;
    auto deadline = after(now(), timeouts().connect);
    auto connected = co_await wait_until_connected(stream, deadline, abort_watch());
    if (connected != Failure::none) co_return connected;
    auto& header = connection_->greeting;
    if (!header.empty()) {
        iovec piece{header.data(), header.size()};
        auto written = co_await net::write_all_slowly(stream, {&piece, 1}, time_of(timeouts().connect), {});
        if (written.state != Io::State::ok) co_return Failure::connect;
    }
    std::string_view early;
    if (may_send_early()) {
        h1_.emplace(stream);
        write_head(h1_->head());
        head_written_ = true;
        early = h1_->head().view();
    }
    auto secured = co_await secure(stream, *peer_, deadline, early);
    problem_ = std::move(secured.problem);
    if (secured.failure == Failure::none)
        connection_->tls = std::make_shared<const net::TlsFacts>(*stream.tls());
    if (head_written_ && secured.failure == Failure::none) h1_->head().consume(stream.tls()->early_sent());
    co_return secured.failure;
}

// A request without a body that may be repeated, to a server that speaks HTTP/1 and allowed it in the last
// session: for a client that did the same, or where what a server rejects is sent again. (It always is,
// when the handshake is over; RFC 8446 section 4.2.10.)
bool ServerSide::may_send_early() const {
    if (!peer_->early_data || peer_->offers_h2 || only_h2()) return false;
    if (net::TlsSession::early_room(peer_->memory.get()) == 0) return false;
    if (!body_whole() || !body_here().empty() || file_follows() || !http::is_idempotent(sent_method())) return false;
    const auto& tls = job_.subject.connection->tls_facts;
    return settings().retry.early_data || (job_.subject.connection->tls && tls && tls->early_pending());
}

Failure ServerSide::send_h2_now() {
    auto& arena = *job_.subject.arena;
    auto& loop = job_.worker.loop;
    auto* connection = std::exchange(joined_, nullptr);
    if (!connection) {
        const auto& conf = settings().http2_limits;
        http::H2ClientLimits limits;
        limits.header_table = conf.header_table;
        limits.window = conf.window;
        limits.max_frame = conf.max_frame;
        limits.max_streams = conf.max_streams;
        limits.max_idle_frames = conf.max_idle_frames;
        limits.max_head = std::max<std::uint32_t>(settings().buffer_size, 65536);
        connection_->h2 = std::make_unique<http::H2Client>(connection_->stream, limits);
        connection_->h2->start(peer_ ? std::string_view() : connection_->greeting);
        connection = &put_to_work(std::move(connection_), may_join());
    }
    auto* memory = arena.allocate(sizeof(H2ServerCarrier), alignof(H2ServerCarrier));
    h2_.reset(new (memory) H2ServerCarrier(*connection->h2, arena, loop, !reused_));
    carrier_ = h2_.get();
    h2_->method = sent_method();
    make_h2_head(h2_->head);
    return carrier_->send_now(body_here(), body_whole() && !file_follows());
}

Failure ServerSide::send_now() {
    if (wire() == Wire::fastcgi) return send_fastcgi_now();
    if (speaks_h2()) return send_h2_now();
    const bool written = std::exchange(head_written_, false);
    if (!written) h1_.emplace(connection_->stream, speaks_cgi());
    carrier_ = &*h1_;
    if (!reused_ && !peer_) h1_->head().append(connection_->greeting);
    if (speaks_cgi()) {
        if (auto failure = write_gateway_head(h1_->head()); failure != Failure::none) return failure;
    } else if (!written) {
        write_head(h1_->head());
    }
    h1_->start_body(chunked_to_server_);
    return carrier_->send_now(body_here(), body_whole() && !file_follows());
}

// The try is over; what it held of the server goes.
void ServerSide::drop_connection() {
    carrier_ = nullptr;
    head_written_ = false;
    h1_.reset();
    h2_.reset();
    fastcgi_.reset();
    connection_.reset();
}

bool ServerSide::passes_hints() const {
    const auto& values = job_.route.forwarding->early_hints;
    return !values.empty() && std::all_of(values.begin(), values.end(), [&](const auto& value) {
        auto text = value.render(job_.subject);
        return !text.empty() && text != "0";
    });
}

// 1xx answers (RFC 9110 section 15.2): 101 is final here, the others pass or are dropped.
net::Task<Failure> ServerSide::pass_interim() {
    if (!settings().pass_interim && (response.status != 103 || !passes_hints())) co_return Failure::none;
    bool told = co_await job_.client.write_interim(response, carrier_->interim_text(),
                                                   time_of(job_.client_times.client_send));
    co_return told ? Failure::none : Failure::client_gone;
}

// Until there is something to be read, or reason to give up. `uploaded`: what was sent when the time
// began.
net::Task<Failure> ServerSide::wait_for_answer(std::uint64_t& uploaded) {
    auto& watch = carrier_->watch();
    while (!watch.readable) {
        carrier_->rest_input();   // a waiting request holds no buffer
        auto waited = co_await net::readable(watch, after(now(), timeouts().server_read), abort_watch());
        if (pump_failure_ != Failure::none && pump_failure_ != Failure::send) co_return pump_failure_;
        if (waited == net::Waited::aborted) {
            if (job_.client.watch.peer_closed) co_return Failure::client_gone;
            continue;
        }
        if (waited == net::Waited::ready) break;
        if (!pumping_) co_return Failure::read_timeout;
        // While the body is still on its way, the server is not late yet.
        if (!settings().timed_while_sending) continue;
        if (uploaded == carrier_->sent()) co_return Failure::read_timeout;
        uploaded = carrier_->sent();
    }
    co_return Failure::none;
}

net::Task<Failure> ServerSide::read_head() {
    using What = ServerCarrier::HeadStep::What;
    // HAProxy has one size of buffer for both directions.
    const auto most = job_.subject.site->is_nginx_style ? settings().buffer_size : job_.route.limits->max_head;
    AnswerRules rules{*job_.subject.arena, std::max<std::uint32_t>(most, 4096), sent_method()};
    // An application may answer HEAD with a body all the same: a cache takes it for GET (nginx).
    if (speaks_cgi() && job_.cache) rules.method = http::Method::get;
    auto uploaded = carrier_->sent();
    std::uint32_t interim = 0;
    bool begun = false;
    for (auto step = What::more;;) {
        if (step == What::more && !carrier_->watch().readable) {
            auto failure = co_await wait_for_answer(uploaded);
            if (failure != Failure::none) co_return failure;
        }
        auto taken = carrier_->take_head(response, rules);
        step = taken.what;
        if (!begun && carrier_->got_bytes()) {
            begun = true;
            tries_[try_count_ - 1].first_byte_us = job_.worker.loop.now_us() - try_started_us_;
        }
        if (step == What::failed) co_return taken.failure;
        if (step == What::done) co_return Failure::none;
        if (step == What::more) continue;
        // A server that sends nothing but interim answers is not one.
        if (++interim > 100) co_return Failure::bad_answer;
        auto failure = co_await pass_interim();
        if (failure != Failure::none) co_return failure;
    }
}

// Picks a server and takes one of its slots, waiting for one where the pool queues.
net::Task<Failure> ServerSide::obtain_server() {
    const auto* before = server_;
    auto picked = pick();
    bool found = picked.outcome == pool::PickOutcome::picked;
    server_ = found ? picked.server : nullptr;
    auto failure = found ? Failure::none : Failure::no_server;
    if (picked.outcome == pool::PickOutcome::full) failure = co_await wait_for_slot(picked.server);
    if (failure == Failure::none) {
        if (before && server_ != before) job_.subject.redispatched = true;
        begin_try();
        co_return failure;
    }
    server_ = nullptr;
    if (attempts_ == 0) {
        begin_try();   // the log names the pool
        tries_[try_count_ - 1].status = status_for(failure);
        tries_[try_count_ - 1].response_us = 0;
    }
    co_return failure;
}

// One connection, the request out, the head of the answer in.
net::Task<Failure> ServerSide::ask() {
    pump_failure_ = Failure::none;
    problem_.clear();
    auto failure = open_connection();
    if (failure != Failure::none) co_return failure;
    bool fresh = !reused_;
    if (fresh && peer_) {
        failure = co_await secure_connection();
        if (failure != Failure::none) co_return failure;
        fresh = false;   // it stands
    }
    job_.subject.server_reused = reused_;
    job_.subject.server_tls = (joined_ ? joined_ : connection_.get())->tls;
    // On a fresh connection the first write tells as well as a wait whether it stands: near servers
    // are there already.
    failure = send_now();
    if (fresh && failure == Failure::send) co_return Failure::connect;
    if (failure == Failure::none && carrier_->rest_pending()) {
        if (fresh) failure = co_await carrier_->connected(after(now(), timeouts().connect), abort_watch());
        if (failure == Failure::none)
            failure = co_await carrier_->send_rest(time_of(timeouts().server_send));
    }
    if (failure != Failure::none) co_return failure;
    auto at = job_.worker.loop.now_us();
    job_.subject.times.connected = at;
    tries_[try_count_ - 1].connect_us = at - try_started_us_;
    if (!body_whole() || file_follows()) pump_body();
    // A body that breaks at once leaves no answer to wait for.
    bool broken = pump_failure_ != Failure::none && pump_failure_ != Failure::send;
    failure = broken ? pump_failure_ : co_await read_head();
    if (failure != Failure::none) co_return failure;
    auto& one = tries_[try_count_ - 1];
    one.status = response.status;
    one.header_us = job_.worker.loop.now_us() - try_started_us_;
    bool unwanted = response.status < 600 && job_.route.forwarding->retry_statuses[response.status];
    co_return unwanted && may_retry(Failure::status) ? Failure::status : Failure::none;
}

// Ends a try that failed. True: there is to be another one.
net::Task<bool> ServerSide::try_again(Failure failure) {
    if (pumping_) co_await stop_pump();
    bool client_side = failure == Failure::client_gone || failure == Failure::client_body ||
                       failure == Failure::client_body_timeout || failure == Failure::body_too_large;
    bool again = !client_side && may_retry(failure);
    bool stale = again && is_stale(failure);
    bool next_server = settings().retry.next_server;
    if (!client_side && !stale) {
        bool no_connection = never_reached_server(failure);
        if (no_connection && !again) job_.tally.connect_failed();
        if (!no_connection && failure != Failure::status && failure != Failure::local)
            job_.tally.response_failed();
        end_try(failure);
    } else {
        // Not the server's fault. A kept connection that had died does not even count as a try.
        tries_[try_count_ - 1].response_us = job_.worker.loop.now_us() - try_started_us_;
        if (stale) {
            --attempts_;
            --try_count_;
        }
        drop_connection();
        if (stale) {
            // Asked again at once on a new connection; its slot is kept.
            again_here_ = true;
            co_return true;
        }
        pool_->release(*server_, pool::UseResult::not_counted, now());
        if (next_server) server_ = nullptr;
    }
    if (!again) {
        server_ = nullptr;
        co_return false;
    }
    if (failure == Failure::handshake || failure == Failure::handshake_timeout)
        log_handshake(job_.subject, failure, problem_);
    ++job_.subject.retries;
    if (server_ && (failure == Failure::connect || failure == Failure::handshake)) {
        auto pause = pause_before_retry(settings().retry, *pool_, attempts_, timeouts().connect);
        if (pause != 0) co_await net::sleep_for(job_.worker.loop, pause);
    }
    co_return true;
}

net::Task<Failure> ServerSide::run() {
    started_ = now();
    if (settings().pass_trailers) job_.body.keep_trailers();
    choose_pool();
    if (!pool_) {
        auto failure = co_await compute_pool();
        if (failure != Failure::none) co_return failure;
    }
    if (job_.gathered.broken) co_return Failure::client_body;
    if (!body_at_hand() || job_.route.forwarding->has_body || !settings().pass_request_body) {
        auto failure = co_await choose_body();
        if (failure != Failure::none) co_return failure;
    }
    // For $request_body and the like, which know it whole or not at all.
    if (job_.gathered.whole && job_.subject.site->is_nginx_style) {
        const bool in_file = !job_.gathered.file.path().empty();
        job_.subject.body = in_file ? std::string_view() : job_.gathered.bytes();
        if (in_file) job_.subject.body_file = job_.gathered.file.path();
        if (job_.request.framing != http::Framing::none && !job_.gathered.dropped) {
            job_.subject.body_gathered = true;
            job_.subject.body_length = job_.body.received();
        }
    }
    bool chunked = job_.request.framing == http::Framing::chunked && !has_own_body_ && !job_.gathered.dropped;
    chunked_to_server_ = chunked && (!job_.gathered.whole || settings().pass_chunks);
    for (auto last = Failure::none;;) {
        auto failure = Failure::none;
        if (again_here_) begin_try();
        else failure = co_await obtain_server();
        // All servers were asked: what the last of them did is the answer (502, 504).
        if (failure == Failure::no_server && last != Failure::none) co_return last;
        if (failure != Failure::none) co_return failure;
        failure = last = co_await ask();
        if (failure == Failure::none) break;
        bool hang_up = settings().hang_up_on_stale && !job_.first_of_connection && is_stale(failure);
        if (!co_await try_again(failure)) co_return hang_up ? Failure::stale : failure;
    }
    job_.subject.times.response = job_.worker.loop.now_us();
    job_.subject.response = &response;
    carrier_->begin_body(response, settings().pass_trailers);
    co_return Failure::none;
}

net::Task<void> ServerSide::finish(bool complete) {
    if (pumping_) co_await stop_pump();
    if (!carrier_) co_return;
    auto& one = tries_[try_count_ - 1];
    one.response_us = job_.worker.loop.now_us() - try_started_us_;
    one.response_length = carrier_->body().received();
    one.bytes_received = one.response_length + response.head_bytes;
    one.bytes_sent = carrier_->sent();
    bool whole = complete && carrier_->reusable(response) &&
                 (body_whole() || job_.body.ended()) &&
                 (!file_follows() || (file_body_ && file_body_->ended())) &&
                 pump_failure_ == Failure::none && settings().keep_server_connection &&
                 !closes_connection() && settings().http_minor != 0 &&
                 (shared_ || stays_with_client() || !connection_->greeting.empty());
    // An answer that is passed on counts for its server, whatever its status (nginx).
    auto used = std::exchange(server_, nullptr);
    if (whole) keep_connection();
    drop_connection();
    pool_->release(*used, pool::UseResult::ok, now());
}

}  // namespace weir::forward
