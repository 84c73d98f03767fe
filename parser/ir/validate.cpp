// SPDX-License-Identifier: Apache-2.0
// Checks that know no dialect. A dangling reference is a fault of a front-end, yet it is reported
// and not asserted: the file that shows it must not take the process down. Values used before they
// exist, addresses bound by both languages and names that collide are the operator's to mend.
#include <fmt/format.h>

#include <map>
#include <set>
#include <unordered_set>

#include "parser/ir/config.hpp"

namespace weir::ir {

namespace {

const char* name_of(Phase phase) {
    static constexpr const char* names[] = {"connect", "handshake", "request", "forward",
                                            "response", "reply", "log"};
    return names[static_cast<std::size_t>(phase)];
}

class Validator {
public:
    Validator(const Config& config, diag::Sink& sink)
        : config_(config), sink_(sink), route_seen_(config.routes.size()) {
        // What a front-end has said about a word is not said again in other words.
        for (const auto& known : sink.all())
            if (known.severity == diag::Severity::error)
                reported_.insert({known.span.file, known.span.begin});
    }

    void run() {
        for (const auto& listener : config_.listeners) check_listener(listener);
        check_addresses();
        check_pool_names();
        for (const auto& pool : config_.pools) check_pool(pool);
        for (const auto& map : config_.maps) check_map(map);
        for (const auto& zone : config_.zones) check_zone(zone);
        for (const auto& site : config_.sites) check_site(site);
    }

private:
    // How bad a value used too early is. nginx takes such a value for empty and says nothing;
    // HAProxy refuses the expression and warns about the condition.
    enum class Use : std::uint8_t { value, condition };

    void broken(Span span, std::string what) {
        sink_.error(span, "broken-reference", std::move(what),
                    "this is a defect of weir: please report the configuration");
    }

    void check_expr(const Expr& expr, Phase at, Use use) {
        if (expr.op == Expr::Op::fetch) check_fetch(expr, at, use);
        if (expr.op == Expr::Op::map && static_cast<std::size_t>(expr.number) >= config_.maps.size())
            broken(expr.span, "a map that is used does not exist");
        for (const auto& inner : expr.in) check_expr(inner, at, use);
    }

    void check_fetch(const Expr& expr, Phase at, Use use) {
        auto slot = static_cast<std::size_t>(expr.number);
        if (expr.fetch == Fetch::variable && slot >= config_.variables.size())
            broken(expr.span, "a variable that is used has no slot");
        if (expr.fetch == Fetch::named_capture && slot >= config_.named_captures.size())
            broken(expr.span, "a named capture that is used has no slot");
        if (expr.needs <= at || !reported_.insert({expr.span.file, expr.span.begin}).second) return;
        auto message = fmt::format("a value that exists from \"{}\" on is used at \"{}\" and is "
                                   "empty there",
                                   name_of(expr.needs), name_of(at));
        auto severity = path_routes_                ? diag::Severity::advice
                        : use == Use::condition     ? diag::Severity::warning
                                                    : diag::Severity::error;
        sink_.add({severity, expr.span, std::move(message),
                   fmt::format("use it in a rule of \"{}\" or later", name_of(expr.needs)),
                   "value-too-early"});
    }

    void check_text(const Text& text, Phase at) {
        for (const auto& piece : text.pieces)
            if (piece.expr) check_expr(*piece.expr, at, Use::value);
    }
    void check_text(const std::optional<Text>& text, Phase at) {
        if (text) check_text(*text, at);
    }

    void check_rules(const std::vector<Rule>& rules) {
        for (const auto& rule : rules) {
            if (rule.when) check_expr(*rule.when, rule.phase, Use::condition);
            std::visit([&](const auto& action) { check_action(action, rule); }, rule.action);
        }
    }

