// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/table_commands.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>
#include <vector>

namespace weir::warden {

namespace {

using Key = ir::Zone::Key;
using Words = std::span<const std::string_view>;
using zone::What;

// HAProxy's name of a kind of data. Those of several elements have their number behind the first part:
// gpc0, gpc1_rate.
struct Data {
    What what;
    std::string_view name, behind;
    bool numbered = false;
    std::uint32_t first = 0;   // number of the first element
};
constexpr Data data[] = {
    {What::server, "server_id", ""},
    {What::tag, "gpt", "", true},
    {What::counter, "gpc", "", true},
    {What::counter_rate, "gpc", "_rate", true},
    {What::second_rate, "gpc", "_rate", true, 1},
    {What::connection_count, "conn_cnt", ""},
    {What::connection_rate, "conn_rate", ""},
    {What::connections, "conn_cur", ""},
    {What::session_count, "sess_cnt", ""},
    {What::session_rate, "sess_rate", ""},
    {What::request_count, "http_req_cnt", ""},
    {What::request_rate, "http_req_rate", ""},
    {What::error_count, "http_err_cnt", ""},
    {What::error_rate, "http_err_rate", ""},
    {What::bytes_in, "bytes_in_cnt", ""},
    {What::bytes_in_rate, "bytes_in_rate", ""},
    {What::bytes_out, "bytes_out_cnt", ""},
    {What::bytes_out_rate, "bytes_out_rate", ""},
    {What::failure_count, "http_fail_cnt", ""},
    {What::failure_rate, "http_fail_rate", ""},
    {What::glitch_count, "glitch_cnt", ""},
    {What::glitch_rate, "glitch_rate", ""},
};

// The order of its listing, where gpc0 and gpc1 stand apart and arrays behind both.
struct Listed {
    What what;
    std::uint32_t from = 0, most = 1;   // of the elements
    bool array = false;
};
constexpr std::uint32_t all_of_them = 100;
constexpr Listed listed[] = {
    {What::server},
    {What::tag},
    {What::counter},
    {What::counter_rate},
    {What::connection_count},
    {What::connection_rate},
    {What::connections},
    {What::session_count},
    {What::session_rate},
    {What::request_count},
    {What::request_rate},
    {What::error_count},
    {What::error_rate},
    {What::bytes_in},
    {What::bytes_in_rate},
    {What::bytes_out},
    {What::bytes_out_rate},
    {What::counter, 1},
    {What::counter_rate, 1},
    {What::second_rate},
    {What::failure_count},
    {What::failure_rate},
    {What::tag, 0, all_of_them, true},
    {What::counter, 0, all_of_them, true},
    {What::counter_rate, 0, all_of_them, true},
    {What::glitch_count},
    {What::glitch_rate},
};

bool is_array(const ir::Zone& zone, What what) {
    return std::any_of(zone.columns.begin(), zone.columns.end(),
                       [&](const auto& one) { return one.what == what && one.array; });
}

constexpr std::string_view usage_of_set = "Required arguments: <table> key <key> [data.<type> <value>]*\n";

std::string_view name_of(Key key) {
    switch (key) {
        case Key::text: return "string";
        case Key::binary: return "binary";
        case Key::integer: return "integer";
        case Key::ipv4: return "ip";
        case Key::ipv6: return "ipv6";
    }
    return "?";
}

std::string show_key(Key type, std::string_view key) {
    char text[INET6_ADDRSTRLEN] = {};
    switch (type) {
        case Key::ipv4: return inet_ntop(AF_INET, key.data(), text, sizeof text);
        case Key::ipv6: return inet_ntop(AF_INET6, key.data(), text, sizeof text);
        case Key::integer: {
            std::uint32_t number = 0;
            std::memcpy(&number, key.data(), sizeof number);
            return std::to_string(number);
        }
        case Key::binary: {
            std::string out;
            for (unsigned char byte : key) out += fmt::format("{:02X}", byte);
            return out;
        }
        case Key::text: break;
    }
    std::string out;
    for (unsigned char byte : key)
        out += byte > 0x20 && byte < 0x7f && byte != '\\' ? std::string(1, static_cast<char>(byte))
                                                          : fmt::format("\\x{:02x}", byte);
    return out;
}

std::optional<std::string> read_key(Key type, std::string_view word) {
    const std::string text(word);
    char bytes[16];
    switch (type) {
        case Key::ipv4:
            if (inet_pton(AF_INET, text.c_str(), bytes) != 1) return std::nullopt;
            return std::string(bytes, 4);
        case Key::ipv6:
            if (inet_pton(AF_INET6, text.c_str(), bytes) != 1) return std::nullopt;
            return std::string(bytes, 16);
        case Key::integer: {
            std::uint32_t number = 0;
            auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
            if (failure != std::errc() || rest != text.data() + text.size()) return std::nullopt;
            std::memcpy(bytes, &number, 4);
            return std::string(bytes, 4);
        }
        case Key::text: return text;
        case Key::binary: break;
    }
    return std::nullopt;
}

// One cell of an entry by HAProxy's name of it.
struct Cell {
    std::uint32_t at = 0, period = 0;
    bool rate = false;
};
// known: there is such data; the cell is none where the table does not store it.
std::optional<Cell> find_cell(const zone::Table& table, std::string_view name, bool& known) {
    known = false;
    // gpt[1] is gpt1, gpc_rate[1] is gpc1_rate.
    std::string plain;
    if (auto open = name.find('['); open != name.npos && name.ends_with(']')) {
        plain = name.substr(0, open);
        const auto index = name.substr(open + 1, name.size() - open - 2);
        const auto end = plain.find('_');
        plain.insert(std::min(end, plain.size()), index);
        name = plain;
    }
    for (const auto& one : data) {
        if (!name.starts_with(one.name)) continue;
        auto rest = name.substr(one.name.size());
        std::uint32_t number = one.first;
        if (one.numbered) {
            auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
            if (failure != std::errc()) continue;
            rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
        }
        if (rest != one.behind) continue;
        known = true;
        const auto& column = table.column(one.what);
        if (number < one.first || number - one.first >= column.count) continue;
        const auto size = zone::cells_of(one.what);
        return Cell{column.first + (number - one.first) * size, column.period, ir::is_rate(one.what)};
    }
    return std::nullopt;
}

std::uint64_t value_of(const zone::Access& entry, const Cell& cell, std::int64_t now) {
    return cell.rate ? zone::read_rate(&entry.cell(cell.at), cell.period, now) : entry.cell(cell.at);
}

// Where HAProxy shows the address of an entry: its part and place, counted from 1.
std::uint64_t pointer_of(const zone::Position& place) { return std::uint64_t{place.part} << 32 | (place.slot + 1ul); }

std::string show_entry(const ir::Zone& zone, const zone::Table& table, const zone::Access& entry,
                       std::int64_t now) {
    const auto never = table.shape().expire == 0;
    const auto left = never ? 0 : std::max<std::int64_t>(entry.expires() - now, 0);
    const auto place = entry.position();
    auto out = fmt::format("0x{:x}: key={} use={} exp={} shard=0", pointer_of(place),
                           show_key(static_cast<Key>(table.shape().key), entry.key()), entry.holds(), left);
    for (const auto& row : listed) {
        const auto& one = *std::find_if(std::begin(data), std::end(data),
                                        [&](const Data& kind) { return kind.what == row.what; });
        const auto& column = table.column(one.what);
        if (is_array(zone, one.what) != row.array) continue;
        for (std::uint32_t i = row.from; i < std::min(column.count, row.from + row.most); ++i) {
            const Cell cell{column.first + i * zone::cells_of(one.what), column.period, ir::is_rate(one.what)};
            out += fmt::format(" {}{}{}", one.name, one.numbered ? std::to_string(one.first + i) : "", one.behind);
            if (cell.rate) out += fmt::format("({})", cell.period);
            out += fmt::format("={}", value_of(entry, cell, now));
        }
    }
    return out + "\n";
}

std::string head_of(const ir::Zone& zone, zone::Table& table, std::int64_t now) {
    return fmt::format("# table: {}, type: {}, size:{}, used:{}\n", zone.name, name_of(zone.key),
                       table.capacity(), table.count(now));
}

// data.NAME OPERATOR VALUE, up to four of them.
struct Test {
    Cell cell;
    std::string_view how;
    std::uint64_t value = 0;
    [[nodiscard]] bool holds(std::uint64_t found) const {
        if (how == "eq") return found == value;
        if (how == "ne") return found != value;
        if (how == "le") return found <= value;
        if (how == "ge") return found >= value;
        if (how == "lt") return found < value;
        return found > value;
    }
};
bool is_operator(std::string_view word) {
    static constexpr std::string_view known[] = {"eq", "ne", "le", "ge", "lt", "gt"};
    return std::find(std::begin(known), std::end(known), word) != std::end(known);
}

bool read_number(std::string_view word, std::uint64_t& number) {
    auto [rest, failure] = std::from_chars(word.data(), word.data() + word.size(), number);
    return failure == std::errc() && rest == word.data() + word.size();
}

// What is wrong with them; empty: nothing.
std::string read_tests(const zone::Table& table, Words words, std::vector<Test>& tests) {
    for (std::size_t i = 0; i < words.size(); i += 3) {
        bool known = false;
        auto cell = words[i].starts_with("data.") ? find_cell(table, words[i].substr(5), known) : std::nullopt;
        if (!known) return "Unknown data type\n";
        if (!cell) return "Data type not stored in this table\n";
        if (i + 2 >= words.size() || !is_operator(words[i + 1]))
            return "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"\n";
        Test test{*cell, words[i + 1]};
        if (!read_number(words[i + 2], test.value)) return "Require a valid integer value to compare against\n";
        tests.push_back(test);
    }
    return {};
}

// The entry at `place`, else that of the key.
std::string set_entry(const ir::Zone& zone, zone::Table& table, std::string_view key,
                      const std::optional<zone::Position>& place, Words words, std::int64_t now) {
    std::vector<std::pair<Cell, std::uint64_t>> values;
    for (std::size_t i = 0; i < words.size(); i += 2) {
        if (!words[i].starts_with("data.")) return "\"data.<type>\" followed by a value expected\n";
        bool known = false;
        auto cell = find_cell(table, words[i].substr(5), known);
        if (!known) return "Unknown data type\n";
        if (!cell) return "Data type not stored in this table\n";
        std::uint64_t value = 0;
        if (i + 1 >= words.size() || !read_number(words[i + 1], value))
            return "Require a valid integer value to store\n";
        values.emplace_back(*cell, value);
    }
    if (zone.key == Key::text && key.size() > zone.key_bytes) key = key.substr(0, zone.key_bytes);
    auto entry = place ? table.at(*place) : table.make(key, now);
    if (!entry) return place ? "No such entry\n" : "Unable to allocate a new entry\n";
    if (place) entry.touch(now);
    for (const auto& [cell, value] : values) {
        entry.cell(cell.at) = value;
        if (!cell.rate) continue;
        // The rate is this now: it counts as what the last period had.
        entry.cell(cell.at) = 0;
        entry.cell(cell.at + 1) = value;
        entry.cell(cell.at + 2) = static_cast<std::uint64_t>(now);
    }
    return {};
}

enum class Command : std::uint8_t { show, set, clear };

std::string with_entry(Command command, const ir::Zone& zone, zone::Table& table, zone::Access entry,
                       std::int64_t now) {
    if (!entry) return {};
    if (command == Command::show) {
        std::string out;
        {
            auto shown = std::move(entry);
            out = show_entry(zone, table, shown, now);
        }
        return head_of(zone, table, now) + out;
    }
    if (entry.holds() != 0) return "Entry currently in use, cannot remove\n";
    entry.remove();
    return {};
}

std::string with_key(Command command, const ir::Zone& zone, zone::Table& table, Words words, std::int64_t now) {
    if (words.empty()) return "Key value expected\n";
    if (zone.key == Key::binary)
        return fmt::format("{} keys {} tables of type other than ip, ipv6, string and integer is not supported\n",
                           command == Command::show    ? "Showing"
                           : command == Command::clear ? "Removing"
                                                       : "Inserting",
                           command == Command::set ? "into" : "from");
    const auto key = read_key(zone.key, words[0]);
    if (!key) return "Invalid key\n";
    if (command == Command::set) return set_entry(zone, table, *key, std::nullopt, words.subspan(1), now);
    return with_entry(command, zone, table, table.find(*key, now), now);
}

std::string with_pointer(Command command, const ir::Zone& zone, zone::Table& table, Words words, std::int64_t now) {
    std::uint64_t number = 0;
    auto text = words.empty() ? std::string_view() : words[0];
    if (text.starts_with("0x")) text.remove_prefix(2);
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    if (failure != std::errc() || end != text.data() + text.size() || (number & 0xffffffff) == 0)
        return "Pointer expected (0xffff notation)\n";
    const auto place = table.newest_at(static_cast<std::uint32_t>(number >> 32), static_cast<std::uint32_t>(number) - 1);
    if (!place) return "No such entry\n";
    if (command == Command::set) return set_entry(zone, table, {}, place, words.subspan(1), now);
    return with_entry(command, zone, table, table.at(*place), now);
}

std::string all_that_hold(Command command, const ir::Zone& zone, zone::Table& table,
                          const std::vector<Test>& tests, std::int64_t now) {
    std::string out = command == Command::show ? head_of(zone, table, now) : std::string();
    table.each([&](zone::Access& entry) {
        for (const auto& test : tests)
            if (!test.holds(value_of(entry, test.cell, now))) return;
        if (command == Command::show)
            out += show_entry(zone, table, entry, now);
        else if (entry.holds() == 0)
            entry.remove();
    });
    return out;
}

}  // namespace

std::string run_table_command(std::string_view verb, Words words, const ir::Config& config,
                              std::span<zone::Table* const> zones, std::int64_t now) {
    const auto command = verb == "show" ? Command::show : verb == "set" ? Command::set : Command::clear;
    auto table_of = [&](ir::ZoneId id) {
        return id < zones.size() && config.zones[id].purpose == "stick-table" ? zones[id] : nullptr;
    };
    if (words.empty()) {
        if (command == Command::set) return std::string(usage_of_set);
        if (command == Command::clear) return "\"table\" must be followed by a name\n";
        std::string out;
        for (ir::ZoneId id = 0; id < config.zones.size(); ++id)
            if (auto* table = table_of(id)) out += head_of(config.zones[id], *table, now);
        return out;
    }
    const auto id = config.find_zone(words[0], "stick-table");
    auto* table = table_of(id);
    if (!table) return "No such table\n";
    const auto& zone = config.zones[id];
    auto rest = words.subspan(1);
    if (!rest.empty() && rest[0] == "key") return with_key(command, zone, *table, rest.subspan(1), now);
    if (!rest.empty() && rest[0] == "ptr") return with_pointer(command, zone, *table, rest.subspan(1), now);
    if (command == Command::set) return std::string(usage_of_set);
    std::vector<Test> tests;
    auto wrong = read_tests(*table, rest, tests);
    return wrong.empty() ? all_that_hold(command, zone, *table, tests, now) : wrong;
}

namespace {

void run(filter::CommandCall& call, std::string_view verb) {
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
    call.out += run_table_command(verb, call.words, *call.around.config, call.around.zones, now);
}
void run_show(filter::CommandCall& call) { run(call, "show"); }
void run_set(filter::CommandCall& call) { run(call, "set"); }
void run_clear(filter::CommandCall& call) { run(call, "clear"); }

constexpr filter::Command rows[] = {
    {"clear table", "<table> [key <key> | ptr <ptr> | data.<type> <operator> <value>]", "remove entries of a stick table",
     filter::Level::operator_level, run_clear},
    {"set table", "<table> key <key>|ptr <ptr> [data.<type> <value>]*", "change or make an entry of a stick table",
     filter::Level::operator_level, run_set},
    {"show table", "[<table> [key <key> | ptr <ptr> | data.<type> <operator> <value>]]", "stick tables, or entries of one",
     filter::Level::operator_level, run_show},
};

}  // namespace

filter::Commands table_commands() { return rows; }

}  // namespace weir::warden
