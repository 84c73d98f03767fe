// SPDX-License-Identifier: Apache-2.0
// HAProxy's log fields. Times are whole milliseconds counted from the start of the exchange, then
// subtracted from each other, so that their sum comes out right; -1 = it did not get there.
#include <cstdio>

#include "runtime/route/dates.hpp"
#include "runtime/route/escape.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

// Milliseconds from the start to an event; -1 when it did not happen.
std::int64_t until(const Subject& subject, std::int64_t event_us) {
    if (event_us < 0 || subject.times.started < 0) return -1;
    const auto elapsed = event_us - subject.times.started;
    return elapsed < 0 ? -1 : elapsed / 1000;
}
std::int64_t until_end(const Subject& subject) {
    return until(subject, subject.times.ended >= 0 ? subject.times.ended : subject.now_us);
}
std::int64_t handshake(const Subject& subject) {
    const auto time = until(subject, subject.times.handshaken);
    return time < 0 ? 0 : time;
}
// Between the handshakes and the first byte.
std::int64_t idle(const Subject& subject) {
    const auto time = until(subject, subject.times.first_byte);
    return time < 0 ? -1 : time - handshake(subject);
}
Value between(std::int64_t from, std::int64_t to) {
    return Value::of_number(to < 0 ? -1 : to - (from < 0 ? 0 : from));
}
Value so_far(Subject& subject, std::int64_t time) {
    if (!subject.log_asap) return Value::of_number(time);
    return Value::of(subject.arena->join({"+", decimal(time, *subject.arena)}));
}

Value with_milliseconds(Subject& subject, std::int64_t wall_ms) {
    const char fraction[4] = {'.', static_cast<char>('0' + wall_ms / 100 % 10),
                              static_cast<char>('0' + wall_ms / 10 % 10),
                              static_cast<char>('0' + wall_ms % 10)};
    return Value::of(subject.arena->join(
        {date_text(DateForm::local_plain, wall_ms / 1000), {fraction, sizeof fraction}}));
}
Value plain_date(Subject& subject, DateForm form, std::int64_t wall_ms) {
    return Value::of(subject.arena->copy(date_text(form, wall_ms / 1000)));
}
std::int64_t request_wall(const Subject& subject) {
    const auto& times = subject.times;
    return times.request_wall_ms ? times.request_wall_ms : times.started_wall_ms;
}

// "{a|b}", or "a b" with each one quoted by the caller's choice; nothing without slots or request.
Value captures(const Node& node, Subject& subject, std::span<const std::string_view> slots) {
    if (slots.empty() || !subject.request) return Value::of("");
    const bool as_list = node.number == 1;
    std::string_view all = as_list ? "" : "{";
    for (const auto& slot : slots) {
        const bool first = &slot == slots.data();
        std::string_view value = slot.data() ? escape_captured(slot, *subject.arena)
                                 : as_list   ? std::string_view("-")
                                             : std::string_view();
        all = subject.arena->join({all, first ? "" : as_list ? " " : "|", value});
    }
    return Value::of(as_list ? all : subject.arena->join({all, "}"}));
}

}  // namespace

