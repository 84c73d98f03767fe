// SPDX-License-Identifier: Apache-2.0
// The end of a load: drafts become sites, routes and pools, references are resolved, and what
// HAProxy's own checks find at this point is reported.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

// ------------------------------------------------------------------- what defaults start with

Draft built_in_defaults(const Load&) {
    Draft draft;
    auto& times = draft.settings.timeouts.edit();
    times = {};
    for (auto* time :
         {&times.request_head, &times.client_read, &times.client_send, &times.keepalive,
          &times.client_fin, &times.connect, &times.queue, &times.server_read, &times.server_send,
          &times.server_fin, &times.tunnel, &times.tarpit, &times.check})
        *time = ir::no_limit;  // nothing has a limit unless a line says so
    times.inspect = ir::Milliseconds(0);

    auto& limits = draft.settings.limits.edit();
    limits.max_body = 0;
    limits.merge_slashes = false;
    limits.underscores = true;
    limits.drop_invalid = false;
    limits.upper_case_methods = false;
    limits.fragments = false;
    limits.target_host_wins = false;

    draft.settings.http2.edit().on = true;

    auto& keep = draft.settings.keepalive.edit();
    keep.max_requests = 0;
    keep.max_time = ir::no_limit;
    keep.linger = ir::KeepAlive::Linger::off;

    auto& style = draft.settings.style.edit();
    style.server_field.reset();
    style.date_field = false;
    style.pages = ir::ReplyStyle::Pages::haproxy;
    style.default_type.clear();
    style.absolute_redirect = false;
    style.tell_timeouts = true;
    style.chunk_unsized = false;
    style.head_shows_chunks = true;

    auto& forward = draft.settings.forward.edit();
    forward.preserve_host = true;
    forward.pass_version = true;
    forward.hang_up_on_stale = true;
    forward.pass_upgrade = true;
    forward.timed_while_sending = true;
    forward.pass_trailers = true;
    forward.pass_expect = true;
    forward.pass_te = true;
    forward.pass_interim = true;
    forward.pass_chunks = true;
    forward.ignore_client_abort = true;
    forward.no_server_status = 503;
    forward.connect_error_status = 503;
    forward.connect_timeout_status = 503;
    forward.reuse = ir::ForwardSettings::Reuse::safe;
    forward.buffer_request = false;
    forward.hide_nginx_fields = false;
    forward.accel_redirect = false;
    forward.half_close = true;
    forward.retry.connect = true;
    forward.retry.error = false;
    forward.retry.non_idempotent = true;  // what retry-on names is sent again, whatever it is
    forward.retry.timeout = false;
    forward.retry.tries = 4;
    forward.retry.next_server = false;

    auto& back = draft.back.edit();
    back.balance.ring = ir::Balance::Ring::haproxy_map;
    back.balance.turns = ir::Balance::Turns::positions;
    back.balance.function = ir::Balance::Function::sdbm;
    auto& server = back.default_server.server;
    server.max_fails = 0;
    auto& tls = server.tls.edit();
    tls.rules.verify_depth = 100;
    tls.named_by_target = tls.needs_name = tls.name_has_port = false;
    back.default_server.check.manner = ir::HealthCheck::Manner::haproxy;
    return draft;
}

// ------------------------------------------------------------------------------- inheritance

// Times that follow others when they are not given. Sections share groups, and go on sharing them.
ir::Settings Lowering::finished(const ir::Settings& settings) {
    ir::Settings out = settings;
    auto& done = finished_timeouts_[settings.timeouts.identity()];
    if (done.first == nullptr) {
        done.first = std::make_shared<ir::Shared<ir::Timeouts>>(settings.timeouts);
        done.second = settings.timeouts;
        auto& times = done.second.edit();
        if (times.keepalive == ir::no_limit)
            times.keepalive =
                times.request_head != ir::no_limit ? times.request_head : times.client_read;
        if (times.request_head == ir::no_limit) times.request_head = times.client_read;
        if (times.queue == ir::no_limit) times.queue = times.connect;
        if (times.tarpit == ir::no_limit) times.tarpit = times.connect;
    }
    out.timeouts = done.second;
    out.limits = limits_of(settings.limits);
    out.http2 = http2_of(settings.http2->on);
    out.forward = forward_of(settings.forward);
    return out;
}

