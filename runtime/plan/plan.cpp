// SPDX-License-Identifier: Apache-2.0
// Compiling a Plan: one pass over the sites, routes and listeners of the IR. Off the event loop.
#include "runtime/plan/plan.hpp"

#include <algorithm>
#include <set>

#include "runtime/gateway/params.hpp"
#include "runtime/plan/tls.hpp"

namespace weir::plan {

const ErrorPage* ErrorPages::find(std::uint16_t status) const {
    for (const auto& page : list)
        for (auto one : page.source->statuses)
            if (one == status) return &page;
    return nullptr;
}

namespace {

bool listed(const std::vector<std::string_view>& names, std::string_view name) {
    for (auto one : names)
        if (http::equal_ignoring_case(one, name)) return true;
    return false;
}

}  // namespace

bool Forwarding::replaces(const http::Field& field) const {
    if (source->protocol != ir::ForwardSettings::Protocol::http)
        return std::any_of(replaced_names.begin(), replaced_names.end(),
                           [&](std::string_view name) { return gateway::same_param(field.name, name); });
    if (field.id != http::FieldId::other) return replaced[static_cast<std::size_t>(field.id)];
    return !replaced_names.empty() && listed(replaced_names, field.name);
}

bool Forwarding::hides(const http::Field& field) const {
    if (field.id != http::FieldId::other) return hidden[static_cast<std::size_t>(field.id)];
    return !hidden_names.empty() && listed(hidden_names, field.name);
}

struct Compiler {
    Plan& plan;
    const ir::Config& config;
    route::Library& library;
    const filter::Modules& modules;
    std::vector<route::Library::Problem>& problems;

    const filter::Module* find_module(std::string_view name) const {
        for (const auto* module : modules)
            if (module->name == name) return module;
        return nullptr;
    }

    Field field(std::string_view name, const ir::Text& value) {
        Field made;
        made.name = name;
        made.id = http::field_id(name);
        made.value = library.compile(value);
        return made;
    }

    // The query of a replacement is written down as such: a '?' in a value does not begin one.
    static void split_query(const ir::Text& whole, Rule::Split& into) {
        auto& [path, query] = into;
        bool behind = false;
        for (const auto& piece : whole.pieces) {
            auto mark = behind || piece.expr ? std::string::npos : piece.literal.find('?');
            if (mark == std::string::npos) {
                (behind ? query : path).pieces.push_back(piece);
                continue;
            }
            behind = true;
            auto before = piece, after = piece;
            before.literal.resize(mark);
            after.literal.erase(0, mark + 1);
            if (mark != 0) path.pieces.push_back(std::move(before));
            if (!after.literal.empty()) query.pieces.push_back(std::move(after));
        }
    }

