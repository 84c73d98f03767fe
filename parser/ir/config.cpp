// SPDX-License-Identifier: Apache-2.0
#include "parser/ir/config.hpp"

namespace weir::ir {

std::string key_of(const Pool& pool) {
    return pool.kind == Pool::Kind::stream ? "stream " + pool.name : pool.name;
}

RouteId Config::add(Route route) {
    routes.push_back(std::move(route));
    return static_cast<RouteId>(routes.size() - 1);
}

PoolId Config::add(Pool pool) {
    pool_index_.emplace(key_of(pool), static_cast<PoolId>(pools.size()));
    pools.push_back(std::move(pool));
    return static_cast<PoolId>(pools.size() - 1);
}

SiteId Config::add(Site site) {
    sites.push_back(std::move(site));
    return static_cast<SiteId>(sites.size() - 1);
}

PoolId Config::find_pool(const std::string& name) const {
    auto found = find_pool(name, Pool::Kind::http);
    return found == no_id ? find_pool(name, Pool::Kind::stream) : found;
}

PoolId Config::find_pool(const std::string& name, Pool::Kind kind) const {
    auto found = pool_index_.find(kind == Pool::Kind::http ? name : "stream " + name);
    return found == pool_index_.end() ? no_id : found->second;
}

const PeerGroup* Config::find_peers(std::string_view name) const {
    for (const auto& group : peer_groups)
        if (group.name == name) return &group;
    return nullptr;
}

ZoneId Config::find_zone(std::string_view name, std::string_view purpose) const {
    for (ZoneId id = 0; id < zones.size(); ++id)
        if (zones[id].name == name && zones[id].purpose == purpose) return id;
    return no_id;
}

std::uint32_t Config::variable_slot(std::string_view name, bool nginx) {
    for (std::size_t i = 0; i < variables.size(); ++i)
        if (variables[i].nginx == nginx && variables[i].name == name)
            return static_cast<std::uint32_t>(i);
    variables.push_back({std::string(name), nginx});
    return static_cast<std::uint32_t>(variables.size() - 1);
}

}  // namespace weir::ir
