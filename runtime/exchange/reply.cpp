// SPDX-License-Identifier: Apache-2.0
// Answers: weir's own (pages, redirects, return) and a server's, made ready for the client and sent.
#include <time.h>

#include <algorithm>
#include <charconv>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/cached.hpp"
#include "runtime/exchange/inner.hpp"
#include "runtime/exchange/pages.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/exchange/shelved.hpp"
#include "runtime/exchange/storing.hpp"
#include "runtime/net/time.hpp"

namespace weir::exchange {

using http::FieldId;
using http::Framing;
using net::Io;

namespace {

// IMF-fixdate (RFC 9110 section 5.6.7), made once a second.
std::string_view http_date(std::int64_t wall_ms) {
    static thread_local std::int64_t second = -1;
    static thread_local char text[32];
    static thread_local std::size_t size = 0;
    if (wall_ms / 1000 != second) {
        second = wall_ms / 1000;
        auto value = static_cast<time_t>(second);
        tm parts{};
        gmtime_r(&value, &parts);
        size = strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    }
    return {text, size};
}

bool stays_here(FieldId id) {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding: return true;
        default: return false;
    }
}

bool bodiless(std::uint16_t status) { return status < 200 || status == 204 || status == 304; }

using net::time_of;

}  // namespace

std::string_view Exchange::own_scheme() const { return connection_.facts.tls ? "https" : "http"; }

// The page that the dialect has for this status.
void Exchange::own_page(std::uint16_t status) {
    reply_ = {};
    kept_fields_.remove(FieldId::content_type);   // the page has its own
    reply_.status = status;
    reply_from_server_ = false;
    unsized_ = false;
    if (route_->style->pages == ir::ReplyStyle::Pages::haproxy) {
        own_body_ = haproxy_page(status);
        content_type_ = own_body_.empty() ? "" : "text/html";
        reply_.fields.add(arena_, "cache-control", "no-cache");
    } else {
        // 494 to 497 tell why a request was refused; the client is told 400.
        if (status >= 494 && status <= 497) reply_.status = 400;
        own_body_ = nginx_page(status, route_->style->server_field.value_or("weir"), arena_);
        content_type_ = own_body_.empty() ? "" : "text/html";
    }
}

// An error of any kind: its error page, else the built-in one.
Exchange::Next Exchange::fail(std::uint16_t status) {
    const auto* page = route_->error_pages->find(status);
    if (!page && !site_->source->is_nginx_style) page = site_->own.error_pages->find(status);
    bool may = !in_error_page_ || route_->error_pages->recursive;
    if (status == 400 || status == 408 || status == 414) keep_ = false;
    if (status >= 494 && status <= 497) keep_ = false;
    // nginx ends the connection after what may be its own fault, too, whatever page answers.
    bool nginx = route_->style->pages == ir::ReplyStyle::Pages::nginx;
    if (nginx && (status == 413 || status == 500 || status == 501)) keep_ = false;
    bool raw_page = page && std::holds_alternative<ir::ErrorPage::Whole>(page->source->what);
    if (!page || (!may && !raw_page) || internal_redirects_ > 10) {
        forced_status_ = 0;   // an error within an error page speaks for itself
        own_page(status);
        return Next::reply;
    }
    const auto& source = *page->source;
    if (const auto* whole = std::get_if<ir::ErrorPage::Whole>(&source.what))
        return answer_with(*whole->message);
    if (const auto* to = std::get_if<ir::ErrorPage::Redirect>(&source.what)) {
        ir::action::Redirect action;
        action.status = to->status;
        action.short_body = route_->style->pages == ir::ReplyStyle::Pages::haproxy;
        in_error_page_ = true;   // of a 302, too: it is this very answer
        return redirect(action, page->text.render(subject_));
    }
    if (const auto* made = std::get_if<ir::ErrorPage::Made>(&source.what)) {
        const auto& respond = *made->respond;
        reply_ = {};
        reply_.status = status;
        reply_from_server_ = false;
        unsized_ = false;
        own_body_ = respond.body ? page->text.render(subject_) : std::string_view();
        content_type_ = respond.content_type;
        for (const auto& field : page->fields)
            reply_.fields.add(arena_, field.name, field.value.render(subject_));
        return Next::reply;
    }
    const auto& internal = std::get<ir::ErrorPage::Internal>(source.what);
    in_error_page_ = true;
    take_status_ = source.take_status;
    forced_status_ = source.take_status ? std::uint16_t{0} : source.new_status.value_or(status);
    auto uri = page->text.render(subject_);
    if (!internal.named && (uri.starts_with("http://") || uri.starts_with("https://"))) {
        ir::action::Redirect action;
        bool redirects = forced_status_ >= 301 && forced_status_ <= 308;
        action.status = redirects ? forced_status_ : std::uint16_t{302};
        action.short_body = false;
        return redirect(action, uri);
    }
    if (!internal.named && request_.method != http::Method::head) {
        request_.method = http::Method::get;
        request_.method_text = "GET";
    }
    return go_to(uri, internal.named);
}

