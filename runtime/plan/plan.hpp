// SPDX-License-Identifier: Apache-2.0
// Plan: the compiled, immutable form of an ir::Config that a worker runs: programs instead of
// expressions, indexes instead of lists, everything a request needs one pointer away. Settings groups
// that routes share are compiled once (by identity). A running exchange keeps its plan alive.
#pragma once

#include <bitset>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/cache/freshness.hpp"
#include "runtime/filter/filter.hpp"
#include "runtime/http/recoding.hpp"
#include "runtime/plan/server_tls.hpp"
#include "runtime/route/eval.hpp"
#include "runtime/route/file_path.hpp"
#include "runtime/route/router.hpp"

namespace weir::plan {

struct Field {
    std::string_view name;
    http::FieldId id = http::FieldId::other;
    route::Template value;
    bool always = false, replace = false;
};

// A rule ready to run. The action stays in the IR; what of it must be computed stands here.
struct Rule {
    const ir::Rule* source = nullptr;
    route::Program when;               // empty: always
    route::Template text;              // the action's main text (body, target, value, status)
    route::Template query;             // Rewrite: what stands behind the '?'
    // Rewrite: its replacement taken apart, for the two programs point into it.
    struct Split {
        ir::Text path, query;
    };
    std::shared_ptr<Split> split;
    route::Program value;              // SetVariable, Capture, SetAddress, Follow, EditEntry
    ir::ZoneId zone = ir::no_id;       // Follow
    std::uint32_t cache = ir::no_id;   // UseCache, KeepAnswer, PurgeCache: of Config.caches
    const Regex* regex = nullptr;
    std::vector<Field> fields;         // Respond
    std::vector<Rule> group;           // Group
};

// Rules of one place, by when they run.
struct RuleLists {
    std::vector<Rule> connect, handshake, content, request, forward, response_content, response,
        reply;
};

struct ErrorPage {
    const ir::ErrorPage* source = nullptr;
    route::Template text;              // the URI, target or body
    std::vector<Field> fields;         // Made
};
struct ErrorPages {
    std::vector<ErrorPage> list;
    bool recursive = false;
    [[nodiscard]] const ErrorPage* find(std::uint16_t status) const;
};

struct AccessLog {
    const ir::AccessLog* source = nullptr;
    route::Template format;
    route::Template error_format;      // empty: none
    route::Program when;               // empty: always
    route::Template path;              // computed for each line; empty: it is the target's
};
struct Logs {
    const ir::LogSettings* source = nullptr;
    std::vector<AccessLog> access;
};

// ReplyFields compiled.
struct ReplyFields {
    std::vector<Field> list, trailers;
    const ir::ReplyFields::Expiry* expiry = nullptr;   // null: off
    route::Template expires;                           // computed
    [[nodiscard]] bool empty() const { return list.empty() && !expiry; }
};

// FileSettings compiled.
struct Files {
    const ir::FileSettings* source = nullptr;
    route::FileRoot root;
    std::vector<route::Template> index;
    route::Template links_from;
};

// TryFiles compiled.
struct TryFiles {
    const ir::TryFiles* source = nullptr;
    std::vector<route::Template> names;
    route::Template uri;
};

// AccessSettings compiled.
struct Access {
    const ir::AccessSettings* source = nullptr;
    route::Template realm, users;
    std::vector<route::Template> notes;
    bool asks_user = false;            // there is a realm
    [[nodiscard]] bool checks() const {
        return !source->addresses.empty() || asks_user || !source->ask_uri.empty();
    }
};

// ForwardSettings compiled.
struct Forwarding {
    const ir::ForwardSettings* source = nullptr;
    std::vector<Field> set_fields;
    struct Param {
        const ir::ForwardSettings::Param* source = nullptr;
        route::Template value;
    };
    std::vector<Param> params;
    // Client fields that set_fields or params replace: known ones as bits, others by name.
    std::bitset<static_cast<std::size_t>(http::FieldId::count_)> replaced;
    std::vector<std::string_view> replaced_names;
    // Server fields that do not reach the client.
    std::bitset<static_cast<std::size_t>(http::FieldId::count_)> hidden;
    std::vector<std::string_view> hidden_names;
    std::bitset<600> retry_statuses;
    struct Rewrite {
        route::Template from, to;
        const Regex* regex = nullptr;
        bool standard = false;
    };
    std::vector<Rewrite> redirects, cookies;
    route::Template body, method, bind_address, store;
    std::vector<route::Template> early_hints;
    bool has_body = false, has_method = false;
    bool sets_upgrade = false;         // Upgrade is among set_fields
    bool accel_redirect = false;       // X-Accel-Redirect is followed
    bool accel_charset = false;        // X-Accel-Charset says which charset goes out
    cache::Ignored ignored;            // what a cache does not look at
    const ServerTls* tls = nullptr;    // where a route may connect over TLS
    [[nodiscard]] bool replaces(const http::Field& field) const;
    [[nodiscard]] bool hides(const http::Field& field) const;
};

// The charsets of ReplyStyle compiled.
struct Charset {
    const ir::ReplyStyle* style = nullptr;
    route::Template target, source;
};

// CacheSettings compiled.
struct Cache {
    const ir::CacheSettings* source = nullptr;
    std::uint32_t store = ir::no_id;   // of Config.caches; none: computed_store names it
    route::Template computed_store, key;
    std::vector<route::Template> bypass, keep_out, purge;
    std::bitset<600> stale_statuses;   // with which an expired answer is used
    bool takes_post = false;
    [[nodiscard]] bool is_off() const { return source->store.empty() && !source->computed_store; }
};

// ReplyRate compiled.
struct Rate {
    route::Template rate, after;
};

struct Route {
    const ir::Route* source = nullptr;
    ir::RouteId id = ir::no_id;
    RuleLists rules;
    // The shared groups, one pointer away.
    const ir::Timeouts* timeouts = nullptr;
    const ir::ClientLimits* limits = nullptr;
    const ir::NameServers* name_servers = nullptr;
    const ir::RealAddress* real_address = nullptr;   // null: nobody is believed
    const ir::KeepAlive* keepalive = nullptr;
    const ir::Http2* http2 = nullptr;
    const ir::ReplyStyle* style = nullptr;
    const Charset* charset = nullptr;   // null: none is said
    const Forwarding* forwarding = nullptr;
    const ReplyFields* reply_fields = nullptr;
    const Cache* cache = nullptr;      // null: off
    const Rate* rate = nullptr;        // null: no limit
    const ErrorPages* error_pages = nullptr;
    const Logs* logs = nullptr;
    const Files* files = nullptr;
    const route::ScriptRules* script = nullptr;   // null: nothing is said
    const Access* access = nullptr;    // null: nothing to check
    const ir::InnerRequests* inner = nullptr;
    const ir::Includes* includes = nullptr;
    std::unique_ptr<TryFiles> try_files;
    // Forward
    const ir::Forward* forward = nullptr;
    route::Template uri, pool_or_host;
    bool has_uri = false;
    // Answer
    Rule answer;
    const filter::Service* service = nullptr;
    const std::vector<filter::Instance>* filters = nullptr;
};

// Values that depend on the route are its own from now on.
inline void point_at(route::Subject& subject, const Route& route) {
    subject.file_root = &route.files->root;
    subject.script = route.script;
}

struct Site {
    const ir::Site* source = nullptr;
    ir::SiteId id = ir::no_id;
    RuleLists rules;
    route::SiteRouter router;
    std::vector<route::Program> monitor_fail;
    Route own;                         // the site's settings as a route: for answers before one is picked
    route::Template unique_id;
};

struct Pool {
    const ir::Pool* source = nullptr;
    route::Template key;               // what Balance::how hashes; empty: nothing is computed
    struct UseServer {
        route::Program when;
        std::string_view server;
    };
    std::vector<UseServer> use_server; // the first that holds, on the first try
    struct Stick {
        const ir::Pool::Stick* source = nullptr;
        route::Program key, when;      // `when` empty: always
        ir::ZoneId zone = ir::no_id;
    };
    std::vector<Stick> sticks;
    struct Sticky {
        std::vector<route::Template> keys, create;
        route::Template domain, path, same_site;
        ir::ZoneId zone = ir::no_id;
    } sticky;
    // The computed values of a server's PROXY header (ProxyHeaderValues::custom).
    std::unordered_map<const ir::Server*, std::vector<route::Template>> proxy_values;
    [[nodiscard]] const std::vector<route::Template>& proxy_values_of(const ir::Server& server) const;
    // Puts into `request` what the choice takes from the subject.
    void fill(pool::PickRequest& request, route::Subject& subject) const;
    void ask_cookie(pool::PickRequest& request, route::Subject& subject) const;
    void ask_sticky(pool::PickRequest& request, route::Subject& subject) const;
    void ask_sticks(pool::PickRequest& request, route::Subject& subject) const;
};

// The first of them that is not empty.
std::string_view first_of(const std::vector<route::Template>& texts, route::Subject& subject);

struct Listener {
    const ir::Listener* source = nullptr;
    ir::ListenerId id = ir::no_id;
    route::NameIndex names;
    ir::SiteId only = ir::no_id;       // one site without a choice
    std::uint32_t number = 0;          // as given, or by place among those of its site
};

class TlsPlan;

class Plan {
public:
    // Compiles; problems (a regex that does not compile, a module's objection) go to `problems`, the
    // plan is then not to be used.
    static std::shared_ptr<const Plan> compile(std::shared_ptr<const ir::Config> config,
                                               const filter::Modules& modules,
                                               std::vector<route::Library::Problem>& problems);

