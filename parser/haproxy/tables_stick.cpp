// SPDX-License-Identifier: Apache-2.0
// stick-table with its words, and the stick lines. A table becomes a zone named like its section.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::many;
using keyword::word;
using What = ir::Zone::Column::What;
using Key = ir::Zone::Key;

constexpr std::string_view purpose = "stick-table";

void invalid(keyword::Scope& scope, const Argument& at, std::string what, std::string hint = {}) {
    scope.error(at.span, "invalid-value", fmt::format("\"{}\" is not valid; expected {}", at.text, what),
                std::move(hint));
}

// ------------------------------------------------------------------------------ stick-table

ir::Zone& zone_of(keyword::Scope& scope) { return scope.config.zones.back(); }

// The word behind the current option, if it is `expected`, and its value.
const Argument* value_behind(Scope& scope, std::string_view expected) {
    if (scope.next + 1 >= scope.words.size() || scope.words[scope.next].text != expected) return nullptr;
    scope.next += 2;
    return &scope.words[scope.next - 1];
}

// type ip | ipv6 | integer | string [len N] | binary [len N]
void lower_type(keyword::Scope& scope, const Call& call) {
    static constexpr std::pair<std::string_view, Key> keys[] = {{"binary", Key::binary},
                                                                {"integer", Key::integer},
                                                                {"ip", Key::ipv4},
                                                                {"ipv4", Key::ipv4},
                                                                {"ipv6", Key::ipv6},
                                                                {"string", Key::text}};
    const auto* found = std::find_if(std::begin(keys), std::end(keys),
                                     [&](const auto& key) { return key.first == call[0].text; });
    if (found == std::end(keys)) return invalid(scope, call[0], "ip, ipv4, ipv6, integer, string or binary");
    auto& zone = zone_of(scope);
    zone.key = found->second;
    const bool sized = zone.key == Key::text || zone.key == Key::binary;
    zone.key_bytes = sized ? 32 : 0;
    if (!sized) return;
    if (const auto* length = value_behind(own(scope), "len")) {
        auto bytes = value::parse_number(length->text);
        if (!bytes || *bytes < 1 || *bytes > 16384) return invalid(scope, *length, "a length from 1 on");
        zone.key_bytes = static_cast<std::uint32_t>(*bytes);
    }
}

void lower_size(keyword::Scope& scope, const Call& call) {
    auto entries = value::parse_haproxy_size(call[0].text);
    if (!entries || *entries == 0 || *entries > 0x7fffffff) return invalid(scope, call[0], "a number of entries");
    zone_of(scope).entries = *entries;
}

void lower_expire(keyword::Scope& scope, const Call& call) {
    zone_of(scope).expire = std::chrono::milliseconds(call[0].number);
}

void lower_nopurge(keyword::Scope& scope, const Call&) { zone_of(scope).evicts = false; }

struct Data {
    std::string_view name;
    What what;
    std::uint32_t count;      // cells; 0: given as an argument
    bool rate;
};
constexpr Data data[] = {
    {"bytes_in_cnt", What::bytes_in, 1, false},
    {"bytes_in_rate", What::bytes_in_rate, 1, true},
    {"bytes_out_cnt", What::bytes_out, 1, false},
    {"bytes_out_rate", What::bytes_out_rate, 1, true},
    {"conn_cnt", What::connection_count, 1, false},
    {"conn_cur", What::connections, 1, false},
    {"conn_rate", What::connection_rate, 1, true},
    {"glitch_cnt", What::glitch_count, 1, false},
    {"glitch_rate", What::glitch_rate, 1, true},
    {"gpc", What::counter, 0, false},
    {"gpc0", What::counter, 1, false},
    {"gpc0_rate", What::counter_rate, 1, true},
    {"gpc1", What::counter, 2, false},
    {"gpc1_rate", What::second_rate, 1, true},
    {"gpc_rate", What::counter_rate, 0, true},
    {"gpt", What::tag, 0, false},
    {"gpt0", What::tag, 1, false},
    {"http_err_cnt", What::error_count, 1, false},
    {"http_err_rate", What::error_rate, 1, true},
    {"http_fail_cnt", What::failure_count, 1, false},
    {"http_fail_rate", What::failure_rate, 1, true},
    {"http_req_cnt", What::request_count, 1, false},
    {"http_req_rate", What::request_rate, 1, true},
    {"server_id", What::server, 1, false},
    {"server_key", What::server, 1, false},
    {"sess_cnt", What::session_count, 1, false},
    {"sess_rate", What::session_rate, 1, true},
};