Exchange::Next Exchange::go_to(std::string_view uri, bool named) {
    ++internal_redirects_;
    internal_ = true;
    reply_ = {};
    own_body_ = {};
    if (named) {
        auto id = site_->router.find_named(uri);
        if (id == ir::no_id) {
            own_page(500);
            return Next::reply;
        }
        return use_route(id);
    }
    auto mark = uri.find('?');
    subject_.normalized_path = uri.substr(0, mark);
    request_.has_query = mark != std::string_view::npos;
    request_.query = request_.has_query ? uri.substr(mark + 1) : std::string_view();
    target_.replaced = false;
    refresh_target();
    return Next::rules;
}

// A server hands the request on: its answer is dropped but for a few fields.
Exchange::Next Exchange::follow_accel_redirect() {
    std::string_view to;
    for (const auto& field : server_->response.fields) {
        switch (field.id) {
            case FieldId::x_accel_redirect: to = arena_.copy(field.value); break;
            case FieldId::content_type:
            case FieldId::set_cookie:
            case FieldId::cache_control:
            case FieldId::expires:
            case FieldId::accept_ranges:
                kept_fields_.add(arena_, arena_.copy(field.name), arena_.copy(field.value));
                break;
            default:
                if (http::equal_ignoring_case(field.name, "Content-Disposition"))
                    kept_fields_.add(arena_, arena_.copy(field.name), arena_.copy(field.value));
        }
    }
    bool named = to.starts_with('@');
    auto path = named ? to : unescape_inner(to.substr(0, to.find('?')), arena_);
    if (path.empty() || (!named && !path.starts_with('/'))) return fail(404);
    if (!named && request_.method != http::Method::head) {
        request_.method = http::Method::get;
        request_.method_text = "GET";
    }
    auto next = go_to(to, named);
    if (!named) subject_.normalized_path = path;
    return next;
}

void Exchange::add_kept_fields() {
    for (const auto& field : kept_fields_) {
        if (field.id == FieldId::content_type && !reply_from_server_)
            reply_.fields.set(arena_, "Content-Type", field.value);
        else if (field.id == FieldId::set_cookie || !reply_.fields.find(field.name))
            reply_.fields.add(arena_, field);
    }
}

// An error file, as it is in all but what depends on the connection.
Exchange::Next Exchange::answer_with(const ir::Message& message) {
    if (message.status == 0) {
        keep_ = false;
        return Next::close;
    }
    reply_ = {};
    reply_.status = message.status;
    reply_.reason = message.reason;
    reply_.minor = message.minor;
    for (const auto& [name, value] : message.fields) reply_.fields.add(arena_, name, value);
    own_body_ = message.body;
    content_type_ = {};
    reply_from_server_ = false;
    unsized_ = !message.sized;
    return Next::reply;
}

