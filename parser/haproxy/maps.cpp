// SPDX-License-Identifier: Apache-2.0
// map, map_beg, map_reg_int, ...: converters whose values come from a file of keys and values.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/syntax.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using How = ir::PatternSet::How;
using keyword::opt;
using keyword::word;

std::string_view trimmed(std::string_view text) {
    auto from = text.find_first_not_of(" \t\r");
    if (from == text.npos) return {};
    return text.substr(from, text.find_last_not_of(" \t\r") + 1 - from);
}

class MapReader {
public:
    MapReader(Scope& scope, const Call& call, ir::Map& map) : scope_(scope), file_(call[0]), map_(map) {}

    void read() {
        auto bytes = scope_.sources.read(std::string(file_.text), Purpose::content);
        if (!bytes) {
            if (!bytes.error().left_out())
                scope_.error(file_.span, "cannot-read",
                             fmt::format("cannot open the map file \"{}\": {}", file_.text, bytes.error().text));
            return;
        }
        std::string_view rest = *bytes;
        for (int number = 1; !rest.empty(); ++number) {
            auto end = rest.find('\n');
            auto line = trimmed(rest.substr(0, end));
            rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
            if (line.empty() || line.front() == '#') continue;
            if (!add(line)) return wrong(number, line);
        }
    }

private:
    // The key ends at the first blank; the value is the rest of the line.
    bool add(std::string_view line) {
        auto blank = std::min(line.find_first_of(" \t"), line.size());
        ir::Map::Entry entry;
        entry.key = std::string(line.substr(0, blank));
        auto value = std::string(trimmed(line.substr(blank)));
        if (map_.output == ir::Type::integer && !value::parse_number(value)) return false;
        if (map_.output == ir::Type::address && !value::parse_ip(value)) return false;
        entry.value = ir::Text::of(std::move(value));
        switch (*map_.compared) {
            case How::integer: if (!read_range(entry)) return false; break;
            case How::network: {
                auto cidr = value::parse_haproxy_cidr(entry.key);
                if (!cidr) return false;
                entry.network = {cidr->address, cidr->bits};
                break;
            }
            case How::regex:
                if (!value::parse_regex(entry.key)) return false;
                break;
            default: break;
        }
        map_.entries.push_back(std::move(entry));
        return true;
    }

    // "5", "1:10"
    static bool read_range(ir::Map::Entry& entry) {
        std::string_view text = entry.key;
        auto colon = text.find(':');
        auto low = value::parse_number(text.substr(0, colon));
        auto high = colon == text.npos ? low : value::parse_number(text.substr(colon + 1));
        if (!low || !high) return false;
        entry.range = {*low, *high};
        return true;
    }

    void wrong(int number, std::string_view line) {
        const char* keys = *map_.compared == How::integer   ? "a number"
                           : *map_.compared == How::network ? "an address or network"
                           : *map_.compared == How::regex   ? "a regular expression"
                                                            : "a key";
        const char* values = map_.output == ir::Type::integer   ? "a number"
                             : map_.output == ir::Type::address ? "an address"
                                                                : "a value";
        scope_.error(file_.span, "invalid-map",
                     fmt::format("line {} of the map file \"{}\" is not valid: \"{}\"; expected {} and {}",
                                 number, file_.text, line, keys, values));
    }

    Scope& scope_;
    const Argument& file_;
    ir::Map& map_;
};

struct Kind {
    How compared;
    ir::Type output;
    bool fills_groups;
};
constexpr std::int64_t coded(How compared, ir::Type output, bool fills_groups = false) {
    return static_cast<std::int64_t>(compared) | static_cast<std::int64_t>(output) << 8 |
           static_cast<std::int64_t>(fills_groups) << 16;
}
constexpr Kind decoded(std::int64_t code) {
    return {static_cast<How>(code & 0xff), static_cast<ir::Type>(code >> 8 & 0xff), (code >> 16) != 0};
}