    // What the action computes, as programs. One overload per action that has something.
    void fill(Rule& rule, const ir::action::Respond& action) {
        if (action.body) rule.text = library.compile(*action.body);
        for (const auto& one : action.headers) rule.fields.push_back(field(one.name, one.value));
    }
    void fill(Rule& rule, const ir::action::Redirect& action) {
        rule.text = library.compile(action.target);
    }
    void fill(Rule& rule, const ir::action::EditHeader& action) {
        rule.text = library.compile(action.value);
        using Names = ir::action::EditHeader::Names;
        if (!action.regex.empty()) rule.regex = library.regex(action.regex, false, rule.source->span);
        if (action.names == Names::regex)
            rule.regex = library.regex(action.name, true, rule.source->span);
    }
    void fill(Rule& rule, const ir::action::SetTarget& action) {
        rule.text = library.compile(action.value);
        if (!action.regex.empty()) rule.regex = library.regex(action.regex, false, rule.source->span);
    }
    void fill(Rule& rule, const ir::action::SetStatus& action) {
        rule.text = library.compile(action.status);
    }
    void fill(Rule& rule, const ir::action::SetVariable& action) {
        if (const auto* text = std::get_if<ir::Text>(&action.value)) rule.text = library.compile(*text);
        if (const auto* expr = std::get_if<ir::Expr>(&action.value)) rule.value = library.compile(*expr);
    }
    void fill(Rule& rule, const ir::action::Rewrite& action) {
        rule.split = std::make_shared<Rule::Split>();
        split_query(action.replacement, *rule.split);
        rule.text = library.compile(rule.split->path);
        rule.query = library.compile(rule.split->query);
        rule.regex = library.regex(action.regex, action.ignore_case, rule.source->span);
    }
    void fill(Rule& rule, const ir::action::Group& action) {
        for (const auto& one : action.rules->list) rule.group.push_back(make(one));
    }
    void fill(Rule& rule, const ir::action::Capture& action) {
        rule.value = library.compile(action.value);
    }
    void fill(Rule& rule, const ir::action::SetAddress& action) {
        rule.value = library.compile(action.value);
    }
    void fill(Rule& rule, const ir::action::Follow& action) {
        rule.value = library.compile(action.key);
        rule.zone = config.find_zone(action.table, "stick-table");
    }
    void fill(Rule& rule, const ir::action::EditEntry& action) { rule.value = library.compile(action.amount); }
    void fill(Rule& rule, const ir::action::UseCache& action) { rule.cache = memory_cache(action.cache); }
    void fill(Rule& rule, const ir::action::KeepAnswer& action) { rule.cache = memory_cache(action.cache); }
    void fill(Rule& rule, const ir::action::PurgeCache& action) { rule.cache = memory_cache(action.cache); }
    [[nodiscard]] std::uint32_t memory_cache(const std::string& name) const {
        for (std::uint32_t i = 0; i < config.caches.size(); ++i)
            if (config.caches[i].in_memory && config.caches[i].name == name) return i;
        return ir::no_id;
    }
    void fill(Rule&, const ir::action::Close&) {}
    void fill(Rule&, const ir::action::TellRate&) {}
    void fill(Rule&, const ir::action::Tarpit&) {}
    void fill(Rule&, const ir::action::Allow&) {}
    void fill(Rule&, const ir::action::UseRoute&) {}
    void fill(Rule&, const ir::action::SetLogLevel&) {}
    void fill(Rule&, const ir::action::SetMark&) {}
    void fill(Rule&, const ir::action::WaitForBody&) {}
    void fill(Rule&, const ir::action::WaitForHandshake&) {}
    void fill(Rule&, const ir::action::DisableRetry&) {}
    void fill(Rule&, const ir::action::ExpectProxyHeader&) {}

    Rule make(const ir::Rule& source) {
        Rule rule;
        rule.source = &source;
        if (source.when) rule.when = library.compile(*source.when);
        std::visit([&](const auto& action) { fill(rule, action); }, source.action);
        return rule;
    }

    void add_rules(RuleLists& lists, const std::vector<ir::Rule>& rules) {
        for (const auto& source : rules) {
            auto rule = make(source);
            bool content = source.list == ir::Rule::List::content;
            switch (source.phase) {
                case ir::Phase::connect: lists.connect.push_back(std::move(rule)); break;
                case ir::Phase::handshake: lists.handshake.push_back(std::move(rule)); break;
                case ir::Phase::request:
                    (content ? lists.content : lists.request).push_back(std::move(rule));
                    break;
                case ir::Phase::forward: lists.forward.push_back(std::move(rule)); break;
                case ir::Phase::response:
                    (content ? lists.response_content : lists.response).push_back(std::move(rule));
                    break;
                case ir::Phase::reply:
                case ir::Phase::log: lists.reply.push_back(std::move(rule)); break;
            }
        }
    }

    template <class Map, class Make>
    auto* once(Map& map, const void* key, Make&& create) {
        auto& slot = map[key];
        if (!slot) slot = create();
        return slot.get();
    }