Exchange::Next Exchange::respond(const plan::Rule& rule, const ir::action::Respond& action) {
    if (action.message) return answer_with(*action.message);
    // return 404; has the page of its status, return 200; is empty. HAProxy's rules have an empty body
    // where they want none; fields beside no body go with the page (auth).
    bool haproxy = !site_->source->is_nginx_style;
    if (!action.body && (action.status >= 400 || haproxy) && (action.headers.empty() || haproxy)) {
        auto next = fail(action.status);
        if (next == Next::reply)
            for (const auto& field : rule.fields)
                reply_.fields.add(arena_, field.name, field.value.render(subject_));
        return next;
    }
    reply_ = {};
    reply_.status = action.status;
    reply_from_server_ = false;
    unsized_ = false;
    own_body_ = action.body ? rule.text.render(subject_) : std::string_view();
    content_type_ = action.content_type;
    if (content_type_.empty() && route_->style->pages == ir::ReplyStyle::Pages::nginx)
        content_type_ = default_type(*route_->style, subject_.normalized_path);
    for (const auto& field : rule.fields)
        reply_.fields.add(arena_, field.name, field.value.render(subject_));
    return Next::reply;
}

// nginx: a path becomes an absolute URL (absolute_redirect).
std::string_view Exchange::absolute_location(std::string_view target) {
    const auto& style = *route_->style;
    if (!target.starts_with('/') || !style.absolute_redirect) return target;
    auto host = style.site_name_in_redirect || subject_.host.empty()
                    ? std::string_view(site_->source->name)
                    : subject_.host;
    if (host.empty()) host = subject_.local->text();
    auto port = subject_.local->port;
    bool plain_port = port == (connection_.facts.tls ? 443 : 80) || port == 0;
    if (!style.port_in_redirect || plain_port)
        return arena_.join({own_scheme(), "://", host, target});
    char digits[8];
    auto end = std::to_chars(digits, digits + sizeof digits, port).ptr;
    return arena_.join({own_scheme(), "://", host, ":",
                        {digits, static_cast<std::size_t>(end - digits)}, target});
}

Exchange::Next Exchange::redirect(const ir::action::Redirect& action, std::string_view target) {
    using How = ir::action::Redirect::How;
    // nginx: a redirect may have an error page, too, which has a target of its own.
    bool page = !action.short_body && !in_error_page_ && route_->error_pages->find(action.status);
    if (page && site_->source->is_nginx_style) return fail(action.status);
    if (action.how != How::location) {
        auto path = request_.path;
        auto query = action.drop_query ? std::string_view() : request_.query;
        bool has_query = request_.has_query && !action.drop_query;
        bool slash = action.append_slash && action.drop_query && !path.ends_with('/');
        auto prefix = target;
        if (action.how == How::scheme)
            prefix = arena_.join({target, "://", request_.authority});
        else if (prefix == "/")
            prefix = {};
        target = arena_.join({prefix, path, slash ? "/" : "", has_query ? "?" : "", query});
    } else if (action.keep_query && request_.has_query) {
        target = arena_.join({target, target.find('?') == std::string_view::npos ? "?" : "&",
                              request_.query});
    }
    if (action.short_body) {
        reply_ = {};
        reply_.status = action.status;
        own_body_ = content_type_ = {};
        reply_from_server_ = unsized_ = false;
    } else {
        own_page(action.status);
        target = absolute_location(target);
    }
    if (action.status != 301 && action.status != 308 && action.short_body) {
        reply_.fields.add(arena_, "cache-control", "no-cache");
    }
    reply_.fields.add(arena_, action.short_body ? "location" : "Location", target);
    if (!action.set_cookie.empty()) reply_.fields.add(arena_, "set-cookie", action.set_cookie);
    return Next::reply;
}