// NAME, NAME(period), gpc(n), gpc_rate(n,period)
bool read_data(keyword::Scope& scope, const Argument& at, std::string_view text) {
    auto open = text.find('(');
    auto name = text.substr(0, open);
    auto inner = open == text.npos ? std::string_view() : text.substr(open + 1);
    const auto* known = std::find_if(std::begin(data), std::end(data),
                                     [&](const Data& one) { return one.name == name; });
    Argument part{.text = text, .span = at.span};
    if (known == std::end(data)) {
        invalid(scope, part, "data such as gpc0, conn_cur or http_req_rate(10s)");
        return false;
    }
    if (open != text.npos && !inner.ends_with(')')) {
        invalid(scope, part, "a \")\" at its end");
        return false;
    }
    if (open != text.npos) inner.remove_suffix(1);
    ir::Zone::Column column{.what = known->what, .count = known->count};
    if (known->count == 0) {
        auto comma = inner.find(',');
        auto number = value::parse_number(inner.substr(0, comma));
        if (!number || *number < 1 || *number > 100) {
            invalid(scope, part, "a number of elements from 1 to 100");
            return false;
        }
        column.count = static_cast<std::uint32_t>(*number);
        column.array = true;
        inner = comma == inner.npos ? std::string_view() : inner.substr(comma + 1);
    }
    if (known->rate) {
        auto period = value::parse_haproxy_duration(inner);
        if (inner.empty() || !period || period->count() == 0) {
            invalid(scope, part, "a period, such as " + std::string(name) + "(10s)");
            return false;
        }
        column.period = *period;
    } else if (!inner.empty()) {
        invalid(scope, part, "no argument");
        return false;
    }
    auto& columns = zone_of(scope).columns;
    auto twice = std::find_if(columns.begin(), columns.end(),
                              [&](const auto& one) { return one.what == column.what; });
    if (twice == columns.end())
        columns.push_back(column);
    else
        twice->count = std::max(twice->count, column.count);   // gpc0 and gpc1
    return true;
}

// store A,B(10s),... The commas inside of parentheses do not part.
void lower_store(keyword::Scope& scope, const Call& call) {
    auto text = call[0].text;
    for (std::size_t from = 0; from <= text.size();) {
        std::size_t end = from, depth = 0;
        while (end < text.size() && (text[end] != ',' || depth != 0)) {
            if (text[end] == '(') ++depth;
            if (text[end] == ')' && depth != 0) --depth;
            ++end;
        }
        if (!read_data(scope, call[0], text.substr(from, end - from))) return;
        from = end + 1;
    }
}

void lower_peers(keyword::Scope& scope, const Call& call) {
    auto& zone = zone_of(scope);
    if (!zone.peers.empty())
        return scope.error(call.span, "unexpected-argument", "a table of a section of peers is theirs alone");
    refer(own(scope), Reference::Kind::peers, call[0].text, call[0].span);
    zone.peers = std::string(call[0].text);
    zone.shared_name = zone.name;
}
void lower_recv_only(keyword::Scope& scope, const Call&) { zone_of(scope).receives_only = true; }
void lower_srvkey(keyword::Scope& scope, const Call& call) {
    zone_of(scope).servers_by_address = call[0].text == "addr";
}
void lower_write_to(keyword::Scope& scope, const Call& call) {
    refer(own(scope), Reference::Kind::table, call[0].text, call[0].span);
    zone_of(scope).write_to = std::string(call[0].text);
}

