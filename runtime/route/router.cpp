// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/router.hpp"

#include <algorithm>

namespace weir::route {

using Kind = ir::SiteName::Kind;
using Match = ir::Route::Match;

// --- names ---

void NameIndex::build(const ir::Config& config, const std::vector<ir::SiteId>& sites,
                      ir::SiteId fallback, Library& library) {
    library_ = &library;
    fallback_ = fallback;
    for (const auto id : sites) {
        for (const auto& name : config.sites[id].names) {
            switch (name.kind) {
                case Kind::exact: exact_.emplace(name.text, id); break;
                case Kind::leading_wildcard: leading_.emplace(name.text, id); break;
                case Kind::trailing_wildcard: trailing_.emplace(name.text, id); break;
                case Kind::regex:
                    // nginx compiles names without regard to case.
                    if (const auto* regex = library.regex(name.text, true, config.sites[id].span)) {
                        regexes_.push_back({regex, id});
                    }
                    break;
            }
        }
    }
    // ".example.com" also means the bare name, but an exact one of another site comes first.
    for (const auto id : sites) {
        for (const auto& name : config.sites[id].names) {
            if (name.with_bare) exact_.emplace(name.text, id);
        }
    }
}

ir::SiteId NameIndex::find(std::string_view host, Subject& subject) const {
    const auto found = exact_.find(host);
    if (found != exact_.end()) return found->second;
    if (host.empty()) return fallback_;
    if (!leading_.empty()) {  // the longest first
        for (auto dot = host.find('.'); dot != std::string_view::npos;
             dot = host.find('.', dot + 1)) {
            const auto wildcard = leading_.find(host.substr(dot + 1));
            if (wildcard != leading_.end()) return wildcard->second;
        }
    }
    if (!trailing_.empty()) {
        for (auto dot = host.rfind('.'); dot != std::string_view::npos && dot > 0;
             dot = host.rfind('.', dot - 1)) {
            const auto wildcard = trailing_.find(host.substr(0, dot));
            if (wildcard != trailing_.end()) return wildcard->second;
        }
    }
    for (const auto& name : regexes_) {
        if (library_->match_and_capture(*name.regex, host, subject)) return name.site;
    }
    return fallback_;
}

// --- locations ---

void LocationIndex::add(const ir::Config& config, ir::RouteId id, Library& library) {
    const auto& route = config.routes[id];
    auto nest = [&]() -> std::unique_ptr<LocationIndex> {
        if (route.nested.empty()) return nullptr;
        auto nested = std::make_unique<LocationIndex>();
        nested->build(config, route.nested, library);
        for (const auto& [name, inner] : nested->named_) named_.emplace(name, inner);
        return nested;
    };
    switch (route.match) {
        case Match::exact:
        case Match::prefix:
        case Match::prefix_final: {
            auto same = std::find_if(entries_.begin(), entries_.end(),
                                     [&](const Entry& e) { return e.path == route.pattern; });
            if (same == entries_.end()) {
                entries_.emplace_back();
                same = entries_.end() - 1;
                same->path = route.pattern;
            }
            if (route.match == Match::exact) {
                same->exact = id;  // nothing can be nested in it
            } else {
                same->prefix = id;
                same->final_prefix = route.match == Match::prefix_final;
                same->nested = nest();
            }
            if (route.auto_redirect) same->auto_redirect = any_redirect_ = true;
            return;
        }
        case Match::regex:
        case Match::regex_ignore_case:
            if (const auto* regex = library.regex(
                    route.pattern, route.match == Match::regex_ignore_case, route.span)) {
                regexes_.push_back({regex, id, nest()});
            }
            return;
        case Match::named: named_.emplace(route.pattern, id); return;
        case Match::always:
        case Match::condition: return;  // not found by path
    }
}

void LocationIndex::build(const ir::Config& config, const std::vector<ir::RouteId>& routes,
                          Library& library) {
    library_ = &library;
    for (const auto id : routes) add(config, id, library);
    std::sort(entries_.begin(), entries_.end(),
              [](const Entry& a, const Entry& b) { return a.path < b.path; });
    for (std::size_t i = 1; i < entries_.size(); ++i) {
        auto candidate = static_cast<std::int32_t>(i) - 1;
        while (candidate >= 0 &&
               !entries_[i].path.starts_with(entries_[static_cast<std::size_t>(candidate)].path)) {
            candidate = entries_[static_cast<std::size_t>(candidate)].parent;
        }
        entries_[i].parent = candidate;
    }
}

const LocationIndex::Entry* LocationIndex::at_or_before(std::string_view path) const {
    const auto after =
        std::upper_bound(entries_.begin(), entries_.end(), path,
                         [](std::string_view p, const Entry& entry) { return p < entry.path; });
    return after == entries_.begin() ? nullptr : &*(after - 1);
}

// nginx: "location /x/ { proxy_pass ...; }" answers "/x" with a redirect, unless "/x" has a
// location of its own.
const LocationIndex::Entry* LocationIndex::with_slash(std::string_view path) const {
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), path, [](const Entry& entry, std::string_view p) {
            // Compares with p + "/".
            const int order = entry.path.substr(0, p.size()).compare(p);
            return order != 0 ? order < 0 : entry.path.substr(p.size()) < std::string_view("/");
        });
    if (at == entries_.end() || !at->auto_redirect || at->path.size() != path.size() + 1 ||
        !at->path.starts_with(path) || at->path.back() != '/') {
        return nullptr;
    }
    return &*at;
}