// tune.h2.* are global, too.
ir::Shared<ir::Http2> Lowering::http2_of(bool on) {
    auto& made = finished_http2_[on];
    if (!made) {
        made.emplace();
        made->edit() = load_.http2;
        made->edit().on = on;
    }
    return *made;
}

// tune.h2.be.*
ir::Shared<ir::ForwardSettings> Lowering::forward_of(const ir::Shared<ir::ForwardSettings>& forward) {
    if (load_.server_http2 == ir::ForwardSettings::Http2{}) return forward;
    auto& done = finished_forwards_[forward.identity()];
    if (done.first == nullptr) {
        done.first = std::make_shared<ir::Shared<ir::ForwardSettings>>(forward);
        done.second = forward;
        done.second.edit().http2_limits = load_.server_http2;
    }
    return done.second;
}

// tune.bufsize and its like are global: they hold for sections before them, too.
ir::Shared<ir::ClientLimits> Lowering::limits_of(const ir::Shared<ir::ClientLimits>& limits) {
    auto& done = finished_limits_[limits.identity()];
    if (done.first == nullptr) {
        done.first = std::make_shared<ir::Shared<ir::ClientLimits>>(limits);
        done.second = limits;
        auto& group = done.second.edit();
        auto rewrite = std::min(load_.max_rewrite, load_.buffer_size / 2);
        group.max_head = group.max_line = load_.buffer_size - rewrite;
        group.body_buffer = load_.buffer_size;
        group.max_fields = load_.max_fields;
    }
    return done.second;
}

Lowering::Known* Lowering::find_back(const std::string& name) {
    auto found = backs_.find(name);
    return found == backs_.end() ? nullptr : found->second;
}

// ------------------------------------------------------------------------------------- pools

namespace {

bool fits(const ir::Pool& pool, const std::string& name) {
    return std::any_of(pool.servers.begin(), pool.servers.end(),
                       [&](const auto& server) { return server.name == name; });
}

std::vector<ir::HealthCheck::Step> http_steps(const BackWords& back) {
    using Step = ir::HealthCheck::Step;
    auto steps = back.http_steps;
    auto has = [&](Step::What what) {
        return std::any_of(steps.begin(), steps.end(),
                           [&](const auto& step) { return step.what == what; });
    };
    if (!has(Step::What::send)) {
        Step send;
        send.what = Step::What::send;
        send.method = back.http_method;
        send.uri = back.http_uri;
        send.version = back.http_version;
        send.fields = back.http_fields;
        auto after = std::find_if(steps.begin(), steps.end(), [](const auto& step) {
            return step.what != Step::What::connect && step.what != Step::What::comment;
        });
        steps.insert(after, std::move(send));
    }
    if (!has(Step::What::expect)) {
        Step expect;
        expect.what = Step::What::expect;
        expect.expect = Step::Expect::status;
        expect.pattern = "200-399";
        steps.push_back(std::move(expect));
    }
    return steps;
}

}  // namespace

