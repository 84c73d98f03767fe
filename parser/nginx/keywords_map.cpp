// SPDX-License-Identifier: Apache-2.0
// Rows of map in http and stream. Its lines are no directives: "key value;" and a few words.
#include <fmt/format.h>

#include "parser/nginx/condition.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

class MapReader {
public:
    MapReader(Block& block, ir::Map& map) : block_(block), map_(map) {}

    void read(const std::vector<ast::Directive>& lines) {
        for (const auto& line : lines) read_line(line);
    }

private:
    void read_line(const ast::Directive& line) {
        auto words = line.words.list;
        const auto& key = words[0];
        if (line.body.present)
            return block_.error(key.span, "unexpected-body", "unexpected \"{\" in \"map\"",
                                "lines are: key value;");
        if (words.size() == 1 && key.text == "hostnames") {
            map_.hostnames = true;
            return;
        }
        if (words.size() == 1 && key.text == "volatile") {
            return;   // every use looks it up anew
        }
        if (words.size() != 2)
            return block_.error(key.span, "argument-count", "invalid number of the map parameters",
                                "lines are: key value; with a \";\" at the end of each");
        auto value = make_text(block_, words[1].text, words[1].span);
        if (key.text == "default") return read_default(key, std::move(value));
        read_entry(key, std::move(value));
    }

    void read_default(const ast::Word& key, ir::Text value) {
        if (default_given_)
            return block_.error(key.span, "duplicate-name", "duplicate default map parameter",
                                "keep one of them");
        default_given_ = true;
        map_.fallback = std::move(value);
    }

    void read_entry(const ast::Word& key, ir::Text value) {
        ir::Map::Entry entry;
        auto text = key.text;
        if (text.starts_with('~')) {
            bool ignore_case = text.starts_with("~*");
            text.remove_prefix(ignore_case ? 2 : 1);
            if (!check_regex(block_, text, ignore_case, key.span)) return;
            entry.kind = ignore_case ? ir::Map::Entry::Kind::regex_ignore_case
                                     : ir::Map::Entry::Kind::regex;
            entry.key = text;
        } else {
            // A backslash lets a key be one of the words above.
            if (text.starts_with('\\')) text.remove_prefix(1);
            entry.key = text;
            for (char& c : entry.key)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);   // keys ignore case
            if (!keys_.insert(entry.key).second)
                return block_.error(key.span, "duplicate-name",
                                    fmt::format("conflicting parameter \"{}\"", key.text),
                                    "the map has this key already; keys ignore case");
        }
        entry.value = std::move(value);
        map_.entries.push_back(std::move(entry));
    }

    Block& block_;
    ir::Map& map_;
    std::unordered_set<std::string> keys_;
    bool default_given_ = false;
};

void lower_map(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto word = call[1].text;
    if (word.size() < 2 || word[0] != '$')
        return block.error(call[1].span, "invalid-variable",
                           fmt::format("invalid variable name \"{}\"", word),
                           "the second argument is the variable to define: map $key $variable { }");
    const auto name = variable_name(word.substr(1));
    if (is_built_in(block, name))
        return block.error(call[1].span, "duplicate-variable",
                           fmt::format("the duplicate \"{}\" variable", name),
                           "nginx has a variable of that name; choose another");
    auto defined = block.names->definitions.find(name);
    if (defined == block.names->definitions.end() || defined->second.kind != Definition::Kind::map)
        return refuse_parameter(block, call, call[1]);   // also set, or the name of a regex group
    ir::Map map;
    map.name = name;
    map.span = call.span;
    map.key = block.text(call[0]);
    MapReader(block, map).read(block.current->body.directives);
    block.config.maps[defined->second.slot] = std::move(map);
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "map", .where = http | stream, .args = {keyword::text("text"), keyword::word("$variable")},
     .body = Body::entries, .apply = lower_map, .inherit = Inherit::none,
     .summary = "Defines a variable whose value depends on another text."},
    {.name = "map_hash_bucket_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "64",
     .support = ignored("weir's tables grow as needed"), .summary = "Size of the tables of maps."},
    {.name = "map_hash_max_size", .where = http | stream, .args = {keyword::number("size")}, .fallback = "2048",
     .support = ignored("weir's tables grow as needed"), .summary = "Size of the tables of maps."},
};

// Lines of the body; read by lower_map, rows for the manual and completion only.
constexpr Keyword line_rows[] = {
    {.name = "default", .where = map_block | stream_map_block, .args = {keyword::text("value")}, .inherit = Inherit::none,
     .summary = "Value when no key matches."},
    {.name = "hostnames", .where = map_block | stream_map_block, .inherit = Inherit::none,
     .summary = "Says that keys may be host names with a wildcard, such as *.example.com."},
    {.name = "volatile", .where = map_block | stream_map_block, .inherit = Inherit::none, .since = "1.11.7",
     .summary = "Computes the value anew at each use."},
};
// clang-format on
static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(line_rows));

}  // namespace

keyword::Table map_keywords() { return rows; }
keyword::Table map_line_keywords() { return line_rows; }

}  // namespace weir::nginx