    [[nodiscard]] const ir::Config& config() const { return *config_; }
    [[nodiscard]] const route::Library& library() const { return *library_; }

    // Slots of variables that live as long as the client's connection, and of those that end with the
    // request (HAProxy sess., req.); the others end with the exchange.
    std::vector<std::uint32_t> connection_variables, request_variables;
    std::uint32_t rate_slot = ir::no_id;   // of set $limit_rate
    std::vector<Site> sites;
    std::vector<Route> routes;
    std::vector<Listener> listeners;
    std::vector<Pool> pools;
    std::shared_ptr<const TlsPlan> tls;     // of the listeners
    ServerTlsTable server_tls;         // of routes, of servers that always use TLS, of their checks
    std::vector<route::Template> zone_keys;   // by ir::ZoneId

    // charsets.cpp: how texts get from one charset to another one; null: nobody said.
    [[nodiscard]] const http::Recoding* find_recoding(std::string_view from, std::string_view to) const;

private:
    friend struct Compiler;
    void compile_charsets();
    std::vector<std::unique_ptr<http::Recoding>> recodings_;
    std::shared_ptr<const ir::Config> config_;
    std::unique_ptr<route::Library> library_;
    // Compiled groups by the identity of what they were made from.
    std::unordered_map<const void*, std::unique_ptr<Forwarding>> forwardings_;
    std::unordered_map<const void*, std::unique_ptr<route::ScriptRules>> scripts_;
    std::unordered_map<const void*, std::unique_ptr<Charset>> charsets_;
    std::unordered_map<const void*, std::unique_ptr<ReplyFields>> reply_fields_;
    std::unordered_map<const void*, std::unique_ptr<Rate>> rates_;
    std::unordered_map<const void*, std::unique_ptr<Cache>> caches_;
    std::unordered_map<const void*, std::unique_ptr<ErrorPages>> error_pages_;
    std::unordered_map<const void*, std::unique_ptr<Logs>> logs_;
    std::unordered_map<const void*, std::unique_ptr<std::vector<filter::Instance>>> filters_;
    std::unordered_map<const void*, std::unique_ptr<Files>> files_;
    std::unordered_map<const void*, std::unique_ptr<Access>> access_;
};

}  // namespace weir::plan