// The server's head becomes the reply's: what is hop-by-hop or hidden stays here.
void Exchange::relay_fields(http::ResponseHead& response) {
    const auto& forwarding = *route_->forwarding;
    reply_ = {};
    const auto* charset = forwarding.accel_charset ? response.fields.find(FieldId::x_accel_charset) : nullptr;
    accel_charset_ = charset ? charset->value : std::string_view();
    reply_.status = response.status;
    reply_.reason = response.reason;
    reply_.framing = response.framing;
    reply_.length = response.length;
    reply_.fields.reserve(arena_, response.fields.size() + 4);
    bool rewrites = !forwarding.redirects.empty() || !forwarding.cookies.empty();
    bool names_fields = http::connection_names_fields(response.fields);
    for (auto& field : response.fields) {
        if (stays_here(field.id) || forwarding.hides(field)) continue;
        if (field.id == FieldId::upgrade && response.status != 101) continue;
        if (names_fields && http::named_by_connection(response.fields, field)) continue;
        if (rewrites && (field.id == FieldId::location || field.id == FieldId::refresh))
            rewrite_location(field);
        if (rewrites && field.id == FieldId::set_cookie) rewrite_cookie(field);
        reply_.fields.add(arena_, field);
    }
    bool head = request_.method == http::Method::head;
    if (head && route_->style->head_shows_chunks && request_.minor >= 1 &&
        response.fields.has(FieldId::transfer_encoding))
        reply_.fields.add(arena_, "transfer-encoding", "chunked");
    add_sticky_cookie();
    reply_from_server_ = true;
    unsized_ = false;
    if (forced_status_ != 0 && !take_status_) {
        reply_.status = forced_status_;
        bool nginx = route_->style->pages == ir::ReplyStyle::Pages::nginx;
        reply_.reason = nginx ? nginx_reason(forced_status_) : std::string_view();
    }
}

// Before the rules of replies, which may look at it or change it.
void Exchange::add_content_type() {
    bool nginx = route_->style->pages == ir::ReplyStyle::Pages::nginx;
    if (content_type_.empty() || reply_.fields.seen(FieldId::content_type)) return;
    if (bodiless(reply_.status) && !(nginx && reply_.status == 304)) return;
    reply_.fields.add(arena_, nginx ? "Content-Type" : "content-type", content_type_);
}

void Exchange::apply_reply_fields() {
    if (route_->reply_fields->expiry && is_plain_success(reply_.status)) apply_expiry();
    for (const auto& field : route_->reply_fields->list) {
        if (!field.always && !is_plain_success(reply_.status)) continue;
        auto value = field.value.render(subject_);
        if (value.empty()) continue;
        if (field.replace)
            reply_.fields.set(arena_, field.name, value);
        else
            reply_.fields.add(arena_, field.name, value);
    }
}

// How the body is delimited towards this client (RFC 9112 section 6).
void Exchange::decide_framing() {
    bool head = request_.method == http::Method::head;
    if (reply_.status == 101) {
        reply_.framing = Framing::none;
        return;
    }
    if (knows_length()) {
        // nginx tells the length of what a 304 stands for.
        bool told = reply_.status == 304 && !cached_ && route_->style->pages == ir::ReplyStyle::Pages::nginx;
        reply_.framing = bodiless(reply_.status) && !told ? Framing::none : Framing::length;
        reply_.length = file_ ? file_->length() : own_body_.size();
        if (not_modified_ || (open_length_ && bodiless(reply_.status))) reply_.framing = Framing::none;
        else if (open_length_) reply_.framing = Framing::until_close;
        if (told) return;
        if (unsized_) {
            keep_ = false;
            if (reply_.framing == Framing::length) reply_.framing = Framing::until_close;
            return;
        }
    }
    if (head || bodiless(reply_.status)) {
        if (!knows_length() || open_length_) reply_.framing = Framing::none;
        return;
    }
    if (reply_.framing == Framing::until_close || reply_.framing == Framing::chunked) {
        bool chunks = reply_.framing == Framing::chunked || route_->style->chunk_unsized;
        if (!carrier_.is_http1) {
            // The end of the stream is the end of the body.
        } else if (request_.minor >= 1 && chunks) {
            reply_.framing = Framing::chunked;
        } else {
            reply_.framing = Framing::until_close;
            keep_ = false;
        }
    }
}

