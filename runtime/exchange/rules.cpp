// SPDX-License-Identifier: Apache-2.0
// Running rule lists: one function per action. A list ends at its end, at an "allow" or "break", or
// when an action decides what happens next.
#include <algorithm>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/exchange.hpp"
#include "runtime/exchange/shelved.hpp"
#include "runtime/exchange/track.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/net/time.hpp"
#include "runtime/route/escape.hpp"

namespace weir::exchange {

namespace {

bool matches_name(const ir::action::EditHeader& action, const Regex* regex, std::string_view name) {
    using Names = ir::action::EditHeader::Names;
    auto fits = [&](std::string_view part) {
        return http::equal_ignoring_case(part, action.name);
    };
    switch (action.names) {
        case Names::exact: return fits(name);
        case Names::prefix:
            return name.size() >= action.name.size() && fits(name.substr(0, action.name.size()));
        case Names::suffix:
            return name.size() >= action.name.size() &&
                   fits(name.substr(name.size() - action.name.size()));
        case Names::substring:
            for (std::size_t i = 0; i + action.name.size() <= name.size(); ++i)
                if (fits(name.substr(i, action.name.size()))) return true;
            return false;
        case Names::regex: return regex && regex->matches(name);
    }
    return false;
}

// The replacement of a replace-* action: \0 .. \9 stand for groups.
std::string_view expand(std::string_view form, const Regex::Match& groups, Arena& arena) {
    if (form.find('\\') == std::string_view::npos) return form;
    std::size_t size = form.size();
    for (std::uint32_t i = 0; i < groups.count; ++i) size += groups.group[i].size() * 4;
    // Every group may be used as often as there are digits in the form.
    std::size_t uses = static_cast<std::size_t>(std::count(form.begin(), form.end(), '\\'));
    std::size_t largest = 0;
    for (std::uint32_t i = 0; i < groups.count; ++i) largest = std::max(largest, groups.group[i].size());
    char* out = arena.bytes(size + uses * largest);
    std::size_t at = 0;
    for (std::size_t i = 0; i < form.size(); ++i) {
        if (form[i] != '\\' || i + 1 == form.size()) {
            out[at++] = form[i];
            continue;
        }
        char c = form[++i];
        if (c >= '0' && c <= '9') {
            auto index = static_cast<std::uint32_t>(c - '0');
            if (index >= groups.count) continue;
            auto group = groups.group[index];
            at += group.copy(out + at, group.size());
        } else {
            out[at++] = c;
        }
    }
    return {out, at};
}

// What the replacement makes of a text that the regex matches somewhere; it takes the place of all of
// the text.
std::string_view replaced_by(const Regex& regex, std::string_view text, std::string_view form,
                             route::Subject& subject, bool& changed) {
    Regex::Match groups;
    changed = regex.match(text, groups);
    return changed ? expand(form, groups, *subject.arena) : text;
}

std::string_view trimmed(std::string_view text) {
    auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

// Where the list element that begins at `from` ends: a comma outside of quotes, or the end.
std::size_t element_end(std::string_view list, std::size_t from) {
    bool quoted = false;
    for (std::size_t i = from; i < list.size(); ++i) {
        if (list[i] == '"') quoted = !quoted;
        if (quoted && list[i] == '\\') ++i;
        if (!quoted && list[i] == ',') return i;
    }
    return list.size();
}

// replace-value: each element of a comma-separated list on its own. An element that is replaced
// loses the blanks around it, the others stay as they are.
std::string_view replace_elements(const Regex& regex, std::string_view list, std::string_view form,
                                  route::Subject& subject, bool& changed) {
    std::string_view made;
    changed = false;
    for (std::size_t at = 0; at <= list.size();) {
        auto end = element_end(list, at);
        auto whole = list.substr(at, end - at);
        auto element = trimmed(whole);
        bool hit = false;
        if (!element.empty()) element = replaced_by(regex, element, form, subject, hit);
        if (hit && !changed) made = list.substr(0, at);
        else if (changed) made = subject.arena->join({made, ","});
        changed |= hit;
        if (changed) made = subject.arena->join({made, hit ? element : whole});
        at = end + 1;
    }
    return changed ? made : list;
}

int digit_of(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    char low = static_cast<char>(byte | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

// The path of a redirect: what is harmless there need not be escaped; a '?' ends it.
std::string_view unescape_redirect(std::string_view path, Arena& arena) {
    if (path.find('%') == std::string_view::npos) return path;
    char* plain = arena.bytes(path.size());
    std::size_t size = 0;
    bool in_path = true;
    for (std::size_t i = 0; i < path.size(); ++i) {
        char byte = path[i];
        if (in_path && byte == '%' && i + 2 < path.size()) {
            int high = digit_of(path[i + 1]), low = digit_of(path[i + 2]);
            int code = high * 16 + low;
            if (high >= 0 && low >= 0 && code > '%' && code < 0x7f) {
                byte = static_cast<char>(code);
                i += 2;
            }
        }
        if (byte == '?') in_path = false;
        plain[size++] = byte;
    }
    return {plain, size};
}

}  // namespace

Exchange::Ran Exchange::run_rules(const std::vector<plan::Rule>& rules) {
    for (const auto& rule : rules) {
        if (resume_after_) [[unlikely]] {
            if (&rule == resume_after_) resume_after_ = nullptr;
            continue;
        }
        if (!rule.when.empty() && !rule.when.holds(subject_)) continue;
        auto ran = run_rule(rule);
        if (ran.flow != Flow::go_on) return ran;
    }
    return {};
}

// The request as servers and logs see it after path, query or both were changed by rules.
void Exchange::refresh_target() {
    subject_.query = request_.query;
    if (site_->source->is_nginx_style) {
        subject_.request = &request_;
        target_.changed = true;
        return;
    }
    std::string_view front;   // of an absolute form: it stays one
    if (request_.absolute_form) {
        auto scheme = request_.target.substr(0, request_.target.find("://"));
        front = arena_.join({scheme, "://", request_.authority});
    }
    request_.target = arena_.join(
        {front, request_.path, request_.has_query ? "?" : "", request_.query});
    subject_.normalized_path = request_.path;
}

// What rules about answers change: the head that came, or the one that goes out.
http::ResponseHead& Exchange::answer_head() {
    if (reply_started_) return reply_;
    if (shelf_ && shelf_->answers) return shelf_->head;
    return server_ ? server_->response : reply_;
}

// The 103s before the answer (RFC 8297): what rules and caches have for them gathers until somebody waits for
// the client's answer. A field without a name stands between two of them.
http::ResponseHead& Exchange::early_head() {
    if (!early_) early_ = arena_.make<http::ResponseHead>();
    if (early_->fields.size() != 0) early_->fields.add(arena_, {}, {});
    return *early_;
}

// False: the client is gone.
net::Task<bool> Exchange::write_early_head() {
    const auto& all = std::exchange(early_, nullptr)->fields;
    for (std::uint32_t at = 0; at < all.size(); ++at) {
        http::ResponseHead head;
        head.status = 103;
        for (; at < all.size() && !all[at].name.empty(); ++at) head.fields.add(arena_, all[at].name, all[at].value);
        bool told = co_await carrier_.write_interim(head, {}, net::time_of(client_rules().timeouts->client_send));
        if (!told) co_return false;
    }
    co_return true;
}

void Exchange::edit_header(const plan::Rule& rule, const ir::action::EditHeader& action) {
    using How = ir::action::EditHeader::How;
    using Side = ir::action::Side;
    if (action.side == Side::early_hint) {
        auto& hints = action.how == How::add && early_ ? early_->fields : early_head().fields;
        return hints.add(arena_, action.name, rule.text.render(subject_));
    }
    auto& fields = action.side == Side::request ? request_.fields : answer_head().fields;
    switch (action.how) {
        case How::add: fields.add(arena_, action.name, rule.text.render(subject_)); break;
        case How::set: {
            auto value = rule.text.render(subject_);
            fields.remove(std::string_view(action.name));
            fields.add(arena_, action.name, value);
            break;
        }
        case How::remove:
            for (std::uint32_t i = fields.size(); i-- > 0;)
                if (matches_name(action, rule.regex, fields[i].name)) fields.erase(i);
            break;
        case How::replace_line:
        case How::replace_value: {
            auto form = rule.text.render(subject_);
            for (auto& field : fields) {
                if (!http::equal_ignoring_case(field.name, action.name) || !rule.regex) continue;
                bool changed = false;
                bool one = action.how == How::replace_line;
                auto value = one ? replaced_by(*rule.regex, field.value, form, subject_, changed)
                                 : replace_elements(*rule.regex, field.value, form, subject_, changed);
                if (!changed) continue;
                field.value = value;
                field.line = {};
            }
            break;
        }
    }
}

void Exchange::set_target(const plan::Rule& rule, const ir::action::SetTarget& action) {
    using What = ir::action::SetTarget::What;
    auto value = rule.text.render(subject_);
    auto split = [&](std::string_view whole) {
        auto mark = whole.find('?');
        request_.has_query = mark != std::string_view::npos;
        request_.path = whole.substr(0, mark);
        request_.query = request_.has_query ? whole.substr(mark + 1) : std::string_view();
    };
    auto replaced = [&](std::string_view old) {
        bool changed = false;
        return replaced_by(*rule.regex, old, value, subject_, changed);
    };
    switch (action.what) {
        case What::method: {
            request_.method_for_servers = arena_.copy(value);
            return;
        }
        case What::path: request_.path = rule.regex ? replaced(request_.path) : value; break;
        case What::query:
            if (value.starts_with('?')) value.remove_prefix(1);
            request_.query = value;
            request_.has_query = !value.empty();
            break;
        case What::path_and_query: {
            auto whole = request_.has_query ? arena_.join({request_.path, "?", request_.query})
                                            : request_.path;
            split(rule.regex ? replaced(whole) : value);
            break;
        }
        case What::uri: {
            auto whole = rule.regex ? replaced(request_.target) : value;
            auto scheme = whole.find("://");
            request_.absolute_form = scheme != std::string_view::npos;
            if (request_.absolute_form) {
                request_.target = whole;
                auto rest = whole.substr(scheme + 3);
                auto slash = rest.find('/');
                auto host = rest.substr(0, slash);
                request_.fields.set(arena_, "host", host);
                request_.authority = host;
                whole = slash == std::string_view::npos ? "/" : rest.substr(slash);
            }
            split(whole);
            break;
        }
    }
    refresh_target();
}

Exchange::Ran Exchange::do_rewrite(const plan::Rule& rule, const ir::action::Rewrite& action) {
    using Then = ir::action::Rewrite::Then;
    if (!rule.regex ||
        !running_->plan->library().match_and_capture(*rule.regex, subject_.normalized_path, subject_))
        return {};
    // What was escaped in the request is so again where it becomes part of a query or a redirect.
    auto plain = subject_.captures;
    auto escape_groups = [&] {
        if (request_.path.find_first_of("%+") == std::string_view::npos) return;
        for (std::uint32_t i = 0; i < plain.count; ++i)
            subject_.captures.group[i] = route::escape_argument(plain.group[i], arena_);
    };
    bool redirects = action.then == Then::redirect || action.then == Then::permanent;
    if (redirects) escape_groups();
    auto path = rule.text.render(subject_);
    if (redirects) path = unescape_redirect(path, arena_);
    escape_groups();
    auto added = rule.query.empty() ? std::string_view() : rule.query.render(subject_);
    subject_.captures = plain;
    auto query = subject_.query;
    if (action.replaces_query)
        query = added;
    else if (!added.empty())
        query = query.empty() ? added : arena_.join({added, "&", query});
    bool elsewhere = path.starts_with("http://") || path.starts_with("https://") ||
                     path.starts_with("$scheme");
    if (elsewhere || redirects) {
        ir::action::Redirect to;
        to.status = action.then == Then::permanent ? 301 : 302;
        to.short_body = false;
        return {Flow::decided,
                redirect(to, query.empty() ? path : arena_.join({path, "?", query}))};
    }
    if (path.empty()) return {Flow::decided, fail(500)};
    subject_.normalized_path = path;
    request_.query = query;
    request_.has_query = !query.empty();
    refresh_target();
    internal_ = true;
    if (action.then == Then::stop) target_.replaced = true;
    if (action.then == Then::stop) return {Flow::stop, Next::perform};
    uri_changed_ = true;
    if (action.then == Then::last) return {Flow::stop, Next::route};
    return {};
}

// A rule answered in the server's place, or instead of what it said.
void Exchange::note_own_answer(bool refused) {
    if (shelf_ && shelf_->answers) subject_.times.response = -1;
    if (subject_.termination[0] != '-') return;
    subject_.termination[0] = refused ? 'P' : 'L';
    subject_.termination[1] = server_ ? 'H' : 'R';
    if (server_) subject_.times.response = -1;
}

Exchange::Ran Exchange::run_rule(const plan::Rule& rule) {
    struct Visitor {
        Exchange& exchange;
        const plan::Rule& rule;
        route::Subject& subject = exchange.subject_;

        Ran operator()(const ir::action::Respond& action) {
            exchange.note_own_answer(action.denies);
            return {Flow::decided, exchange.respond(rule, action)};
        }
        Ran operator()(const ir::action::Redirect& action) {
            auto target = rule.text.render(subject);
            if (action.ignore_empty && target.empty()) return {};
            exchange.note_own_answer(false);
            return {Flow::decided, exchange.redirect(action, target)};
        }
        Ran operator()(const ir::action::Close& action) {
            exchange.keep_ = false;
            exchange.subject_.status = exchange.reply_.status = 444;
            if (action.reset) exchange.carrier_.reset();
            return {Flow::decided, Next::close};
        }
        Ran operator()(const ir::action::Tarpit& action) {
            auto time = exchange.route_->timeouts->tarpit;
            exchange.tarpit_ms_ = time == ir::no_limit ? 60000 : static_cast<std::uint32_t>(time.count());
            subject.termination[0] = 'P';
            subject.termination[1] = 'T';
            return {Flow::decided, exchange.fail(action.status)};
        }
        Ran operator()(const ir::action::Allow&) { return {Flow::stop, Next::perform}; }
        Ran operator()(const ir::action::EditHeader& action) {
            exchange.edit_header(rule, action);
            return {};
        }
        Ran operator()(const ir::action::SetTarget& action) {
            exchange.set_target(rule, action);
            return {};
        }
        Ran operator()(const ir::action::SetStatus& action) {
            auto text = rule.text.render(subject);
            std::uint16_t status = 0;
            for (char c : text)
                if (c >= '0' && c <= '9') status = static_cast<std::uint16_t>(status * 10 + (c - '0'));
            auto& head = exchange.answer_head();
            if (status >= 100 && status < 1000) head.status = status;
            head.reason = action.reason.empty() ? http::reason_of(head.status)
                                                : std::string_view(action.reason);
            return {};
        }
        Ran operator()(const ir::action::SetVariable& action) {
            set_variable(rule, action, subject);
            return {};
        }
        Ran operator()(const ir::action::Rewrite& action) { return exchange.do_rewrite(rule, action); }
        Ran operator()(const ir::action::UseRoute& action) {
            // Its settings hold at once: what follows in the list may answer.
            exchange.next_route_ = action.route;
            exchange.route_ = &exchange.running_->plan->routes[action.route];
            plan::point_at(subject, *exchange.route_);
            return {};
        }
        Ran operator()(const ir::action::Group&) { return exchange.run_rules(rule.group); }
        Ran operator()(const ir::action::Capture& action) {
            store_capture(rule, subject, action);
            return {};
        }
        Ran operator()(const ir::action::SetAddress& action) {
            set_address(rule, subject, action);
            return {};
        }
        Ran operator()(const ir::action::SetLogLevel& action) {
            if (action.level < 0) exchange.silent_ = true;
            exchange.log_level_ = action.level;
            return {};
        }
        Ran operator()(const ir::action::SetMark& action) {
            set_mark(action, exchange.connection_.stream.fd());
            return {};
        }
        Ran operator()(const ir::action::DisableRetry&) {
            exchange.may_repeat_ = false;
            return {};
        }
        Ran operator()(const ir::action::UseCache& action) {
            exchange.look_on_shelf(rule.cache, action.hints);
            return {};
        }
        Ran operator()(const ir::action::KeepAnswer&) {
            exchange.keep_on_shelf(rule.cache);
            return {};
        }
        Ran operator()(const ir::action::PurgeCache&) { return {Flow::decided, exchange.purge_shelf(rule.cache)}; }
        Ran operator()(const ir::action::ExpectProxyHeader&) { return {}; }   // of connections only
        Ran operator()(const ir::action::Follow& action) {
            if (follow(rule, action, subject) && !exchange.server_)
                count_followed(subject, subject.followed.subspan(action.follower, 1), Counted::request);
            return {};
        }
        Ran operator()(const ir::action::TellRate& action) {
            tell_rate(action, subject, exchange.answer_head().fields);
            return {};
        }
        Ran operator()(const ir::action::EditEntry& action) {
            edit_entry(rule, action, subject);
            return {};
        }
        Ran operator()(const ir::action::WaitForBody&) {
            if (exchange.gathered_.whole || exchange.body_.ended()) return {};
            exchange.wait_ = &rule;
            return {Flow::decided, Next::wait};
        }
        Ran operator()(const ir::action::WaitForHandshake&) {
            const auto* tls = exchange.connection_.stream.tls();
            if (!tls || !tls->early()) return {};
            exchange.wait_ = &rule;
            return {Flow::decided, Next::wait};
        }
    };
    return std::visit(Visitor{*this, rule}, rule.source->action);
}

}  // namespace weir::exchange