    std::unique_ptr<Forwarding> forwarding(const ir::ForwardSettings& source) {
        auto made = std::make_unique<Forwarding>();
        made->source = &source;
        for (const auto& edit : source.set_fields) {
            made->set_fields.push_back(field(edit.name, edit.value));
            auto id = made->set_fields.back().id;
            if (id == http::FieldId::other)
                made->replaced_names.push_back(edit.name);
            else
                made->replaced.set(static_cast<std::size_t>(id));
            if (id == http::FieldId::upgrade) made->sets_upgrade = true;
        }
        const bool speaks_http = source.protocol == ir::ForwardSettings::Protocol::http;
        for (const auto& param : source.params) {
            auto name = gateway::field_of(param.name);
            // Nothing in the place of a field: it stays here (nginx).
            if (name.empty() || !param.value.empty()) made->params.push_back({&param, library.compile(param.value)});
            if (name.empty()) continue;
            made->replaced_names.push_back(name);
            std::string field_name(name);
            std::replace(field_name.begin(), field_name.end(), '_', '-');
            made->replaced.set(static_cast<std::size_t>(http::field_id(field_name)));
        }
        auto hide = [&](std::string_view name) {
            auto id = http::field_id(name);
            if (id == http::FieldId::other)
                made->hidden_names.push_back(name);
            else
                made->hidden.set(static_cast<std::size_t>(id));
        };
        if (source.hide_nginx_fields) {
            for (auto name : {"X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering",
                              "X-Accel-Charset"})
                hide(name);
            // uwsgi's applications may send it beside a status line; it is passed on (nginx).
            if (!speaks_http && source.protocol != ir::ForwardSettings::Protocol::uwsgi) hide("Status");
        }
        if (source.hide_nginx_fields && speaks_http)
            for (auto name : {"Date", "Server", "X-Pad"}) hide(name);
        auto obeys = [&](http::FieldId id) {
            return source.accel_redirect &&
                   std::none_of(source.ignore_fields.begin(), source.ignore_fields.end(),
                                [&](const auto& name) { return http::field_id(name) == id; });
        };
        made->accel_redirect = obeys(http::FieldId::x_accel_redirect);
        made->accel_charset = obeys(http::FieldId::x_accel_charset);
        for (const auto& name : source.ignore_fields) {
            using Id = http::FieldId;
            auto& ignored = made->ignored;
            switch (http::field_id(name)) {
                case Id::cache_control: ignored.cache_control = true; break;
                case Id::expires: ignored.expires = true; break;
                case Id::x_accel_expires: ignored.accel_expires = true; break;
                case Id::set_cookie: ignored.set_cookie = true; break;
                case Id::vary: ignored.vary = true; break;
                default: break;
            }
        }
        for (const auto& name : source.hide_fields) hide(name);
        for (const auto& name : source.pass_fields) {
            made->hidden.reset(static_cast<std::size_t>(http::field_id(name)));
            std::erase_if(made->hidden_names, [&](std::string_view one) {
                return http::equal_ignoring_case(one, name);
            });
        }
        for (auto status : source.retry.statuses)
            if (status < made->retry_statuses.size()) made->retry_statuses.set(status);
        auto rewrite = [&](auto& into, const auto& one) {
            Forwarding::Rewrite out;
            if (one.regex) {
                out.regex = library.regex(one.from.literal(), one.ignore_case, one.from.span);
            } else {
                out.from = library.compile(one.from);
            }
            out.to = library.compile(one.to);
            into.push_back(std::move(out));
        };
        for (const auto& one : source.redirects) {
            rewrite(made->redirects, one);
            made->redirects.back().standard = one.standard;
        }
        for (const auto& one : source.cookies) rewrite(made->cookies, one);
        if (source.body) made->body = library.compile(*source.body);
        made->has_body = source.body.has_value();
        if (source.method) made->method = library.compile(*source.method);
        for (const auto& value : source.early_hints) made->early_hints.push_back(library.compile(value));
        made->has_method = source.method.has_value();
        if (source.store) made->store = library.compile(*source.store);
        if (source.bind_address) made->bind_address = library.compile(*source.bind_address);
        return made;
    }

    std::unique_ptr<ReplyFields> reply_fields(const ir::ReplyFields& source) {
        auto made = std::make_unique<ReplyFields>();
        auto add = [&](std::vector<Field>& list, const ir::ReplyField& one) {
            list.push_back(field(one.name, one.value));
            list.back().always = one.always;
            list.back().replace = one.replace;
        };
        for (const auto& one : source.list) add(made->list, one);
        for (const auto& one : source.trailers) add(made->trailers, one);
        if (source.expiry.how != ir::ReplyFields::Expiry::How::off) made->expiry = &source.expiry;
        made->expires = library.compile(source.expiry.value);
        return made;
    }

    std::unique_ptr<Files> files(const ir::FileSettings& source) {
        auto made = std::make_unique<Files>();
        made->source = &source;
        made->root = {library.compile(source.root), source.is_alias, source.root_is_whole,
                      source.left_out};
        for (const auto& name : source.index) made->index.push_back(library.compile(name));
        made->links_from = library.compile(source.links_from);
        return made;
    }

    std::unique_ptr<TryFiles> try_files(const ir::TryFiles& source) {
        auto made = std::make_unique<TryFiles>();
        made->source = &source;
        for (const auto& name : source.names) made->names.push_back(library.compile(name.text));
        if (source.uri) made->uri = library.compile(*source.uri);
        return made;
    }

