// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/peer_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::warden::wire {

namespace {

using Key = ir::Zone::Key;
using zone::What;

// How the protocol numbers kinds of data, and of what cells they are.
struct Kind {
    What what;
    std::uint32_t first = 0;      // of several cells: gpc1
    bool array = false;
    bool text = false;
};
constexpr std::array<Kind, 27> kinds = {{
    {What::server},           {What::tag},              {What::counter},          {What::counter_rate},
    {What::connection_count}, {What::connection_rate},  {What::connections},      {What::session_count},
    {What::session_rate},     {What::request_count},    {What::request_rate},     {What::error_count},
    {What::error_rate},       {What::bytes_in},         {What::bytes_in_rate},    {What::bytes_out},
    {What::bytes_out_rate},   {What::counter, 1},       {What::second_rate},      {What::server, 0, false, true},
    {What::failure_count},    {What::failure_rate},     {What::tag, 0, true},     {What::counter, 0, true},
    {What::counter_rate, 0, true}, {What::glitch_count}, {What::glitch_rate},
}};
constexpr std::size_t most_texts = 256;

// Only what is no sum may go into another table.
bool may_write_to(What what) { return what == What::server || what == What::tag; }

std::uint8_t type_of(Key key) {
    switch (key) {
        case Key::integer: return 2;
        case Key::ipv4: return 4;
        case Key::ipv6: return 5;
        case Key::text: return 6;
        case Key::binary: return 7;
    }
    return 0;
}

void put_word(std::string& out, std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 255);
}
bool take_word(std::string_view& in, std::uint32_t& value) {
    if (in.size() < 4) return false;
    value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(in[static_cast<std::size_t>(i)]);
    in.remove_prefix(4);
    return true;
}

void put_key(std::string& out, const SharedTable& table, std::string_view key) {
    if (table.key == Key::text) put_number(out, key.size());
    if (table.key == Key::integer) {
        std::uint32_t number = 0;
        std::memcpy(&number, key.data(), sizeof number);
        return put_word(out, number);
    }
    out += key;
}

// The key as tables keep it, into `room`.
bool take_key(std::string_view& in, const SharedTable& table, std::string& room) {
    std::uint64_t size = table.key == Key::ipv4 ? 4 : table.key == Key::ipv6 ? 16 : table.key_bytes;
    if (table.key == Key::integer) {
        std::uint32_t number = 0;
        if (!take_word(in, number)) return false;
        room.assign(reinterpret_cast<const char*>(&number), sizeof number);
        return true;
    }
    if (table.key == Key::text && !take_number(in, size)) return false;
    if (in.size() < size) return false;
    room.assign(in.substr(0, size));
    in.remove_prefix(size);
    return true;
}

// A rate is three numbers: ms since its period began, events in it, events in the one before.
void put_rate(std::string& out, const std::uint64_t* cells, std::int64_t now) {
    const bool any = cells[0] != 0 || cells[1] != 0;
    put_number(out, any ? static_cast<std::uint64_t>(std::max<std::int64_t>(now - static_cast<std::int64_t>(cells[2]), 0)) : 0);
    put_number(out, cells[0]);
    put_number(out, cells[1]);
}
bool take_rate(std::string_view& in, std::uint64_t* cells, std::int64_t now) {
    std::uint64_t age = 0;
    if (!take_number(in, age) || !take_number(in, cells[0]) || !take_number(in, cells[1])) return false;
    cells[2] = static_cast<std::uint64_t>(now - static_cast<std::int64_t>(std::min<std::uint64_t>(age, 0x7fffffff)));
    return true;
}

// A text goes out with a number each time: whoever remembers it by that gets the same again.
void put_text(std::string& out, std::string_view text) {
    if (text.empty()) return put_number(out, 0);
    std::string inner;
    put_number(inner, 1);
    put_number(inner, text.size());
    inner += text;
    put_number(out, inner.size());
    out += inner;
}
bool take_text(std::string_view& in, Texts& texts, std::string_view& text) {
    std::uint64_t size = 0, id = 0, length = 0;
    text = {};
    if (!take_number(in, size) || size > in.size()) return false;
    if (size == 0) return true;
    auto inner = in.substr(0, size);
    in.remove_prefix(size);
    if (!take_number(inner, id) || id == 0 || id > most_texts) return false;
    if (texts.size() < id) texts.resize(id);
    auto& known = texts[id - 1];
    if (!inner.empty()) {
        if (!take_number(inner, length) || length > inner.size()) return false;
        known = std::string(inner.substr(0, length));
    }
    text = known;
    return true;
}

std::string_view name_of(const SharedTable& table, std::uint64_t number) {
    for (const auto& [own, name] : table.servers)
        if (own == number) return name;
    return {};
}

// What one datum of an update says; several cells with arrays.
struct Told {
    const SharedTable::Datum* own = nullptr;   // null: our table does not store it
    std::vector<std::uint64_t> cells;
};

const SharedTable::Datum* own_datum(const SharedTable& table, const Defined::Datum& datum) {
    for (const auto& one : table.data)
        if (one.number == datum.number && one.period == datum.period) return &one;
    return nullptr;
}