void lower_own_table(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    lower_table(here, call, call.args, here.draft->name);
}

}  // namespace

void lower_table(Scope& here, const Call& call, Args options, std::string name) {
    keyword::Scope& scope = here;
    if (scope.config.find_zone(name, purpose) != ir::no_id)
        return scope.error(call.span, "duplicate", "this section has a stick-table already",
                           "put the other one into a backend of its own");
    ir::Zone zone;
    zone.name = std::move(name);
    if (here.draft->place == in::peers) {
        zone.peers = here.draft->name;
        zone.shared_name = zone.name.substr(zone.peers.size());
    }
    zone.purpose = std::string(purpose);
    zone.span = call.span;
    scope.config.zones.push_back(std::move(zone));
    auto errors = scope.sink.count(diag::Severity::error);
    bool typed = std::any_of(options.begin(), options.end(),
                             [](const auto& one) { return one.text == "type"; });
    if (!typed)
        return scope.error(call.span, "argument-count", "\"stick-table\" needs a type",
                           "syntax: stick-table type ip size 100k expire 10m store conn_cur");
    lower_options(here, options, in::stick_table);
    auto& made = zone_of(scope);
    if (made.entries == 0 && scope.sink.count(diag::Severity::error) == errors)
        scope.error(call.span, "argument-count", "\"stick-table\" needs a size",
                    "syntax: stick-table type ip size 100k expire 10m store conn_cur");
}

// ------------------------------------------------------------------------------ stick lines

namespace {

// stick on KEY [table NAME] [if condition]
template <bool Match, bool Request, bool Response>
void lower_stick(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    const auto requests = here.draft->http ? in::http_request : in::tcp_request_content;
    const auto responses = here.draft->http ? in::http_response : in::tcp_response_content;
    here.place = Response ? responses : requests;
    std::size_t used = 0;
    auto key = lower_sample(here, call.args, used);
    if (!key) return;
    ir::Pool::Stick stick;
    stick.key = std::move(*key);
    stick.match = Match;
    stick.store_request = Request;
    stick.store_response = Response;
    stick.table = here.draft->name;
    Span at = call.span;
    if (used + 1 < call.size() && call[used].text == "table") {
        stick.table = std::string(call[used + 1].text);
        at = call[used + 1].span;
        used += 2;
    }
    refer(here, Reference::Kind::table, stick.table, at);
    if (used < call.size() && call[used].text != "if" && call[used].text != "unless")
        return scope.error(call[used].span, "unexpected-argument",
                           fmt::format("unexpected \"{}\" after the key", call[used].text),
                           "syntax: stick on key [table name] [if condition]");
    if (take_condition(here, call.args, used, stick.when)) here.draft->sticks.push_back(std::move(stick));
}

// ------------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary) {
    return {.name = name, .where = where, .args = args, .apply = apply, .summary = summary};
}

constexpr Contexts servers = in::listen | in::backend;
constexpr keyword::Signature stick_args = {word("key"), any_number(word("table and condition"))};

constexpr auto lines = sorted({
    row("stick match", servers, stick_args, lower_stick<true, false, false>,
        "Looks up the server of a key in a stick table."),
    row("stick on", servers, stick_args, lower_stick<true, true, false>,
        "Stores and looks up the server of a key in a stick table."),
    row("stick store-request", servers, stick_args, lower_stick<false, true, false>,
        "Stores the server of a request's key in a stick table."),
    row("stick store-response", servers, stick_args, lower_stick<false, false, true>,
        "Stores the server of an answer's key in a stick table."),
    row("stick-table", in::frontend | in::listen | in::backend, {many(word("option"))}, lower_own_table,
        "Declares a table of keys with counters."),
    row("expire", in::stick_table, {keyword::duration("time")}, lower_expire,
        "How long an unused entry stays."),
    row("nopurge", in::stick_table, {}, lower_nopurge, "A full table takes no new keys."),
    row("size", in::stick_table, {word("entries")}, lower_size, "Most entries."),
    {.name = "brates-factor",
     .where = in::stick_table,
     .args = {keyword::number("factor", 1, 1024)},
     .support = keyword::ignored("weir counts rates of bytes in 64 bits"),
     .summary = "Makes room for high rates of bytes."},
    row("peers", in::stick_table, {word("section")}, lower_peers, "Names the peers that share the table."),
    row("recv-only", in::stick_table, {}, lower_recv_only,
        "Takes from peers also what is counted for now, such as conn_cur."),
    row("srvkey", in::stick_table, {keyword::choice("name|addr")}, lower_srvkey,
        "How peers are told of the server of a key."),
    row("write-to", in::stick_table, {word("table")}, lower_write_to,
        "Writes servers and tags that peers tell into another table, too."),
    row("store", in::stick_table, {word("data")}, lower_store, "What an entry counts."),
    row("type", in::stick_table, {word("type")}, lower_type, "Type of the keys."),
});
static_assert(keyword::well_formed(lines));

