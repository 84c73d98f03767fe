// SPDX-License-Identifier: Apache-2.0
// The "cookie" line of a backend: a client stays with the server that the cookie names.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::word;
using Cookie = ir::Pool::Cookie;
using How = Cookie::How;

// cookie NAME [insert|rewrite|prefix] [indirect] [nocache] [postonly] [preserve] [httponly] [secure]
// [domain d]* [attr a]*
void lower_cookie(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    Cookie cookie;
    cookie.name = std::string(call[0].text);
    std::string domains, extra;
    bool http_only = false, secure = false;
    for (std::size_t i = 1; i < call.size(); ++i) {
        const auto& given = call[i];
        const Keyword* row = find_word(here, given, in::cookie, option_language);
        if (!row) return;
        if (given.text == "insert" || given.text == "rewrite" || given.text == "prefix") {
            if (cookie.how != How::passive) {
                scope.error(given.span, "contradiction", "a cookie is inserted, rewritten or a prefix; only one of these");
                return;
            }
            cookie.how = static_cast<How>(row->number);
        } else if (given.text == "domain" || given.text == "attr") {
            if (i + 1 == call.size()) {
                scope.error(given.span, "argument-count", fmt::format("\"{}\" needs a value after it", given.text));
                return;
            }
            const auto& value = call[++i];
            if (value.text.find_first_of(";\r\n") != std::string_view::npos) {
                scope.error(value.span, "invalid-value", fmt::format("\"{}\" may hold no \";\"", value.text));
                return;
            }
            if (given.text == "domain") domains += "; domain=" + std::string(value.text);
            else extra += "; " + std::string(value.text);
        }
        cookie.indirect |= given.text == "indirect";
        cookie.no_cache |= given.text == "nocache";
        cookie.post_only |= given.text == "postonly";
        cookie.preserve |= given.text == "preserve";
        http_only |= given.text == "httponly";
        secure |= given.text == "secure";
    }
    if (cookie.how == How::rewrite && cookie.indirect) {
        scope.error(call.span, "contradiction", "\"rewrite\" and \"indirect\" do not go together",
                    "write \"insert indirect\"");
        return;
    }
    cookie.attributes = "; path=/" + domains + (http_only ? "; HttpOnly" : "") + (secure ? "; Secure" : "") + extra;
    here.back().cookie = std::move(cookie);
}

constexpr Keyword option(std::string_view name, std::string_view summary, How how = How::passive) {
    return {.name = name, .where = in::cookie, .summary = summary, .number = static_cast<std::int64_t>(how)};
}

constexpr auto rows = sorted({
    Keyword{.name = "cookie",
     .where = in::back_side,
     .args = {word("name"), keyword::any_number(word("option"))},
     .apply = lower_cookie,
     .summary = "Keeps a client at one server by a cookie."},
    option("attr", "Adds an attribute to the cookie."),
    option("domain", "Sets the domain of the cookie."),
    option("httponly", "Hides the cookie from scripts."),
    option("indirect", "Removes the cookie from requests."),
    option("insert", "Adds the cookie to answers.", How::insert),
    option("nocache", "Marks answers with the cookie as private."),
    option("postonly", "Adds the cookie to answers to POST requests only."),
    option("prefix", "Puts the server in front of an application's cookie.", How::prefix),
    option("preserve", "Keeps the cookie that the server sets."),
    option("rewrite", "Replaces the cookie that the server sets.", How::rewrite),
    option("secure", "Sends the cookie over TLS only."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table cookie_table() { return rows; }

}  // namespace weir::haproxy
