// SPDX-License-Identifier: Apache-2.0
// Answers: weir's own (pages, redirects, return) and a server's, made ready for the client and sent.
#include <time.h>

#include <algorithm>
#include <charconv>

#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/pages.hpp"
#include "runtime/exchange/record.hpp"

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

// Statuses that add_header without "always" adds to.
bool plain_success(std::uint16_t status) {
    switch (status) {
        case 200: case 201: case 204: case 206: case 301: case 302: case 303: case 304: case 307:
        case 308: return true;
        default: return false;
    }
}

bool bodiless(std::uint16_t status) { return status < 200 || status == 204 || status == 304; }

net::Time time_of(ir::Milliseconds time) {
    return time == ir::no_limit ? net::never : time.count();
}

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
        return redirect(action, page->text.render(subject_));
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
    if (!named && !to.starts_with('/')) return fail(404);
    if (!named && request_.method != http::Method::head) {
        request_.method = http::Method::get;
        request_.method_text = "GET";
    }
    return go_to(to, named);
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
    // return 404; has the page of its status, return 200; is empty.
    if (!action.body && action.headers.empty() && action.status >= 400) return fail(action.status);
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
void Exchange::relay_server_fields() {
    auto& response = server_->response;
    const auto& forwarding = *route_->forwarding;
    reply_ = {};
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
    for (const auto& field : *route_->reply_fields) {
        if (!field.always && !plain_success(reply_.status)) continue;
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
    if (!reply_from_server_) {
        // nginx tells the length of what a 304 stands for.
        bool told = reply_.status == 304 && route_->style->pages == ir::ReplyStyle::Pages::nginx;
        reply_.framing = bodiless(reply_.status) && !told ? Framing::none : Framing::length;
        reply_.length = own_body_.size();
        if (told) return;
        if (unsized_) {
            keep_ = false;
            if (reply_.framing == Framing::length) reply_.framing = Framing::until_close;
            return;
        }
    }
    if (head || bodiless(reply_.status)) {
        if (reply_from_server_) reply_.framing = Framing::none;
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
    head.keep_seconds = route_->keepalive->header.count() / 1000;
    carrier_.write_head(head);
}

// The filters that want the body of this reply. Its length is open then, unless all of it is here.
std::span<const filter::Hold> Exchange::ask_reply_filters() {
    auto* holds = arena_.make_array<filter::Hold>(route_->filters->size());
    std::size_t count = 0;
    for (const auto& one : *route_->filters) {
        filter::Hold hold{one.filter.get(), nullptr};
        if (hold.filter->on_reply(subject_, reply_, hold.state)) holds[count++] = hold;
    }
    bool no_body = request_.method == http::Method::head || bodiless(reply_.status);
    if (no_body || count == 0) return {};
    std::span<const filter::Hold> wanted(holds, count);
    if (!reply_from_server_)
        own_body_ = filter::FilteredBody(subject_, wanted, nullptr).whole(own_body_);
    else if (reply_.framing == Framing::length)
        reply_.framing = Framing::chunked;
    return wanted;
}

bool Exchange::is_last_of_connection() const {
    const auto& keepalive = *client_rules().keepalive;
    return !request_.keep_alive || !keepalive.on || worker_.stopping ||
           (keepalive.max_requests != 0 && connection_.requests >= keepalive.max_requests) ||
           (keepalive.max_time != ir::no_limit &&
            worker_.loop.now() - connection_.facts.accepted_us / 1000 > keepalive.max_time.count());
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
    if (forced_status_ != 0 && !take_status_ && !reply_from_server_) {
        if (!(reply_.status >= 301 && reply_.status <= 308)) reply_.status = forced_status_;
    }
    subject_.reply = &reply_;
    if (!reply_from_server_) add_content_type();
    for (const auto* list : {&route_->rules.reply, &site_->rules.reply}) run_rules(*list);
    std::span<const filter::Hold> wanted;
    if (!route_->filters->empty()) wanted = ask_reply_filters();
    if (!kept_fields_.empty()) add_kept_fields();
    apply_reply_fields();
    decide_framing();
    write_reply_head();
    if (site_->source->settings.logs->log_asap && reply_from_server_) {
        subject_.log_asap = true;
        write_lines();
    }
    bool no_body = request_.method == http::Method::head || bodiless(reply_.status);
    bool ok = true;
    if (no_body || !reply_from_server_) {
        net::WriteAll result;
        if (!writer_.write_now(no_body ? std::string_view() : own_body_, true, result))
            result = co_await writer_.write_rest(write_timeout, result);
        ok = result.state == Io::State::ok;
        if (server_) co_await server_->finish(ok);
    } else {
        http::Piece piece;
        auto& body = server_->body();
        std::optional<filter::FilteredBody> filtered;
        if (!wanted.empty()) filtered.emplace(subject_, wanted, &body);
        auto& source = filtered ? static_cast<http::BodySource&>(*filtered) : body;
        bool relayed = false;
        if (source.ready(piece) && piece.last && piece.state == http::BodyState::ok) {
            // The whole answer is here: one write.
            writer_.set_trailers(body.trailers());
            net::WriteAll result;
            if (!writer_.write_now(piece.bytes, true, result))
                result = co_await writer_.write_rest(write_timeout, result);
            ok = result.state == Io::State::ok;
            relayed = true;
        } else if (piece.state == http::BodyState::ok && !piece.bytes.empty()) {
            auto result = co_await writer_.write(piece.bytes, false, write_timeout);
            ok = result.state == Io::State::ok;
        }
        if (!relayed && ok) {
            http::RelayLimits limits;
            limits.read_timeout = time_of(route_->timeouts->server_read);
            limits.write_timeout = write_timeout;
            limits.rate = route_->forwarding->source->limit_rate;
            limits.paced = &carrier_.watch;
            limits.abort_when = route_->forwarding->source->ignore_client_abort
                                    ? nullptr : &carrier_.watch;
            auto result = co_await http::relay_body(source, writer_, limits);
            ok = result.failed == http::RelayResult::Side::none;
            if (!ok) note_relay_end(subject_, result);
        }
        co_await server_->finish(ok);
    }
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