void Exchange::write_reply_head() {
    const auto& style = *route_->style;
    bool nginx = style.pages == ir::ReplyStyle::Pages::nginx;
    http::ReplyHead head{reply_};
    head.reason = reply_.reason.empty() && !(reply_from_server_ && reply_.reason.data())
                      ? http::reason_of(reply_.status) : reply_.reason;
    if (nginx && !reply_from_server_ && reply_.reason.empty()) head.reason = nginx_reason(reply_.status);
    if (style.server_field && !reply_.fields.seen(FieldId::server)) head.server = *style.server_field;
    if (style.date_field && !reply_.fields.seen(FieldId::date))
        head.date = http_date(worker_.loop.wall_ms());
    if (!reply_from_server_) head.first = reply_.fields.find(FieldId::content_type);
    bool no_body = request_.method == http::Method::head || bodiless(reply_.status);
    head.body = no_body ? Framing::none : reply_.framing;
    head.capitals = nginx;
    head.keep = keep_;
    head.closes = !keep_ && !mirrored_ && !opens() && !connection_.linger;
    head.keep_seconds = route_->keepalive->header.count() / 1000;
    head.chunk = route_->http2->chunk;
    carrier_.write_head(head);
}

// The body will not be as long as it was, nor its parts where they were.
void Exchange::open_the_length() {
    takes_ranges_ = false;
    if (knows_length()) {
        open_length_ = true;
        return;
    }
    if (reply_.framing == Framing::length) reply_.framing = Framing::chunked;
    if (request_.method == http::Method::head) reply_.fields.remove(FieldId::content_length);
}

// What is changed is no longer the same byte for byte.
void Exchange::weaken_tag() {
    const auto* tag = reply_.fields.find(FieldId::etag);
    if (tag && !tag->value.starts_with("W/"))
        reply_.fields.set(arena_, "ETag", arena_.join({"W/", tag->value}));
}

bool Exchange::is_last_of_connection() const {
    const auto& keepalive = *client_rules().keepalive;
    return !request_.keep_alive || !keepalive.on || worker_.stopping ||
           (keepalive.max_requests != 0 && connection_.requests >= keepalive.max_requests) ||
           (keepalive.max_time != ir::no_limit &&
            worker_.loop.now() - connection_.facts.accepted_us / 1000 > keepalive.max_time.count());
}