bool take_datum(std::string_view& in, const SharedTable& table, const Defined::Datum& datum, Texts& texts,
                std::int64_t now, Told& told) {
    const auto& kind = kinds[datum.number];
    told.own = own_datum(table, datum);
    if (kind.text) {
        std::string_view name;
        if (!take_text(in, texts, name)) return false;
        told.cells.assign(1, 0);
        for (const auto& [number, own] : table.servers)
            if (own == name) told.cells[0] = number;
        if (told.cells[0] == 0) told.own = nullptr;   // nobody of ours
        return true;
    }
    const auto size = zone::cells_of(kind.what);
    told.cells.assign(std::size_t{datum.count} * size, 0);
    for (std::uint32_t i = 0; i < datum.count; ++i) {
        auto* cells = &told.cells[std::size_t{i} * size];
        if (!(size == 3 ? take_rate(in, cells, now) : take_number(in, *cells))) return false;
    }
    return true;
}

}  // namespace

void put_number(std::string& out, std::uint64_t value) {
    if (value < 240) {
        out += static_cast<char>(value);
        return;
    }
    out += static_cast<char>(value | 240);
    for (value = (value - 240) >> 4; value >= 128; value = (value - 128) >> 7) out += static_cast<char>(value | 128);
    out += static_cast<char>(value);
}

bool take_number(std::string_view& in, std::uint64_t& value) {
    if (in.empty()) return false;
    auto byte = static_cast<unsigned char>(in[0]);
    std::size_t used = 1;
    value = byte;
    if (byte >= 240)
        for (unsigned shift = 4;; shift += 7) {
            if (used == in.size() || shift > 60) return false;
            byte = static_cast<unsigned char>(in[used++]);
            value += std::uint64_t{byte} << shift;
            if (byte < 128) break;
        }
    in.remove_prefix(used);
    return true;
}

void put_message(std::string& out, std::uint8_t type, std::string_view data) {
    out += static_cast<char>(updates);
    out += static_cast<char>(type);
    put_number(out, data.size());
    out += data;
}

std::optional<Message> take_message(std::string_view& in, bool& broken) {
    broken = false;
    if (in.size() < 2) return std::nullopt;
    Message message{static_cast<std::uint8_t>(in[0]), static_cast<std::uint8_t>(in[1]), {}};
    auto rest = in.substr(2);
    if (message.type >= 128) {
        std::uint64_t size = 0;
        if (!take_number(rest, size)) {
            broken = rest.size() > 10;
            return std::nullopt;
        }
        broken = size > longest_message;
        if (broken || rest.size() < size) return std::nullopt;
        message.data = rest.substr(0, size);
        rest.remove_prefix(size);
    }
    in = rest;
    return message;
}

std::optional<SharedTable> share(const ir::Config& config, const ir::Zone& zone, zone::Table* table,
                                 zone::Table* write_to) {
    if (!table) return std::nullopt;
    SharedTable out{.table = table, .write_to = write_to, .name = zone.shared_name, .key = zone.key,
                    .key_bytes = table->shape().key_bytes, .receives_only = zone.receives_only, .servers = {}, .data = {}};
    for (const auto& pool : config.pools) {
        const bool uses = std::any_of(pool.sticks.begin(), pool.sticks.end(), [&](const auto& stick) {
            return stick.table == zone.name || stick.table == zone.write_to;
        });
        if (!uses) continue;
        for (std::size_t i = 0; i < pool.servers.size(); ++i) {
            const auto& server = pool.servers[i];
            const auto number = server.id != 0 ? server.id : i + 1;
            if (!zone.servers_by_address) out.servers.emplace_back(number, server.name);
            else if (!server.endpoints.empty()) out.servers.emplace_back(number, ir::to_string(server.endpoints.front()));
        }
    }
    auto is_array = [&](What what) {
        return std::any_of(zone.columns.begin(), zone.columns.end(),
                           [&](const auto& one) { return one.what == what && one.array; });
    };
    for (std::uint8_t number = 0; number < kinds.size(); ++number) {
        const auto& kind = kinds[number];
        const auto& column = table->column(kind.what);
        if (column.count <= kind.first || kind.array != is_array(kind.what)) continue;
        if (kind.text && out.servers.empty()) continue;
        out.data.push_back({.number = number, .what = kind.what,
                            .cell = column.first + kind.first * zone::cells_of(kind.what),
                            .count = kind.array ? column.count : 1, .period = column.period});
    }
    return out;
}

std::string definition_of(const SharedTable& table, std::uint32_t id) {
    std::string data, parameters;
    put_number(data, id);
    put_number(data, table.name.size());
    data += table.name;
    put_number(data, type_of(table.key));
    // HAProxy counts the zero at the end of texts whose length is given.
    constexpr std::uint32_t usual = 32;
    put_number(data, table.key_bytes + (table.key == Key::text && table.key_bytes != usual ? 1u : 0u));
    std::uint64_t bits = 0;
    for (const auto& datum : table.data) {
        bits |= std::uint64_t{1} << datum.number;
        const bool array = kinds[datum.number].array, rate = ir::is_rate(datum.what);
        if (array || rate) put_number(parameters, datum.number);
        if (array) put_number(parameters, datum.count);
        if (rate) put_number(parameters, datum.period);
    }
    put_number(data, bits);
    put_number(data, table.table->shape().expire);
    return data + parameters;
}