    void check_action(const action::Respond& a, const Rule& rule) {
        check_text(a.body, rule.phase);
        for (const auto& header : a.headers) check_text(header.value, rule.phase);
    }
    void check_action(const action::Redirect& a, const Rule& r) { check_text(a.target, r.phase); }
    void check_action(const action::EditHeader& a, const Rule& r) { check_text(a.value, r.phase); }
    void check_action(const action::SetTarget& a, const Rule& r) { check_text(a.value, r.phase); }
    void check_action(const action::SetStatus& a, const Rule& r) { check_text(a.status, r.phase); }
    void check_action(const action::SetVariable& a, const Rule& rule) {
        if (a.slot >= config_.variables.size())
            broken(rule.span, "a variable that is set has no slot");
        if (const auto* text = std::get_if<Text>(&a.value)) check_text(*text, rule.phase);
        if (const auto* expr = std::get_if<Expr>(&a.value))
            check_expr(*expr, rule.phase, Use::value);
    }
    void check_action(const action::Rewrite& a, const Rule& rule) {
        check_text(a.replacement, rule.phase);
    }
    void check_action(const action::UseRoute& a, const Rule& rule) {
        check_route(a.route, rule.span);
    }
    void check_action(const action::Group& a, const Rule& rule) {
        if (a.rules)
            check_rules(a.rules->list);
        else
            broken(rule.span, "a group of rules is missing");
    }
    void check_action(const action::Capture& a, const Rule& rule) {
        check_expr(a.value, rule.phase, Use::value);
        auto slots = a.side == action::Side::request ? request_slots_ : response_slots_;
        if (a.slot >= slots && slots_known_) broken(rule.span, "a capture has no slot");
    }
    void check_action(const action::SetAddress& a, const Rule& rule) {
        check_expr(a.value, rule.phase, Use::value);
    }
    void check_action(const action::Follow& a, const Rule& rule) {
        check_expr(a.key, rule.phase, Use::value);
    }
    void check_action(const action::EditEntry& a, const Rule& rule) {
        check_expr(a.amount, rule.phase, Use::value);
    }
    void check_action(const action::Close&, const Rule&) {}
    void check_action(const action::Tarpit&, const Rule&) {}
    void check_action(const action::ExpectProxyHeader&, const Rule&) {}
    void check_action(const action::Allow&, const Rule&) {}
    void check_action(const action::SetLogLevel&, const Rule&) {}
    void check_action(const action::SetMark&, const Rule&) {}
    void check_action(const action::WaitForBody&, const Rule&) {}
    void check_action(const action::WaitForHandshake&, const Rule&) {}
    void check_action(const action::DisableRetry&, const Rule&) {}
    void check_action(const action::TellRate&, const Rule&) {}
    void check_action(const action::UseCache& a, const Rule& rule) { check_cache(a.cache, rule.span); }
    void check_action(const action::KeepAnswer& a, const Rule& rule) { check_cache(a.cache, rule.span); }
    void check_action(const action::PurgeCache& a, const Rule& rule) { check_cache(a.cache, rule.span); }
    void check_cache(const std::string& name, Span span) {
        for (const auto& store : config_.caches)
            if (store.in_memory && store.name == name) return;
        broken(span, "a cache that is used does not exist");
    }

    void check_server_tls(const ServerTls& tls) {
        if (!groups_seen_.insert(&tls).second) return;
        for (const auto* text : {&tls.name, &tls.computed_certificate, &tls.computed_key})
            check_text(*text, Phase::forward);
    }
    void check_settings(const Settings& settings) {
        // Shared groups are checked once: children that change nothing hold the same one.
        if (groups_seen_.insert(settings.forward.identity()).second) {
            const auto& forward = *settings.forward;
            for (const auto& edit : forward.set_fields) check_text(edit.value, Phase::forward);
            check_text(forward.body, Phase::forward);
            check_text(forward.method, Phase::forward);
            check_text(forward.bind_address, Phase::forward);
            check_server_tls(*forward.tls);
        }
        if (groups_seen_.insert(settings.cache.identity()).second) {
            const auto& cache = *settings.cache;
            check_text(cache.computed_store, Phase::forward);
            check_text(cache.key, Phase::forward);
            for (const auto& text : cache.bypass) check_text(text, Phase::forward);
            for (const auto& text : cache.keep_out) check_text(text, Phase::response);
        }
        if (groups_seen_.insert(settings.reply_rate.identity()).second) {
            check_text(settings.reply_rate->rate, Phase::reply);
            check_text(settings.reply_rate->after, Phase::reply);
        }
        if (groups_seen_.insert(settings.reply_fields.identity()).second) {
            for (const auto& field : settings.reply_fields->list)
                check_text(field.value, Phase::reply);
        }
    }

    void check_route(RouteId id, Span from) {
        if (id >= config_.routes.size()) return broken(from, "a route that is used does not exist");
        if (route_seen_[id]) return;
        route_seen_[id] = true;
        const Route& route = config_.routes[id];
        if (route.when) check_expr(*route.when, Phase::request, Use::condition);
        check_settings(route.settings);
        check_rules(route.rules);
        if (const auto* forward = std::get_if<Forward>(&route.action)) {
            if (forward->pool != no_id && forward->pool >= config_.pools.size())
                broken(route.span, "a pool that is used does not exist");
            check_text(forward->pool_or_host, Phase::request);
            check_text(forward->uri, Phase::request);
        }
        if (const auto* answer = std::get_if<Answer>(&route.action))
            check_text(answer->respond.body, Phase::request);
        for (auto inner : route.nested) check_route(inner, route.span);
    }

    void check_site(const Site& site) {
        path_routes_ = site.is_nginx_style;
        request_slots_ = site.request_captures.size();
        response_slots_ = site.response_captures.size();
        // Rules of a route that several sites share count slots of the site that runs them.
        slots_known_ = true;
        check_rules(site.rules);
        slots_known_ = false;
        check_settings(site.settings);
        check_text(site.unique_id_format, Phase::request);
        for (const auto& condition : site.monitor_fail)
            check_expr(condition, Phase::request, Use::condition);
        for (auto id : site.routes) check_route(id, site.span);
        for (const auto& pick : site.picks) {
            if (pick.when) check_expr(*pick.when, Phase::request, Use::condition);
            if (pick.route != no_id)
                check_route(pick.route, pick.span);
            else
                check_text(pick.dynamic_name, Phase::request);
        }
        if (site.fallback != no_id) check_route(site.fallback, site.span);
    }

