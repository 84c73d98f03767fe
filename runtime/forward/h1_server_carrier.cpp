// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/h1_server_carrier.hpp"

namespace weir::forward {

using net::Io;

ServerCarrier::HeadStep H1ServerCarrier::parse(http::ResponseHead& response, const AnswerRules& rules) {
    using What = HeadStep::What;
    response.fields.clear();
    // An application may answer SCGI and uwsgi with a status line all the same (nginx).
    auto start = input_.view().substr(0, 5);
    if (takes_cgi_ && start.size() < 5 && std::string_view("HTTP/").starts_with(start)) return {What::more};
    auto* read = takes_cgi_ && start != "HTTP/" ? http::parse_cgi_head : http::parse_response_head;
    auto parsed = read(input_.view(), limits_of(rules), rules.arena, rules.method, response, &resume_);
    if (parsed.status == http::ParseStatus::more) return {What::more};
    if (parsed.status != http::ParseStatus::done) return {What::failed, Failure::bad_answer};
    response.head_bytes = parsed.bytes;
    if (response.status >= 200 || response.status == 101) {
        input_.consume(parsed.bytes);
        return {What::done};
    }
    interim_bytes_ = parsed.bytes;
    return {What::interim};
}

ServerCarrier::HeadStep H1ServerCarrier::take_head(http::ResponseHead& response, const AnswerRules& rules) {
    using What = HeadStep::What;
    if (interim_bytes_ != 0) {
        // What follows an interim answer may be here already.
        input_.consume(std::exchange(interim_bytes_, 0));
        resume_ = 0;
        if (!input_.empty()) return parse(response, rules);
        input_.clear();
        if (!stream_.watch.readable) return {What::more};
    }
    input_.acquire();
    if (input_.room_size() == 0) {
        if (input_.size() > rules.max_head) return {What::failed, Failure::bad_answer};
        input_.grow(input_.capacity() * 2ul);
        resume_ = 0;
    }
    auto got = stream_.read(input_.room(), input_.room_size());
    if (got.state == Io::State::blocked) return {What::more};
    if (got.state == Io::State::failed) return {What::failed, Failure::read};
    if (got.state == Io::State::end)
        return {What::failed, got_bytes_ ? Failure::read : Failure::empty};
    input_.produced(got.bytes);
    got_bytes_ = true;
    return parse(response, rules);
}

void H1ServerCarrier::begin_body(const http::ResponseHead& response, bool keep_trailers) {
    body_.start(response.framing, response.length);
    if (keep_trailers) body_.keep_trailers();
}

bool H1ServerCarrier::reusable(const http::ResponseHead& response) {
    body_.settle();
    return body_.ended() && response.keep_alive && response.status != 101 &&
           response.framing != http::Framing::until_close && input_.empty();
}

}  // namespace weir::forward
