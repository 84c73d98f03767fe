// SPDX-License-Identifier: Apache-2.0
// Rows that define variables by a table of their own kind: geo (networks), split_clients (shares of a
// hash) and valid_referers.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Argument;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::not_yet;
using keyword::Scope;
using Entry = ir::Map::Entry;

// The map that a variable of this directive stands for; null (and a message) when there is none.
ir::Map* defined_map(Block& block, const Call& call, const Argument& variable) {
    auto word = variable.text;
    if (word.size() < 2 || word[0] != '$') {
        block.error(variable.span, "invalid-variable", fmt::format("invalid variable name \"{}\"", word),
                    fmt::format("a variable starts with \"$\": {}", keyword::syntax_line(*call.row)));
        return nullptr;
    }
    const auto name = variable_name(word.substr(1));
    auto defined = block.names->definitions.find(name);
    if (defined == block.names->definitions.end() || defined->second.kind != Definition::Kind::map) {
        refuse_parameter(block, call, variable);   // also set, or the name of a regex group
        return nullptr;
    }
    auto& map = block.config.maps[defined->second.slot];
    map = {};
    map.name = name;
    map.span = call.span;
    return &map;
}

// The networks that make up a range of addresses of one family.
std::vector<ir::PatternSet::Network> networks_between(IpAddress low, const IpAddress& high) {
    const unsigned size = low.family == IpAddress::Family::v4 ? 4 : 16;
    std::vector<ir::PatternSet::Network> out;
    for (;;) {
        // As many low bits as are zero in `low`, and do not lead beyond `high`.
        unsigned free = 0;
        while (free < size * 8 && (low.bytes[size - 1 - free / 8] >> (free % 8) & 1) == 0) ++free;
        IpAddress last;
        for (;; --free) {
            last = low;
            for (unsigned i = 0; i < free; ++i)
                last.bytes[size - 1 - i / 8] = static_cast<unsigned char>(last.bytes[size - 1 - i / 8] | 1u << (i % 8));
            if (std::memcmp(last.bytes, high.bytes, size) <= 0 || free == 0) break;
        }
        out.push_back({low, static_cast<std::uint8_t>(size * 8 - free)});
        if (std::memcmp(last.bytes, high.bytes, size) >= 0) return out;
        low = last;
        for (unsigned i = size; i-- > 0;)
            if (++low.bytes[i] != 0) break;
    }
}

class GeoReader {
public:
    GeoReader(Block& block, ir::Map& map) : block_(block), map_(map) {}

    void read(std::span<const ast::Directive> lines) {
        for (const auto& line : lines) read_line(line);
    }

private:
    void read_line(const ast::Directive& line) {
        auto words = line.words.list;
        auto key = words[0].text;
        if (words.size() == 1 && key == "ranges") {
            ranges_ = true;
            return;
        }
        if (words.size() == 1 && key == "volatile") return;   // every use looks it up anew
        if (key == "proxy" || key == "proxy_recursive")
            return block_.error(words[0].span, "not-supported",
                                fmt::format("\"{}\" of \"geo\" is known to nginx, not yet in weir", key));
        if (words.size() != 2)
            return block_.error(words[0].span, "argument-count", "invalid number of the geo parameters",
                                "lines are: network value; with a \";\" at the end of each");
        if (key == "default") {
            map_.fallback = ir::Text::of(std::string(words[1].text));
            return;
        }
        bool removes = key == "delete";
        const auto& network = words[removes ? 1 : 0];
        auto found = ranges_ ? read_range(network) : read_network(network);
        for (const auto& one : found) put(one, removes ? std::string_view() : words[1].text, removes);
    }

    std::vector<ir::PatternSet::Network> read_network(const ast::Word& word) {
        auto network = value::parse_cidr(word.text);
        if (network) return {{network->address, network->bits}};
        block_.error(word.span, "invalid-network", fmt::format("invalid network \"{}\"", word.text),
                     "an address or a network such as 10.0.0.0/8");
        return {};
    }

