// SPDX-License-Identifier: Apache-2.0
// HAProxy's persistence cookie: which server a client stays with is read from the request's Cookie
// fields, and told in Set-Cookie. Termination codes (%tsc) say in their third and fourth character what
// came and what was sent.
#include <algorithm>
#include <iterator>

#include "runtime/exchange/exchange.hpp"

namespace weir::exchange {

using http::FieldId;
using Cookie = ir::Pool::Cookie;

namespace {

std::string_view trim(std::string_view text) {
    while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
    while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
    return text;
}

// Whether a cache in front might keep it, as HAProxy judges: it may be kept by its status, nothing forbids
// it, and something says how long it holds or how to ask whether it still does.
bool is_cacheable(const http::ResponseHead& response) {
    constexpr std::uint16_t statuses[] = {200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501};
    if (std::find(std::begin(statuses), std::end(statuses), response.status) == std::end(statuses)) return false;
    const auto& fields = response.fields;
    bool holds = fields.seen(FieldId::etag) || fields.seen(FieldId::last_modified) || fields.seen(FieldId::expires);
    for (const auto& field : fields) {
        if (field.id == FieldId::pragma && http::equal_ignoring_case(field.value, "no-cache")) return false;
        if (field.id != FieldId::cache_control) continue;
        for (auto rest = field.value; !rest.empty();) {
            auto end = std::min(rest.find(','), rest.size());
            auto word = trim(rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
            for (std::string_view never : {"no-cache", "no-store", "private", "max-age=0", "s-maxage=0"})
                if (http::equal_ignoring_case(word, never)) return false;
            holds |= word.starts_with("max-age=") || word.starts_with("s-maxage=") || word == "public";
        }
    }
    return holds;
}

// One "name=value" of a Cookie or Set-Cookie field, as places in it.
struct Pair {
    std::size_t begin = 0, end = 0;   // with what belongs to it, up to ';'
    std::string_view value;
    bool found = false;
};
Pair find_pair(std::string_view field, std::string_view name, bool first_only) {
    for (std::size_t at = 0; at < field.size();) {
        auto end = std::min(field.find(';', at), field.size());
        auto text = field.substr(at, end - at);
        auto equals = text.find('=');
        if (equals != std::string_view::npos && trim(text.substr(0, equals)) == name)
            return {at, end, trim(text.substr(equals + 1)), true};
        if (first_only) break;
        at = end + 1;
    }
    return {};
}

// The field without the pair; empty when nothing else was in it.
std::string_view without(std::string_view field, const Pair& pair, Arena& arena) {
    auto before = trim(field.substr(0, pair.begin));
    auto after = pair.end < field.size() ? trim(field.substr(pair.end + 1)) : std::string_view();
    while (before.ends_with(';')) before = trim(before.substr(0, before.size() - 1));
    if (before.empty()) return after;
    return after.empty() ? before : arena.join({before, "; ", after});
}

// With another value in the pair.
std::string_view with_value(std::string_view field, const Pair& pair, std::string_view value, Arena& arena) {
    auto from = static_cast<std::size_t>(pair.value.data() - field.data());
    return arena.join({field.substr(0, from), value, field.substr(from + pair.value.size())});
}

const ir::Pool* pool_with_cookie(const plan::Plan& plan, const plan::Route& route) {
    if (!route.forward || route.forward->pool == ir::no_id) return nullptr;
    const auto* pool = plan.pools[route.forward->pool].source;
    return pool->cookie ? pool : nullptr;
}

}  // namespace

// Before a server is chosen: which one the cookie names, and what of it servers may not see.
void Exchange::read_affinity() {
    subject_.cookie_server = {};
    const auto* pool = pool_with_cookie(*running_->plan, *route_);
    if (!pool) return;
    const auto& cookie = *pool->cookie;
    auto& said = subject_.termination[2];
    said = 'N';
    subject_.termination[3] = 'N';
    for (std::uint32_t i = 0; i < request_.fields.size(); ++i) {
        auto& field = request_.fields[i];
        if (field.id != FieldId::cookie) continue;
        auto pair = find_pair(field.value, cookie.name, false);
        if (!pair.found) continue;
        auto value = pair.value;
        auto tilde = value.find('~');
        bool prefix = cookie.how == Cookie::How::prefix;
        if (prefix) value = tilde == std::string_view::npos ? std::string_view() : value.substr(0, tilde);
        if (!prefix || !value.empty()) {
            said = 'I';
            for (const auto& server : pool->servers) {
                if (server.cookie != value || value.empty()) continue;
                const auto* live = running_->pools[route_->forward->pool]->find(server.name);
                said = live && live->usable ? 'V' : 'D';
                if (said == 'V') subject_.cookie_server = server.cookie;
            }
        }
        if (prefix && tilde != std::string_view::npos) {
            field.value = with_value(field.value, pair, pair.value.substr(tilde + 1), arena_);
            field.line = {};
        } else if (cookie.indirect && !prefix) {
            auto rest = without(field.value, pair, arena_);
            if (rest.empty()) {
                request_.fields.erase(i);
            } else {
                field.value = rest;
                field.line = {};
            }
        }
        return;
    }
}

// In the answer of a server: its own cookie of that name is taken out, rewritten or kept, and the client
// is told the server where it does not know it yet.
void Exchange::write_affinity(http::ResponseHead& response) {
    const auto* pool = pool_with_cookie(*running_->plan, *route_);
    if (!pool || !subject_.server) return;
    const auto& cookie = *pool->cookie;
    const auto& server = *subject_.server->conf;
    bool known = subject_.cookie_server.data() && subject_.cookie_server == server.cookie;
    auto& done = subject_.termination[3];
    bool theirs = false;
    for (std::uint32_t i = 0; i < response.fields.size(); ++i) {
        auto& field = response.fields[i];
        if (field.id != FieldId::set_cookie) continue;
        auto pair = find_pair(field.value, cookie.name, true);
        if (!pair.found) continue;
        theirs = true;
        done = 'P';
        if (cookie.preserve && cookie.how == Cookie::How::insert) continue;
        if (cookie.how == Cookie::How::insert || (known && cookie.indirect)) {
            response.fields.erase(i--);
            theirs = false;
            done = 'D';
        } else if (cookie.how != Cookie::How::passive && !server.cookie.empty()) {
            bool prefix = cookie.how == Cookie::How::prefix;
            auto value = prefix ? arena_.join({server.cookie, "~", pair.value}) : std::string_view(server.cookie);
            field.value = with_value(field.value, pair, value, arena_);
            field.line = {};
            done = 'R';
        }
    }
    bool tells = cookie.how == Cookie::How::insert && !theirs && !known &&
                 (!cookie.post_only || request_.method == http::Method::post);
    if (tells && !server.cookie.empty()) {
        response.fields.add(arena_, "set-cookie", arena_.join({cookie.name, "=", server.cookie, cookie.attributes}));
        done = 'I';
    } else if (tells && subject_.termination[2] != 'N') {
        // This server has no cookie, but the client brought one.
        response.fields.add(arena_, "set-cookie",
                            arena_.join({cookie.name, "=; Expires=Thu, 01-Jan-1970 00:00:01 GMT", cookie.attributes}));
        done = 'I';
    }
    if (cookie.no_cache && (done == 'I' || done == 'R') && is_cacheable(response))
        response.fields.add(arena_, "cache-control", "private");
}

}  // namespace weir::exchange
