// SPDX-License-Identifier: Apache-2.0
// One session of a stream site (nginx stream, HAProxy mode tcp): pick a server, connect, tunnel.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/exchange/track.hpp"
#include "runtime/exchange/tunnel.hpp"
#include "runtime/forward/connect.hpp"
#include "runtime/forward/server_tls.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/log/access_log.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/net/client_hello.hpp"
#include "runtime/net/time.hpp"
#include "runtime/pool/queue_turn.hpp"
#include "runtime/pool/tally.hpp"
#include "runtime/route/real_address.hpp"

namespace weir::exchange {

namespace {

using net::time_of;
net::Time limit_of(const net::Loop& loop, ir::Milliseconds time) { return net::after(loop.now(), time); }

// A session under way. Like an exchange, but there is nothing to parse.
class Session {
public:
    explicit Session(Connection& connection)
        : connection_(connection), worker_(connection.worker), running_(connection.running) {}
    net::Task<void> run();
    // Only a line in the log: it ended before it began.
    void refuse(std::uint16_t status) {
        begin();
        subject_.status = status;
        log();
    }
    // Lines in the error format alone: what it ended by is in the connection's details.
    void report_fault();

private:
    void begin();
    bool choose_route();
    net::Task<bool> choose_pool();
    net::Task<bool> ask_filters();
    bool holds(const plan::Rule& rule) { return rule.when.empty() || rule.when.holds(subject_); }
    // False: a rule refused the session.
    bool run_rules(const std::vector<plan::Rule>& rules);
    void look_at_input(std::size_t most = SIZE_MAX);
    bool content_decided();
    net::Task<bool> read_more(net::Time until);
    net::Task<bool> preread();
    void choose_site();
    void take_real_address();
    bool passes_on();
    net::Task<void> respond(const plan::Rule& answer);
    void look_for_request();
    net::Task<bool> inspect();
    net::Task<bool> connect();
    net::Task<bool> wait_for_slot(const pool::PickRequest& request, pool::LiveServer* wanted);
    void begin_try();
    void end_try(forward::Failure failure);
    net::Task<forward::Failure> reach();
    net::Task<forward::Failure> secure(net::Time deadline);
    void log();
    void write_lines();
    void tell_begin();
    void watch_server();

