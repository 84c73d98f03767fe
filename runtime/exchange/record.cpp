// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/record.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/log/access_log.hpp"
#include "runtime/log/error_log.hpp"

namespace weir::exchange {

using forward::Failure;

namespace {

void terminate(route::Subject& subject, char cause, char state) {
    if (subject.termination[0] != '-') return;
    subject.termination[0] = cause;
    subject.termination[1] = state;
}

struct Words {
    int level;
    const char* text;
    const char* doing;
    int error;   // appended in nginx's way when not 0
};

Words words_of(Failure failure) {
    using log::error;
    switch (failure) {
        case Failure::no_server: return {error, "no live upstreams", "connecting to upstream", 0};
        case Failure::queue_full: return {error, "the queue is full", "connecting to upstream", 0};
        case Failure::queue_timeout:
            return {error, "no server had a free connection in time", "connecting to upstream", 0};
        case Failure::connect:
            return {error, "connect() failed", "connecting to upstream", ECONNREFUSED};
        case Failure::local:
            return {log::critical, "no connection could be made or no temporary file written",
                    "connecting to upstream", 0};
        case Failure::connect_timeout:
            return {error, "upstream timed out", "connecting to upstream", ETIMEDOUT};
        case Failure::handshake: return {error, "TLS handshake failed", "SSL handshaking to upstream", 0};
        case Failure::handshake_timeout:
            return {error, "upstream timed out", "SSL handshaking to upstream", ETIMEDOUT};
        case Failure::send:
            return {error, "send() failed", "sending request to upstream", EPIPE};
        case Failure::send_timeout:
            return {error, "upstream timed out", "sending request to upstream", ETIMEDOUT};
        case Failure::read:
        case Failure::empty:
            return {error, "upstream prematurely closed connection",
                    "reading response header from upstream", 0};
        case Failure::read_timeout:
            return {error, "upstream timed out", "reading response header from upstream", ETIMEDOUT};
        case Failure::refused:
            return {error, "upstream rejected request", "reading response header from upstream", 0};
        case Failure::bad_answer:
            return {error, "upstream sent an invalid or too big header",
                    "reading response header from upstream", 0};
        case Failure::client_body:
            return {log::info, "client sent a broken body", "reading client request body", 0};
        case Failure::client_body_timeout:
            return {log::info, "client timed out", "reading client request body", ETIMEDOUT};
        case Failure::body_too_large:
            return {error, "client intended to send too large body", "", 0};
        case Failure::bad_target:
            return {error, "the computed target is none", "connecting to upstream", 0};
        case Failure::unresolved:
            return {error, "the computed host could not be resolved", "connecting to upstream", 0};
        default: return {log::info, "request ended early", "", 0};
    }
}

// Milliseconds spent in each phase, for the averages.
void count_times(const route::Subject& subject, zone::Counters& counters) {
    const auto& times = subject.times;
    auto add = [](zone::Counter& sum, std::int64_t from, std::int64_t to) {
        if (from >= 0 && to > from) sum.add(static_cast<std::uint64_t>(to - from) / 1000);
    };
    add(counters.queue_ms, times.request, times.queued);
    add(counters.connect_ms, times.queued, times.connected);
    add(counters.response_ms, times.connected, times.response);
    add(counters.total_ms, times.request, subject.now_us);
}

}  // namespace

void note_failure(route::Subject& subject, Failure failure) {
    switch (failure) {
        case Failure::none: break;
        case Failure::no_server:
        case Failure::bad_target:
        case Failure::unresolved:
        case Failure::handshake:
        case Failure::connect: terminate(subject, 'S', 'C'); break;
        case Failure::local: terminate(subject, 'R', 'C'); break;
        case Failure::queue_full:
        case Failure::queue_timeout: terminate(subject, 's', 'Q'); break;
        case Failure::handshake_timeout:
        case Failure::connect_timeout: terminate(subject, 's', 'C'); break;
        case Failure::send:
        case Failure::read:
        case Failure::stale:
        case Failure::empty: terminate(subject, 'S', 'H'); break;
        case Failure::bad_answer: terminate(subject, 'P', 'H'); break;
        case Failure::send_timeout:
        case Failure::read_timeout: terminate(subject, 's', 'H'); break;
        case Failure::client_gone: terminate(subject, 'C', 'H'); break;
        case Failure::client_body: terminate(subject, 'C', 'D'); break;
        case Failure::client_body_timeout: terminate(subject, 'c', 'D'); break;
        case Failure::body_too_large: terminate(subject, 'P', 'R'); break;
        case Failure::status: break;
    }
}

void note_request_failure(route::Subject& subject, bool late) { terminate(subject, late ? 'c' : 'C', 'R'); }

void note_relay_end(route::Subject& subject, const http::RelayResult& result) {
    if (result.failed == http::RelayResult::Side::none) return;
    bool server = result.failed == http::RelayResult::Side::source &&
                  result.state != http::BodyState::aborted;
    char cause = server ? (result.timed_out ? 's' : 'S') : (result.timed_out ? 'c' : 'C');
    terminate(subject, cause, 'D');
}

void note_tunnel_end(route::Subject& subject, const TunnelResult& result) {
    using End = TunnelResult::End;
    switch (result.end) {
        case End::client_closed:
        case End::server_closed: break;
        case End::client_timeout: terminate(subject, 'c', 'D'); break;
        case End::server_timeout: terminate(subject, 's', 'D'); break;
        case End::client_error: terminate(subject, 'C', 'D'); break;
        case End::server_error: terminate(subject, 'S', 'D'); break;
        case End::stopped: terminate(subject, 'K', 'D'); break;
    }
}

namespace {

const std::vector<ir::ErrorLog>& own_logs(const route::Subject& subject, const ir::LogSettings* logs) {
    return (logs ? *logs : *subject.site->settings.logs).errors;
}

}  // namespace

bool has_log_for(const route::Subject& subject, int level, const ir::LogSettings* logs) {
    const auto& own = own_logs(subject, logs);
    if (own.empty()) return log::process_log().wants(level);
    return std::any_of(own.begin(), own.end(), [&](const auto& one) { return one.level >= level; });
}

void log_problem(route::Subject& subject, int level, const std::string& text, const ir::LogSettings* logs) {
    log_note(subject, level, text, {}, logs);
}

void log_note(route::Subject& subject, int level, std::string_view text, std::string_view doing,
              const ir::LogSettings* logs) {
    if (!has_log_for(subject, level, logs)) return;
    auto who = forward::about_client(subject);
    who.doing = doing;
    std::string bound;   // what nginx calls the server of a stream
    if (!subject.request && subject.site->is_nginx_style && who.site.empty() && subject.connection->listener) {
        bound = ir::to_string(subject.connection->listener->endpoint);
        who.site = bound;
    }
    log::process_log().write(level, text, who, &own_logs(subject, logs));
}

void log_failure(plan::Worker&, route::Subject& subject, Failure failure,
                 const std::string& problem, const ir::LogSettings* logs) {
    auto words = words_of(failure);
    if (!has_log_for(subject, words.level, logs)) return;
    auto who = forward::about_server(subject);
    who.doing = words.doing;
    auto text = !problem.empty() ? problem
                : words.error != 0 ? log::ErrorLog::with_error(words.text, words.error)
                                 : std::string(words.text);
    log::process_log().write(words.level, text, who, &own_logs(subject, logs));
}

namespace {

// A failure in HAProxy's sense: a server was asked again, somebody went away or was too slow, or the
// answer says 5xx. What a redirect or a page of ours ended ('L') is none.
bool went_wrong(const route::Subject& subject) {
    char cause = subject.termination[0];
    bool ended_badly = cause != '-' && cause != 'L';
    auto status = subject.reply ? subject.reply->status : std::uint16_t{0};
    return ended_badly || subject.redispatched || (cause == '-' && subject.retries != 0) || status >= 500;
}

}  // namespace

bool worth_logging(const ir::Site& site, const route::Subject& subject) {
    const auto& logs = *site.settings.logs;
    if (logs.dont_log_null && site.kind == ir::Site::Kind::stream && subject.received == 0 &&
        subject.sent == 0)
        return false;
    return !logs.dont_log_normal || went_wrong(subject);
}

int level_of_line(const ir::Site& site, const route::Subject& subject, int set_by_rule) {
    if (set_by_rule != 6) return set_by_rule;
    return site.settings.logs->separate_errors && went_wrong(subject) ? log::error : -1;
}

// Where both a log's path and the folder of files come from the request, that folder has to be there:
// clients could have any number of logs made by asking for names (nginx's access_log).
bool is_known(const plan::AccessLog& log, route::Subject& subject) {
    if (log.path.empty() || !subject.file_root || subject.file_root->root.is_literal()) return true;
    const auto folder = route::with_nul({subject.file_root->root.render(subject)}, *subject.arena);
    struct stat found {};
    return ::stat(folder.data(), &found) == 0 && S_ISDIR(found.st_mode);
}

void write_access_logs(plan::Worker&, const plan::Logs& logs, route::Subject& subject, int level) {
    for (const auto& one : logs.access) {
        if (one.source->target.kind == ir::LogTarget::Kind::none) continue;
        if (!one.when.empty() && !one.when.holds(subject)) continue;
        if (!is_known(one, subject)) continue;
        log::write_access_line(log::process_sinks(), *one.source, one.format.render(subject), level,
                               one.path.render(subject));
    }
}

// Exactly once per exchange, aborted ones too.
void Exchange::log() {
    auto& loop = worker_.loop;
    subject_.now_us = subject_.times.ended = loop.now_us();
    count();
    if (!subject_.followed.empty() || !subject_.connection_followed.empty())
        count_outcome(subject_, head_refused_);
    write_lines();
}

void Exchange::write_lines() {
    for (const auto& one : *route_->filters) one.filter->on_log(subject_);
    if (silent_ || (is_inner_ && !route_->inner->logged)) return;
    silent_ = true;
    const auto& logs = *(site_->source->is_nginx_style ? route_->logs : site_->own.logs);
    if (logs.access.empty()) return;
    subject_.now_us = worker_.loop.now_us();
    subject_.wall_ms = worker_.loop.wall_ms();
    if (subject_.reply == nullptr) subject_.status = reply_.status;
    if (!worth_logging(*site_->source, subject_)) return;
    write_access_logs(worker_, logs, subject_, level_of_line(*site_->source, subject_, log_level_));
}

void Exchange::count() {
    if (is_inner_) return;
    if (cache_) cache_->store.count(subject_.cache.status, subject_.sent_body);
    subject_.received += body_.received();
    auto traffic = [&](zone::Counters& counters) {
        counters.bytes_in.add(subject_.received);
        counters.bytes_out.add(subject_.sent);
    };
    auto answered = [&](zone::Counters& counters, unsigned status) {
        counters.requests.add(1);
        auto kind = status / 100;
        counters.responses[kind >= 1 && kind <= 5 ? kind : 0].add(1);
    };
    const auto* end = subject_.termination;
    bool denied = end[0] == 'P' && end[1] == 'R' && !head_refused_;
    auto all = [&](zone::Counters& counters) {
        traffic(counters);
        answered(counters, reply_.status);
        if (denied) counters.denied_requests.add(1);
        if (end[0] == 'P' && end[1] == 'H') counters.denied_responses.add(1);
        if (head_refused_) counters.request_errors.add(1);
    };
    if (worker_.process.slots) all(worker_.process.mine(worker_.index));
    auto spliced = [](zone::Counters& counters, std::uint64_t in, std::uint64_t out) {
        if (in != 0) counters.spliced_in.add(in);
        if (out != 0) counters.spliced_out.add(out);
    };
    if (auto& entry = running_->sites[site_->id]; entry.slots) {
        all(entry.mine(worker_.index));
        spliced(entry.mine(worker_.index), subject_.spliced_request, subject_.spliced_reply);
    }
    if (!tally_.entered()) return;
    all(subject_.pool->counters());
    spliced(subject_.pool->counters(), subject_.spliced_reply, subject_.spliced_request);
    count_times(subject_, subject_.pool->counters());
    if (end[0] == 'C') tally_.client_aborted();
    if (end[0] == 'S' && end[1] == 'D') tally_.server_aborted();
    if (!tally_.last()) return;
    // A server's own are those that it answered, with its status.
    auto& server = tally_.last()->counters(worker_.index);
    traffic(server);
    spliced(server, subject_.spliced_reply, subject_.spliced_request);
    if (end[0] == 'P' && end[1] == 'H') server.denied_responses.add(1);
    if (!subject_.response) return;
    answered(server, subject_.response->status);
    count_times(subject_, server);
}

}  // namespace weir::exchange
