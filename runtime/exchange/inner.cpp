// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/inner.hpp"

#include "runtime/exchange/pages.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/route/escape.hpp"

namespace weir::exchange {

using http::FieldId;

bool NoBody::ready(http::Piece& piece) {
    piece = {};
    piece.last = true;
    return true;
}

net::Task<http::Piece> NoBody::next(net::Time, net::Watch*) {
    http::Piece piece;
    piece.last = true;
    co_return piece;
}

bool InnerSink::write_now(std::string_view bytes, bool, net::WriteAll& result) {
    sent_ += bytes.size();
    body_sent_ += bytes.size();
    if (bytes.empty() || !on_to_) return true;
    return on_to_->write_now(bytes, false, result);
}

net::Task<net::WriteAll> InnerSink::write_rest(net::Time timeout, net::WriteAll so_far) {
    co_return co_await on_to_->write_rest(timeout, so_far);
}

net::Task<http::HeadRead> InnerCarrier::read_head(const http::HeadWish&) {
    http::HeadRead read;
    read.how = http::HeadRead::How::whole;
    co_return read;
}

net::Task<bool> InnerCarrier::write_interim(const http::ResponseHead&, std::string_view, net::Time) {
    co_return true;
}

void copy_head(const http::RequestHead& from, http::RequestHead& to, Arena& arena) {
    to = from;
    to.fields = {};
    to.fields.reserve(arena, from.fields.size() + 2);
    for (const auto& field : from.fields) {
        switch (field.id) {
            case FieldId::content_length:
            case FieldId::transfer_encoding:
            case FieldId::expect:
            case FieldId::upgrade: break;
            default: to.fields.add(arena, field);
        }
    }
    to.framing = http::Framing::none;
    to.length = 0;
    to.expects_continue = to.wants_upgrade = false;
    to.method = http::Method::get;
    to.method_for_servers = "GET";
}

// A path that a server sends: unescaped, and empty where it is to lead out of a folder.
std::string_view unescape_inner(std::string_view path, Arena& arena) {
    if (path.find('%') != std::string_view::npos) {
        char* plain = arena.bytes(path.size());
        std::size_t size = 0;
        auto digit = [](char c) {
            char low = static_cast<char>(c | 0x20);
            return c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        };
        for (std::size_t i = 0; i < path.size(); ++i) {
            bool escaped = path[i] == '%' && i + 2 < path.size() && digit(path[i + 1]) >= 0 && digit(path[i + 2]) >= 0;
            plain[size++] = escaped ? static_cast<char>(digit(path[i + 1]) * 16 + digit(path[i + 2])) : path[i];
            if (escaped) i += 2;
        }
        path = {plain, size};
    }
    bool unsafe = path.find('\0') != std::string_view::npos || path.find("/../") != std::string_view::npos ||
                  path.ends_with("/..") || path.starts_with("..");
    return unsafe ? std::string_view() : path;
}

// What the outer request knows holds for the inner one, too; what came of it does not.
Exchange::Exchange(Exchange& outer, http::Carrier& carrier, std::string_view uri)
    : connection_(outer.connection_),
      carrier_(carrier),
      worker_(outer.worker_),
      running_(outer.running_),
      arena_(carrier.arena),
      request_(carrier.request),
      subject_(outer.subject_),
      body_(carrier.body),
      writer_(carrier.sink),
      site_(outer.site_),
      route_(&outer.site_->own),
      is_inner_(true) {
    subject_.inner = true;
    subject_.coding = {};
    copy_head(outer.request_, request_, arena_);
    subject_.arena = &arena_;
    subject_.request = &request_;
    subject_.tries = {};
    subject_.cache = {};
    subject_.pool = nullptr;
    subject_.server = nullptr;
    subject_.response = subject_.reply = nullptr;
    subject_.response_trailers = nullptr;
    subject_.status = 0;
    subject_.sent = subject_.sent_body = 0;
    auto mark = uri.find('?');
    request_.has_query = mark != std::string_view::npos;
    request_.query = request_.has_query ? uri.substr(mark + 1) : std::string_view();
    request_.path = subject_.normalized_path = uri.substr(0, mark);
    internal_ = true;
    in_error_page_ = false;
    ssi_page_ = outer.ssi_page_;
    refresh_target();
}

// auth_request: 2xx admits, 401 and 403 refuse, anything else is an error.
net::Task<Exchange::Access> Exchange::ask_inside() {
    const auto& access = *route_->access;
    InnerCarrier carrier(carrier_.watch, nullptr);
    Exchange inner(*this, carrier, access.source->ask_uri);
    co_await inner.run();
    const auto& notes = access.source->notes;
    for (std::size_t i = 0; i < notes.size(); ++i) {
        auto value = arena_.copy(access.notes[i].render(inner.subject_));
        subject_.variables[notes[i].slot] = route::Value::of(value);
    }
    auto status = inner.reply_.status;
    if (status >= 200 && status < 300) co_return Access::granted;
    if (status == 403) co_return Access::forbidden;
    if (status == 401) {
        const auto* challenge = inner.reply_.fields.find(FieldId::www_authenticate);
        if (challenge) challenge_ = arena_.copy(challenge->value);
        co_return Access::unauthorized;
    }
    note_problem(log::error, "auth request unexpected status: " + std::to_string(status) +
                                 " while sending to client");
    co_return Access::failed;
}

// --- mirror ---

bool SavedBody::ready(http::Piece& piece) {
    if (given_) return rest_.ready(piece);
    piece = {};
    given_ = true;
    piece.bytes = first_;
    piece.last = rest_.ended();
    return true;
}

net::Task<http::Piece> SavedBody::next(net::Time, net::Watch*) {
    http::Piece piece;
    ready(piece);
    co_return piece;
}

std::uint64_t SavedBody::received() const { return (given_ ? first_.size() : 0) + rest_.received(); }
std::uint64_t SavedBody::left() const { return (given_ ? 0 : first_.size()) + rest_.left(); }

// Reads all of the request's body: what does not fit in the buffer goes to a file.
net::Task<http::BodyState> Exchange::save_body() {
    const auto& limits = *client_rules().limits;
    auto& spool = gathered_.spool;
    std::uint64_t most = limits.body_buffer;
    const bool only_in_file = limits.body_file != ir::ClientLimits::BodyFile::as_needed;
    gathered_.file.stay(forward::stay_of(limits.body_file));
    while (!body_.ended()) {
        auto piece = co_await body_.next(client_rules().timeouts->client_read.count(), nullptr);
        if (piece.state != http::BodyState::ok) co_return piece.state;
        auto bytes = piece.bytes;
        if (!only_in_file && gathered_.file.size() == 0 && spool.size() + bytes.size() <= most) {
            spool.acquire(spool.size() + bytes.size());
            if (spool.room_size() < bytes.size()) spool.grow(spool.size() + bytes.size() + net::Buffer::standard);
            spool.append(bytes);
        } else if (!gathered_.file.append(bytes, limits.body_folder)) {
            co_return http::BodyState::failed;
        }
        if (limits.max_body != 0 && spool.size() + gathered_.file.size() > limits.max_body)
            co_return http::BodyState::malformed;
    }
    gathered_.tried = gathered_.whole = true;
    const bool in_file = !gathered_.file.path().empty();
    subject_.body = in_file ? std::string_view() : gathered_.bytes();
    if (in_file) subject_.body_file = gathered_.file.path();
    co_return http::BodyState::ok;
}

net::Task<Exchange::Next> Exchange::start_mirrors() {
    mirrored_ = true;
    bool with_body = route_->inner->mirror_body && !body_.ended() && !gathered_.tried && !gathered_.dropped;
    if (with_body) {
        if (!send_continue()) co_return Next::close;
        auto state = co_await save_body();
        if (state != http::BodyState::ok) {
            keep_ = false;
            if (state == http::BodyState::timed_out) {
                close_silently(408);
                co_return Next::close;
            }
            co_return fail(state == http::BodyState::malformed ? 413 : state == http::BodyState::failed ? 500 : 400);
        }
    }
    for (const auto& uri : route_->inner->mirrors) {
        ++mirrors_running_;
        run_mirror(uri);
    }
    co_return Next::perform;
}

// One on its own; the exchange waits for it before it ends.
net::Detached Exchange::run_mirror(std::string_view uri) {
    net::Watch nobody;   // the client does not wait for it
    bool with_body = route_->inner->mirror_body && gathered_.whole;
    SavedBody body(gathered_.bytes(), gathered_.file);
    {
        auto carrier = std::make_unique<InnerCarrier>(nobody, body);
        bool query = request_.has_query && uri.find('?') == std::string_view::npos;
        auto whole = query ? arena_.join({uri, "?", request_.query}) : uri;
        auto inner = std::make_unique<Exchange>(*this, *carrier, whole);
        auto& request = carrier->request;
        request.method = request_.method;
        request.method_for_servers = {};
        auto length = gathered_.bytes().size() + gathered_.file.size();
        if (with_body && length != 0) {
            request.framing = http::Framing::length;
            request.length = length;
        }
        inner->subject_.body_length = request.length;
        co_await inner->run();
    }
    if (--mirrors_running_ == 0 && mirrors_done_) worker_.loop.post(mirrors_done_);
}

// --- post_action ---

bool Exchange::wants_post_action() const {
    return !route_->inner->afterwards.empty() && !is_inner_ && !head_refused_ && subject_.request;
}

// When the answer is out, whatever became of it, and before the log line. It is the request once more, so
// that a location can report what became of it.
net::Task<void> Exchange::run_post_action() {
    net::Watch nobody;   // the client does not wait for it
    const std::string_view uri = route_->inner->afterwards;
    const bool named = uri.starts_with('@');
    SavedBody body(gathered_.bytes(), gathered_.file);
    InnerCarrier carrier(nobody, body);
    // The URI is a path: a '?' in it begins no query.
    const auto path = named ? subject_.normalized_path : uri;
    Exchange inner(*this, carrier, route::escape_path(path, arena_));
    inner.subject_.normalized_path = path;
    if (named) inner.named_ = uri;
    auto& request = carrier.request;
    request.method = request_.method;
    request.method_for_servers = {};
    request.method_text = request_.method_text;
    const auto length = gathered_.whole ? gathered_.bytes().size() + gathered_.file.size() : 0;
    if (length != 0) {
        request.framing = http::Framing::length;
        request.length = length;
    }
    inner.subject_.body_length = request.length;
    inner.subject_.reply = &reply_;
    inner.subject_.status = subject_.status != 0 ? subject_.status : reply_.status;
    inner.subject_.sent = subject_.sent;
    inner.subject_.sent_body = subject_.sent_body;
    inner.subject_.tries = subject_.tries;
    inner.subject_.completed = subject_.completed;
    co_await inner.run();
}

// --- additions ---

bool Exchange::wants_additions() const {
    const auto& inner = *route_->inner;
    if ((inner.before.empty() && inner.after.empty()) || is_inner_ || reply_.status != 200) return false;
    const auto* type = reply_.fields.find(FieldId::content_type);
    if (!type) return false;
    auto name = type->value.substr(0, type->value.find_first_of("; "));
    for (const auto& one : inner.addition_types)
        if (one == "*" || http::equal_ignoring_case(one, name)) return true;
    return false;
}

// The answer of an inner request becomes the next part of the body.
net::Task<bool> Exchange::send_addition(const std::string& uri, http::BodySink& to) {
    if (uri.empty()) co_return true;
    InnerCarrier carrier(carrier_.watch, &to);
    Exchange inner(*this, carrier, uri);
    co_await inner.run();
    co_return inner.subject_.completed;
}

// --- trailers ---

bool Exchange::wants_trailers() const {
    if (request_.is_http10() || is_inner_) return false;
    for (const auto& field : route_->reply_fields->trailers)
        if (field.always || is_plain_success(reply_.status)) return true;
    return false;
}

std::string_view Exchange::make_trailers() {
    std::string_view lines;
    for (const auto& field : route_->reply_fields->trailers) {
        if (!field.always && !is_plain_success(reply_.status)) continue;
        auto value = field.value.render(subject_);
        if (!value.empty()) lines = arena_.join({lines, field.name, ": ", value, "\r\n"});
    }
    return lines.empty() ? lines : arena_.join({lines, "\r\n"});
}

}  // namespace weir::exchange
