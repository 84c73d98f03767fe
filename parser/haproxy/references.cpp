// SPDX-License-Identifier: Apache-2.0
// Names that must turn out to be a backend, a server, a frontend or a table when all is read.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/lower.hpp"

namespace weir::haproxy {

namespace {

bool has_server(const ir::Pool& pool, std::string_view name) {
    return std::any_of(pool.servers.begin(), pool.servers.end(),
                       [&](const auto& server) { return server.name == name; });
}

}  // namespace

void Lowering::check_references() {
    auto server_known = [&](std::string_view name) {
        auto slash = name.find('/');
        auto pool = scope_.config.find_pool(std::string(name.substr(0, slash)));
        return pool != ir::no_id &&
               has_server(scope_.config.pools[pool], name.substr(slash + 1));
    };
    auto cache_known = [&](std::string_view name) {
        const auto& caches = scope_.config.caches;
        return std::any_of(caches.begin(), caches.end(),
                           [&](const auto& one) { return one.in_memory && one.name == name; });
    };
    for (const auto& reference : load_.references) {
        using Kind = Reference::Kind;
        bool good = reference.kind == Kind::pool       ? backs_.contains(reference.name)
                    : reference.kind == Kind::frontend ? fronts_.contains(reference.name)
                    : reference.kind == Kind::table
                        ? scope_.config.find_zone(reference.name, "stick-table") != ir::no_id
                    : reference.kind == Kind::cache    ? cache_known(reference.name)
                    : reference.kind == Kind::peers    ? scope_.config.find_peers(reference.name) != nullptr
                                                       : server_known(reference.name);
        if (good) continue;
        std::string_view what = reference.kind == Kind::pool       ? "backend"
                                : reference.kind == Kind::frontend ? "frontend"
                                : reference.kind == Kind::table    ? "table"
                                : reference.kind == Kind::cache    ? "cache"
                                : reference.kind == Kind::peers    ? "section of peers"
                                                                   : "server";
        scope_.error(
            reference.span, fmt::format("unknown-{}", what),
            fmt::format("there is no {} \"{}\"", what, reference.name),
            reference.kind == Kind::pool ? nearest_backend(reference.name) : std::string());
    }
}

}  // namespace weir::haproxy