Value fetch_log_accept_date(const Node&, Subject& subject) {
    return with_milliseconds(subject, subject.times.started_wall_ms);
}
Value fetch_log_request_date(const Node&, Subject& subject) {
    return with_milliseconds(subject, request_wall(subject));
}
Value fetch_log_accept_date_gmt(const Node&, Subject& subject) {
    return plain_date(subject, DateForm::gmt_clf, subject.times.started_wall_ms);
}
Value fetch_log_accept_date_local(const Node&, Subject& subject) {
    return plain_date(subject, DateForm::local_clf, subject.times.started_wall_ms);
}
Value fetch_log_request_date_gmt(const Node&, Subject& subject) {
    return plain_date(subject, DateForm::gmt_clf, request_wall(subject));
}
Value fetch_log_request_date_local(const Node&, Subject& subject) {
    return plain_date(subject, DateForm::local_clf, request_wall(subject));
}
Value fetch_log_timestamp_seconds(const Node&, Subject& subject) {
    return Value::of_number(subject.times.started_wall_ms / 1000);
}
Value fetch_log_milliseconds(const Node&, Subject& subject) {
    const auto ms = subject.times.started_wall_ms % 1000;
    char* out = subject.arena->bytes(3);
    out[0] = static_cast<char>('0' + ms / 100);
    out[1] = static_cast<char>('0' + ms / 10 % 10);
    out[2] = static_cast<char>('0' + ms % 10);
    return Value::of({out, 3});
}
Value fetch_log_frontend_transport(const Node&, Subject& subject) {
    if (!subject.site) return Value::missing();
    if (!subject.connection->tls) return Value::of(subject.site->name);
    return Value::of(subject.arena->join({subject.site->name, "~"}));
}

Value fetch_log_time_handshake(const Node&, Subject& subject) {
    return Value::of_number(handshake(subject));
}
Value fetch_log_time_idle(const Node&, Subject& subject) {
    const auto time = idle(subject);
    return Value::of_number(time < 0 ? 0 : time);
}
Value fetch_log_time_request(const Node& node, Subject& subject) {
    const auto request = until(subject, subject.times.request);
    if (request < 0 || node.number == 1) return Value::of_number(request);
    const auto waited = idle(subject);
    return Value::of_number(request - (waited < 0 ? 0 : waited) - handshake(subject));
}
Value fetch_log_time_queue(const Node&, Subject& subject) {
    return between(until(subject, subject.times.request), until(subject, subject.times.queued));
}
Value fetch_log_time_connect(const Node&, Subject& subject) {
    return between(until(subject, subject.times.queued), until(subject, subject.times.connected));
}
Value fetch_log_time_response(const Node&, Subject& subject) {
    return between(until(subject, subject.times.connected), until(subject, subject.times.response));
}
Value fetch_log_time_data(const Node&, Subject& subject) {
    const auto data = until(subject, subject.times.response);
    return Value::of_number(data < 0 ? -1 : until_end(subject) - data);
}
Value fetch_log_time_active(const Node&, Subject& subject) {
    const auto waited = idle(subject);
    const auto before = waited < 0 ? 0 : waited + handshake(subject);
    return so_far(subject, until_end(subject) - before);
}
Value fetch_log_time_total(const Node&, Subject& subject) {
    return so_far(subject, until_end(subject));
}
Value fetch_log_time_user(const Node&, Subject& subject) {
    const auto waited = idle(subject);
    return so_far(subject, until_end(subject) - (waited < 0 ? 0 : waited));
}

Value fetch_log_termination_state(const Node& node, Subject& subject) {
    return Value::of({subject.termination, node.number == 2 ? 2u : 4u});
}
Value fetch_log_captured_request_cookie(const Node&, Subject& subject) {
    const auto text = subject.request_cookie_capture;
    return text.empty() ? Value::missing() : Value::of(text);
}
Value fetch_log_captured_response_cookie(const Node&, Subject& subject) {
    const auto text = subject.response_cookie_capture;
    return text.empty() ? Value::missing() : Value::of(text);
}
Value fetch_request_captures(const Node& node, Subject& subject) {
    return captures(node, subject, subject.request_captures);
}
Value fetch_response_captures(const Node& node, Subject& subject) {
    return captures(node, subject, subject.response_captures);
}
Value fetch_log_server_queue(const Node&, Subject& subject) {
    return Value::of_number(subject.server_queue);
}
Value fetch_log_pool_queue(const Node&, Subject& subject) {
    return Value::of_number(subject.pool_queue);
}
Value fetch_log_retries(const Node&, Subject& subject) {
    if (!subject.redispatched) return Value::of_number(subject.retries);
    return Value::of(subject.arena->join({"+", decimal(subject.retries, *subject.arena)}));
}
Value fetch_log_counter(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.serial));
}

}  // namespace weir::route