    void check_listener(const Listener& listener) {
        if (listener.sites.empty())
            sink_.error(listener.span, "nobody-listens",
                        fmt::format("nothing answers on {}", to_string(listener.endpoint)),
                        "remove the address or give it a site");
        for (auto id : listener.sites)
            if (id >= config_.sites.size())
                broken(listener.span, "a site that is used does not exist");
        if (listener.default_site != no_id && listener.default_site >= config_.sites.size())
            broken(listener.span, "a default site does not exist");
    }

    bool speaks_nginx(const Listener& listener) const {
        return !listener.sites.empty() && listener.sites[0] < config_.sites.size() &&
               config_.sites[listener.sites[0]].is_nginx_style;
    }

    // nginx merges equal addresses of one file; HAProxy lets the kernel share them out. Only the
    // two languages together cannot have one address.
    void check_addresses() {
        std::map<std::pair<std::string, Transport>, const Listener*> first;
        for (const auto& listener : config_.listeners) {
            auto key = std::pair(to_string(listener.endpoint), listener.transport);
            auto [known, added] = first.emplace(std::move(key), &listener);
            if (added) continue;
            auto name = to_string(listener.endpoint);
            if (speaks_nginx(listener) != speaks_nginx(*known->second))
                sink_.error(listener.span, "address-clash",
                            fmt::format("{} is bound by the nginx and the HAProxy configuration",
                                        name),
                            "give one of them another port");
            else
                sink_.warning(listener.span, "address-twice",
                              fmt::format("{} is bound twice; the kernel picks who gets a "
                                          "connection",
                                          name),
                              "remove one of the two");
        }
    }

    void check_pool_names() {
        std::unordered_set<std::string_view> names;
        names.reserve(config_.pools.size());
        for (const auto& pool : config_.pools) {
            if (pool.implicit || names.insert(pool.name).second) continue;
            sink_.warning(pool.span, "pool-name-twice",
                          fmt::format("two pools are called \"{}\"", pool.name),
                          "rename one: counters and runtime commands go by name");
        }
    }

    void check_pool(const Pool& pool) {
        if (pool.balance.how == Balance::How::hash && pool.balance.key.empty() && !pool.servers.empty())
            broken(pool.span, fmt::format("pool \"{}\" hashes nothing", pool.name));
        // The key of a pool is computed when the request is sent; stream pools know no request.
        path_routes_ = true;
        check_text(pool.balance.key, Phase::forward);
        for (const auto& server : pool.servers)
            if (server.over_tls) check_server_tls(*server.tls);
        if (!pool.servers.empty() && !pool.disabled && nobody_serves(pool))
            sink_.advice(pool.span, "pool-all-down",
                          fmt::format("every server of \"{}\" is marked down", pool.name),
                          "requests get 502 or 503 until one is enabled");
    }

    static bool nobody_serves(const Pool& pool) {
        for (const auto& server : pool.servers)
            if (!server.down || server.endpoints.empty()) return false;
        return true;
    }

    void check_write_to(const Zone& zone) {
        if (zone.write_to.empty()) return;
        const auto id = config_.find_zone(zone.write_to, zone.purpose);
        if (id == no_id) return;   // the front-end said so
        const auto& target = config_.zones[id];
        if (&target == &zone)
            sink_.error(zone.span, "invalid-value", fmt::format("table \"{}\" cannot write to itself", zone.name));
        else if (target.key != zone.key || target.key_bytes != zone.key_bytes)
            sink_.error(zone.span, "invalid-value",
                        fmt::format("table \"{}\" writes to \"{}\", whose keys are of another type or length",
                                    zone.name, target.name));
    }
    void check_zone(const Zone& zone) {
        if (zone.purpose != "pool" && zone.columns.empty())
            sink_.error(zone.span, "unknown-zone",
                        fmt::format("there is no zone \"{}\" for \"{}\"", zone.name, zone.purpose),
                        zone.purpose == "cache" ? "declare it with proxy_cache_path"
                                                : fmt::format("declare it with {}_zone", zone.purpose));
        path_routes_ = true;
        check_write_to(zone);
        check_text(zone.of, Phase::request);
    }

    void check_map(const Map& map) {
        path_routes_ = true;
        check_text(map.key, Phase::log);
        for (const auto& entry : map.entries) check_text(entry.value, Phase::log);
        check_text(map.fallback, Phase::log);
    }

    const Config& config_;
    diag::Sink& sink_;
    std::vector<bool> route_seen_;
    std::unordered_set<const void*> groups_seen_;
    std::set<std::pair<FileId, std::uint32_t>> reported_;
    bool path_routes_ = true;
    bool slots_known_ = false;
    std::size_t request_slots_ = 0, response_slots_ = 0;
};

}  // namespace

void validate(const Config& config, diag::Sink& sink) { Validator(config, sink).run(); }

}  // namespace weir::ir