LocationIndex::Outcome LocationIndex::search(std::string_view path, Subject& subject,
                                             Found& found) const {
    const Entry* entry = at_or_before(path);
    if (entry && entry->path == path && entry->exact != ir::no_id) {
        found.route = entry->exact;
        return Outcome::final;
    }
    const bool has_own = entry && entry->path == path && entry->prefix != ir::no_id;
    if (any_redirect_ && !has_own) {
        if (const Entry* longer = with_slash(path)) {
            found.route = longer->exact != ir::no_id ? longer->exact : longer->prefix;
            found.add_slash = true;
            return Outcome::final;
        }
    }
    while (entry && (entry->prefix == ir::no_id || !path.starts_with(entry->path))) {
        entry = entry->parent < 0 ? nullptr : &entries_[static_cast<std::size_t>(entry->parent)];
    }
    Outcome outcome = Outcome::none;
    bool no_regex = false;
    if (entry) {
        found.route = entry->prefix;
        no_regex = entry->final_prefix;
        outcome = Outcome::prefix;
        if (entry->nested && entry->nested->search(path, subject, found) == Outcome::final) {
            return Outcome::final;
        }
    }
    if (no_regex) return outcome;
    for (const auto& one : regexes_) {
        if (!library_->match_and_capture(*one.regex, path, subject)) continue;
        found.route = one.route;
        if (one.nested) (void)one.nested->search(path, subject, found);
        return Outcome::final;
    }
    return outcome;
}

LocationIndex::Found LocationIndex::find(std::string_view path, Subject& subject) const {
    Found found;
    (void)search(path, subject, found);
    return found;
}

ir::RouteId LocationIndex::find_named(std::string_view name) const {
    const auto found = named_.find(name);
    return found == named_.end() ? ir::no_id : found->second;
}

// --- a site ---

void SiteRouter::build(const ir::Config& config, ir::SiteId id, Library& library) {
    const auto& site = config.sites[id];
    by_path_ = site.is_nginx_style;
    fallback_ = site.fallback;
    by_pool_name_ = &library.routes_by_pool_name();
    locations_.build(config, site.routes, library);
    picks_.reserve(site.picks.size());
    for (const auto& conf : site.picks) {
        Pick pick;
        if (conf.when) pick.when = library.compile(*conf.when);
        pick.route = conf.route;
        if (conf.route == ir::no_id) pick.name = library.compile(conf.dynamic_name);
        picks_.push_back(std::move(pick));
    }
}

LocationIndex::Found SiteRouter::pick(Subject& subject) const {
    if (by_path_) {
        auto found = locations_.find(subject.normalized_path, subject);
        if (found.route == ir::no_id) found.route = fallback_;
        return found;
    }
    for (const auto& pick : picks_) {
        if (!pick.when.empty() && !pick.when.holds(subject)) continue;
        if (pick.route != ir::no_id) return {pick.route, false};
        const auto named = by_pool_name_->find(pick.name.render(subject));
        if (named != by_pool_name_->end()) return {named->second, false};
    }
    return {fallback_, false};
}

}  // namespace weir::route