void lower_map(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto kind = decoded(call.row->number);
    ir::Map map;
    // Two uses of one file share a map where all of it is the same.
    map.name = fmt::format("{} {} {}{}", call.name, call[0].text, call.size() > 1 ? "default " : "",
                           call.size() > 1 ? call[1].text : std::string_view());
    map.compared = kind.compared;
    map.output = kind.output;
    map.fills_groups = kind.fills_groups;
    map.span = call[0].span;
    map.has_fallback = call.size() > 1;
    if (call.size() > 1) {
        bool wrong = (kind.output == ir::Type::integer && !value::parse_number(call[1].text)) ||
                     (kind.output == ir::Type::address && !value::parse_ip(call[1].text));
        if (wrong)
            return scope.error(call[1].span, "invalid-value",
                               fmt::format("\"{}\" is not valid; expected {}", call[1].text,
                                           kind.output == ir::Type::integer ? "a number" : "an address"));
        map.fallback = ir::Text::of(std::string(call[1].text));
    }
    auto& maps = scope.config.maps;
    auto same = std::find_if(maps.begin(), maps.end(), [&](const auto& one) { return one.name == map.name; });
    auto index = same - maps.begin();
    if (same == maps.end()) {
        MapReader(here, call, map).read();
        maps.push_back(std::move(map));
    }
    auto& expr = *here.expr;
    expr.op = ir::Expr::Op::map;
    expr.number = index;
    expr.type = kind.output;
}

constexpr Keyword row(std::string_view name, std::int64_t code, std::string_view summary) {
    return {.name = name,
            .where = in::converter,
            .args = {word("file"), opt(word("default"))},
            .apply = lower_map,
            .summary = summary,
            .type = decoded(code).output,
            .number = code};
}

constexpr auto text = ir::Type::bytes, number = ir::Type::integer, address = ir::Type::address;
constexpr std::string_view by_text = "The value that a file has for the text.";
constexpr std::string_view by_beginning = "The value that a file has for the longest beginning.";
constexpr std::string_view by_directory = "The value that a file has for a part between slashes.";
constexpr std::string_view by_domain = "The value that a file has for a part between dots.";
constexpr std::string_view by_ending = "The value that a file has for the ending.";
constexpr std::string_view by_number = "The value that a file has for the number.";
constexpr std::string_view by_network = "The value that a file has for the narrowest network.";
constexpr std::string_view by_regex = "The value that a file has for the first regex that matches.";
constexpr std::string_view by_part = "The value that a file has for a part of the text.";

constexpr auto rows = sorted({
    row("map", coded(How::equal, text), by_text),
    row("map_beg", coded(How::prefix, text), by_beginning),
    row("map_beg_int", coded(How::prefix, number), by_beginning),
    row("map_beg_ip", coded(How::prefix, address), by_beginning),
    row("map_dir", coded(How::directory, text), by_directory),
    row("map_dir_int", coded(How::directory, number), by_directory),
    row("map_dir_ip", coded(How::directory, address), by_directory),
    row("map_dom", coded(How::domain, text), by_domain),
    row("map_dom_int", coded(How::domain, number), by_domain),
    row("map_dom_ip", coded(How::domain, address), by_domain),
    row("map_end", coded(How::suffix, text), by_ending),
    row("map_end_int", coded(How::suffix, number), by_ending),
    row("map_end_ip", coded(How::suffix, address), by_ending),
    row("map_int", coded(How::integer, text), by_number),
    row("map_int_int", coded(How::integer, number), by_number),
    row("map_int_ip", coded(How::integer, address), by_number),
    row("map_ip", coded(How::network, text), by_network),
    row("map_ip_int", coded(How::network, number), by_network),
    row("map_ip_ip", coded(How::network, address), by_network),
    row("map_reg", coded(How::regex, text), by_regex),
    row("map_reg_int", coded(How::regex, number), by_regex),
    row("map_reg_ip", coded(How::regex, address), by_regex),
    row("map_regm", coded(How::regex, text, true), "The same, with the regex's groups as \\1 in the value."),
    row("map_str", coded(How::equal, text), by_text),
    row("map_str_int", coded(How::equal, number), by_text),
    row("map_str_ip", coded(How::equal, address), by_text),
    row("map_sub", coded(How::substring, text), by_part),
    row("map_sub_int", coded(How::substring, number), by_part),
    row("map_sub_ip", coded(How::substring, address), by_part),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table map_table() { return rows; }

}  // namespace weir::haproxy