    std::vector<ir::PatternSet::Network> read_range(const ast::Word& word) {
        auto dash = word.text.find('-');
        auto low = value::parse_ip(word.text.substr(0, dash));
        auto high = value::parse_ip(dash == word.text.npos ? word.text : word.text.substr(dash + 1));
        bool fits = low && high && low->family == high->family &&
                    std::memcmp(low->bytes, high->bytes, sizeof low->bytes) <= 0;
        if (fits) return networks_between(*low, *high);
        block_.error(word.span, "invalid-range", fmt::format("invalid range \"{}\"", word.text),
                     "with \"ranges\" the lines are: low-high value;");
        return {};
    }

    void put(const ir::PatternSet::Network& network, std::string_view text, bool removes) {
        auto same = std::find_if(map_.entries.begin(), map_.entries.end(), [&](const Entry& entry) {
            return entry.network.bits == network.bits && entry.network.address == network.address;
        });
        if (same != map_.entries.end()) map_.entries.erase(same);
        if (removes) return;
        Entry entry;
        entry.kind = Entry::Kind::network;
        entry.network = network;
        entry.value = ir::Text::of(std::string(text));
        map_.entries.push_back(std::move(entry));
    }

    Block& block_;
    ir::Map& map_;
    bool ranges_ = false;
};

void lower_geo(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto* map = defined_map(block, call, call[call.size() - 1]);
    if (!map) return;
    map->kind = ir::Map::Kind::networks;
    if (call.size() == 2) {
        map->key = block.text(call[0]);
    } else {
        ir::Expr client{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::client_address};
        client.type = ir::Type::address;
        map->key.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(client));
    }
    GeoReader(block, *map).read(block.current->body.directives);
}

// "33.33%" in hundredths of a percent; -1: it is none.
std::int64_t read_percentage(std::string_view text) {
    if (!text.ends_with('%')) return -1;
    text.remove_suffix(1);
    auto dot = text.find('.');
    auto whole = value::parse_number(text.substr(0, dot));
    if (!whole || *whole < 0 || *whole > 100) return -1;
    std::int64_t parts = *whole * 100;
    if (dot == text.npos) return parts;
    auto fraction = text.substr(dot + 1);
    if (fraction.empty() || fraction.size() > 2) return -1;
    for (std::size_t i = 0; i < fraction.size(); ++i) {
        if (fraction[i] < '0' || fraction[i] > '9') return -1;
        parts += (fraction[i] - '0') * (i == 0 ? 10 : 1);
    }
    return parts;
}

void lower_split_clients(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto* map = defined_map(block, call, call[1]);
    if (!map) return;
    map->kind = ir::Map::Kind::shares;
    map->key = block.text(call[0]);
    std::int64_t sum = 0;
    for (const auto& line : block.current->body.directives) {
        auto words = line.words.list;
        if (words.size() != 2)
            return block.error(words[0].span, "argument-count", "invalid number of the split_clients parameters",
                               "lines are: percentage% value; and * value; at the end");
        auto value = make_text(block, words[1].text, words[1].span);
        if (words[0].text == "*") {
            map->fallback = std::move(value);
            break;
        }
        auto share = read_percentage(words[0].text);
        if (share <= 0)
            return block.error(words[0].span, "invalid-value", fmt::format("invalid percent value \"{}\"", words[0].text),
                               "at most two digits behind the point: 0.5%, 33.33%");
        sum += share;
        if (sum > 10000)
            return block.error(words[0].span, "invalid-value", "percent total is greater than 100%", "take some away");
        Entry entry;
        entry.kind = Entry::Kind::share;
        entry.below = static_cast<std::uint32_t>(static_cast<std::uint64_t>(sum) * 0xffffffffULL / 10000);
        entry.value = std::move(value);
        map->entries.push_back(std::move(entry));
    }
}

void add_referer_names(const ir::Site& site, ir::Map& map) {
    for (const auto& name : site.names) {
        Entry entry;
        entry.key = name.text;
        using Kind = ir::SiteName::Kind;
        switch (name.kind) {
            case Kind::exact: break;
            case Kind::leading_wildcard: entry.key = (name.with_bare ? "." : "*.") + entry.key; break;
            case Kind::trailing_wildcard: entry.key += ".*"; break;
            case Kind::regex: entry.kind = Entry::Kind::regex_ignore_case; break;
        }
        if (!entry.key.empty()) map.entries.push_back(std::move(entry));
    }
}