    std::unique_ptr<Access> access(const ir::AccessSettings& source) {
        auto made = std::make_unique<Access>();
        made->source = &source;
        made->asks_user = source.realm.has_value();
        if (source.realm) made->realm = library.compile(*source.realm);
        made->users = library.compile(source.users);
        for (const auto& note : source.notes) made->notes.push_back(library.compile(note.value));
        return made;
    }

    std::unique_ptr<Cache> cache(const ir::CacheSettings& source) {
        auto made = std::make_unique<Cache>();
        made->source = &source;
        for (std::uint32_t i = 0; i < config.caches.size(); ++i)
            if (!config.caches[i].in_memory && config.caches[i].name == source.store) made->store = i;
        if (source.computed_store) made->computed_store = library.compile(*source.computed_store);
        if (source.key) made->key = library.compile(*source.key);
        for (const auto& text : source.bypass) made->bypass.push_back(library.compile(text));
        for (const auto& text : source.keep_out) made->keep_out.push_back(library.compile(text));
        for (const auto& text : source.purge) made->purge.push_back(library.compile(text));
        for (auto status : source.use_stale.statuses) made->stale_statuses.set(status);
        for (const auto& method : source.methods) made->takes_post |= method == "POST";
        return made;
    }

    std::unique_ptr<route::ScriptRules> script(const ir::ScriptNames& source) {
        auto made = std::make_unique<route::ScriptRules>();
        made->index = source.index;
        if (!source.split.empty()) made->split = library.regex(source.split, false);
        return made;
    }

    std::unique_ptr<Rate> rate(const ir::ReplyRate& source) {
        if (source.rate.empty() && source.after.empty()) return {};
        auto made = std::make_unique<Rate>();
        made->rate = library.compile(source.rate);
        made->after = library.compile(source.after);
        return made;
    }

    std::unique_ptr<ErrorPages> error_pages(const ir::ErrorPages& source) {
        auto made = std::make_unique<ErrorPages>();
        made->recursive = source.recursive;
        for (const auto& one : source.list) {
            ErrorPage page;
            page.source = &one;
            if (const auto* in = std::get_if<ir::ErrorPage::Internal>(&one.what))
                page.text = library.compile(in->uri);
            if (const auto* redirect = std::get_if<ir::ErrorPage::Redirect>(&one.what))
                page.text = library.compile(redirect->target);
            if (const auto* made_page = std::get_if<ir::ErrorPage::Made>(&one.what)) {
                const auto& respond = *made_page->respond;
                if (respond.body) page.text = library.compile(*respond.body);
                for (const auto& two : respond.headers) page.fields.push_back(field(two.name, two.value));
            }
            made->list.push_back(std::move(page));
        }
        return made;
    }

    std::unique_ptr<Logs> logs(const ir::LogSettings& source) {
        auto made = std::make_unique<Logs>();
        made->source = &source;
        for (const auto& one : source.access) {
            AccessLog log;
            log.source = &one;
            log.format = library.compile(one.format);
            log.path = library.compile(one.target.dynamic_path);
            log.error_format = library.compile(one.error_format);
            if (one.when) log.when = library.compile(*one.when);
            made->access.push_back(std::move(log));
        }
        return made;
    }

    std::unique_ptr<std::vector<filter::Instance>> filters(const ir::ModuleUses& source) {
        auto made = std::make_unique<std::vector<filter::Instance>>();
        // In the order of the module list, whatever the order of the directives.
        for (const auto* module : modules) {
            auto found = source.by_name.find(module->conf.empty() ? module->name : module->conf);
            if (found == source.by_name.end() || !module->make_filter) continue;
            if (auto filter = module->make_filter(found->second.get(), library))
                made->push_back({module->name, std::move(filter)});
        }
        return made;
    }

