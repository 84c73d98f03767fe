// SPDX-License-Identifier: Apache-2.0
// The rows of "stats ..." in HAProxy's proxy sections. Any of them turns the page on, as in HAProxy.
// "stats admin" and "stats http-request" are not there yet (parser/haproxy refuses them by name).
#include <algorithm>
#include <string>

#include "modules/stats/conf.hpp"
#include "modules/stats/rows.hpp"
#include "parser/haproxy/contexts.hpp"
#include "parser/value/value.hpp"

namespace weir::modules::stats {

namespace {

using keyword::Call;
using keyword::Keyword;
using keyword::Scope;
namespace in = haproxy::in;

constexpr std::string_view here = "stats";

Conf& conf_of(Scope& scope) { return scope.module_conf<Conf>(here); }

void lower_enable(Scope& scope, const Call&) { conf_of(scope); }
void lower_uri(Scope& scope, const Call& call) { conf_of(scope).uri = call[0].text; }
void lower_hide_version(Scope& scope, const Call&) { conf_of(scope).hide_version = true; }
void lower_show_legends(Scope& scope, const Call&) { conf_of(scope).show_legends = true; }

std::string joined(const Call& call) {
    std::string out;
    for (const auto& word : call.args) {
        if (!out.empty()) out += ' ';
        out += word.text;
    }
    return out;
}

void lower_realm(Scope& scope, const Call& call) { conf_of(scope).realm = joined(call); }

void lower_auth(Scope& scope, const Call& call) {
    if (call[0].text.find(':') == std::string_view::npos)
        return scope.error(call[0].span, "bad-argument", "\"stats auth\" needs user:password",
                           "write stats auth admin:secret");
    conf_of(scope).credentials.push_back(base64(call[0].text));
}

void lower_refresh(Scope& scope, const Call& call) {
    std::string text(call[0].text);
    // Bare numbers are seconds here.
    if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
        text += 's';
    auto time = value::parse_haproxy_duration(text);
    if (!time)
        return scope.error(call[0].span, "bad-argument", "expected " + time.error(),
                           "write stats refresh 10s");
    conf_of(scope).refresh = static_cast<unsigned>(time->count() / 1000);
}

void lower_scope(Scope& scope, const Call& call) {
    conf_of(scope).scope.emplace_back(call[0].text);
}

void lower_show_node(Scope& scope, const Call& call) {
    conf_of(scope).show_node = true;
    if (call.size() > 0) conf_of(scope).node = call[0].text;
}

void lower_show_desc(Scope& scope, const Call& call) {
    conf_of(scope).show_description = true;
    conf_of(scope).description = joined(call);
}

constexpr Keyword table[] = {
    {.name = "stats auth", .where = in::any_proxy, .args = {keyword::word("user:password")},
     .apply = lower_auth,
     .summary = "Asks for this user and password on the statistics page."},
    {.name = "stats enable", .where = in::any_proxy, .apply = lower_enable,
     .summary = "Offers the statistics page at its default path."},
    {.name = "stats hide-version", .where = in::any_proxy, .apply = lower_hide_version,
     .summary = "Leaves the version out of the statistics page."},
    {.name = "stats realm", .where = in::any_proxy, .args = {keyword::many(keyword::word("realm"))},
     .apply = lower_realm, .fallback = "HAProxy Statistics",
     .summary = "Sets the realm that browsers show when they ask for the password."},
    {.name = "stats refresh", .where = in::any_proxy, .args = {keyword::word("delay")},
     .apply = lower_refresh,
     .summary = "Makes browsers load the statistics page again after this time (seconds)."},
    {.name = "stats scope", .where = in::any_proxy, .args = {keyword::word("name")},
     .apply = lower_scope,
     .summary = "Shows only the named section; \".\" is the one with the page itself."},
    {.name = "stats show-desc", .where = in::any_proxy,
     .args = {keyword::any_number(keyword::word("text"))}, .apply = lower_show_desc,
     .summary = "Shows a description on the statistics page."},
    {.name = "stats show-legends", .where = in::any_proxy, .apply = lower_show_legends,
     .summary = "Shows addresses of servers and other details on the statistics page."},
    {.name = "stats show-node", .where = in::any_proxy,
     .args = {keyword::opt(keyword::word("name"))}, .apply = lower_show_node,
     .summary = "Shows the name of the node on the statistics page."},
    {.name = "stats uri", .where = in::any_proxy, .args = {keyword::word("prefix")},
     .apply = lower_uri, .fallback = "/haproxy?stats",
     .summary = "Sets the beginning of the targets that show the statistics page."},
};
static_assert(keyword::well_formed(table));

}  // namespace

keyword::Table haproxy_rows() { return table; }

}  // namespace weir::modules::stats