// A body in several pieces; `piece` is the first, if it was taken already. `pace`: no faster than its
// client may have it (limit_rate).
net::Task<bool> Exchange::send_body(http::BodySource* from, std::span<filter::Hold> wanted,
                                    http::Piece piece, Pace pace) {
    auto write_timeout = time_of(client_rules().timeouts->client_send);
    std::optional<http::BytesBody> own;
    std::optional<filter::FilteredBody> filtered;
    std::optional<filter::FilteredSink> around;
    std::optional<TrailingBody> trailing;
    std::optional<PacedBody> paced;
    http::BodySink* sink = &writer_;
    if (opens()) {
        auto inside = wanted.size();
        while (inside != 0 && wanted[inside - 1].filter->takes_additions()) --inside;
        if (inside != wanted.size()) sink = &around.emplace(subject_, wanted.subspan(inside), writer_);
        wanted = wanted.first(inside);
    }
    if (!wanted.empty()) {
        if (!from) from = &own.emplace(own_body_);
        from = &filtered.emplace(subject_, filter::Way::reply, wanted, *from);
    }
    if (adds_) {
        bool sent = co_await send_addition(route_->inner->before, *sink);
        if (!sent) co_return false;
    }
    InnerSink open_end(sink);
    auto& to = opens() ? static_cast<http::BodySink&>(open_end) : writer_;
    bool ok = true;
    if (from && wants_trailers()) from = &trailing.emplace(*this, *from);
    if (pace.rate != 0) from = &paced.emplace(pace, worker_.loop, carrier_.watch, from, own_body_);
    if (ssi_) {
        ok = co_await send_with_ssi(from, to, piece);
    } else if (!from) {
        auto result = co_await to.write(own_body_, true, write_timeout);
        ok = result.state == Io::State::ok;
    } else {
        const auto rate = reply_from_server_ ? route_->forwarding->source->limit_rate : 0;
        if (piece.state == http::BodyState::ok && !piece.bytes.empty()) {
            if (rate == 0 && !piece.last && from->goes_on_in_file()) to.expect_splice();
            auto result = co_await to.write(piece.bytes, piece.last, write_timeout);
            ok = result.state == Io::State::ok;
        }
        if (ok && !piece.last) {
            http::RelayLimits limits;
            limits.read_timeout = time_of(route_->timeouts->server_read);
            limits.write_timeout = write_timeout;
            limits.rate = rate;
            limits.paced = &carrier_.watch;
            limits.abort_when = route_->forwarding->source->ignore_client_abort ? nullptr : &carrier_.watch;
            auto result = co_await http::relay_body(*from, to, limits);
            subject_.spliced_reply += result.spliced;
            ok = result.failed == http::RelayResult::Side::none;
            if (!ok) note_relay_end(subject_, result);
            // A body that breaks off before its first byte: the client sees the head all the same (nginx).
            const bool nothing_sent = result.failed == http::RelayResult::Side::source && writer_.sent() == 0;
            if (nothing_sent && site_->source->is_nginx_style) co_await writer_.write({}, false, write_timeout);
        }
    }
    if (!ok || !opens()) co_return ok;
    if (adds_) {
        bool sent = co_await send_addition(route_->inner->after, *sink);
        if (!sent) co_return false;
    }
    if (wants_trailers()) writer_.set_trailers(make_trailers());
    auto result = co_await sink->write({}, true, write_timeout);
    co_return result.state == Io::State::ok;
}

// Everything that changes the head on its way out; then it waits in the sink. Returns the filters that
// want the body.
std::span<filter::Hold> Exchange::finish_head() {
    if (forced_status_ != 0 && !take_status_ && !reply_from_server_) {
        if (!(reply_.status >= 301 && reply_.status <= 308)) reply_.status = forced_status_;
    }
    subject_.reply = &reply_;
    if (!reply_from_server_) add_content_type();
    // HAProxy has no rules for what was no request.
    if (!head_refused_ || site_->source->is_nginx_style)
        for (const auto* list : {&route_->rules.reply, &site_->rules.reply}) run_rules(*list);
    if (!kept_fields_.empty()) add_kept_fields();
    if (route_->charset || !accel_charset_.empty()) apply_charset();
    apply_reply_fields();
    // The filters see these fields, too: gzip weakens an ETag that add_header made.
    std::span<filter::Hold> wanted;
    bool filtered = !route_->filters->empty() || !own_site_filters().empty();
    if (filtered && sliced_total_ == 0) wanted = ask_reply_filters();
    const bool no_body = request_.method == http::Method::head || bodiless(reply_.status);
    if (no_body) wanted = {};
    // nginx tells when a file changed only where the answer is that file.
    if (file_ && !cached_ && reply_.status != 200) reply_.fields.remove(FieldId::last_modified);
    ssi_ = sliced_total_ == 0 && wants_ssi();
    if (ssi_) prepare_ssi();
    adds_ = sliced_total_ == 0 && wants_additions();
    if (adds_) {
        open_the_length();
        weaken_tag();
    }
    if (takes_ranges_) apply_ranges();
    if (!no_body && sliced_total_ == 0 && wants_trailers()) open_the_length();
    decide_framing();
    write_reply_head();
    return wanted;
}

net::Task<void> Exchange::drop_server_body() {
    auto& body = server_->body();
    auto limit = time_of(route_->timeouts->server_read);
    while (!body.ended()) {
        http::Piece piece;
        if (!body.ready(piece)) piece = co_await body.next(limit, &carrier_.watch);
        if (piece.state != http::BodyState::ok) co_return;
    }
}