    void settings(Route& route, const ir::Settings& from) {
        route.timeouts = from.timeouts.identity();
        route.limits = from.limits.identity();
        route.name_servers = from.name_servers.identity();
        if (const auto& real = *from.real_address; !real.trusted.empty() || real.trusts_unix)
            route.real_address = from.real_address.identity();
        route.keepalive = from.keepalive.identity();
        route.http2 = from.http2.identity();
        route.style = from.style.identity();
        if (!from.style->charset.empty())
            route.charset = once(plan.charsets_, route.style, [&] {
                return std::make_unique<Charset>(Charset{route.style, library.compile(route.style->charset),
                                                         library.compile(route.style->source_charset)});
            });
        route.forwarding = once(plan.forwardings_, from.forward.identity(),
                                [&] { return forwarding(*from.forward); });
        route.reply_fields = once(plan.reply_fields_, from.reply_fields.identity(),
                                  [&] { return reply_fields(*from.reply_fields); });
        const auto* cached = once(plan.caches_, from.cache.identity(), [&] { return cache(*from.cache); });
        route.cache = cached->is_off() ? nullptr : cached;
        route.rate = once(plan.rates_, from.reply_rate.identity(), [&] { return rate(*from.reply_rate); });
        route.error_pages = once(plan.error_pages_, from.error_pages.identity(),
                                 [&] { return error_pages(*from.error_pages); });
        route.logs = once(plan.logs_, from.logs.identity(), [&] { return logs(*from.logs); });
        route.filters = once(plan.filters_, from.modules.identity(),
                             [&] { return filters(*from.modules); });
        route.inner = from.inner.identity();
        route.includes = from.includes.identity();
        if (const auto& names = *from.script; !names.index.empty() || !names.split.empty())
            route.script = once(plan.scripts_, &names, [&] { return script(names); });
        route.files = once(plan.files_, from.files.identity(), [&] { return files(*from.files); });
        const auto* checks = once(plan.access_, from.access.identity(),
                                  [&] { return access(*from.access); });
        route.access = checks->checks() ? checks : nullptr;
    }

    // Only what a connection may come of: others may name files that were not read.
    void compile_server_tls(const Route& route, const ir::Forward& forward) {
        const auto& source = *route.source->settings.forward;
        bool computed = forward.pool == ir::no_id && !forward.pool_or_host.empty();
        if (!forward.tls && !source.over_tls && !computed) return;
        plan.forwardings_[&source]->tls = plan.server_tls.add(*source.tls, library, problems);
    }

    void compile_servers(const ir::Pool& pool) {
        for (const auto& server : pool.servers) {
            if (server.over_tls) plan.server_tls.add(*server.tls, library, problems);
            if (!server.check) continue;
            const auto& steps = server.check->steps;
            bool by_step = std::any_of(steps.begin(), steps.end(), [](const auto& step) { return step.tls; });
            if (server.check->over_tls || by_step)
                plan.server_tls.add(*server.check->tls, library, problems);
        }
    }

    void compile_route(ir::RouteId id) {
        const auto& source = config.routes[id];
        auto& route = plan.routes[id];
        route.source = &source;
        route.id = id;
        settings(route, source.settings);
        add_rules(route.rules, source.rules);
        if (source.try_files) route.try_files = try_files(*source.try_files);
        if (const auto* forward = std::get_if<ir::Forward>(&source.action)) {
            route.forward = forward;
            route.has_uri = forward->uri.has_value();
            if (forward->uri) route.uri = library.compile(*forward->uri);
            route.pool_or_host = library.compile(forward->pool_or_host);
            compile_server_tls(route, *forward);
        } else if (const auto* pass = std::get_if<ir::Pass>(&source.action)) {
            route.pool_or_host = library.compile(pass->address);
        } else if (const auto* answer = std::get_if<ir::Answer>(&source.action)) {
            fill(route.answer, answer->respond);
        } else if (const auto* served = std::get_if<ir::ServedBy>(&source.action)) {
            const auto* module = find_module(served->module);
            if (module) route.service = module->service;
            if (!route.service)
                problems.push_back({source.span, "no module \"" + served->module + "\" can answer requests"});
        }
    }

    void compile_site(ir::SiteId id) {
        const auto& source = config.sites[id];
        auto& site = plan.sites[id];
        site.source = &source;
        site.id = id;
        settings(site.own, source.settings);
        add_rules(site.rules, source.rules);
        site.router.build(config, id, library);
        for (const auto& condition : source.monitor_fail)
            site.monitor_fail.push_back(library.compile(condition));
        if (source.unique_id_format) site.unique_id = library.compile(*source.unique_id_format);
    }

