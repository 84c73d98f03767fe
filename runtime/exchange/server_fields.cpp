// SPDX-License-Identifier: Apache-2.0
// What changes in a server's fields on their way to the client: proxy_redirect, proxy_cookie_*.
#include <algorithm>

#include "runtime/exchange/exchange.hpp"

namespace weir::exchange {

using http::FieldId;

void Exchange::rewrite_location(http::Field& field) {
    bool refresh = field.id == FieldId::refresh;
    auto value = field.value;
    std::string_view before;
    if (refresh) {
        auto at = value.find("url=");
        if (at == std::string_view::npos) return;
        before = value.substr(0, at + 4);
        value = value.substr(at + 4);
    }
    for (const auto& rule : route_->forwarding->redirects) {
        std::string_view rest, to;
        if (rule.regex) {
            auto saved = subject_.captures;
            bool hit = running_->plan->library().match_and_capture(*rule.regex, value, subject_);
            if (hit) to = rule.to.render(subject_);
            subject_.captures = saved;
            if (!hit) continue;
        } else {
            auto from = rule.from.render(subject_);
            if (from.empty() || !value.starts_with(from)) continue;
            to = rule.to.render(subject_);
            rest = value.substr(from.size());
        }
        auto made = arena_.join({to, rest});
        field.value = arena_.join({before, refresh ? made : absolute_location(made)});
        field.line = {};
        return;
    }
}

namespace {

using What = ir::ForwardSettings::CookieRewrite::What;

// A Set-Cookie value taken apart: the cookie itself, then its attributes.
struct Part {
    std::string_view name, value;
    bool has_value = false;
};
struct Cookie {
    static constexpr std::size_t most = 24;
    Part parts[most];
    std::size_t count = 0;
    bool changed = false;

    [[nodiscard]] Part* find(std::string_view name) {
        for (std::size_t i = 1; i < count; ++i)
            if (http::equal_ignoring_case(parts[i].name, name)) return &parts[i];
        return nullptr;
    }
    void erase(std::string_view name) {
        while (auto* part = find(name)) {
            std::copy(part + 1, parts + count, part);
            --count;
            changed = true;
        }
    }
    void add(Part part) {
        if (count == most) return;
        parts[count++] = part;
        changed = true;
    }
};

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

// False: more parts than anybody sends; such a field is left alone.
bool take_apart(std::string_view text, Cookie& cookie) {
    while (true) {
        if (cookie.count == Cookie::most) return false;
        auto end = text.find(';');
        auto piece = text.substr(0, end);
        auto equals = piece.find('=');
        auto& part = cookie.parts[cookie.count++];
        part.name = trim(piece.substr(0, equals));
        part.has_value = equals != std::string_view::npos;
        if (part.has_value) part.value = trim(piece.substr(equals + 1));
        if (end == std::string_view::npos) return true;
        text = text.substr(end + 1);
    }
}

std::string_view put_together(const Cookie& cookie, Arena& arena) {
    std::string_view whole;
    for (std::size_t i = 0; i < cookie.count; ++i) {
        const auto& part = cookie.parts[i];
        whole = arena.join({whole, i == 0 ? "" : "; ", part.name, part.has_value ? "=" : "", part.value});
    }
    return whole;
}

// The flags of proxy_cookie_flags, one word after the other.
void set_flags(Cookie& cookie, std::string_view flags) {
    auto set = [&](std::string_view name) {
        if (!cookie.find(name)) cookie.add({name, {}, false});
    };
    while (!flags.empty()) {
        auto end = flags.find(' ');
        auto flag = flags.substr(0, end);
        flags = end == std::string_view::npos ? std::string_view() : flags.substr(end + 1);
        if (flag == "secure") set("Secure");
        if (flag == "httponly") set("HttpOnly");
        if (flag == "nosecure") cookie.erase("secure");
        if (flag == "nohttponly") cookie.erase("httponly");
        if (flag == "nosamesite") cookie.erase("samesite");
        if (!flag.starts_with("samesite=")) continue;
        auto mode = flag.substr(9);
        Part part{"SameSite", mode == "strict" ? "Strict" : mode == "lax" ? "Lax" : "None", true};
        if (auto* known = cookie.find("samesite")) {
            *known = part;
            cookie.changed = true;
        } else {
            cookie.add(part);
        }
    }
}

}  // namespace

// The attribute as one rule would have it; false: the rule does not match.
bool Exchange::rewrite_attribute(const plan::Forwarding::Rewrite& rule, bool domain,
                                 std::string_view& value) {
    if (rule.regex) {
        auto saved = subject_.captures;
        bool hit = running_->plan->library().match_and_capture(*rule.regex, value, subject_);
        if (hit) value = rule.to.render(subject_);
        subject_.captures = saved;
        return hit;
    }
    auto from = rule.from.render(subject_);
    if (domain) {
        bool dot = value.starts_with('.');
        if (!http::equal_ignoring_case(dot ? value.substr(1) : value, from)) return false;
        value = arena_.join({dot ? "." : "", rule.to.render(subject_)});
        return true;
    }
    if (!value.starts_with(from)) return false;
    value = arena_.join({rule.to.render(subject_), value.substr(from.size())});
    return true;
}

void Exchange::rewrite_cookie(http::Field& field) {
    Cookie cookie;
    if (!take_apart(field.value, cookie)) return;
    const auto& sources = route_->forwarding->source->cookies;
    bool done[3] = {};
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const auto& rule = route_->forwarding->cookies[i];
        auto what = sources[i].what;
        if (done[static_cast<int>(what)]) continue;
        if (what == What::flags) {
            auto name = cookie.parts[0].name;
            bool hit = rule.regex ? rule.regex->matches(name)
                                  : http::equal_ignoring_case(name, rule.from.render(subject_));
            if (hit) set_flags(cookie, rule.to.render(subject_));
            done[static_cast<int>(what)] = hit;
            continue;
        }
        auto* part = cookie.find(what == What::domain ? "domain" : "path");
        if (!part || !part->has_value) continue;
        if (!rewrite_attribute(rule, what == What::domain, part->value)) continue;
        cookie.changed = done[static_cast<int>(what)] = true;
    }
    if (!cookie.changed) return;
    field.value = put_together(cookie, arena_);
    field.line = {};
}

}  // namespace weir::exchange