constexpr Keyword type_row(std::string_view name, std::string_view summary) {
    return {.name = name, .where = in::stick_type, .summary = summary};
}
constexpr Keyword data_row(std::string_view name, std::string_view summary) {
    return {.name = name, .where = in::stick_data, .summary = summary};
}
constexpr auto words = sorted({
    type_row("binary", "Keys are bytes."),
    type_row("integer", "Keys are numbers."),
    type_row("ip", "Keys are IPv4 addresses."),
    type_row("ipv4", "Keys are IPv4 addresses."),
    type_row("ipv6", "Keys are IPv6 addresses."),
    type_row("string", "Keys are texts."),
    data_row("bytes_in_cnt", "Bytes from the client."),
    data_row("bytes_in_rate", "Rate of bytes from the client."),
    data_row("bytes_out_cnt", "Bytes to the client."),
    data_row("bytes_out_rate", "Rate of bytes to the client."),
    data_row("conn_cnt", "Connections so far."),
    data_row("conn_cur", "Connections open now."),
    data_row("conn_rate", "Rate of connections."),
    data_row("glitch_cnt", "Protocol glitches."),
    data_row("glitch_rate", "Rate of protocol glitches."),
    data_row("gpc", "A number of general counters."),
    data_row("gpc0", "First general counter."),
    data_row("gpc0_rate", "Rate of the first general counter."),
    data_row("gpc1", "Second general counter."),
    data_row("gpc1_rate", "Rate of the second general counter."),
    data_row("gpc_rate", "Rates of the general counters."),
    data_row("gpt", "A number of general tags."),
    data_row("gpt0", "First general tag."),
    data_row("http_err_cnt", "Requests that ended in client errors."),
    data_row("http_err_rate", "Rate of client errors."),
    data_row("http_fail_cnt", "Requests that ended in server failures."),
    data_row("http_fail_rate", "Rate of server failures."),
    data_row("http_req_cnt", "Requests."),
    data_row("http_req_rate", "Rate of requests."),
    data_row("server_id", "Server that was chosen, by number."),
    data_row("server_key", "Server that was chosen, by name."),
    data_row("sess_cnt", "Sessions so far."),
    data_row("sess_rate", "Rate of sessions."),
});
static_assert(keyword::well_formed(words));

}  // namespace

// Tables of stick lines hold a server; so does one without any data, which only knows its keys.
void complete_tables(ir::Config& config) {
    auto add = [](ir::Zone& zone) {
        bool has = std::any_of(zone.columns.begin(), zone.columns.end(),
                               [](const auto& one) { return one.what == What::server; });
        if (!has) zone.columns.push_back({.what = What::server});
    };
    for (const auto& pool : config.pools)
        for (const auto& stick : pool.sticks)
            if (auto id = config.find_zone(stick.table, purpose); id != ir::no_id) add(config.zones[id]);
    for (auto& zone : config.zones)
        if (zone.purpose == purpose && zone.columns.empty()) add(zone);
}

keyword::Table stick_table() { return lines; }
keyword::Table stick_word_table() { return words; }

}  // namespace weir::haproxy