net::Task<bool> Exchange::send_reply() {
    reply_started_ = true;
    auto write_timeout = time_of(client_rules().timeouts->client_send);
    if (is_last_of_connection()) {
        keep_ = false;
        // HAProxy's httpclose is about HTTP/1.
        if (client_rules().keepalive->on || site_->source->is_nginx_style) carrier_.close_after();
    }
    if (!body_.ended() && request_.expects_continue) keep_ = false;
    auto wanted = finish_head();
    bool trails = wants_trailers();
    if (site_->source->settings.logs->log_asap && reply_from_server_) {
        subject_.log_asap = true;
        write_lines();
    }
    bool no_body = request_.method == http::Method::head || bodiless(reply_.status);
    // What stands in for an inner answer stands in for its page, too.
    if (stands_in_ && !reply_from_server_ && reply_.status >= 300) no_body = true;
    bool ok = true;
    if (sliced_total_ != 0) trails = false;
    http::BodySource* from = file_ ? static_cast<http::BodySource*>(file_.get())
                             : !reply_from_server_ ? nullptr
                             : shelf_ && shelf_->body ? static_cast<http::BodySource*>(&*shelf_->body)
                             : shelving_ && server_ ? static_cast<http::BodySource*>(shelving_)
                             : saving_ ? static_cast<http::BodySource*>(saving_)
                             : storing_ ? static_cast<http::BodySource*>(storing_.get())
                             : server_ ? &server_->body() : nullptr;
    std::optional<CutBody> cut;
    if (from && cut_.size() != 0 && sliced_total_ == 0) from = &cut.emplace(*from, cut_);
    std::optional<http::RecodingBody> recoded;
    if (from && recoding_) from = &recoded.emplace(*from, *recoding_);
    http::Piece piece;
    const auto pace = pace_of(*running_->plan, *route_, subject_);
    bool plain = !opens() && !trails && wanted.empty() && pace.rate == 0;
    if (no_body || (!from && wanted.empty() && !opens() && pace.rate == 0)) {
        if (trails && !no_body) writer_.set_trailers(make_trailers());
        net::WriteAll result;
        if (!writer_.write_now(no_body ? std::string_view() : own_body_, true, result))
            result = co_await writer_.write_rest(write_timeout, result);
        ok = result.state == Io::State::ok;
    } else if (sliced_total_ != 0) {
        ok = co_await send_slices(*from);
    } else if (plain && !from->goes_on_mapped() && from->ready(piece) && piece.last && piece.state == http::BodyState::ok) {
        // The whole answer is here: one write.
        writer_.set_trailers(from->trailers());
        net::WriteAll result;
        if (!writer_.write_now(piece.bytes, true, result))
            result = co_await writer_.write_rest(write_timeout, result);
        ok = result.state == Io::State::ok;
    } else {
        ok = co_await send_body(from, wanted, piece, pace);
    }
    bool whole = ok;
    if (shelving_ && ok && reply_from_server_ && shelving_->ended()) shelf_->keep();   // it had no body to pass
    const auto rest_timeout = time_of(route_->timeouts->server_read);
    if (saving_) whole = co_await saving_->read_rest(rest_timeout);
    if (storing_) whole = co_await storing_->read_rest(rest_timeout);
    if (ok && reply_from_server_) learn_session(false);
    // A server that was asked by another method (set-method) sends a body that nobody gets: it is read
    // away, so that the connection can be kept.
    bool unwanted = ok && no_body && server_ && reply_from_server_ && !site_->source->is_nginx_style;
    if (unwanted) co_await drop_server_body();
    if (server_) co_await server_->finish(whole);
    // HAProxy's log does not count what it says to bytes that were no request.
    subject_.sent += subject_.request ? writer_.sent() : 0;
    subject_.sent_body += no_body ? 0 : writer_.body_sent();
    subject_.completed = ok;
    if (!ok) {
        if (route_->keepalive->reset_timed_out) carrier_.reset();
        co_return false;
    }
    co_return keep_;
}

}  // namespace weir::exchange
