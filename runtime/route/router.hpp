// SPDX-License-Identifier: Apache-2.0
// Router: which site answers (per listener, by name) and which of its routes. nginx's rules for
// server_name and location; first true condition for HAProxy's use_backend. Immutable, built by the
// plan; answers are ids into the ir::Config.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/route/eval.hpp"

namespace weir::route {

// --- pure functions over bytes the peer sent ---

struct NormalizedPath {
    bool valid = false;     // false: 400
    std::string_view path;  // `raw` itself when nothing had to change
};
// %XX decoded, "//" merged when `merge_slashes`, "." and ".." resolved, a fragment cut off. `raw`
// starts with "/" and holds no query. A result that differs is written to the arena.
NormalizedPath normalize_path(std::string_view raw, bool merge_slashes, Arena& arena);

struct NormalizedHost {
    bool valid = false;     // false: 400
    std::string_view host;  // lower case, without port and final dot
};
NormalizedHost normalize_host(std::string_view authority, Arena& arena);

// --- sites by name, for one listener ---

class NameIndex {
public:
    // `sites`: Listener::sites; `fallback`: its default.
    void build(const ir::Config& config, const std::vector<ir::SiteId>& sites, ir::SiteId fallback,
               Library& library);
    // `host` is normalized. A regex name sets the subject's captures.
    [[nodiscard]] ir::SiteId find(std::string_view host, Subject& subject) const;
    [[nodiscard]] ir::SiteId fallback() const { return fallback_; }

private:
    struct RegexName {
        const Regex* regex;
        ir::SiteId site;
    };
    using Names = std::unordered_map<std::string_view, ir::SiteId>;
    Names exact_, leading_, trailing_;
    std::vector<RegexName> regexes_;
    const Library* library_ = nullptr;
    ir::SiteId fallback_ = ir::no_id;
};

// --- routes of one site by path ---

// The locations of one level (a site, or a route that has nested ones).
class LocationIndex {
public:
    struct Found {
        ir::RouteId route = ir::no_id;  // no_id: the level's own (fallback)
        bool add_slash = false;         // "/x" asked for, "/x/" is there: redirect
    };
    void build(const ir::Config& config, const std::vector<ir::RouteId>& routes, Library& library);
    [[nodiscard]] Found find(std::string_view path, Subject& subject) const;
    // A named location "@x", of this level or nested; no_id when there is none.
    [[nodiscard]] ir::RouteId find_named(std::string_view name) const;

private:
    // Sorted by path. `parent` is the longest other entry that is a proper prefix of this one.
    struct Entry {
        std::string_view path;
        ir::RouteId exact = ir::no_id, prefix = ir::no_id;
        std::int32_t parent = -1;
        bool final_prefix = false;  // ^~
        bool auto_redirect = false;
        std::unique_ptr<LocationIndex> nested;
    };
    struct RegexRoute {
        const Regex* regex;
        ir::RouteId route;
        std::unique_ptr<LocationIndex> nested;
    };
    // none: nothing here. prefix: a regex of an outer level may still win. final: it is decided.
    enum class Outcome : std::uint8_t { none, prefix, final };
    Outcome search(std::string_view path, Subject& subject, Found& found) const;
    void add(const ir::Config& config, ir::RouteId id, Library& library);
    [[nodiscard]] const Entry* at_or_before(std::string_view path) const;
    [[nodiscard]] const Entry* with_slash(std::string_view path) const;

    std::vector<Entry> entries_;
    std::vector<RegexRoute> regexes_;
    std::unordered_map<std::string_view, ir::RouteId> named_;
    const Library* library_ = nullptr;
    bool any_redirect_ = false;
};

// All of one site.
class SiteRouter {
public:
    void build(const ir::Config& config, ir::SiteId site, Library& library);
    // By path (nginx) or by the first condition that holds (HAProxy); the site's fallback when
    // none.
    [[nodiscard]] LocationIndex::Found pick(Subject& subject) const;
    [[nodiscard]] ir::RouteId find_named(std::string_view name) const {
        return locations_.find_named(name);
    }

private:
    struct Pick {
        Program when;  // empty: always
        ir::RouteId route;
        Template name;  // with route no_id: computed
    };
    LocationIndex locations_;
    std::vector<Pick> picks_;
    const std::unordered_map<std::string_view, ir::RouteId>* by_pool_name_ = nullptr;
    ir::RouteId fallback_ = ir::no_id;
    bool by_path_ = true;
};

}  // namespace weir::route
