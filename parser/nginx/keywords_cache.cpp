// SPDX-License-Identifier: Apache-2.0
// What the rows of the caches do: where one lies, what is kept and when it is used. The rows that families
// share are in keywords_families.cpp.
#include <fmt/format.h>

#include <algorithm>

#include "parser/keyword/zones.hpp"
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using ir::CacheSettings;
using ir::CacheStore;
using ir::Settings;
using keyword::Argument;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;

constexpr std::string_view purpose = "cache";
constexpr std::int64_t most = 0x7fffffff;

// --- proxy_cache_path ---

// The parameters behind the folder, one after the other.
class PathReader {
public:
    PathReader(Block& block, const Call& call, CacheStore& store) : block_(block), call_(call), store_(store) {}

    // False, and reported: that parameter is none or says nothing that makes sense.
    bool read(const Argument& argument) {
        std::string_view value;
        auto text = argument.text;
        auto has = [&](std::string_view name) { return key_value(text, name, value); };
        if (has("levels=")) return levels(argument, value);
        if (has("keys_zone=")) return zone(argument, value);
        if (has("use_temp_path=")) return temp_path(argument, value);
        if (has("inactive=")) return time(argument, value, store_.inactive, value::NginxTime::seconds);
        if (has("max_size=")) return max_size(argument, value);
        if (has("min_free=")) return size(argument, value, store_.min_free);
        if (has("loader_files=")) return number(argument, value, store_.loader.files);
        if (has("loader_sleep=")) return time(argument, value, store_.loader.pause);
        if (has("loader_threshold=")) return time(argument, value, store_.loader.threshold);
        if (has("manager_files=")) return number(argument, value, store_.manager.files);
        if (has("manager_sleep=")) return time(argument, value, store_.manager.pause);
        if (has("manager_threshold=")) return time(argument, value, store_.manager.threshold);
        if (text.starts_with("purger")) return purger(argument);
        invalid_parameter(block_, call_, argument);
        return false;
    }
    std::optional<keyword::ZoneWords> words;

private:
    bool bad(const Argument& argument, std::string hint) {
        block_.error(argument.span, "invalid-value",
                     fmt::format("invalid value \"{}\" of \"{}\"", argument.text, call_.name), std::move(hint));
        return false;
    }
    bool levels(const Argument& argument, std::string_view value) {
        for (std::size_t at = 0; at < value.size(); at += 2) {
            bool digit = value[at] == '1' || value[at] == '2';
            bool ends = at + 1 == value.size() || value[at + 1] == ':';
            if (!digit || !ends || store_.levels.size() == 3)
                return bad(argument, "one to three levels of one or two letters: levels=1:2");
            store_.levels.push_back(static_cast<std::uint8_t>(value[at] - '0'));
        }
        return value.size() % 2 == 1 || bad(argument, "one to three levels of one or two letters: levels=1:2");
    }
    bool zone(const Argument& argument, std::string_view value) {
        words = keyword::parse_zone(block_, argument, value, 2);
        return words.has_value();
    }
    bool temp_path(const Argument& argument, std::string_view value) {
        if (value != "on" && value != "off") return bad(argument, "on or off");
        if (value == "on")
            block_.sink.warning(argument.span, "ignored-parameter",
                                "\"use_temp_path=on\" has no effect: files are written beside the place where "
                                "they will lie, so that they appear there whole");
        return true;
    }
    // Of nginx's commercial rows. What was purged leaves the disk as the manager comes to it.
    bool purger(const Argument& argument) {
        std::string_view value;
        for (std::string_view known : {"purger=", "purger_files=", "purger_sleep=", "purger_threshold="}) {
            if (!key_value(argument.text, known, value)) continue;
            block_.sink.warning(argument.span, "ignored-parameter",
                                fmt::format("\"{}\" has no effect: the manager of the cache removes what was purged",
                                            argument.text));
            return true;
        }
        invalid_parameter(block_, call_, argument);
        return false;
    }
    bool time(const Argument& argument, std::string_view value, std::chrono::milliseconds& into,
              value::NginxTime precision = value::NginxTime::milliseconds) {
        auto parsed = value::parse_nginx_duration(value, precision);
        if (!parsed) return bad(argument, "expected " + parsed.error());
        into = *parsed;
        return true;
    }
    bool size(const Argument& argument, std::string_view value, std::uint64_t& into) {
        auto parsed = value::parse_nginx_size(value);
        if (!parsed) return bad(argument, "expected " + parsed.error());
        into = *parsed;
        return true;
    }
    // 0 keeps nothing for long; to the IR it would be no limit.
    bool max_size(const Argument& argument, std::string_view value) {
        bool read = size(argument, value, store_.max_size);
        store_.max_size = std::max<std::uint64_t>(store_.max_size, 1);
        return read;
    }
    bool number(const Argument& argument, std::string_view value, std::uint32_t& into) {
        auto parsed = value::parse_number(value);
        if (!parsed || *parsed < 1 || *parsed > most) return bad(argument, "a number of files");
        into = static_cast<std::uint32_t>(*parsed);
        return true;
    }

