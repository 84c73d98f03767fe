// SPDX-License-Identifier: Apache-2.0
// Rule: at a Phase, if a condition holds, do an Action. nginx: return, rewrite, set, if, deny.
// HAProxy: tcp-request, http-request, http-response, http-after-response.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "parser/ir/expr.hpp"
#include "parser/ir/zone.hpp"

namespace weir::ir {

// Indices into the vectors of Config. They stay valid while it is built.
using RouteId = std::uint32_t;
using PoolId = std::uint32_t;
using SiteId = std::uint32_t;
using ListenerId = std::uint32_t;
using ZoneId = std::uint32_t;
inline constexpr std::uint32_t no_id = 0xffffffff;

// A whole answer that a file holds (HAProxy errorfile). Without a Content-Length in the file it ends
// with the connection; a status of 0 (an empty file) closes without a word.
struct Message {
    std::uint16_t status = 0;
    std::string reason;
    std::uint8_t minor = 1;       // HTTP/1.x of its first line
    bool sized = false;
    std::vector<std::pair<std::string, std::string>> fields;   // connection, content-length: left out
    std::string body;
};

namespace action {

// Answers from here: return 200 "text" | http-request return / deny.
struct Respond {
    std::uint16_t status = 200;
    std::optional<Text> body;     // none: the built-in or error page of that status
    std::string content_type;     // empty: the route's default type
    struct Header {
        std::string name;
        Text value;
    };
    std::vector<Header> headers;
    std::shared_ptr<const Message> message;   // instead of all of this (errorfile)
    bool denies = false;          // deny: logs say that this program refused
};
// return 301 URL, rewrite ... redirect | redirect, http-request redirect.
struct Redirect {
    enum class How : std::uint8_t { location, prefix, scheme } how = How::location;
    std::uint16_t status = 302;
    Text target;
    bool drop_query = false;
    bool keep_query = false;
    bool append_slash = false;
    bool ignore_empty = false;
    std::string set_cookie;       // "name=value; path=/;" form, ready to send
    bool short_body = true;       // HAProxy sends none, nginx its built-in page
};
// Closes without a word: return 444 | silent-drop, tcp-request reject.
struct Close {
    bool reset = false;
};
struct Tarpit {
    std::uint16_t status = 500;
};
// Ends this rule list: allow, accept | nginx break.
struct Allow {};

enum class Side : std::uint8_t { request, response, early_hint };
// http-request set-header ... | more_set_headers.
struct EditHeader {
    enum class How : std::uint8_t { set, add, remove, replace_line, replace_value } how = How::set;
    enum class Names : std::uint8_t { exact, prefix, suffix, substring, regex } names = Names::exact;
    Side side = Side::request;
    std::string name;
    Text value;
    std::string regex;            // for the replace kinds
};
// set-path, set-pathq, set-query, set-uri, set-method, replace-path, replace-pathq, replace-uri.
struct SetTarget {
    enum class What : std::uint8_t { path, path_and_query, query, uri, method } what = What::path;
    Text value;
    std::string regex;            // not empty: replace what matches
};
struct SetStatus {
    Text status;
    std::string reason;
};
// set $x value | http-request set-var(txn.x) expr; slot is an index into Config.variables.
struct SetVariable {
    std::uint32_t slot = 0;
    std::variant<Text, Expr> value;
    bool unset = false;
};
// rewrite REGEX REPLACEMENT [flag].
struct Rewrite {
    enum class Then : std::uint8_t { go_on, last, stop, redirect, permanent } then = Then::go_on;
    std::string regex;
    bool ignore_case = false;
    Text replacement;
    // The replacement may hold a '?': what follows it is the new query, with the request's own appended
    // after '&'. It ended in '?' (taken off): the request's own query is dropped.
    bool replaces_query = false;
};
// nginx if { ... }: the request is served by this route (same URI) when the list ends.
struct UseRoute {
    RouteId route = no_id;
};
// A list of rules under one condition (the rules inside nginx's if).
struct Rules;
struct Group {
    std::shared_ptr<Rules> rules;
};
// capture request header NAME len N and http-request capture: into capture slot.
struct Capture {
    Side side = Side::request;
    std::uint32_t slot = 0;
    Expr value;
    std::uint32_t length = 0;
};
// set-src, set-dst, set-src-port, set-dst-port.
struct SetAddress {
    enum class What : std::uint8_t { source, source_port, destination, destination_port } what{};
    Expr value;
};
struct SetLogLevel {
    int level = 6;                // syslog severity; -1 = silent
};
struct SetMark {
    enum class What : std::uint8_t { mark, tos } what{};
    std::int64_t value = 0;
};
// tcp-request inspect-delay + content rules wait for data; "do nothing until the condition is true".
struct WaitForBody {
    std::chrono::milliseconds time{0};
    std::uint64_t bytes = 0;
};
// wait-for-handshake: until the TLS handshake is over that early data has overtaken.
struct WaitForHandshake {};
// http-request disable-l7-retry: only what never reached a server is tried again.
struct DisableRetry {};
// tcp-request connection expect-proxy layer4: the connection begins with a PROXY header.
struct ExpectProxyHeader {};

// track-sc0 and its kin: from here on follower `follower` counts in the key's entry of a table.
struct Follow {
    std::uint32_t follower = 0;
    Expr key;
    std::string table;            // name of a Zone
};
// sc-inc-gpc, sc-add-gpc, sc-set-gpt: changes the entry that a follower counts in.
struct EditEntry {
    std::uint32_t follower = 0;
    Zone::Column::What what = Zone::Column::What::counter;
    std::uint32_t index = 0;
    bool adds = true;             // else sets
    Expr amount;
};
// rate-limit-fields (weir's own): tells the client its quota of requests per period of the table, and what
// is left of it: RateLimit-Policy and RateLimit (draft-ietf-httpapi-ratelimit-headers-10).
struct TellRate {
    std::uint32_t follower = 0;
    std::uint64_t quota = 0;
    std::string policy;
};
// cache-use: answers from a cache that lies in memory, if it can. cache-store: keeps the answer there.
struct UseCache {
    std::string cache;            // name of a CacheStore
    bool hints = true;            // off: no-early-hints
};
struct KeepAnswer {
    std::string cache;
};
// cache-purge (weir's own): takes what is kept under the URL of the request out of such a cache, all that
// begins so where it ends in "*", or what has the tags of the request; and answers 204, or 404 for nothing.
struct PurgeCache {
    std::string cache;
};

}  // namespace action

using Action =
    std::variant<action::Respond, action::Redirect, action::Close, action::Tarpit, action::Allow,
                 action::EditHeader, action::SetTarget, action::SetStatus, action::SetVariable,
                 action::Rewrite, action::UseRoute, action::Group, action::Capture,
                 action::SetAddress, action::SetLogLevel, action::SetMark, action::WaitForBody,
                 action::WaitForHandshake,
                 action::DisableRetry, action::ExpectProxyHeader, action::Follow, action::EditEntry, action::TellRate,
                 action::UseCache, action::KeepAnswer, action::PurgeCache>;

struct Rule {
    // Rules of one phase come in up to two lists; Allow ends only its own. HAProxy: content = tcp-request
    // content / tcp-response content, run before the http- rules of the same phase. A site's and a
    // route's lists are separate lists, too. nginx has `main` only.
    enum class List : std::uint8_t { content, main };
    Phase phase = Phase::request;
    List list = List::main;
    std::optional<Condition> when;  // none: always
    Action action;
    Span span;
};

namespace action {
struct Rules {
    std::vector<Rule> list;
};
}  // namespace action

}  // namespace weir::ir
