// SPDX-License-Identifier: Apache-2.0
// Sample fetches and converters about stick tables. Each kind of data has a fetch for a tracked counter
// (sc_NAME(0), sc0_NAME), one for the client's address (src_NAME) and a converter (table_NAME).
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::number;
using keyword::opt;
using keyword::word;
using F = ir::Fetch;
using C = ir::Converter;
using Op = ir::EntryQuery::Op;
using What = ir::Zone::Column::What;

ir::Expr& made(keyword::Scope& scope) { return *own(scope).expr; }

// The table by name, or that of the section.
void take_table(keyword::Scope& scope, const Call& call, std::size_t at) {
    auto& here = own(scope);
    auto& expr = made(scope);
    bool given = at < call.size() && !call[at].text.empty();
    if (!given && (!here.draft || here.draft->is_defaults()))
        return scope.error(call.span, "argument-count",
                           fmt::format("\"{}\" needs the name of a table here", call.name));
    expr.text = given ? std::string(call[at].text) : here.draft->name;
    refer(here, Reference::Kind::table, expr.text, given ? call[at].span : call.span);
}

bool take_index(keyword::Scope& scope, const Argument& at, ir::EntryQuery& query) {
    auto index = value::parse_number(at.text);
    if (index && *index >= 0 && *index < 100) {
        query.index = static_cast<std::uint16_t>(*index);
        return true;
    }
    scope.error(at.span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected an index from 0 to 99", at.text));
    return false;
}

bool takes_index(std::string_view name) {
    return name.ends_with("_gpc") || name.ends_with("_gpt") || name.ends_with("_gpc_rate");
}

// sc0_NAME([table]), sc_NAME(counter[,table]), sc_get_gpc(index,counter[,table])
void lower_followed(keyword::Scope& scope, const Call& call) {
    auto& expr = made(scope);
    auto query = ir::EntryQuery::of(expr.number);
    std::size_t at = 0;
    if (takes_index(call.row->name) && !take_index(scope, call[at++], query)) return;
    if (call.row->name.starts_with("sc_")) {
        auto follower = value::parse_number(call[at].text);
        if (!follower || *follower < 0 || *follower >= static_cast<std::int64_t>(scope.config.followers))
            return scope.error(call[at].span, "invalid-value",
                               fmt::format("there is no counter \"{}\"", call[at].text),
                               "tune.stick-counters in the global section sets how many");
        query.follower = static_cast<std::uint8_t>(*follower);
        ++at;
    }
    expr.number = query.packed();
    expr.text.clear();
    if (at < call.size() && !call[at].text.empty()) take_table(scope, call, at);
}

void lower_source(keyword::Scope& scope, const Call& call) {
    auto query = ir::EntryQuery::of(made(scope).number);
    std::size_t at = 0;
    if (takes_index(call.row->name) && !take_index(scope, call[at++], query)) return;
    made(scope).number = query.packed();
    take_table(scope, call, at);
}

void lower_of_table(keyword::Scope& scope, const Call& call) { take_table(scope, call, 0); }

// table_NAME(table), table_gpc(index,table), table_idle(table[,default])
void lower_converter(keyword::Scope& scope, const Call& call) {
    auto query = ir::EntryQuery::of(made(scope).number);
    std::size_t at = 0;
    if (takes_index(call.row->name) && !take_index(scope, call[at++], query)) return;
    made(scope).number = query.packed();
    take_table(scope, call, at++);
    if (at >= call.size()) return;
    ir::Expr fallback;
    fallback.type = ir::Type::integer;
    fallback.span = call[at].span;
    if (auto value = value::parse_number(call[at].text)) fallback.number = *value;
    made(scope).in.push_back(std::move(fallback));
}

constexpr std::int64_t query(Op op, What what, std::uint8_t follower = 0, std::uint16_t index = 0) {
    return ir::EntryQuery{op, what, follower, index}.packed();
}

constexpr keyword::Signature table_arg = {opt(word("table"))};
constexpr keyword::Signature counter_args = {word("counter"), opt(word("table"))};
constexpr keyword::Signature index_table = {word("index"), opt(word("table"))};
constexpr keyword::Signature index_counter = {word("index"), word("counter"), opt(word("table"))};

// clang-format off
#define FOLLOWED(CODE, NAME, OP, WHAT, INDEX, TEXT) \
    fetch("sc_" NAME, CODE, in::everywhere, TEXT " of the key in a counter.", counter_args, query(OP, WHAT, 0, INDEX), lower_followed), \
    fetch("sc0_" NAME, CODE, in::everywhere, TEXT " of the key in the first counter.", table_arg, query(OP, WHAT, 0, INDEX), lower_followed), \
    fetch("sc1_" NAME, CODE, in::everywhere, TEXT " of the key in the second counter.", table_arg, query(OP, WHAT, 1, INDEX), lower_followed), \
    fetch("sc2_" NAME, CODE, in::everywhere, TEXT " of the key in the third counter.", table_arg, query(OP, WHAT, 2, INDEX), lower_followed)
#define SOURCE(NAME, OP, WHAT, INDEX, TEXT) \
    fetch("src_" NAME, F::source_entry, in::everywhere, TEXT " of the client's address.", table_arg, query(OP, WHAT, 0, INDEX), lower_source)
#define BOTH(NAME, OP, WHAT, INDEX, TEXT) \
    FOLLOWED(F::followed_entry, NAME, OP, WHAT, INDEX, TEXT), SOURCE(NAME, OP, WHAT, INDEX, TEXT)
#define INDEXED(NAME, OP, WHAT, TEXT) \
    fetch("sc_" NAME, F::followed_entry, in::everywhere, TEXT " of the key in a counter.", index_counter, query(OP, WHAT), lower_followed), \
    fetch("src_" NAME, F::source_entry, in::everywhere, TEXT " of the client's address.", index_table, query(OP, WHAT), lower_source)

constexpr auto fetches = sorted({
    BOTH("bytes_in_rate", Op::get, What::bytes_in_rate, 0, "Rate of bytes from the client,"),
    BOTH("bytes_out_rate", Op::get, What::bytes_out_rate, 0, "Rate of bytes to the client,"),
    BOTH("clr_gpc0", Op::clear, What::counter, 0, "Clears the first general counter and tells what it was,"),
    BOTH("clr_gpc1", Op::clear, What::counter, 1, "Clears the second general counter and tells what it was,"),
    BOTH("conn_cnt", Op::get, What::connection_count, 0, "Number of connections"),
    BOTH("conn_cur", Op::get, What::connections, 0, "Number of connections open now"),
    BOTH("conn_rate", Op::get, What::connection_rate, 0, "Rate of connections"),
    BOTH("get_gpc0", Op::get, What::counter, 0, "First general counter"),
    BOTH("get_gpc1", Op::get, What::counter, 1, "Second general counter"),
    BOTH("get_gpt0", Op::get, What::tag, 0, "First general tag"),
    BOTH("glitch_cnt", Op::get, What::glitch_count, 0, "Number of protocol glitches"),
    BOTH("glitch_rate", Op::get, What::glitch_rate, 0, "Rate of protocol glitches"),
    BOTH("gpc0_rate", Op::get, What::counter_rate, 0, "Rate of the first general counter"),
    BOTH("gpc1_rate", Op::get, What::counter_rate, 1, "Rate of the second general counter"),
    BOTH("http_err_cnt", Op::get, What::error_count, 0, "Number of requests that ended in client errors,"),
    BOTH("http_err_rate", Op::get, What::error_rate, 0, "Rate of requests that ended in client errors,"),
    BOTH("http_fail_cnt", Op::get, What::failure_count, 0, "Number of requests that ended in server failures,"),
    BOTH("http_fail_rate", Op::get, What::failure_rate, 0, "Rate of requests that ended in server failures,"),
    BOTH("http_req_cnt", Op::get, What::request_count, 0, "Number of requests"),
    BOTH("http_req_rate", Op::get, What::request_rate, 0, "Rate of requests"),
    BOTH("inc_gpc0", Op::count_one, What::counter, 0, "Counts in the first general counter and tells its value,"),
    BOTH("inc_gpc1", Op::count_one, What::counter, 1, "Counts in the second general counter and tells its value,"),
    BOTH("kbytes_in", Op::kilobytes, What::bytes_in, 0, "Kilobytes from the client,"),
    BOTH("kbytes_out", Op::kilobytes, What::bytes_out, 0, "Kilobytes to the client,"),
    BOTH("sess_cnt", Op::get, What::session_count, 0, "Number of sessions"),
    BOTH("sess_rate", Op::get, What::session_rate, 0, "Rate of sessions"),
    INDEXED("clr_gpc", Op::clear, What::counter, "Clears a general counter and tells what it was,"),
    INDEXED("get_gpc", Op::get, What::counter, "A general counter"),
    INDEXED("get_gpt", Op::get, What::tag, "A general tag"),
    INDEXED("gpc_rate", Op::get, What::counter_rate, "Rate of a general counter"),
    INDEXED("inc_gpc", Op::count_one, What::counter, "Counts in a general counter and tells its value,"),
    FOLLOWED(F::followed_exists, "tracked", Op::exists, What::counter, 0, "True when there is one: the entry"),
    FOLLOWED(F::followed_entry, "trackers", Op::followers, What::counter, 0, "Number of sessions that track the entry"),
    FOLLOWED(F::followed_key, "key", Op::get, What::counter, 0, "The text"),
    fetch("sc1_clr_gpc", F::followed_entry, in::everywhere, "Clears a general counter and tells what it was, of the key in the second counter.",
          index_table, query(Op::clear, What::counter, 1), lower_followed),
    fetch("src_updt_conn_cnt", F::source_entry, in::everywhere, "Counts a connection of the client's address and tells their number.",
          table_arg, query(Op::count_one, What::connection_count), lower_source),
    fetch("table_avl", F::table_free, in::everywhere, "Entries that a table has room for.", table_arg, 0, lower_of_table),
    fetch("table_cnt", F::table_used, in::everywhere, "Entries of a table.", table_arg, 0, lower_of_table),
});
static_assert(keyword::well_formed(fetches));

#define CONVERT(NAME, OP, WHAT, INDEX, TEXT) \
    converter("table_" NAME, C::table_entry, TEXT " of the key in a table.", table_arg, query(OP, WHAT, 0, INDEX), lower_converter)
#define CONVERT_INDEXED(NAME, OP, WHAT, TEXT) \
    converter("table_" NAME, C::table_entry, TEXT " of the key in a table.", index_table, query(OP, WHAT), lower_converter)

constexpr auto converters = sorted({
    converter("in_table", C::in_table, "True when a table has the key.", table_arg, 0, lower_of_table),
    CONVERT("bytes_in_rate", Op::get, What::bytes_in_rate, 0, "Rate of bytes from the client,"),
    CONVERT("bytes_out_rate", Op::get, What::bytes_out_rate, 0, "Rate of bytes to the client,"),
    CONVERT("clr_gpc0", Op::clear, What::counter, 0, "Clears the first general counter and tells what it was,"),
    CONVERT("clr_gpc1", Op::clear, What::counter, 1, "Clears the second general counter and tells what it was,"),
    CONVERT("conn_cnt", Op::get, What::connection_count, 0, "Number of connections"),
    CONVERT("conn_cur", Op::get, What::connections, 0, "Number of connections open now"),
    CONVERT("conn_rate", Op::get, What::connection_rate, 0, "Rate of connections"),
    CONVERT("glitch_cnt", Op::get, What::glitch_count, 0, "Number of protocol glitches"),
    CONVERT("glitch_rate", Op::get, What::glitch_rate, 0, "Rate of protocol glitches"),
    CONVERT("gpc0", Op::get, What::counter, 0, "First general counter"),
    CONVERT("gpc0_rate", Op::get, What::counter_rate, 0, "Rate of the first general counter"),
    CONVERT("gpc1", Op::get, What::counter, 1, "Second general counter"),
    CONVERT("gpc1_rate", Op::get, What::counter_rate, 1, "Rate of the second general counter"),
    CONVERT("gpt0", Op::get, What::tag, 0, "First general tag"),
    CONVERT("http_err_cnt", Op::get, What::error_count, 0, "Number of requests that ended in client errors,"),
    CONVERT("http_err_rate", Op::get, What::error_rate, 0, "Rate of requests that ended in client errors,"),
    CONVERT("http_fail_cnt", Op::get, What::failure_count, 0, "Number of requests that ended in server failures,"),
    CONVERT("http_fail_rate", Op::get, What::failure_rate, 0, "Rate of requests that ended in server failures,"),
    CONVERT("http_req_cnt", Op::get, What::request_count, 0, "Number of requests"),
    CONVERT("http_req_rate", Op::get, What::request_rate, 0, "Rate of requests"),
    CONVERT("inc_gpc0", Op::count_one, What::counter, 0, "Counts in the first general counter and tells its value,"),
    CONVERT("inc_gpc1", Op::count_one, What::counter, 1, "Counts in the second general counter and tells its value,"),
    CONVERT("kbytes_in", Op::kilobytes, What::bytes_in, 0, "Kilobytes from the client,"),
    CONVERT("kbytes_out", Op::kilobytes, What::bytes_out, 0, "Kilobytes to the client,"),
    CONVERT("server_id", Op::get, What::server, 0, "Number of the server"),
    CONVERT("sess_cnt", Op::get, What::session_count, 0, "Number of sessions"),
    CONVERT("sess_rate", Op::get, What::session_rate, 0, "Rate of sessions"),
    CONVERT("trackers", Op::followers, What::counter, 0, "Number of sessions that track the entry"),
    CONVERT_INDEXED("clr_gpc", Op::clear, What::counter, "Clears a general counter and tells what it was,"),
    CONVERT_INDEXED("gpc", Op::get, What::counter, "A general counter"),
    CONVERT_INDEXED("gpc_rate", Op::get, What::counter_rate, "Rate of a general counter"),
    CONVERT_INDEXED("gpt", Op::get, What::tag, "A general tag"),
    CONVERT_INDEXED("inc_gpc", Op::count_one, What::counter, "Counts in a general counter and tells its value,"),
    converter("table_expire", C::table_entry, "Milliseconds until the key's entry goes.",
              {opt(word("table")), opt(word("default"))}, query(Op::expires, What::counter), lower_converter),
    converter("table_idle", C::table_entry, "Milliseconds since the last use of the key's entry.",
              {opt(word("table")), opt(word("default"))}, query(Op::idle, What::counter), lower_converter),
});
static_assert(keyword::well_formed(converters));
// clang-format on

}  // namespace

keyword::Table stick_fetch_table() { return fetches; }
keyword::Table stick_converter_table() { return converters; }

}  // namespace weir::haproxy
