// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/track.hpp"

#include "runtime/filter/rate_fields.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/table_key.hpp"

namespace weir::exchange {

namespace {

using zone::Holds;
using zone::What;

std::int64_t now_of(const route::Subject& subject) { return subject.now_us / 1000; }

// Adds to a count and to its rate, where the table has them.
void add(const zone::Table& table, zone::Access& entry, What count, What rate, std::int64_t now,
         std::uint64_t events) {
    if (const auto& column = table.column(count); column.count != 0) entry.cell(column.first) += events;
    if (const auto& column = table.column(rate); column.count != 0)
        zone::count_rate(&entry.cell(column.first), column.period, now, events);
}

std::uint32_t take(const plan::Rule& rule, route::Subject& subject) {
    auto* table = route::table_of(subject, rule.zone);
    if (!table) return Holds::none;
    const auto& zone = subject.around->config->zones[rule.zone];
    const auto key = route::table_key(zone, rule.value.eval(subject), *subject.arena);
    if (!key.data()) return Holds::none;
    const auto now = now_of(subject);
    auto entry = table->make(key, now);
    if (!entry) return Holds::none;
    const auto& open = table->column(What::connections);
    const auto hold =
        subject.around->holds->take(*table, entry, open.count != 0 ? open.first : Holds::no_cell);
    if (hold != Holds::none) add(*table, entry, What::connection_count, What::connection_rate, now, 1);
    return hold;
}

// What counts is a use of the entry.
template <class Do>
void each(Holds& holds, std::span<const std::uint32_t> list, std::int64_t now, Do&& act) {
    for (auto hold : list) {
        if (hold == Holds::none) continue;
        if (auto entry = holds.entry(hold)) {
            entry.touch(now);
            act(*holds.table(hold), entry);
        }
    }
}
template <class Do>
void each(const route::Subject& subject, std::span<const std::uint32_t> list, Do&& act) {
    each(*subject.around->holds, list, now_of(subject), act);
}

std::uint64_t number_of(const ir::Server& server, std::size_t index) {
    return server.id != 0 ? server.id : index + 1;
}

}  // namespace

bool follow(const plan::Rule& rule, const ir::action::Follow& action, route::Subject& subject) {
    if (subject.followed.empty()) {
        const auto count = subject.around->config->followers;
        subject.followed = {subject.arena->make_array<std::uint32_t>(count), count};
        for (auto& hold : subject.followed) hold = Holds::none;
    }
    if (action.follower >= subject.followed.size()) return false;
    auto& mine = subject.followed[action.follower];
    if (mine != Holds::none) return false;
    mine = take(rule, subject);
    if (mine == Holds::none) return false;
    auto* node = subject.arena->make<zone::HoldNode>();
    node->holds = subject.around->holds;
    node->hold = mine;
    subject.holds.add(*node);
    return true;
}

void follow_connection(const plan::Rule& rule, const ir::action::Follow& action, route::Subject& subject,
                       std::unique_ptr<ConnectionFollowers>& own) {
    if (!own)
        own = std::make_unique<ConnectionFollowers>(*subject.around->holds, subject.around->config->followers);
    subject.connection_followed = own->list;
    if (action.follower >= own->list.size() || own->list[action.follower] != Holds::none) return;
    own->list[action.follower] = take(rule, subject);
}

void edit_entry(const plan::Rule& rule, const ir::action::EditEntry& action, route::Subject& subject) {
    const auto hold = route::followed_by(subject, action.follower);
    if (hold == Holds::none) return;
    const auto amount = static_cast<std::uint64_t>(route::to_number(rule.value.eval(subject)));
    auto& holds = *subject.around->holds;
    auto entry = holds.entry(hold);
    if (!entry) return;
    const auto& table = *holds.table(hold);
    const auto now = now_of(subject);
    entry.touch(now);
    if (const auto& column = table.column(action.what); action.index < column.count) {
        auto& cell = entry.cell(column.first + action.index);
        cell = (action.adds ? cell + amount : amount) & 0xffffffff;
    }
    if (action.what != What::counter || !action.adds) return;
    if (const auto& rates = table.column(What::counter_rate); action.index < rates.count)
        zone::count_rate(&entry.cell(rates.first + action.index * 3), rates.period, now, amount);
    if (const auto& rate = table.column(What::second_rate); action.index == 1 && rate.count != 0)
        zone::count_rate(&entry.cell(rate.first), rate.period, now, amount);
}

void tell_rate(const ir::action::TellRate& action, route::Subject& subject, http::FieldList& fields) {
    const auto hold = route::followed_by(subject, action.follower);
    if (hold == Holds::none) return;
    auto& holds = *subject.around->holds;
    const auto& table = *holds.table(hold);
    const auto& column = table.column(What::request_rate);
    if (column.count == 0) return;
    const auto now = now_of(subject);
    std::uint64_t seen = 0;
    std::int64_t left = 0;
    if (auto entry = holds.entry(hold)) {
        const auto* cells = &entry.cell(column.first);
        seen = zone::read_rate(cells, column.period, now);
        left = static_cast<std::int64_t>(cells[2]) + column.period - now;
    }
    // Beyond its end a period is weighed for as long again.
    if (left <= 0) left += column.period;
    filter::RateTold told{.policy = action.policy, .quota = action.quota,
                          .left = action.quota - std::min(seen, action.quota),
                          .window_ms = column.period, .reset_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(left, 0))};
    filter::tell_rates({&told, 1}, *subject.arena, fields);
}

