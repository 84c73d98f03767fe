// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/track.hpp"

#include "runtime/route/fetch.hpp"

namespace weir::exchange {

void set_variable(const plan::Rule& rule, const ir::action::SetVariable& action,
                  route::Subject& subject) {
    if (action.slot >= subject.variables.size()) return;
    auto& variable = subject.variables[action.slot];
    if (action.unset)
        variable = {};
    else if (std::holds_alternative<ir::Text>(action.value))
        variable = route::Value::of(rule.text.render(subject));
    else if (auto value = rule.value.eval(subject); value.exists)
        variable = value;   // what yields nothing leaves it as it was (HAProxy)
}

void set_address(const plan::Rule& rule, route::Subject& subject, const ir::action::SetAddress& action) {
    auto value = rule.value.eval(subject);
    using What = ir::action::SetAddress::What;
    bool client = action.what == What::source || action.what == What::source_port;
    if (action.what == What::source || action.what == What::destination) value = route::to_address(value);
    if (!value.exists) return;
    const auto& old = client ? *subject.client : *subject.local;
    auto* changed = subject.arena->make<route::Address>();
    changed->ip = old.ip;
    changed->port = old.port;
    if (value.type == ir::Type::address) changed->ip = value.ip;
    if (value.type == ir::Type::integer) changed->port = static_cast<std::uint16_t>(value.number);
    (client ? subject.client : subject.local) = changed;
}

void store_capture(const plan::Rule& rule, route::Subject& subject, const ir::action::Capture& action) {
    auto slots = action.side == ir::action::Side::request ? subject.request_captures
                                                          : subject.response_captures;
    if (action.slot >= slots.size()) return;
    auto value = rule.value.eval(subject);
    if (value.exists)
        slots[action.slot] = route::to_text(value, *subject.arena).substr(0, action.length);
}

void set_mark(const ir::action::SetMark& action, int fd) {
    if (action.what == ir::action::SetMark::What::mark)
        net::set_mark(fd, static_cast<std::uint32_t>(action.value));
    else
        net::set_type_of_service(fd, static_cast<int>(action.value));
}

void count_session(const Connection& connection) {
    route::Subject subject;
    subject.around = &connection.running->around;
    subject.now_us = connection.worker.loop.now_us();
    count_followed(subject, connection.followers->list, Counted::session);
}

void begin_early(route::Subject& subject, Arena& arena, Connection& connection, const plan::Site& site) {
    auto& facts = connection.facts;
    auto& loop = connection.worker.loop;
    subject.arena = &arena;
    subject.around = &connection.running->around;
    subject.connection = &facts;
    subject.client = &facts.client;
    subject.local = &facts.local;
    subject.site = site.source;
    subject.site_id = site.id;
    subject.now_us = loop.now_us();
    subject.wall_ms = loop.wall_ms();
    if (auto count = connection.running->plan->config().variables.size(); count != 0)
        subject.variables = {arena.make_array<route::Value>(count), count};
    if (connection.variables) connection.variables->give(subject.variables);
    if (connection.followers) subject.connection_followed = connection.followers->list;
}

bool run_early_rules(Connection& connection, const plan::Site& site,
                     const std::vector<plan::Rule>& rules) {
    if (rules.empty()) return true;
    Arena arena;
    route::Subject subject;
    begin_early(subject, arena, connection, site);
    bool stays = true;
    for (const auto& rule : rules) {
        if (!rule.when.empty() && !rule.when.holds(subject)) continue;
        const auto& action = rule.source->action;
        if (std::holds_alternative<ir::action::Allow>(action)) break;
        if (const auto* close = std::get_if<ir::action::Close>(&action)) {
            if (close->reset) connection.stream.reset();
            stays = false;
            break;
        }
        if (std::holds_alternative<ir::action::ExpectProxyHeader>(action))
            connection.proxy_header_expected = true;
        if (const auto* set = std::get_if<ir::action::SetVariable>(&action))
            set_variable(rule, *set, subject);
        if (const auto* set = std::get_if<ir::action::SetAddress>(&action)) set_address(rule, subject, *set);
        if (const auto* set = std::get_if<ir::action::SetMark>(&action)) set_mark(*set, connection.stream.fd());
        if (const auto* one = std::get_if<ir::action::Follow>(&action))
            follow_connection(rule, *one, subject, connection.followers);
        if (const auto* edit = std::get_if<ir::action::EditEntry>(&action)) edit_entry(rule, *edit, subject);
    }
    auto& facts = connection.facts;
    // Only what stands before the PROXY header may change who the connection itself is from.
    bool changed = subject.client != &facts.client || subject.local != &facts.local;
    if (changed && &rules != &site.rules.connect) facts.keep_peer();
    auto keep = [](route::Address& of, const route::Address* now) {
        if (now != &of) of = *now;
    };
    keep(facts.client, subject.client);
    keep(facts.local, subject.local);
    const auto& plan = *connection.running->plan;
    if (!plan.connection_variables.empty())
        connection.variables = ConnectionVariables::take(plan, subject.variables);
    return stays;
}

}  // namespace weir::exchange