void Lowering::make_check(const Draft& draft, const ServerWords& words, ir::Server& server) {
    const auto& back = *draft.back;
    auto check = words.check;
    using Kind = ir::HealthCheck::Kind;
    if (back.check == BackWords::Check::http) {
        check.kind = Kind::http;
        check.steps = http_steps(back);
        check.disable_on_404 = back.disable_on_404;
    } else if ((back.check == BackWords::Check::tcp && !back.tcp_steps.empty()) ||
               back.check == BackWords::Check::service) {
        check.kind = Kind::script;
        check.steps = back.check == BackWords::Check::tcp ? back.tcp_steps : back.service_steps;
        if (check.steps.front().what != ir::HealthCheck::Step::What::connect) {
            ir::HealthCheck::Step connect;
            connect.as_check = true;
            check.steps.insert(check.steps.begin(), connect);
        }
    }
    const auto& times = *draft.settings.timeouts;
    check.timeout = times.check;
    check.connect_timeout =
        times.check == ir::no_limit ? check.interval : std::min(times.connect, check.interval);
    if (load_.spread_percent != 0) check.jitter = check.interval * load_.spread_percent / 100;
    bool step_port = std::any_of(check.steps.begin(), check.steps.end(),
                                 [](const auto& step) { return step.port != 0; });
    bool is_unix = !server.endpoints.empty() && server.endpoints[0].is_unix();
    if (server.port == 0 && check.port == 0 && !step_port && !is_unix) {
        // HAProxy refuses a literal address only: it looks names up after this test.
        auto message =
            fmt::format("server \"{}\" is checked, but has no port of its own", server.name);
        auto hint = "give it a port, or add \"port N\" for the check";
        if (server.host.empty())
            scope_.error(words.span, "no-check-port", message, hint);
        else
            scope_.sink.warning(words.span, "no-check-port", message + ": every check of it fails",
                                hint);
    }
    finish_check_tls(words, server, check);
    server.check = std::move(check);
}

void Lowering::make_servers(Draft& draft, ir::Pool& pool) {
    pool.servers.reserve(draft.servers.size());
    std::unordered_map<std::string_view, Span> names;
    for (auto& words : draft.servers) {
        if (draft.servers.size() > 1 && !names.emplace(words.server.name, words.span).second)
            scope_.error(words.span, "duplicate-name",
                         fmt::format("{} \"{}\" has another server named \"{}\" before this one",
                                     draft.kind(), draft.name, words.server.name));
        auto& server = words.server;
        move_server(scope_, draft.name, words);
        finish_server_tls(scope_, draft, words, server);
        if (server.http2 && !draft.http)
            scope_.error(words.span, "needs-http",
                         fmt::format("server \"{}\" speaks HTTP/2, but the mode of {} \"{}\" is tcp",
                                     server.name, draft.kind(), draft.name),
                         "add \"mode http\", or remove \"proto h2\"");
        if (server.http2 && words.checked && draft.back->check == BackWords::Check::http)
            scope_.error(words.span, "not-supported",
                         fmt::format("checks by HTTP of server \"{}\" with proto h2 are known to "
                                     "HAProxy, not yet in weir",
                                     server.name),
                         "leave \"option httpchk\" out: a connection is checked then");
        if (words.checked) make_check(draft, words, server);
        if (server.id == 0) server.id = static_cast<std::uint32_t>(pool.servers.size() + 1);
        // minconn alone, or above maxconn, is the limit itself.
        if (server.min_connections > server.max_connections)
            server.max_connections = std::exchange(server.min_connections, 0);
        pool.servers.push_back(server);
    }
    draft.servers.clear();
    for (auto& use : draft.use_servers) {
        if (!fits(pool, use.name))
            scope_.error(use.span, "unknown-server",
                         fmt::format("there is no server \"{}\" in {} \"{}\"", use.name,
                                     draft.kind(), draft.name));
        else if (use.when)
            pool.use_server.emplace_back(std::move(*use.when), use.name);
    }
    for (const auto& server : pool.servers) {
        if (server.track.empty()) continue;
        auto name = server.track.find('/') == std::string::npos ? draft.name + "/" + server.track
                                                                : server.track;
        refer(scope_, Reference::Kind::server, name, server.span);
    }
}