    Connection& connection_;
    plan::Worker& worker_;
    std::shared_ptr<plan::Running> running_;
    Arena arena_;
    route::Subject subject_;
    const plan::Site* site_ = nullptr;
    const plan::Route* route_ = nullptr;
    ir::PoolId pool_id_ = ir::no_id;       // none: made_pool_
    std::shared_ptr<forward::MadePool> made_pool_;
    pool::LivePool* pool_ = nullptr;
    pool::LiveServer* server_ = nullptr;
    pool::Tried tried_;
    pool::Tally tally_;
    net::Stream server_stream_;
    static constexpr std::uint32_t most_tries = 16;
    route::Try* tries_ = nullptr;
    std::uint32_t try_count_ = 0;
    std::uint32_t attempts_ = 0;
    std::string problem_;          // of the try that failed last; may be empty
    std::int32_t log_level_ = 6;   // -1: no line
    bool logged_ = false;
    bool server_lost_ = false;
    struct Watchman : net::Timer {
        Session* owner = nullptr;
    } watchman_;                   // on-marked-down shutdown-sessions
    std::int64_t try_started_us_ = 0;
};

bool Session::run_rules(const std::vector<plan::Rule>& rules) {
    for (const auto& rule : rules) {
        if (!holds(rule)) continue;
        const auto& action = rule.source->action;
        if (std::holds_alternative<ir::action::Allow>(action)) return true;
        if (const auto* close = std::get_if<ir::action::Close>(&action); close && close->reset)
            connection_.stream.reset();
        if (std::holds_alternative<ir::action::Close>(action) ||
            std::holds_alternative<ir::action::Respond>(action)) {
            subject_.termination[0] = 'P';
            subject_.termination[1] = 'R';
            return false;
        }
        if (const auto* set = std::get_if<ir::action::SetVariable>(&action))
            set_variable(rule, *set, subject_);
        if (const auto* set = std::get_if<ir::action::SetAddress>(&action)) set_address(rule, subject_, *set);
        if (const auto* take = std::get_if<ir::action::Capture>(&action)) store_capture(rule, subject_, *take);
        if (const auto* set = std::get_if<ir::action::SetMark>(&action)) set_mark(*set, connection_.stream.fd());
        if (const auto* set = std::get_if<ir::action::SetLogLevel>(&action)) log_level_ = set->level;
        if (const auto* one = std::get_if<ir::action::Follow>(&action)) follow(rule, *one, subject_);
        if (const auto* edit = std::get_if<ir::action::EditEntry>(&action)) edit_entry(rule, *edit, subject_);
    }
    return true;
}

bool Session::choose_route() {
    auto found = site_->router.pick(subject_);
    if (found.route == ir::no_id) return false;
    route_ = &running_->plan->routes[found.route];
    subject_.pool_name = route_->source->pool_name;
    return true;
}

// limit_conn and its like. False: one of them refuses the session.
net::Task<bool> Session::ask_filters() {
    for (const auto& one : *site_->own.filters) {
        filter::Answer answer;
        auto verdict = one.filter->on_request(subject_, answer);
        if (!answer.note.empty()) log_note(subject_, answer.note_level, answer.note, "initializing session");
        if (verdict == filter::Verdict::wait) co_await net::sleep_for(worker_.loop, answer.wait_ms);
        if (verdict != filter::Verdict::done) continue;
        subject_.status = answer.status;
        co_return false;
    }
    co_return true;
}

// Known at start, or computed: the name of a pool, an address, or a name to look up.
net::Task<bool> Session::choose_pool() {
    if (!route_->forward) co_return false;
    forward::ComputedPool found;
    found.id = route_->forward->pool;
    auto failure = forward::Failure::none;
    if (found.id != ir::no_id) {
        found.pool = running_->pools[found.id];
        subject_.forward_host = route_->forward->host;
    } else {
        constexpr auto kind = ir::Pool::Kind::stream;
        auto target = forward::parse_computed(route_->pool_or_host.render(subject_), kind, arena_);
        if (target.problem) {
            failure = forward::Failure::bad_target;
            found.problem = target.problem;
        } else {
            subject_.forward_host = target.authority;
            found = forward::find_pool(worker_, *running_, target, kind);
            if (!found.pool && found.problem.empty())
                found = co_await forward::look_up_pool(worker_, *route_->name_servers, target, kind);
            if (!found.pool) failure = forward::Failure::unresolved;
        }
    }
    if (failure != forward::Failure::none) {
        note_failure(subject_, failure);
        log_failure(worker_, subject_, failure, found.problem);
        subject_.status = failure == forward::Failure::bad_target ? 500 : 502;
        co_return false;
    }
    pool_id_ = found.id;
    made_pool_ = std::move(found.made);
    subject_.pool = pool_ = found.pool;
    tally_.enter(*pool_);
    co_return true;
}

// The first bytes as rules see them; a ClientHello among them is read once.
void Session::look_at_input(std::size_t most) {
    subject_.payload = connection_.input.held() ? connection_.input.view() : std::string_view();
    auto& details = connection_.facts.make_details();
    if (details.hello_decided) return;
    net::ClientHello hello;
    auto status = net::parse_client_hello(subject_.payload.substr(0, most), hello);
    if (status == net::HelloStatus::more) return;
    details.hello_decided = true;
    if (status == net::HelloStatus::absent) return;
    details.hello_type = hello.type;
    details.hello_version = hello.version;
    // The buffer may move; a name that is not there stays missing.
    if (!hello.server_name.empty()) details.hello_sni = arena_.copy(hello.server_name);
    details.hello_protocol = net::version_name(hello.highest_version);
    if (hello.alpn.empty()) return;
    char* names = arena_.bytes(hello.alpn.size());
    details.hello_alpn = {names, net::write_alpn(hello.alpn, names)};
}

// Rules about content see a request where the first bytes are one, also in mode tcp (HAProxy).
void Session::look_for_request() {
    const auto bytes = subject_.payload;
    if (subject_.request || bytes.empty() || bytes.front() < 'A' || bytes.front() > 'Z') return;
    if (bytes.find("\r\n\r\n") == bytes.npos) return;
    auto* head = arena_.make<http::RequestHead>();
    std::uint32_t resume = 0;
    auto parsed = http::parse_request_head(arena_.copy(bytes), head_limits(*site_->own.limits), arena_, *head, &resume);
    if (parsed.status == http::ParseStatus::done) subject_.request = head;
}

// Whether the rules can be run without more bytes of the client.
bool Session::content_decided() {
    for (const auto& rule : site_->rules.content) {
        subject_.undecided = false;
        bool hit = holds(rule);
        if (subject_.undecided) return false;
        const auto& action = rule.source->action;
        // A key that is not there may come yet.
        if (hit && std::holds_alternative<ir::action::Follow>(action) && !subject_.request &&
            !rule.value.eval(subject_).exists)
            return false;
        bool ends = std::holds_alternative<ir::action::Allow>(action) ||
                    std::holds_alternative<ir::action::Close>(action) ||
                    std::holds_alternative<ir::action::Respond>(action);
        if (hit && ends) return true;
    }
    return true;
}

// Reads more of what the client says. False: no more will come in time.
net::Task<bool> Session::read_more(net::Time until) {
    auto& stream = connection_.stream;
    auto& input = connection_.input;
    for (;;) {
        if (!stream.watch.readable &&
            co_await net::readable(stream.watch, until) != net::Waited::ready)
            co_return false;
        input.acquire();
        if (input.room_size() == 0) co_return false;
        auto got = stream.read(input.room(), input.room_size());
        if (got.state == net::Io::State::blocked) continue;
        if (got.state != net::Io::State::ok) co_return false;
        input.produced(got.bytes);
        co_return true;
    }
}

// ssl_preread: holds the session until the hello is here, or it is certain that none comes. False:
// the session is over, with a status for the log.
net::Task<bool> Session::preread() {
    auto until = limit_of(worker_.loop, site_->own.timeouts->inspect);
    const auto most = site_->own.limits->preread_buffer;
    auto& input = connection_.input;
    connection_.facts.make_details().hello_sought = true;
    for (look_at_input(most); !connection_.facts.details().hello_decided; look_at_input(most)) {
        if (input.held() && input.size() >= most) {
            log_failure(worker_, subject_, forward::Failure::none, "preread buffer full");
            subject_.status = 400;
            co_return false;
        }
        if (input.held() && input.room_size() == 0) input.grow(std::min<std::size_t>(most, input.capacity() * 2ul));
        if (!co_await read_more(until)) {
            subject_.status = 200;
            co_return false;
        }
    }
    co_return true;
}

// Several servers on one address: the name in the hello says which (nginx server_name of stream), of a
// hello that was read here or that was passed on.
void Session::choose_site() {
    const auto& listener = running_->plan->listeners[connection_.listener];
    if (listener.only != ir::no_id) return;
    const auto& facts = connection_.facts;
    auto name = facts.tls_facts ? facts.tls_facts->server_name() : facts.details().hello_sni;
    if (name.empty()) return;
    auto host = route::normalize_host(name, arena_);
    if (!host.valid) return;
    auto id = listener.names.find(host.host, subject_);
    site_ = &running_->plan->sites[id];
    route_ = &site_->own;
    subject_.site = site_->source;
    subject_.site_id = id;
}

// set_real_ip_from: the client is who the PROXY header of a trusted proxy says.
void Session::take_real_address() {
    auto& facts = connection_.facts;
    const auto& told = facts.details().proxy_client;
    if (told.ip.family == IpAddress::Family::none) return;
    if (!route::is_trusted(*site_->own.real_address, facts.client)) return;
    auto& details = facts.keep_peer();
    facts.client = details.proxy_client;
}

// pass: another listener of this process takes the connection, with what was read of it.
bool Session::passes_on() {
    if (!std::holds_alternative<ir::Pass>(route_->source->action)) return false;
    auto text = route_->pool_or_host.render(subject_);
    constexpr std::string_view unix_prefix = "unix:";
    ir::Endpoint wanted;
    if (text.starts_with(unix_prefix)) wanted.path = text.substr(unix_prefix.size());
    else if (!forward::parse_source(text, wanted)) wanted.port = 0;
    for (const auto& listener : running_->plan->listeners) {
        const auto& endpoint = listener.source->endpoint;
        bool any = endpoint.path.empty() && endpoint.port == wanted.port &&
                   endpoint.ip == IpAddress{.family = wanted.ip.family};
        if (listener.source->transport != ir::Transport::tcp || (!any && endpoint != wanted)) continue;
        connection_.passed_to = listener.id;
        return true;
    }
    log_failure(worker_, subject_, forward::Failure::bad_target,
                "no listener has the address \"" + std::string(text) + "\" to pass to");
    return false;
}

// return: a text, and the end.
net::Task<void> Session::respond(const plan::Rule& answer) {
    auto text = answer.text.render(subject_);
    iovec piece{const_cast<char*>(text.data()), text.size()};
    std::span<iovec> pieces(&piece, text.empty() ? 0 : 1);
    auto limit = time_of(site_->own.timeouts->client_send);
    auto sent = co_await net::write_all_slowly(connection_.stream, pieces, limit, {});
    subject_.status = 200;
    subject_.sent = subject_.sent_body = sent.state == net::Io::State::ok ? text.size() : 0;
    connection_.stream.finish_writing();
}

// tcp-request inspect-delay: holds the session until the rules know enough.
net::Task<bool> Session::inspect() {
    auto delay = site_->own.timeouts->inspect;
    if (site_->source->tcp_content_rules) {
        auto until = limit_of(worker_.loop, delay);
        look_at_input();
        look_for_request();
        while (delay.count() != 0 && !content_decided()) {
            if (!co_await read_more(until)) break;
            look_at_input();
            look_for_request();
        }
    }
    subject_.payload_ended = true;
    subject_.now_us = worker_.loop.now_us();
    co_return true;
}

net::Task<bool> Session::wait_for_slot(const pool::PickRequest& request,
                                       pool::LiveServer* wanted) {
    const auto& timeouts = *route_->timeouts;
    auto limit = timeouts.queue == ir::no_limit ? timeouts.connect : timeouts.queue;
    auto until = limit_of(worker_.loop, limit);
    auto& place = wanted ? subject_.server_queue : subject_.pool_queue;
    place = static_cast<std::uint32_t>(wanted ? wanted->waiters.count : pool_->queue_length()) + 1;
    for (;;) {
        auto turn = co_await pool::QueueTurn(*pool_, wanted, worker_.loop, until);
        server_ = turn.server;
        if (server_) co_return true;
        subject_.times.queued = worker_.loop.now_us();
        if (turn.timed_out) co_return false;
        auto again = request;   // what it waited for went away
        again.now = worker_.loop.now();
        auto picked = pool_->pick(again);
        wanted = picked.server;
        if (picked.outcome == pool::PickOutcome::none) co_return false;
        if (picked.outcome == pool::PickOutcome::full) continue;
        server_ = picked.server;
        co_return true;
    }
}

void Session::begin_try() {
    if (!tries_) tries_ = arena_.make_array<route::Try>(most_tries);
    auto& one = tries_[std::min(try_count_, most_tries - 1)];
    try_count_ = std::min(try_count_ + 1, most_tries);
    one = {};
    one.address = server_->address_text;
    subject_.tries = {tries_, try_count_};
    subject_.server = server_;
    try_started_us_ = worker_.loop.now_us();
    if (subject_.times.queued < 0) subject_.times.queued = try_started_us_;
    ++attempts_;
    tally_.attempt(*server_);
    tally_.connection(false);
}

void Session::end_try(forward::Failure failure) {
    tries_[try_count_ - 1].response_us = worker_.loop.now_us() - try_started_us_;
    server_stream_.close();
    tried_.add(server_->index);
    pool_->release(*server_, pool::UseResult::failed, worker_.loop.now());
    note_failure(subject_, failure);
    log_failure(worker_, subject_, failure, problem_);
}

// The handshake with a server that speaks TLS.
net::Task<forward::Failure> Session::secure(net::Time deadline) {
    const auto& forwarding = *route_->forwarding;
    if (!server_->conf->over_tls && !forwarding.source->over_tls) co_return forward::Failure::none;
    const auto* tls = forward::server_tls(*server_, forwarding, false);
    auto peer = tls ? forward::find_peer(*server_, *tls, subject_, problem_) : nullptr;
    if (!peer) co_return forward::Failure::local;
    auto secured = co_await forward::secure(server_stream_, *peer, deadline);
    problem_ = std::move(secured.problem);
    if (secured.failure == forward::Failure::none)
        subject_.server_tls = std::make_shared<const net::TlsFacts>(*server_stream_.tls());
    co_return secured.failure;
}

// A connection to the server, as far as the first byte of the client may go over it.
net::Task<forward::Failure> Session::reach() {
    using forward::Failure;
    const auto& forwarding = *route_->forwarding;
    const auto& timeouts = *route_->timeouts;
    problem_.clear();
    int fd = forward::connect_to(*server_, forwarding, subject_);
    if (fd < 0 || !server_stream_.open(worker_.loop, fd)) co_return Failure::connect;
    auto deadline = limit_of(worker_.loop, timeouts.connect);
    auto& watch = server_stream_.watch;
    if (!watch.writable) {
        auto waited = co_await net::writable(watch, deadline);
        if (waited != net::Waited::ready) co_return Failure::connect_timeout;
    }
    if (watch.broken) co_return Failure::connect;
    const auto* pool = pool_id_ == ir::no_id ? nullptr : &running_->plan->pools[pool_id_];
    auto header = forward::proxy_header(*server_, forwarding, subject_, pool);
    if (!header.empty()) {
        iovec piece{header.data(), header.size()};
        auto sent = co_await net::write_all_slowly(server_stream_, {&piece, 1}, time_of(timeouts.connect), {});
        if (sent.state != net::Io::State::ok) co_return Failure::connect;
    }
    co_return co_await secure(deadline);
}

// Tries servers until one answers. False: none did.
net::Task<bool> Session::connect() {
    const auto& retry = route_->forwarding->source->retry;
    const auto& timeouts = *route_->timeouts;
    for (;;) {
        pool::PickRequest request;
        request.client = &subject_.client->ip;
        request.try_number = attempts_;
        request.tried = &tried_;
        request.now = worker_.loop.now();
        if (pool_id_ != ir::no_id) running_->plan->pools[pool_id_].fill(request, subject_);
        if (!retry.next_server && server_) {
            if (forward::leaves_server(retry, attempts_)) request.avoid = server_;
            else request.same = server_;
        }
        auto picked = pool_->pick(request);
        const auto* before = std::exchange(
            server_, picked.outcome == pool::PickOutcome::picked ? picked.server : nullptr);
        if (before && server_ && server_ != before) subject_.redispatched = true;
        if (picked.outcome == pool::PickOutcome::full &&
            !co_await wait_for_slot(request, picked.server)) {
            note_failure(subject_, forward::Failure::queue_timeout);
            co_return false;
        }
        if (picked.outcome == pool::PickOutcome::none) {
            note_failure(subject_, forward::Failure::no_server);
            log_failure(worker_, subject_, forward::Failure::no_server);
            co_return false;
        }
        begin_try();
        auto failure = co_await reach();
        if (failure == forward::Failure::none) {
            auto now = worker_.loop.now_us();
            tries_[try_count_ - 1].connect_us = now - try_started_us_;
            subject_.times.connected = subject_.times.response = now;
            pool_->report(*server_, pool::UseResult::ok, worker_.loop.now());
            co_return true;
        }
        auto* asked = server_;
        end_try(failure);
        bool again = (retry.error || retry.connect) &&
                     (!retry.next_server || attempts_ < pool_->servers().size()) &&
                     (retry.tries == 0 || attempts_ < retry.tries) &&
                     (retry.time.count() == 0 ||
                      worker_.loop.now() - connection_.facts.accepted_us / 1000 < retry.time.count());
        if (!again) {
            tally_.connect_failed();
            server_ = nullptr;
            co_return false;
        }
        ++subject_.retries;
        server_ = retry.next_server ? nullptr : asked;
        if (retry.next_server) continue;
        auto pause = forward::pause_before_retry(retry, *pool_, attempts_, timeouts.connect);
        if (pause != 0) co_await net::sleep_for(worker_.loop, pause);
    }
}

// on-marked-down shutdown-sessions: looks every second whether the server went down meanwhile.
void Session::watch_server() {
    if (server_->conf->on_marked_down != ir::Server::OnMarkedDown::shutdown_sessions) return;
    watchman_.owner = this;
    watchman_.fire = [](net::Timer& timer) {
        auto& session = *static_cast<Watchman&>(timer).owner;
        session.server_lost_ = session.pool_->is_down(*session.server_);
        if (!session.server_lost_) return session.watch_server();
        session.connection_.stream.watch.cancel_waits();
        session.server_stream_.watch.cancel_waits();
    };
    worker_.loop.arm(watchman_, worker_.loop.now() + 1000);
}

void Session::log() {
    count_bytes(subject_, subject_.received, subject_.sent);
    auto add = [&](zone::Counters& counters) {
        counters.bytes_in.add(subject_.received);
        counters.bytes_out.add(subject_.sent);
    };
    if (worker_.process.slots) add(worker_.process.mine(worker_.index));
    if (auto& entry = running_->sites[site_->id]; entry.slots) add(entry.mine(worker_.index));
    if (pool_) add(pool_->counters());
    if (tally_.last()) add(tally_.last()->counters(worker_.index));
    if (subject_.termination[0] == 'C') tally_.client_aborted();
    if (subject_.termination[0] == 'S' && subject_.termination[1] == 'D') tally_.server_aborted();
    write_lines();
}

void Session::write_lines() {
    if (log_level_ < 0 || std::exchange(logged_, true) || !worth_logging(*site_->source, subject_)) return;
    auto& loop = worker_.loop;
    subject_.now_us = subject_.times.ended = loop.now_us();
    subject_.wall_ms = loop.wall_ms();
    write_access_logs(worker_, *site_->own.logs, subject_, level_of_line(*site_->source, subject_, log_level_));
}

// The subject of the session, as far as it is known before a byte of it is looked at.
void Session::begin() {
    auto& loop = worker_.loop;
    const auto& listener = running_->plan->listeners[connection_.listener];
    site_ = &running_->plan->sites[listener.names.fallback()];
    route_ = &site_->own;
    subject_.arena = &arena_;
    subject_.around = &running_->around;
    subject_.connection = &connection_.facts;
    subject_.client = &connection_.facts.client;
    subject_.local = &connection_.facts.local;
    subject_.site = site_->source;
    subject_.site_id = site_->id;
    subject_.serial = ++worker_.exchange_serial;
    if (connection_.followers) subject_.connection_followed = connection_.followers->list;
    subject_.now_us = loop.now_us();
    subject_.wall_ms = loop.wall_ms();
    subject_.times.started = connection_.facts.accepted_us;
    subject_.times.handshaken = subject_.times.first_byte = subject_.times.request =
        connection_.facts.ready_us;
    subject_.times.started_wall_ms = subject_.times.request_wall_ms = loop.wall_ms();
    if (auto count = running_->plan->config().variables.size(); count != 0)
        subject_.variables = {arena_.make_array<route::Value>(count), count};
    if (connection_.variables) connection_.variables->give(subject_.variables);
    if (auto count = running_->plan->config().named_captures.size(); count != 0)
        subject_.named_captures = {arena_.make_array<std::string_view>(count), count};
    subject_.status = 500;
    const auto& source = *site_->source;
    if (const auto& slots = source.request_captures; !slots.empty())
        subject_.request_captures = {arena_.make_array<std::string_view>(slots.size()), slots.size()};
    if (!site_->unique_id.empty()) subject_.unique_id_format = &site_->unique_id;
}

// nginx says when a session begins, where somebody wants to know that much.
void Session::tell_begin() {
    if (!site_->source->is_nginx_style || !has_log_for(subject_, log::info)) return;
    const auto& facts = connection_.facts;
    auto end = [](const route::Address& address) {
        if (address.is_unix) return std::string(address.text());
        bool v6 = address.ip.family == IpAddress::Family::v6;
        return fmt::format(fmt::runtime(v6 ? "[{}]:{}" : "{}:{}"), address.text(), address.port);
    };
    log_note(subject_, log::info, fmt::format("client {} connected to {}", end(facts.client), end(facts.local)));
}

net::Task<void> Session::run() {
    auto& loop = worker_.loop;
    begin();
    tell_begin();
    if (site_->own.real_address) take_real_address();
    if (!site_->own.filters->empty()) {
        bool admitted = co_await ask_filters();
        if (!admitted) co_return log();
    }
    if (route_->access && is_refused(*subject_.client, *route_->access->source)) {
        log_problem(subject_, log::error, "access forbidden by rule");
        subject_.status = 403;
        co_return log();
    }
    if (site_->own.limits->reads_hello) {
        bool read = co_await preread();
        if (!read) co_return log();
    }
    choose_site();
    bool going = co_await inspect() && run_rules(site_->rules.content) && run_rules(site_->rules.request);
    if (!going) subject_.status = 403;
    bool routed = going && choose_route();
    if (routed && passes_on()) co_return;
    if (routed && std::holds_alternative<ir::Answer>(route_->source->action)) {
        co_await respond(route_->answer);
        co_return log();
    }
    if (routed && std::holds_alternative<ir::NoAction>(route_->source->action)) {
        subject_.status = 500;
        co_return log();
    }
    if (routed && co_await choose_pool()) {
        going = run_rules(route_->rules.content) && run_rules(route_->rules.request);
        if (!going) subject_.status = 403;
        if (going && co_await connect()) {
            store_sticks(*running_->plan, pool_id_, subject_);
            if (!run_rules(route_->rules.response_content) || !run_rules(site_->rules.response_content)) {
                // tcp-response content: HAProxy asks as soon as the server is there.
                subject_.status = 502;
                server_stream_.close();
                pool_->release(*server_, pool::UseResult::ok, loop.now());
                co_return log();
            }
            TunnelLimits limits;
            const auto& timeouts = *route_->timeouts;
            bool own = timeouts.tunnel != ir::no_limit;
            limits.client_idle = time_of(own ? timeouts.tunnel : site_->own.timeouts->client_read);
            limits.server_idle = time_of(own ? timeouts.tunnel : timeouts.server_read);
            limits.client_fin = time_of(site_->own.timeouts->client_fin);
            limits.server_fin = time_of(timeouts.server_fin);
            subject_.payload = {};   // the tunnel gives its buffer away
            const auto& forward = *route_->forwarding->source;
            limits.half_close = forward.half_close;
            limits.upload_rate = forward.upload_rate;
            limits.download_rate = forward.download_rate;
            limits.stop = &server_lost_;
            watch_server();
            if (site_->source->settings.logs->log_asap) {
                subject_.status = 200;
                subject_.log_asap = true;
                write_lines();
            }
            auto result = co_await run_tunnel(connection_.stream, server_stream_,
                                              std::move(connection_.input), {}, limits);
            watchman_.disarm();
            subject_.received = result.from_client;
            subject_.sent = subject_.sent_body = result.from_server;
            auto& one = tries_[try_count_ - 1];
            one.response_us = loop.now_us() - try_started_us_;
            one.bytes_sent = result.from_client;
            one.bytes_received = one.response_length = result.from_server;
            if (result.first_server_byte_us != 0)
                one.first_byte_us = result.first_server_byte_us - try_started_us_;
            if (server_lost_) subject_.termination[0] = subject_.termination[1] = 'D';
            note_tunnel_end(subject_, result);
            subject_.status = 200;
            server_stream_.close();
            pool_->release(*server_, pool::UseResult::ok, loop.now());
        } else if (going) {
            subject_.status = 502;
        }
    }
    log();
}

}  // namespace

void Session::report_fault() {
    begin();
    subject_.status = 0;
    subject_.termination[0] = 'P';
    subject_.termination[1] = 'R';
    for (const auto& one : site_->own.logs->access) {
        if (one.source->target.kind == ir::LogTarget::Kind::none || one.error_format.empty()) continue;
        log::write_access_line(log::process_sinks(), *one.source, one.error_format.render(subject_), -1);
    }
}

void log_fault(Connection& connection) { Session(connection).report_fault(); }

void log_refused_session(Connection& connection, std::uint16_t status) {
    Session(connection).refuse(status);
}

net::Task<void> serve_stream(Connection& connection) {
    Session session(connection);
    co_await session.run();
}

}  // namespace weir::exchange
