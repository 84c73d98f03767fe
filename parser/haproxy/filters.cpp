// SPDX-License-Identifier: Apache-2.0
// filter NAME: the rows of the names stand with what they turn on.
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

void lower_filter(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    const auto* row = find_word(here, call[0], in::filter, option_language);
    if (!row) return;
    std::vector<Argument> arguments(call.args.begin() + 1, call.args.end());
    Call filter{.row = row, .name = call[0].text, .span = call[0].span};
    if (keyword::check_arguments(*row, filter, arguments, keyword::Units::haproxy, scope.sink) && row->apply)
        row->apply(scope, filter);
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "compression", .where = in::filter,
     .summary = "Names the compression that the lines of that name set up: these are enough."},
    {.name = "filter", .where = in::frontend | in::listen | in::backend,
     .args = {keyword::word("name"), keyword::any_number(keyword::word("option"))}, .apply = lower_filter,
     .summary = "Adds a filter to the section's traffic."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table filter_table() { return rows; }

}  // namespace weir::haproxy