    Block& block_;
    const Call& call_;
    CacheStore& store_;
};

// Purges of many keys at a time, until the manager has been through the files.
void add_purges(Block& block, const CacheStore& store, Span span) {
    auto& purges = block.config.zones[keyword::zone_of(block, store.name, "purge", span)];
    purges.entries = 64;
    purges.key_bytes = 1024;
    purges.evicts = false;
    purges.columns.push_back({.what = ir::Zone::Column::What::record});
    purges.span = span;
}

}  // namespace

void lower_cache_path(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    CacheStore store;
    store.folder = block.run.full_path(call[0].text);
    while (store.folder.size() > 1 && store.folder.ends_with('/')) store.folder.pop_back();
    store.span = call.span;
    PathReader reader(block, call, store);
    for (const auto& argument : call.args.subspan(1))
        if (!reader.read(argument)) return;
    if (!reader.words)
        return block.error(call.span, "missing-parameter", fmt::format("\"{}\" must have \"keys_zone\" parameter", call.name),
                           "add keys_zone=name:size");
    store.name = reader.words->name;
    auto& zone = block.config.zones[keyword::zone_of(block, store.name, purpose, call.span)];
    if (!zone.columns.empty())
        return block.error(call.span, "duplicate-zone", fmt::format("duplicate zone \"{}\"", store.name),
                           "give this one a name of its own");
    for (const auto& other : block.config.caches)
        if (other.folder == store.folder)
            return block.error(call.span, "duplicate-path",
                               fmt::format("the folder \"{}\" is that of a cache{}", store.folder,
                                           block.run.at_line(other.span)),
                               "each cache needs a folder of its own");
    zone.bytes = reader.words->bytes;
    zone.key = ir::Zone::Key::binary;
    zone.key_bytes = 16;
    zone.columns.push_back({.what = ir::Zone::Column::What::record, .count = 6});
    zone.span = call.span;
    add_purges(block, store, call.span);
    block.config.caches.push_back(std::move(store));
}

// --- what is kept ---

namespace {

void switch_off(CacheSettings& cache) {
    cache.store.clear();
    cache.computed_store.reset();
}

bool is_on(const CacheSettings& cache) { return !cache.store.empty() || cache.computed_store; }

// An answer lies in a cache or in a file of its own: the line that stands further inside counts, and in
// one block there may be only one of the two. `mine` and `other` are the ends of both names.
bool goes_with(Block& block, const Call& call, std::string_view mine, std::string_view other) {
    auto name = std::string(call.name.substr(0, call.name.size() - mine.size())).append(other);
    const auto* row = block.run.directives.find(name, block.here);
    if (!row || block.first_use(*row)) return true;
    block.error(call.span, "conflict", fmt::format("\"{}\" is incompatible with \"{}\"", call.name, name),
                "leave one of the two out");
    return false;
}

}  // namespace

void lower_store(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& forward = block.own.forward.edit();
    forward.store.reset();
    if (call[0].text == "off") return;
    if (is_on(*block.own.cache)) {
        if (!goes_with(block, call, "store", "cache")) return;
        switch_off(block.own.cache.edit());
    }
    forward.store = call[0].text == "on" ? make_text(block, "$request_filename", call[0].span) : block.text(call[0]);
}

// user:rw group:rw all:r; without a word on the user it may read and write.
void lower_store_access(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    unsigned access = 0, user = 0600;
    for (const auto& argument : call.args) {
        std::string_view rights;
        unsigned shift = 0;
        if (key_value(argument.text, "user:", rights)) shift = 6;
        else if (key_value(argument.text, "group:", rights)) shift = 3;
        else if (!key_value(argument.text, "all:", rights)) return invalid_parameter(block, call, argument);
        if (rights != "rw" && rights != "r") return invalid_parameter(block, call, argument, "r or rw behind the colon");
        if (shift == 6) user = 0;
        access |= (rights == "rw" ? 06U : 04U) << shift;
    }
    block.own.forward.edit().store_access = static_cast<std::uint16_t>(access | user);
}

void lower_cache(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& cache = block.own.cache.edit();
    switch_off(cache);
    if (call[0].text == "off") return;
    if (block.own.forward->store) {
        if (!goes_with(block, call, "cache", "store")) return;
        block.own.forward.edit().store.reset();
    }
    if (has_variables(call[0].text)) {
        cache.computed_store = block.text(call[0]);
        return;
    }
    if (call[0].text.empty())
        return block.error(call[0].span, "invalid-value", fmt::format("\"{}\" has no zone", call.name),
                           "the name of a zone, or off");
    cache.store = std::string(call[0].text);
    keyword::zone_of(block, cache.store, purpose, call[0].span);
}