void Lowering::make_pool(Draft& draft) {
    const auto& back = *draft.back;
    ir::Pool pool;
    pool.name = draft.name;
    pool.kind = draft.http ? ir::Pool::Kind::http : ir::Pool::Kind::stream;
    pool.balance = back.balance;
    if (!draft.http && pool.balance.how == ir::Balance::How::hash && back.balance_given &&
        !pool.balance.key.empty()) {
        scope_.sink.warning(draft.span, "needs-http",
                            fmt::format("the balance algorithm of {} \"{}\" reads requests, but "
                                        "its mode is tcp; roundrobin is used",
                                        draft.kind(), draft.name),
                            "add \"mode http\", or choose another algorithm");
        pool.balance.how = ir::Balance::How::round_robin;
        pool.balance.key = {};
    }
    if (draft.http) pool.cookie = back.cookie;
    pool.use_all_backups = back.all_backups;
    pool.single_server_stays = false;
    pool.full_connections = back.full_connections;
    pool.disabled = draft.disabled;
    pool.log_health_checks = back.log_health_checks;
    pool.id = draft.id;
    pool.span = draft.span;
    pool.idle.max_per_worker = 512;
    pool.idle.max_requests = 0;
    pool.idle.max_time = ir::no_limit;
    make_servers(draft, pool);
    pool.sticks = std::move(draft.sticks);
    auto& built = known_[draft.index];
    built.pool = scope_.config.add(std::move(pool));
    if (draft.place == in::backend) {
        built.route = scope_.config.add(backend_route(draft, built.pool));
        return;
    }
    // A listen section's requests have run its rules as a site already.
    ir::Route own;
    own.internal = true;
    own.pool_name = draft.name;
    own.settings = finished(draft.settings);
    own.action = ir::Forward{.pool = built.pool};
    own.span = draft.span;
    built.own_route = scope_.config.add(std::move(own));
}

// option http-buffer-request: a rule in front of the others.
static std::vector<ir::Rule> body_wait(const RuleWords& rules, const ir::Settings& settings) {
    if (!rules.buffers_request) return {};
    ir::Rule wait;
    wait.phase = ir::Phase::request;
    wait.action = ir::action::WaitForBody{.time = settings.timeouts->request_head};
    return {wait};
}

ir::Route Lowering::backend_route(Draft& draft, ir::PoolId pool) {
    ir::Route route;
    route.pool_name = draft.name;
    route.settings = finished(draft.settings);
    route.action = ir::Forward{.pool = pool};
    route.span = draft.span;
    const auto& rules = *draft.rules;
    auto take = [&](const std::vector<ir::Rule>& list) {
        route.rules.insert(route.rules.end(), list.begin(), list.end());
    };
    take(rules.content);
    if (draft.http) {
        take(body_wait(rules, route.settings));
        take(rules.request);
        take(rules.redirects);
    }
    take(rules.response_content);
    if (draft.http) {
        take(rules.response);
        take(rules.after_response);
    }
    return route;
}

// The route other sections use: a listen's is made when the first asks for it.
ir::RouteId Lowering::route_of(Known& back) {
    if (back.route == ir::no_id)
        back.route = scope_.config.add(backend_route(*back.draft, back.pool));
    return back.route;
}

// ------------------------------------------------------------------------------------- sites

void Lowering::make_picks(Draft& draft, ir::Site& site) {
    auto check_mode = [&](const Known& back, Span span) {
        if (!draft.http || back.http) return;
        scope_.error(
            span, "mode-mismatch",
            fmt::format("{} \"{}\" speaks HTTP, but {} \"{}\" has mode tcp", draft.kind(),
                        draft.name, back.place == in::listen ? "listen" : "backend", back.name),
            "give both the same mode");
    };
    auto find = [&](const std::string& name, Span span, std::string_view word) -> Known* {
        if (auto* back = find_back(name)) {
            check_mode(*back, span);
            return back;
        }
        bool front = fronts_.contains(name);
        scope_.error(span, "unknown-backend",
                     fmt::format("{} \"{}\": {}", word, name,
                                 front ? "a frontend is no backend" : "there is no such backend"),
                     nearest_backend(name));
        return nullptr;
    };
    for (auto& words : draft.switches) {
        ir::RoutePick pick;
        pick.span = words.span;
        pick.when = std::move(words.when);
        pick.dynamic_name = std::move(words.dynamic);
        if (pick.dynamic_name.empty()) {
            auto* back = find(words.name, words.span, "use_backend");
            if (!back) continue;
            pick.route = route_of(*back);
        } else {
            any_dynamic_ = true;
        }
        site.picks.push_back(std::move(pick));
    }
    if (!draft.default_backend.empty()) {
        auto* back = find(draft.default_backend, draft.default_backend_at, "default_backend");
        if (back) site.fallback = route_of(*back);
    } else if (draft.place == in::listen) {
        site.fallback = known_[draft.index].own_route;
    }
}

