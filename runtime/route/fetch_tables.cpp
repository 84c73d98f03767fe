// SPDX-License-Identifier: Apache-2.0
// Fetches and converters about tables: entries that followers count in, that of the client's address,
// that of any key; and what limits did with the request.
#include <algorithm>
#include <cstring>

#include "runtime/route/fetch.hpp"
#include "runtime/route/table_key.hpp"

namespace weir::route {

namespace {

using Op = ir::EntryQuery::Op;
using zone::What;

std::int64_t now_of(const Subject& subject) { return subject.now_us / 1000; }

// A view's data() is never null where there is a key, even an empty one.
std::string_view bytes_of(const void* from, std::size_t size, Arena& arena) {
    char* at = arena.bytes(std::max<std::size_t>(size, 1));
    std::memcpy(at, from, size);
    return {at, size};
}

// IPv4 inside of IPv6, as a table of the other kind keeps it.
bool mapped(const IpAddress& ip) {
    static constexpr unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return ip.family == IpAddress::Family::v6 && std::memcmp(ip.bytes, prefix, 12) == 0;
}

Value outcome(LimitOutcome of) {
    switch (of) {
        case LimitOutcome::none: return Value::missing();
        case LimitOutcome::passed: return Value::of("PASSED");
        case LimitOutcome::delayed: return Value::of("DELAYED");
        case LimitOutcome::rejected: return Value::of("REJECTED");
        case LimitOutcome::delayed_dry_run: return Value::of("DELAYED_DRY_RUN");
        case LimitOutcome::rejected_dry_run: return Value::of("REJECTED_DRY_RUN");
    }
    return Value::missing();
}

// What the query says of a cell, which it may change. Missing: the table does not store it.
Value ask_cell(const ir::EntryQuery& query, const zone::Table& table, zone::Access& entry,
               std::int64_t now) {
    const auto& column = table.column(query.what);
    auto what = query.what;
    std::uint32_t index = query.index;
    const auto* found = &column;
    if (what == What::counter_rate && index == 1 && table.column(What::second_rate).count != 0) {
        what = What::second_rate;
        index = 0;
        found = &table.column(what);
    }
    if (index >= found->count) return Value::missing();
    const auto at = found->first + index * zone::cells_of(what);
    auto& cell = entry.cell(at);
    auto value = ir::is_rate(what) ? zone::read_rate(&cell, found->period, now) : cell;
    if (query.op == Op::kilobytes) value >>= 10;
    if (query.op == Op::clear) cell = 0;
    if (query.op == Op::count_one) {
        value = ++cell;
        if (query.what != What::counter) return Value::of_number(static_cast<std::int64_t>(value));
        for (auto rate : {What::counter_rate, What::second_rate}) {
            const auto& rates = table.column(rate);
            const auto place = rate == What::second_rate ? 0 : query.index;
            if (rates.count <= place || (rate == What::second_rate && query.index != 1)) continue;
            zone::count_rate(&entry.cell(rates.first + place * 3), rates.period, now, 1);
        }
    }
    return Value::of_number(static_cast<std::int64_t>(value));
}

Value ask(const ir::EntryQuery& query, const zone::Table& table, zone::Access& entry, std::int64_t now) {
    switch (query.op) {
        case Op::exists: return Value::of_boolean(true);
        case Op::followers: return Value::of_number(entry.holds());
        case Op::idle:
        case Op::expires: {
            const auto expire = static_cast<std::int64_t>(table.shape().expire);
            const auto left = expire == 0 ? 0 : std::max<std::int64_t>(entry.expires() - now, 0);
            return Value::of_number(query.op == Op::expires ? left : expire - left);
        }
        default: return ask_cell(query, table, entry, now);
    }
}

// The entry of the node's query: of the follower, or under the same key in another table.
Value ask_followed(const Node& node, Subject& subject) {
    const auto query = ir::EntryQuery::of(node.number);
    const auto hold = followed_by(subject, query.follower);
    if (hold == zone::Holds::none) return Value::missing();
    auto& holds = *subject.around->holds;
    const auto now = now_of(subject);
    auto* own = holds.table(hold);
    auto* other = node.text.empty() ? own : table_of(subject, node.id);
    if (!other) return Value::missing();
    if (other == own) {
        auto entry = holds.entry(hold);
        return entry ? ask(query, *own, entry, now) : Value::of_number(0);
    }
    std::string_view key;
    if (auto entry = holds.entry(hold)) key = subject.arena->copy(entry.key());
    if (!key.data() || other->shape().key != own->shape().key) return Value::missing();
    auto entry = query.op == Op::count_one ? other->make(key, now) : other->find(key, now);
    return entry ? ask(query, *other, entry, now) : Value::of_number(0);
}

const ir::Zone* zone_of(const Subject& subject, ir::ZoneId id) {
    if (!subject.around->config) return nullptr;   // no configuration around: tests
    const auto& zones = subject.around->config->zones;
    return id < zones.size() ? &zones[id] : nullptr;
}

}  // namespace

std::string_view table_key(const ir::Zone& zone, const Value& value, Arena& arena) {
    using Key = ir::Zone::Key;
    if (!value.exists) return {};
    // A text is an address of its own kind only (HAProxy).
    const bool may_be_mapped = value.type == ir::Type::address;
    switch (zone.key) {
        case Key::ipv4: {
            const auto ip = to_address(value);
            if (!ip.exists) return {};
            if (ip.ip.family == IpAddress::Family::v4) return bytes_of(ip.ip.bytes, 4, arena);
            return may_be_mapped && mapped(ip.ip) ? bytes_of(ip.ip.bytes + 12, 4, arena) : std::string_view();
        }
        case Key::ipv6: {
            const auto ip = to_address(value);
            if (!ip.exists) return {};
            if (ip.ip.family == IpAddress::Family::v6) return bytes_of(ip.ip.bytes, 16, arena);
            if (!may_be_mapped) return {};
            unsigned char six[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
            std::memcpy(six + 12, ip.ip.bytes, 4);
            return bytes_of(six, 16, arena);
        }
        case Key::integer: {
            const auto number = static_cast<std::uint32_t>(to_number(value));
            return bytes_of(&number, 4, arena);
        }
        case Key::binary: {
            // Padded with zeros to its full length, as HAProxy has it.
            const auto text = to_text(value, arena);
            char* at = arena.bytes(zone.key_bytes);
            const auto size = std::min<std::size_t>(text.size(), zone.key_bytes);
            std::memset(at, 0, zone.key_bytes);
            if (size != 0) std::memcpy(at, text.data(), size);
            return {at, zone.key_bytes};
        }
        case Key::text: {
            const auto text = to_text(value, arena);
            return text.data() ? text : std::string_view("");
        }
    }
    return {};
}

std::uint32_t followed_by(const Subject& subject, std::uint32_t follower) {
    if (follower < subject.followed.size() && subject.followed[follower] != zone::Holds::none)
        return subject.followed[follower];
    return follower < subject.connection_followed.size() ? subject.connection_followed[follower]
                                                         : zone::Holds::none;
}

zone::Table* table_of(const Subject& subject, ir::ZoneId zone) {
    const auto zones = subject.around->zones;
    return zone < zones.size() ? zones[zone] : nullptr;
}

Value fetch_request_limit(const Node&, Subject& subject) { return outcome(subject.request_limit); }
Value fetch_connection_limit(const Node&, Subject& subject) { return outcome(subject.connection_limit); }

Value fetch_followed_entry(const Node& node, Subject& subject) { return ask_followed(node, subject); }
Value fetch_followed_exists(const Node& node, Subject& subject) {
    const auto follower = ir::EntryQuery::of(node.number).follower;
    return Value::of_boolean(followed_by(subject, follower) != zone::Holds::none);
}

Value fetch_followed_key(const Node& node, Subject& subject) {
    const auto hold = followed_by(subject, ir::EntryQuery::of(node.number).follower);
    if (hold == zone::Holds::none) return Value::missing();
    std::string_view key;
    const auto* table = subject.around->holds->table(hold);
    if (auto entry = subject.around->holds->entry(hold)) key = subject.arena->copy(entry.key());
    if (!key.data()) return Value::missing();
    IpAddress ip;
    switch (static_cast<ir::Zone::Key>(table->shape().key)) {
        case ir::Zone::Key::ipv4: ip.family = IpAddress::Family::v4; break;
        case ir::Zone::Key::ipv6: ip.family = IpAddress::Family::v6; break;
        case ir::Zone::Key::integer: {
            std::uint32_t number = 0;
            std::memcpy(&number, key.data(), sizeof number);
            return Value::of_number(number);
        }
        default: return Value::of(key);
    }
    std::memcpy(ip.bytes, key.data(), key.size());
    return Value::of_address(ip);
}

Value fetch_source_entry(const Node& node, Subject& subject) {
    auto* table = table_of(subject, node.id);
    const auto* zone = zone_of(subject, node.id);
    if (!table || !zone || subject.client->ip.family == IpAddress::Family::none) return Value::missing();
    const auto key = table_key(*zone, Value::of_address(subject.client->ip), *subject.arena);
    if (!key.data()) return Value::missing();
    const auto query = ir::EntryQuery::of(node.number);
    const auto now = now_of(subject);
    auto entry = query.op == Op::count_one ? table->make(key, now) : table->find(key, now);
    return entry ? ask(query, *table, entry, now) : Value::of_number(0);
}

Value fetch_table_used(const Node& node, Subject& subject) {
    auto* table = table_of(subject, node.id);
    return table ? Value::of_number(static_cast<std::int64_t>(table->count(now_of(subject))))
                 : Value::missing();
}
Value fetch_table_free(const Node& node, Subject& subject) {
    auto* table = table_of(subject, node.id);
    if (!table) return Value::missing();
    return Value::of_number(static_cast<std::int64_t>(table->capacity() - table->count(now_of(subject))));
}

Value convert_table_entry(const Conversion& c, const Value& input) {
    auto& subject = c.subject;
    auto* table = table_of(subject, c.node.id);
    const auto* zone = zone_of(subject, c.node.id);
    if (!table || !zone) return Value::missing();
    const auto query = ir::EntryQuery::of(c.node.number);
    const auto key = table_key(*zone, input, *subject.arena);
    if (!key.data()) return Value::missing();
    const auto now = now_of(subject);
    auto entry = query.op == Op::count_one ? table->make(key, now) : table->find(key, now);
    if (entry) {
        auto found = ask(query, *table, entry, now);
        // HAProxy's own look at the entry counts there.
        if (query.op == Op::followers) ++found.number;
        return found;
    }
    // No entry: 0 of everything but time, for which the default stands, where one is given.
    if (query.op == Op::idle || query.op == Op::expires) return c.argument(1);
    return Value::of_number(0);
}

Value convert_in_table(const Conversion& c, const Value& input) {
    auto& subject = c.subject;
    auto* table = table_of(subject, c.node.id);
    const auto* zone = zone_of(subject, c.node.id);
    if (!table || !zone) return Value::missing();
    const auto key = table_key(*zone, input, *subject.arena);
    return Value::of_boolean(key.data() && table->find(key, now_of(subject)));
}

std::string_view zone_key(Subject& subject, ir::ZoneId zone) {
    return subject.around->zone_keys[zone].render(subject);
}

}  // namespace weir::route
