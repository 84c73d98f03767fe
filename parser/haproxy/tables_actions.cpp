// SPDX-License-Identifier: Apache-2.0
// Actions about stick tables: track-sc0 and its kin, sc-inc-gpc, sc-add-gpc, sc-set-gpt.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::many;
using keyword::word;
using What = ir::Zone::Column::What;

bool read_follower(keyword::Scope& scope, const Argument& at, std::string_view text, std::uint32_t& out) {
    auto number = value::parse_number(text);
    const auto most = scope.config.followers;
    if (number && *number >= 0 && *number < static_cast<std::int64_t>(most)) {
        out = static_cast<std::uint32_t>(*number);
        return true;
    }
    scope.error(at.span, "invalid-value",
                fmt::format("there is no counter \"{}\"; {} may be tracked", text,
                            most == 0 ? "none" : fmt::format("0 to {}", most - 1)),
                "tune.stick-counters in the global section sets how many");
    return false;
}

// track-scN KEY [table NAME]
void lower_track(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    ir::action::Follow follow;
    constexpr std::size_t prefix = 8;   // of "track-sc"
    if (!read_follower(scope, {.text = call.name, .span = call.span}, call.name.substr(prefix),
                       follow.follower))
        return;
    std::size_t used = 0;
    auto key = lower_sample(here, call.args, used);
    if (!key) return;
    follow.key = std::move(*key);
    follow.table = here.draft->name;
    Span at = call.span;
    if (used < call.size()) {
        if (used + 2 != call.size() || call[used].text != "table")
            return scope.error(call[used].span, "unexpected-argument",
                               fmt::format("unexpected \"{}\" after the key", call[used].text),
                               fmt::format("syntax: {} key [table name] [if condition]", call.name));
        follow.table = std::string(call[used + 1].text);
        at = call[used + 1].span;
    } else if (here.draft->is_defaults()) {
        return scope.error(call.span, "argument-count", "rules of defaults have no table of their own",
                           "name one: track-sc0 src table NAME");
    }
    refer(here, Reference::Kind::table, follow.table, at);
    here.rule->action = std::move(follow);
}

ir::Expr number_expr(std::int64_t number, Span span) {
    ir::Expr expr;
    expr.type = ir::Type::integer;
    expr.number = number;
    expr.span = span;
    return expr;
}

// "(counter)" or "(index,counter)" in front of what else there is.
bool read_place(keyword::Scope& scope, const Call& call, bool indexed, ir::action::EditEntry& edit) {
    auto text = call[0].text;
    if (indexed) {
        auto comma = text.find(',');
        auto index = value::parse_number(text.substr(0, comma));
        if (comma == text.npos || !index || *index < 0 || *index > 99) {
            scope.error(call[0].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected an index and a counter", text),
                        fmt::format("write {}(0,0)", call.name));
            return false;
        }
        edit.index = static_cast<std::uint32_t>(*index);
        text = text.substr(comma + 1);
    }
    return read_follower(scope, call[0], text, edit.follower);
}

template <What Kind, std::uint32_t Index, bool Indexed>
void lower_increase(keyword::Scope& scope, const Call& call) {
    ir::action::EditEntry edit;
    edit.what = Kind;
    edit.index = Index;
    if (!read_place(scope, call, Indexed, edit)) return;
    edit.amount = number_expr(1, call.span);
    own(scope).rule->action = std::move(edit);
}

// A number, or an expression.
template <What Kind, bool Indexed, bool Adds>
void lower_amount(keyword::Scope& scope, const Call& call) {
    ir::action::EditEntry edit;
    edit.what = Kind;
    edit.adds = Adds;
    if (!read_place(scope, call, Indexed, edit)) return;
    auto words = call.args.subspan(1);
    if (auto number = value::parse_number(words[0].text); number && words.size() == 1) {
        edit.amount = number_expr(*number, words[0].span);
    } else {
        std::size_t used = 0;
        auto expr = lower_sample(own(scope), words, used);
        if (!expr) return;
        if (used < words.size())
            return scope.error(words[used].span, "unexpected-argument",
                               fmt::format("unexpected \"{}\" after the expression", words[used].text));
        edit.amount = std::move(*expr);
    }
    own(scope).rule->action = std::move(edit);
}

// rate-limit-fields(COUNTER) QUOTA [NAME]
void lower_rate_fields(keyword::Scope& scope, const Call& call) {
    ir::action::TellRate tell;
    if (!read_follower(scope, call[0], call[0].text, tell.follower)) return;
    tell.quota = static_cast<std::uint64_t>(call[1].number);
    tell.policy = call.size() > 2 ? std::string(call[2].text) : "default";
    own(scope).rule->action = std::move(tell);
}

constexpr Contexts tcp_in = in::tcp_request_connection | in::tcp_request_session | in::tcp_request_content;
constexpr Contexts track = in::http_request | in::http_response | tcp_in;
constexpr Contexts edits = track | in::tcp_response_content | in::http_after_response;

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary) {
    return {.name = name, .where = where, .args = args, .apply = apply, .summary = summary};
}
constexpr keyword::Signature track_args = {word("key"), any_number(word("table"))};
constexpr keyword::Signature place_args = {word("counter")};
constexpr keyword::Signature amount_args = {word("counter"), many(word("number or expression"))};

constexpr auto rows = sorted({
    row("rate-limit-fields", in::http_response | in::http_after_response,
        {word("counter"), keyword::number("quota", 1), keyword::opt(word("name"))}, lower_rate_fields,
        "Tells the client how many requests of its quota are left, by the rate that a counter's table stores (weir's own)."),
    row("sc-add-gpc", edits, amount_args, lower_amount<What::counter, true, true>,
        "Adds to a general counter."),
    row("sc-inc-gpc", edits, place_args, lower_increase<What::counter, 0, true>,
        "Counts in a general counter."),
    row("sc-inc-gpc0", edits, place_args, lower_increase<What::counter, 0, false>,
        "Counts in the first general counter."),
    row("sc-inc-gpc1", edits, place_args, lower_increase<What::counter, 1, false>,
        "Counts in the second general counter."),
    row("sc-set-gpt", edits, amount_args, lower_amount<What::tag, true, false>, "Sets a general tag."),
    row("sc-set-gpt0", edits, amount_args, lower_amount<What::tag, false, false>,
        "Sets the first general tag."),
    row("track-sc0", track, track_args, lower_track, "Tracks a key in the first counter."),
    row("track-sc1", track, track_args, lower_track, "Tracks a key in the second counter."),
    row("track-sc2", track, track_args, lower_track, "Tracks a key in the third counter."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table stick_action_table() { return rows; }

}  // namespace weir::haproxy
