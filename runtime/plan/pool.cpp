// SPDX-License-Identifier: Apache-2.0
// What a request says to a pool about the server it wants: by keys, rules, cookies and tables.
#include "runtime/plan/plan.hpp"
#include "runtime/route/table_key.hpp"

namespace weir::plan {

std::string_view first_of(const std::vector<route::Template>& texts, route::Subject& subject) {
    for (const auto& text : texts)
        if (auto value = text.render(subject); !value.empty()) return value;
    return {};
}

const std::vector<route::Template>& Pool::proxy_values_of(const ir::Server& server) const {
    static const std::vector<route::Template> none;
    auto found = proxy_values.find(&server);
    return found == proxy_values.end() ? none : found->second;
}

void Pool::fill(pool::PickRequest& request, route::Subject& subject) const {
    if (!key.empty()) {
        request.key = key.render(subject);
        request.has_key = key.exists(subject);
    }
    if (source->sticky.how != ir::Pool::Sticky::How::none) ask_sticky(request, subject);
    if (request.try_number != 0) return;
    for (const auto& use : use_server) {
        if (!use.when.holds(subject)) continue;
        request.preferred = use.server;
        break;
    }
    if (source->cookie) ask_cookie(request, subject);
    if (!sticks.empty()) ask_sticks(request, subject);
}

// The server that the client's cookie names comes next. Where a rule has chosen, the cookie is not used,
// and none is set.
void Pool::ask_cookie(pool::PickRequest& request, route::Subject& subject) const {
    for (const auto& server : source->servers) {
        if (request.preferred.empty()) {
            if (!subject.cookie_server.data()) return;
            if (server.cookie == subject.cookie_server) request.preferred = server.name;
        } else if (server.name == request.preferred) {
            subject.cookie_server = server.cookie;
            if (subject.termination[2] != 'N') subject.termination[2] = 'U';
            return;
        }
    }
}

// Which server the client is at: by name, or by what a table remembers.
void Pool::ask_sticky(pool::PickRequest& request, route::Subject& subject) const {
    using How = ir::Pool::Sticky::How;
    const auto name = first_of(sticky.keys, subject);
    if (source->sticky.how != How::learn) {
        request.sticky = name;
        return;
    }
    auto* table = route::table_of(subject, sticky.zone);
    if (!table || name.empty()) return;
    if (auto entry = table->find(name, subject.now_us / 1000))
        request.sticky_digest = entry.cell(table->column(zone::What::server).first);
}

// stick match: the server that a table remembers for the key comes first. stick store-request: the key is
// kept until there is a server to remember.
void Pool::ask_sticks(pool::PickRequest& request, route::Subject& subject) const {
    for (const auto& stick : sticks) {
        const auto& how = *stick.source;
        if (!how.match && !how.store_request) continue;
        if (!stick.when.empty() && !stick.when.holds(subject)) continue;
        auto* table = route::table_of(subject, stick.zone);
        if (!table) continue;
        auto& arena = *subject.arena;
        const auto& zone = subject.around->config->zones[stick.zone];
        const auto key_of_table = route::table_key(zone, stick.key.eval(subject), arena);
        if (!key_of_table.data()) continue;
        const auto now = subject.now_us / 1000;
        const auto& column = table->column(zone::What::server);
        if (how.match && request.preferred.empty() && column.count != 0) {
            std::uint64_t number = 0;
            if (auto entry = table->find(key_of_table, now)) {
                number = entry.cell(column.first);
                entry.touch(now);
            }
            for (std::size_t i = 0; number != 0 && i < source->servers.size(); ++i) {
                const auto& server = source->servers[i];
                if ((server.id != 0 ? server.id : i + 1) == number) request.preferred = server.name;
            }
        }
        if (how.store_request)
            subject.stick_keys = arena.make<route::StickKey>(stick.zone, key_of_table, subject.stick_keys);
    }
}

}  // namespace weir::plan