void lower_cache_valid(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& list = block.own.cache.edit().valid;
    if (block.first_use(*call.row)) list.clear();
    const auto& last = call[call.size() - 1];
    auto time = value::parse_nginx_duration(last.text, value::NginxTime::seconds);
    if (!time)
        return block.error(last.span, "invalid-value", fmt::format("invalid time value \"{}\"", last.text),
                           "expected " + time.error());
    CacheSettings::Valid valid;
    valid.time = std::chrono::duration_cast<std::chrono::seconds>(*time);
    if (call.size() == 1) valid.statuses = {200, 301, 302};
    bool any = false;
    for (const auto& argument : call.args.first(call.size() - 1)) {
        if (argument.text == "any") {
            any = true;
            continue;
        }
        auto status = value::parse_number(argument.text);
        if (!status || *status < 100 || *status > 599)
            return block.error(argument.span, "invalid-value", fmt::format("invalid status \"{}\"", argument.text),
                               "a status from 100 to 599, or any");
        valid.statuses.push_back(static_cast<std::uint16_t>(*status));
    }
    if (any) valid.statuses.clear();
    list.push_back(std::move(valid));
}

namespace {

void lower_conditions(Block& block, const Call& call, std::vector<ir::Text>& list) {
    if (block.first_use(*call.row)) list.clear();
    for (const auto& argument : call.args) list.push_back(block.text(argument));
}

}  // namespace

void lower_cache_bypass(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    lower_conditions(block, call, block.own.cache.edit().bypass);
}

void lower_no_cache(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    lower_conditions(block, call, block.own.cache.edit().keep_out);
}

void lower_cache_purge(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    lower_conditions(block, call, block.own.cache.edit().purge);
}

void lower_cache_methods(Scope& scope, const Call& call) {
    constexpr std::string_view known[] = {"GET", "HEAD", "POST"};
    Block& block = block_of(scope);
    std::vector<std::string> methods{"GET", "HEAD"};
    for (const auto& argument : call.args) {
        if (std::find(std::begin(known), std::end(known), argument.text) == std::end(known))
            return block.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"{}\"", argument.text, call.name),
                               "GET, HEAD or POST");
        if (argument.text == "POST") methods.emplace_back(argument.text);
    }
    block.own.cache.edit().methods = std::move(methods);
}

void lower_cache_use_stale(Scope& scope, const Call& call) {
    constexpr std::string_view statuses = " 500 502 503 504 403 404 429 ";
    Block& block = block_of(scope);
    CacheSettings::UseStale use;
    bool off = false;
    for (const auto& argument : call.args) {
        auto text = argument.text;
        if (text == "error") use.error = true;
        else if (text == "timeout") use.timeout = true;
        else if (text == "invalid_header") use.invalid_header = true;
        else if (text == "updating") use.updating = true;
        else if (text == "off") off = true;
        else if (text.size() == 8 && text.starts_with("http_") && statuses.find(text.substr(5)) != text.npos)
            use.statuses.push_back(static_cast<std::uint16_t>(std::stoi(std::string(text.substr(5)))));
        else
            return block.error(argument.span, "invalid-value",
                               fmt::format("invalid value \"{}\" of \"{}\"", text, call.name),
                               "error, timeout, invalid_header, updating, http_500, http_502, http_503, http_504, "
                               "http_403, http_404, http_429 or off");
    }
    if (off) use = {};
    block.own.cache.edit().use_stale = std::move(use);
}

namespace {

void lower_cache_status(Scope& scope, const Call&) {
    block_of(scope).route->action = ir::ServedBy{"cache_status", nullptr};
}

constexpr Contexts everywhere = http | context::server | location;

// clang-format off
constexpr Keyword rows[] = {
    {.name = "cache_status", .where = context::server | location, .apply = lower_cache_status,
     .inherit = Inherit::none, .summary = "Answers with the numbers of the caches on disk as JSON (weir's own)."},
    {.name = "proxy_cache_convert_head", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::cache, &CacheSettings::convert_head>, .fallback = "on", .since = "1.9.7",
     .summary = "Asks servers with GET where a client asks with HEAD, so that the answer can be kept.", .once = true},
    {.name = "slice", .where = everywhere, .args = {keyword::size("size")},
     .apply = set<&Settings::cache, &CacheSettings::slice>, .fallback = "0", .since = "1.9.8",
     .summary = "Asks servers for pieces of that size ($slice_range), each kept by itself.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table cache_keywords() { return rows; }

}  // namespace weir::nginx
