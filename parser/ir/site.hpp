// SPDX-License-Identifier: Apache-2.0
// Site: names it answers to, rules, routes. nginx: server { }. HAProxy: frontend, listen.
// Route: a match, rules and one action. nginx: location. HAProxy: use_backend and the backend's rules.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "parser/ir/settings.hpp"

namespace weir::ir {

// How the server of a forward action is found.
struct Forward {
    PoolId pool = no_id;           // known at start
    // Else computed. A request: "http://", then a pool's name, a host[:port] or unix:/path:, then
    // perhaps a URI, which is sent as it is. A stream session: a pool's name or host:port.
    Text pool_or_host;
    bool tls = false;              // https://
    // Target sent: none = the client's own, raw; else this, with what the prefix left over.
    std::optional<Text> uri;
    // Length of the location prefix that `uri` replaces; 0 with regex and variables.
    std::uint32_t replaced_prefix = 0;
    std::string host;              // $proxy_host as written (static form)
    std::uint16_t port = 0;        // default port when the text names none
};
// Answer made from here, without a server.
struct Answer {
    action::Respond respond;
};
// Answer made by a module of that name (stub_status, stats page).
struct ServedBy {
    std::string module;
    std::shared_ptr<const void> conf;
};
// Files as Settings::files says: nginx, where nothing else is said.
struct ServeFiles {};
// Nothing said. HAProxy without backend: 503.
struct NoAction {
    std::uint16_t status = 404;
};
// The connection goes on as if the listener of that address had accepted it (nginx stream pass).
struct Pass {
    Text address;
};
using RouteAction = std::variant<NoAction, Forward, Answer, ServedBy, Pass, ServeFiles>;

struct Route {
    enum class Match : std::uint8_t {
        always,          // the site's own default, HAProxy default_backend
        exact,           // location = /x
        prefix,          // location /x
        prefix_final,    // location ^~ /x: no regex after it
        regex,           // location ~ x
        regex_ignore_case,
        named,           // location @x; also nginx if { }: reached by rules only
        condition,       // use_backend x if ...
    };
    Match match = Match::always;
    std::string pattern;                 // path, regex or name
    std::optional<Condition> when;       // condition; none = always
    std::vector<RouteId> nested;         // nested locations
    std::vector<Rule> rules;             // every phase from request on
    std::optional<TryFiles> try_files;   // before the action
    RouteAction action;
    Settings settings;
    std::string pool_name;               // HAProxy: the backend this stands for, in logs
    bool internal = false;               // not by URI (nginx), not by name (a listen's own route)
    bool auto_redirect = false;          // "/x/" with proxy_pass: "/x" gets a 301
    Span span;
};

struct SiteName {
    enum class Kind : std::uint8_t { exact, leading_wildcard, trailing_wildcard, regex };
    Kind kind = Kind::exact;
    std::string text;      // lower case; "example.com" for "*.example.com", regex without "~"
    bool with_bare = false;  // ".example.com": also the bare name
};

// HAProxy's switching rules: use_backend X if ...; default_backend. The picks of a site are tried in
// order, the first whose condition holds wins. A backend is one Route (named by Route::pool_name, its
// rules and settings with it) that any number of sites refer to.
struct RoutePick {
    std::optional<Condition> when;       // none = always
    RouteId route = no_id;
    // use_backend %[...]: not empty when `route` is no_id. The value is the pool_name of a route that
    // is not `internal`; a value that names none goes on with the next pick.
    Text dynamic_name;
    Span span;
};

struct Site {
    enum class Kind : std::uint8_t { http, stream } kind = Kind::http;
    std::string name;                    // $server_name: the first name; frontend name
    std::vector<SiteName> names;
    std::vector<Rule> rules;             // before the route is picked; connect rules too
    std::vector<RouteId> routes;         // tried as their match kind says
    std::vector<RoutePick> picks;        // HAProxy: tried in order (is_nginx_style is false)
    // When none matches: nginx's server level, default_backend, a "listen" section's own servers.
    RouteId fallback = no_id;            // no_id with HAProxy: 503
    // nginx: what the routes inherited. HAProxy: the client side is the site's (request_head, client_*,
    // keepalive, tarpit, limits, logs), the server side the route's (connect, queue, server_*, tunnel,
    // forward); forwarded_for_* and close_server_connection hold when either says so, and error_pages
    // are looked up in the route first, then in the site.
    Settings settings;
    std::uint32_t max_connections = 0;   // frontend maxconn; 0 = no limit
    bool disabled = false;
    bool is_nginx_style = true;          // locations by path (true) or first true condition (false)
    bool counted_as_backend = false;     // "listen": same name is a pool too
    std::uint32_t id = 0;
    struct CaptureSlot {
        std::string name;
        std::uint32_t length = 0;
    };
    std::vector<CaptureSlot> request_captures, response_captures;
    struct CookieCapture {
        std::string prefix;
        std::uint32_t length = 0;
    };
    std::optional<CookieCapture> cookie_capture;
    std::optional<Text> unique_id_format;
    std::string unique_id_header;
    std::string monitor_uri;
    std::vector<Condition> monitor_fail;
    bool tcp_content_rules = false;      // some rule needs bytes of the client before routing
    Span span;
};

}  // namespace weir::ir
