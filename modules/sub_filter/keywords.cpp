// SPDX-License-Identifier: Apache-2.0
// Rows of sub_filter.
#include <utility>

#include "modules/sub_filter/conf.hpp"
#include "modules/sub_filter/module.hpp"
#include "parser/nginx/contexts.hpp"

namespace weir::modules::sub_filter {

namespace {

namespace place = nginx::context;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

constexpr keyword::Contexts everywhere = place::http | place::server | place::location;
constexpr const char* name = "sub_filter";

void lower_sub_filter(Scope& scope, const Call& call) {
    if (call[0].text.empty())
        return scope.error(call[0].span, "invalid-value", "empty search pattern", "name a text to be replaced");
    auto& conf = scope.module_conf<Conf>(name);
    if (std::exchange(conf.level, &scope) != &scope) conf.pairs.clear();
    conf.pairs.push_back({scope.text(call[0]), scope.text(call[1])});
}

void lower_once(Scope& scope, const Call& call) {
    scope.module_conf<Conf>(name).once = call[0].number != 0;
}

void lower_last_modified(Scope& scope, const Call& call) {
    scope.module_conf<Conf>(name).last_modified = call[0].number != 0;
}

void lower_types(Scope& scope, const Call& call) {
    auto& types = scope.module_conf<Conf>(name).types;
    types = {"text/html"};
    for (const auto& argument : call.args) types.emplace_back(argument.text);
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "sub_filter", .where = everywhere, .args = {keyword::text("string"), keyword::text("replacement")},
     .apply = lower_sub_filter, .inherit = Inherit::replace_list, .summary = "Replaces a text in bodies, whatever the case of its letters."},
    {.name = "sub_filter_last_modified", .where = everywhere, .args = {keyword::flag()}, .apply = lower_last_modified,
     .fallback = "off", .since = "1.5.1", .summary = "Keeps Last-Modified of answers that are changed.", .once = true},
    {.name = "sub_filter_once", .where = everywhere, .args = {keyword::flag()}, .apply = lower_once,
     .fallback = "on", .summary = "Replaces each text once, or every time it is found.", .once = true},
    {.name = "sub_filter_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_types,
     .fallback = "text/html", .summary = "Content types that are searched beside text/html.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table nginx_rows() { return rows; }

}  // namespace weir::modules::sub_filter