std::string Lowering::nearest_backend(const std::string& name) const {
    for (const auto& back : known_) {
        if (back.place == in::frontend) continue;
        const auto& known = back.name;
        // One edit away: all but a short middle is the same.
        auto head = std::mismatch(known.begin(), known.end(), name.begin(), name.end()).first -
                    known.begin();
        auto tail = std::mismatch(known.rbegin(), known.rend(), name.rbegin(), name.rend()).first -
                    known.rbegin();
        auto longest = static_cast<std::ptrdiff_t>(std::max(known.size(), name.size()));
        if (longest > 2 && head + tail >= longest - 2 && known.size() + 1 >= name.size() &&
            name.size() + 1 >= known.size())
            return fmt::format("did you mean \"{}\"?", known);
    }
    return "add a section \"backend " + name + "\"";
}

void Lowering::make_listeners(Draft& draft, ir::SiteId site) {
    const auto& front = *draft.front;
    for (auto& listener : draft.listeners) {
        if (listener.name.empty()) listener.name = ir::to_string(listener.endpoint);
        if (listener.backlog == ir::Listener{}.backlog && front.backlog != 0)
            listener.backlog = static_cast<int>(front.backlog);
        if (draft.client_keepalive) listener.keepalive = true;
        listener.sites = {site};
        listener.default_site = site;
        scope_.config.listeners.push_back(std::move(listener));
    }
    draft.listeners.clear();
}

// "capture ... id N": the slot must be there, and gives the length.
void Lowering::check_captures(ir::Site& site) {
    for (auto& rule : site.rules) {
        auto* capture = std::get_if<ir::action::Capture>(&rule.action);
        if (!capture || capture->length != 0) continue;
        const auto& slots = capture->side == ir::action::Side::request ? site.request_captures
                                                                       : site.response_captures;
        if (capture->slot < slots.size()) {
            capture->length = slots[capture->slot].length;
            continue;
        }
        scope_.error(rule.span, "unknown-capture",
                     fmt::format("there is no capture slot {} in \"{}\"", capture->slot, site.name),
                     "make it with a line such as: declare capture request len 32");
    }
}

static bool takes_early_data(const Draft& draft) {
    return std::any_of(draft.listeners.begin(), draft.listeners.end(), [](const auto& one) {
        return one.tls && std::any_of(one.tls->certificates.begin(), one.tls->certificates.end(),
                                      [](const auto& entry) { return entry.rules->early_data; });
    });
}

// Servers are told that the request may be a replay (RFC 8470 section 5.1).
ir::Rule Lowering::early_mark() {
    static constexpr std::string_view line[] = {"set-header", "Early-Data", "1", "if", "{", "ssl_fc_has_early", "}"};
    std::vector<Argument> words;
    for (auto word : line) words.push_back({.text = word});
    ir::Rule rule;
    scope_.place = in::http_request;
    lower_action(scope_, words, in::http_request, rule);
    return rule;
}