// A list of its own for each use; $invalid_referer means the one of the block it is written in.
void lower_valid_referers(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    bool first = block.first_use(*call.row);
    if (first) {
        block.referers = static_cast<std::uint32_t>(block.config.maps.size());
        auto& made = block.config.maps.emplace_back();
        made.name = "invalid_referer";
        made.span = call.span;
        made.kind = ir::Map::Kind::referers;
        made.fallback = ir::Text::of("1");
        ir::Expr field{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::request_header};
        field.text = "referer";
        made.key.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(field));
    }
    auto& map = block.config.maps[block.referers];
    for (const auto& argument : call.args) {
        auto text = argument.text;
        Entry entry;
        if (text == "none") {
            entry.kind = Entry::Kind::absent;
        } else if (text == "blocked") {
            entry.kind = Entry::Kind::hidden;
        } else if (text == "server_names") {
            if (block.site) add_referer_names(*block.site, map);
            continue;
        } else if (text.starts_with('~')) {
            text.remove_prefix(1);
            if (!check_regex(block, text, true, argument.span)) continue;
            entry.kind = Entry::Kind::regex_ignore_case;
            entry.key = text;
        } else if (text.starts_with("http://") || text.empty()) {
            invalid_parameter(block, call, argument, "a host name, without a scheme");
            continue;
        } else {
            auto slash = text.find('/');
            entry.key = text.substr(0, slash);
            for (char& c : entry.key)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
            if (slash != text.npos) entry.path = text.substr(slash);
        }
        map.entries.push_back(std::move(entry));
    }
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "geo", .where = http | stream, .args = {keyword::opt(keyword::text("$address")), keyword::word("$variable")}, .body = Body::entries,
     .apply = lower_geo, .inherit = Inherit::none, .summary = "Defines a variable whose value depends on an address."},
    {.name = "referer_hash_bucket_size", .where = server | location, .args = {keyword::number("size")}, .fallback = "64", .since = "1.0.5",
     .support = ignored("weir sizes its tables by itself"), .summary = "Sets the bucket size of the table of valid referers."},
    {.name = "referer_hash_max_size", .where = server | location, .args = {keyword::number("size")}, .fallback = "2048", .since = "1.0.5",
     .support = ignored("weir sizes its tables by itself"), .summary = "Limits the table of valid referers."},
    {.name = "split_clients", .where = http | stream, .args = {keyword::text("text"), keyword::word("$variable")}, .body = Body::entries,
     .apply = lower_split_clients, .inherit = Inherit::none, .summary = "Defines a variable that splits requests into groups by percentage."},
    {.name = "valid_referers", .where = server | location, .args = {keyword::many(keyword::word("none|blocked|server_names|name|~regex"))},
     .apply = lower_valid_referers, .inherit = Inherit::replace_list, .summary = "Referer fields for which $invalid_referer is empty."},
};

// Lines of the body of geo; read by lower_geo, rows for the manual and completion only.
constexpr Keyword line_rows[] = {
    {.name = "default", .where = geo_block | stream_geo_block, .args = {keyword::word("value")}, .inherit = Inherit::none,
     .summary = "Value when no network holds the address."},
    {.name = "delete", .where = geo_block | stream_geo_block, .args = {keyword::word("network")}, .inherit = Inherit::none,
     .summary = "Takes a network out again."},
    {.name = "proxy", .where = geo_block, .args = {keyword::word("network")}, .since = "0.8.7", .support = not_yet(),
     .summary = "Names trusted proxies whose forwarded address is used."},
    {.name = "proxy_recursive", .where = geo_block, .since = "1.3.0", .support = not_yet(),
     .summary = "Looks for the address behind several trusted proxies."},
    {.name = "ranges", .where = geo_block | stream_geo_block, .inherit = Inherit::none, .since = "0.7.23",
     .summary = "Says that the lines are address ranges."},
    {.name = "volatile", .where = geo_block | stream_geo_block, .inherit = Inherit::none, .since = "1.29.3",
     .summary = "Computes the value anew at each use."},
};
// clang-format on
static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(line_rows));

}  // namespace

keyword::Table geo_keywords() { return rows; }
keyword::Table geo_line_keywords() { return line_rows; }

}  // namespace weir::nginx