    void compile_listener(ir::ListenerId id) {
        const auto& source = config.listeners[id];
        auto& listener = plan.listeners[id];
        listener.source = &source;
        listener.id = id;
        auto fallback = source.default_site;
        if (fallback == ir::no_id && !source.sites.empty()) fallback = source.sites.front();
        listener.names.build(config, source.sites, fallback, library);
        if (source.sites.size() == 1) {
            const auto& names = config.sites[source.sites.front()].names;
            // A regex name sets captures even where there is nothing to choose.
            bool regex = std::any_of(names.begin(), names.end(), [](const ir::SiteName& name) {
                return name.kind == ir::SiteName::Kind::regex;
            });
            if (!regex) listener.only = source.sites.front();
        }
    }
};

// A listener without a number of its own takes its place in the site, or the next that is free.
void number_listeners(std::vector<Listener>& listeners) {
    std::unordered_map<ir::SiteId, std::set<std::uint32_t>> taken;
    std::unordered_map<ir::SiteId, std::uint32_t> place;
    for (const auto& one : listeners)
        if (one.source->id != 0) taken[one.source->default_site].insert(one.source->id);
    for (auto& one : listeners) {
        auto& used = taken[one.source->default_site];
        auto next = ++place[one.source->default_site];
        one.number = one.source->id;
        if (one.number != 0) continue;
        while (used.contains(next)) ++next;
        used.insert(one.number = next);
    }
}

std::shared_ptr<const Plan> Plan::compile(std::shared_ptr<const ir::Config> config,
                                          const filter::Modules& modules,
                                          std::vector<route::Library::Problem>& problems) {
    auto plan = std::make_shared<Plan>();
    plan->config_ = config;
    plan->library_ = std::make_unique<route::Library>(*config);
    plan->sites.resize(config->sites.size());
    plan->routes.resize(config->routes.size());
    plan->listeners.resize(config->listeners.size());
    plan->compile_charsets();
    Compiler compiler{*plan, *config, *plan->library_, modules, problems};
    for (ir::RouteId id = 0; id < plan->routes.size(); ++id) compiler.compile_route(id);
    for (ir::SiteId id = 0; id < plan->sites.size(); ++id) compiler.compile_site(id);
    for (ir::ListenerId id = 0; id < plan->listeners.size(); ++id) compiler.compile_listener(id);
    number_listeners(plan->listeners);
    std::vector<const route::NameIndex*> names;
    for (const auto& listener : plan->listeners) names.push_back(&listener.names);
    plan->tls = TlsPlan::compile(*config, names, *plan->library_, problems);
    for (const auto& zone : config->zones) plan->zone_keys.push_back(plan->library_->compile(zone.of));
    for (const auto& source : config->pools) {
        plan->pools.push_back({});
        plan->pools.back().source = &source;
        auto& sticky = plan->pools.back().sticky;
        for (const auto& one : source.sticky.keys) sticky.keys.push_back(plan->library_->compile(one));
        for (const auto& one : source.sticky.create) sticky.create.push_back(plan->library_->compile(one));
        sticky.domain = plan->library_->compile(source.sticky.domain);
        sticky.path = plan->library_->compile(source.sticky.path);
        sticky.same_site = plan->library_->compile(source.sticky.same_site);
        sticky.zone = config->find_zone(source.sticky.table, "sticky");
        for (const auto& server : source.servers)
            for (const auto& one : server.proxy_values.custom)
                plan->pools.back().proxy_values[&server].push_back(plan->library_->compile(one.value));
        compiler.compile_servers(source);
        for (const auto& [when, server] : source.use_server)
            plan->pools.back().use_server.push_back({plan->library_->compile(when), server});
        for (const auto& stick : source.sticks) {
            auto& made = plan->pools.back().sticks.emplace_back();
            made.source = &stick;
            made.key = plan->library_->compile(stick.key);
            if (stick.when) made.when = plan->library_->compile(*stick.when);
            made.zone = config->find_zone(stick.table, "stick-table");
        }
        if (!source.balance.key.empty())
            plan->pools.back().key = plan->library_->compile(source.balance.key);
    }
    for (std::uint32_t slot = 0; slot < config->variables.size(); ++slot) {
        const auto& name = config->variables[slot].name;
        if (config->variables[slot].nginx && name == "limit_rate") plan->rate_slot = slot;
        if (config->variables[slot].nginx) continue;
        if (name.starts_with("sess.")) plan->connection_variables.push_back(slot);
        if (name.starts_with("req.")) plan->request_variables.push_back(slot);
    }
    for (const auto& problem : plan->library_->problems()) problems.push_back(problem);
    return plan;
}

}  // namespace weir::plan