void Lowering::make_site(Draft& draft) {
    scope_.draft = &draft;
    const auto& front = *draft.front;
    ir::Site site;
    site.kind = draft.http ? ir::Site::Kind::http : ir::Site::Kind::stream;
    site.name = draft.name;
    site.is_nginx_style = false;
    site.counted_as_backend = draft.place == in::listen;
    site.disabled = draft.disabled;
    site.id = draft.id;
    site.span = draft.span;
    site.settings = finished(draft.settings);
    site.max_connections = front.max_connections;
    site.request_captures = std::move(draft.request_captures);
    site.response_captures = std::move(draft.response_captures);
    site.cookie_capture = std::move(draft.cookie_capture);
    site.monitor_uri = front.monitor_uri;
    site.monitor_fail = std::move(draft.monitor_fail);
    site.unique_id_format = front.unique_id_format;
    site.unique_id_header = front.unique_id_header;
    const auto& rules = *draft.rules;
    site.tcp_content_rules = rules.waits_for_content;
    auto take = [&](const std::vector<ir::Rule>& list) {
        site.rules.insert(site.rules.end(), list.begin(), list.end());
    };
    take(rules.connection);
    take(rules.session);
    if (draft.http) take(draft.captures_in);
    take(rules.content);
    if (draft.http) {
        take(body_wait(rules, site.settings));
        take(rules.request);
        take(rules.redirects);
        if (takes_early_data(draft)) take({early_mark()});
        take(draft.captures_out);
    }
    take(rules.response_content);
    if (draft.http) {
        take(rules.response);
        take(rules.after_response);
    }
    check_captures(site);
    make_picks(draft, site);
    make_logs(draft, site);
    auto id = scope_.config.add(std::move(site));
    if (!draft.disabled) make_listeners(draft, id);
}

// ------------------------------------------------------------------------------- HAProxy's checks

void Lowering::warn_about(const Draft& draft) {
    auto warn = [&](Span span, std::string id, std::string message, std::string hint) {
        scope_.sink.warning(span, std::move(id), std::move(message), std::move(hint));
    };
    if (draft.disabled) return;
    if (draft.is_front() && draft.listeners.empty() && draft.place == in::frontend)
        warn(draft.span, "no-bind",
             fmt::format("frontend \"{}\" has no \"bind\" and takes no connections", draft.name),
             "add a \"bind\" line, or make it a backend");
    const auto& times = *draft.settings.timeouts;
    bool client = draft.is_front() && times.client_read == ir::no_limit;
    bool connect = draft.is_back() && !draft.servers.empty() && times.connect == ir::no_limit;
    bool server = draft.is_back() && !draft.servers.empty() && times.server_read == ir::no_limit &&
                  (draft.http || times.tunnel == ir::no_limit);
    if (client || connect || server) {
        std::string missing;
        for (auto [lacks, name] :
             {std::pair(client, "client"), {connect, "connect"}, {server, "server"}})
            if (lacks)
                missing += fmt::format("{}\"timeout {}\"", missing.empty() ? "" : ", ", name);
        warn(draft.span, "missing-timeout",
             fmt::format("{} \"{}\" has no {}", draft.kind(), draft.name, missing),
             "a peer that vanishes would hold its connection forever; 30s to 60s suit most");
    }
    if (draft.http) return;
    const auto& rules = *draft.rules;
    for (const auto* list :
         {&rules.request, &rules.redirects, &rules.response, &rules.after_response})
        if (!list->empty())
            warn(list->front().span, "needs-http",
                 fmt::format("this rule has no effect: {} \"{}\" has mode tcp", draft.kind(),
                             draft.name),
                 "add \"mode http\", or use tcp-request rules");
    if (!draft.settings.forward->forwarded_for_field.empty() && draft.forwardfor_own)
        warn(draft.span, "needs-http",
             fmt::format("\"option forwardfor\" has no effect: {} \"{}\" has mode tcp",
                         draft.kind(), draft.name),
             "add \"mode http\", or \"send-proxy\" on the servers");
}

void Lowering::close_proxy(Draft& draft) {
    known_[draft.index].http = draft.http;
    warn_about(draft);
    if (draft.is_back()) make_pool(draft);
}

void Lowering::finish() {
    for (auto& draft : fronts_waiting_) make_site(draft);
    // A computed name may name a listen section.
    if (any_dynamic_)
        for (auto& known : known_)
            if (known.place == in::listen) route_of(known);
    check_references();
    keep_stored(scope_);
    make_status_logs();
    complete_tables(scope_.config);
}

}  // namespace weir::haproxy