std::string update_of(const SharedTable& table, const zone::Access& entry, std::uint32_t id, bool timed,
                      std::int64_t now) {
    std::string data;
    put_word(data, id);
    if (timed) {
        const bool never = table.table->shape().expire == 0;
        put_word(data, never ? 0 : static_cast<std::uint32_t>(std::max<std::int64_t>(entry.expires() - now, 0)));
    }
    put_key(data, table, entry.key());
    for (const auto& datum : table.data) {
        if (kinds[datum.number].text) {
            put_text(data, name_of(table, entry.cell(datum.cell)));
            continue;
        }
        for (std::uint32_t i = 0; i < datum.count; ++i) {
            const auto* cells = &entry.cell(datum.cell + i * zone::cells_of(datum.what));
            if (ir::is_rate(datum.what)) put_rate(data, cells, now);
            else put_number(data, *cells);
        }
    }
    return data;
}

std::optional<Defined> read_definition(std::string_view in, const std::vector<SharedTable>& tables, std::uint64_t& id) {
    std::uint64_t length = 0, type = 0, key_bytes = 0, bits = 0, expire = 0;
    if (!take_number(in, id) || !take_number(in, length) || length > in.size()) return std::nullopt;
    const auto name = in.substr(0, length);
    in.remove_prefix(length);
    if (!take_number(in, type) || !take_number(in, key_bytes) || !take_number(in, bits)) return std::nullopt;
    const bool with_parameters = take_number(in, expire);
    Defined defined;
    for (const auto& table : tables)
        if (table.name == name && type_of(table.key) == type && (table.key != Key::binary || table.key_bytes == key_bytes))
            defined.table = &table;
    for (std::uint8_t number = 0; number < 64; ++number) {
        if ((bits >> number & 1) == 0) continue;
        if (number >= kinds.size()) break;   // what comes behind it cannot be told apart
        Defined::Datum datum{.number = number};
        std::uint64_t which = 0, value = 0;
        const bool array = kinds[number].array, rate = ir::is_rate(kinds[number].what);
        if (with_parameters && (array || rate)) {
            if (!take_number(in, which) || which != number) return std::nullopt;
            if (array && (!take_number(in, value) || value > 100)) return std::nullopt;
            if (array) datum.count = static_cast<std::uint32_t>(value);
            if (rate && !take_number(in, value)) return std::nullopt;
            if (rate) datum.period = static_cast<std::uint32_t>(value);
        } else if (array || rate) {
            return std::nullopt;
        }
        defined.data.push_back(datum);
    }
    return defined;
}

bool apply_update(std::string_view in, std::uint8_t type, const Defined& from, Texts& texts, std::uint32_t& id,
                  std::int64_t now) {
    if (type == update || type == timed_update) {
        if (!take_word(in, id)) return false;
    } else {
        ++id;
    }
    std::uint32_t left = 0;
    const bool timed = type == timed_update || type == next_timed_update;
    if (timed && !take_word(in, left)) return false;
    if (!from.table) return true;
    const auto& table = *from.table;
    std::string key;
    if (!take_key(in, table, key)) return false;
    if (key.size() > table.table->shape().key_bytes) key.resize(table.table->shape().key_bytes);
    std::vector<Told> all;
    const bool by_name = !table.servers.empty() && std::any_of(from.data.begin(), from.data.end(),
                                     [](const auto& one) { return kinds[one.number].text; });
    for (const auto& datum : from.data) {
        Told told;
        if (!take_datum(in, table, datum, texts, now, told)) return false;
        // Numbers of servers are the peer's own.
        if (by_name && datum.number == 0) continue;
        if (told.own) all.push_back(std::move(told));
    }
    auto write = [&](zone::Table& to, bool here) {
        auto entry = to.make(key, now);
        if (!entry) return;
        for (const auto& told : all) {
            const auto what = told.own->what;
            if (here && what == What::connections && !table.receives_only) continue;
            if (!here && !may_write_to(what)) continue;
            const auto& column = to.column(what);
            const auto first = here ? told.own->cell : column.first;
            const auto room = here ? told.own->count * zone::cells_of(what) : column.count;
            for (std::size_t i = 0; i < std::min<std::size_t>(told.cells.size(), room); ++i)
                entry.cell(first + static_cast<std::uint32_t>(i)) = told.cells[i];
        }
        const auto expire = static_cast<std::int64_t>(to.shape().expire);
        if (here && timed && expire != 0) entry.touch(now - std::max<std::int64_t>(expire - left, 0));
        // What went into another table is a change there, for its own peers.
        if (here) entry.mark_learned();
    };
    write(*table.table, true);
    if (table.write_to) write(*table.write_to, false);
    return true;
}

}  // namespace weir::warden::wire