void count_glitches(const ConnectionFollowers& followers, std::int64_t now, std::uint32_t count) {
    each(*followers.holds, followers.list, now, [&](const zone::Table& table, zone::Access& entry) {
        add(table, entry, What::glitch_count, What::glitch_rate, now, count);
    });
}

void count_followed(const route::Subject& subject, std::span<const std::uint32_t> list, Counted what) {
    const auto now = now_of(subject);
    each(subject, list, [&](const zone::Table& table, zone::Access& entry) {
        switch (what) {
            case Counted::session:
                return add(table, entry, What::session_count, What::session_rate, now, 1);
            case Counted::request:
                return add(table, entry, What::request_count, What::request_rate, now, 1);
            case Counted::error: return add(table, entry, What::error_count, What::error_rate, now, 1);
            case Counted::failure:
                return add(table, entry, What::failure_count, What::failure_rate, now, 1);
        }
    });
}

namespace {

// What counts in a request's own follower does not count in the connection's of the same number.
template <class Do>
void each_follower(const route::Subject& subject, Do&& act) {
    const auto most = std::max(subject.followed.size(), subject.connection_followed.size());
    for (std::uint32_t i = 0; i < most; ++i) {
        const auto hold = route::followed_by(subject, i);
        each(subject, {&hold, 1}, act);
    }
}

}  // namespace

void count_followed(const route::Subject& subject, Counted what) {
    const auto most = std::max(subject.followed.size(), subject.connection_followed.size());
    for (std::uint32_t i = 0; i < most; ++i) {
        const auto hold = route::followed_by(subject, i);
        count_followed(subject, {&hold, 1}, what);
    }
}

void count_bytes(const route::Subject& subject, std::uint64_t in, std::uint64_t out) {
    if (subject.followed.empty() && subject.connection_followed.empty()) return;
    const auto now = now_of(subject);
    each_follower(subject, [&](const zone::Table& table, zone::Access& entry) {
        add(table, entry, What::bytes_in, What::bytes_in_rate, now, in);
        add(table, entry, What::bytes_out, What::bytes_out_rate, now, out);
    });
}

void count_outcome(const route::Subject& subject, bool head_refused) {
    count_bytes(subject, subject.received, subject.sent);
    if (head_refused) count_followed(subject, Counted::request);
    const auto* end = subject.termination;
    const auto status = subject.response ? subject.response->status : std::uint16_t{0};
    const bool refused = end[0] == 'P' && (end[1] == 'R' || end[1] == 'T');
    // What a rule answered with 4xx without refusing is no error; what a server answered is.
    if (refused || (status >= 400 && status < 500)) count_followed(subject, Counted::error);
    const bool broke = (end[0] == 'S' || end[0] == 's') && end[1] == 'H';
    if (broke || (status >= 500 && status != 501 && status != 505)) count_followed(subject, Counted::failure);
}

void store_sticks(const plan::Plan& plan, ir::PoolId id, route::Subject& subject) {
    if (id >= plan.pools.size() || plan.pools[id].sticks.empty() || !subject.server) return;
    const auto& pool = plan.pools[id];
    const auto& servers = pool.source->servers;
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < servers.size(); ++i)
        if (&servers[i] == subject.server->conf && servers[i].remembered) number = number_of(servers[i], i);
    if (number == 0) return;
    auto store = [&](ir::ZoneId zone, std::string_view key) {
        auto* table = route::table_of(subject, zone);
        if (!table || !key.data()) return;
        const auto& column = table->column(What::server);
        if (column.count == 0) return;
        if (auto entry = table->make(key, now_of(subject))) entry.cell(column.first) = number;
    };
    for (const auto* one = subject.stick_keys; one; one = one->next) store(one->zone, one->key);
    subject.stick_keys = nullptr;
    for (const auto& stick : pool.sticks) {
        if (!stick.source->store_response) continue;
        if (!stick.when.empty() && !stick.when.holds(subject)) continue;
        store(stick.zone, route::table_key(plan.config().zones[stick.zone], stick.key.eval(subject),
                                           *subject.arena));
    }
}

}  // namespace weir::exchange
