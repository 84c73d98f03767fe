// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/computed.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <list>
#include <unordered_map>

#include "runtime/forward/connect.hpp"
#include "runtime/net/resolver.hpp"

namespace weir::forward {

class MadePool {
public:
    MadePool(std::string name, plan::Worker& worker)
        : pool(std::move(name), worker.index, *worker.board) {}
    ~MadePool() { forget_idle(pool); }
    MadePool(const MadePool&) = delete;
    MadePool& operator=(const MadePool&) = delete;

    void set(std::vector<ir::Endpoint> endpoints, ir::Pool::Kind kind) {
        // Name servers turn the order with every answer.
        std::sort(endpoints.begin(), endpoints.end(), [](const auto& a, const auto& b) {
            return std::memcmp(a.ip.bytes, b.ip.bytes, sizeof a.ip.bytes) < 0;
        });
        if (endpoints == endpoints_) return;
        // Servers that go away keep no connection; those in use end with their request.
        for (std::size_t i = 0; i < endpoints_.size(); ++i)
            if (std::find(endpoints.begin(), endpoints.end(), endpoints_[i]) == endpoints.end())
                forget_idle(*pool.servers()[i]);
        auto conf = std::make_shared<ir::Pool>();
        conf->name = pool.name();
        conf->kind = kind;
        conf->implicit = true;
        for (const auto& endpoint : endpoints) {
            auto& server = conf->servers.emplace_back();
            server.name = ir::to_string(endpoint);
            server.endpoints = {endpoint};
            server.max_fails = 0;   // each request begins anew with all addresses (nginx)
        }
        endpoints_ = std::move(endpoints);
        pool.adopt(*conf, conf);
    }

    pool::LivePool pool;

private:
    std::vector<ir::Endpoint> endpoints_;
};

namespace {

struct NameHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>()(text);
    }
};

// The pools of this worker that were made while running; the one that was not asked for the longest
// makes room.
class MadePools {
public:
    std::shared_ptr<MadePool> find(std::string_view name) {
        auto found = by_name_.find(name);
        if (found == by_name_.end()) return nullptr;
        recent_.splice(recent_.begin(), recent_, found->second);
        return *found->second;
    }
    std::shared_ptr<MadePool> make(std::string_view name, plan::Worker& worker) {
        if (auto known = find(name)) return known;
        if (by_name_.size() >= most) {
            by_name_.erase(by_name_.find(std::string_view(recent_.back()->pool.name())));
            recent_.pop_back();
        }
        recent_.push_front(std::make_shared<MadePool>(std::string(name), worker));
        by_name_.emplace(name, recent_.begin());
        return recent_.front();
    }

private:
    static constexpr std::size_t most = 1000;
    std::list<std::shared_ptr<MadePool>> recent_;
    std::unordered_map<std::string, std::list<std::shared_ptr<MadePool>>::iterator, NameHash,
                       std::equal_to<>>
        by_name_;
};

// Of the worker's one thread; never freed, for the loop may be gone before it.
MadePools& made_pools() {
    static thread_local auto* pools = new MadePools();
    return *pools;
}

ComputedPool hold(std::shared_ptr<MadePool> made) {
    ComputedPool found;
    found.pool = &made->pool;
    found.made = std::move(made);
    return found;
}

bool split_port(std::string_view text, ComputedTarget& target) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target.port);
    target.has_port = true;
    return error == std::errc() && end == text.data() + text.size() && target.port != 0;
}

void parse_host(ComputedTarget& target) {
    auto text = target.authority;
    if (text.starts_with('[')) {
        auto close = text.find(']');
        if (close == std::string_view::npos) {
            target.problem = "invalid host";
            return;
        }
        target.host = text.substr(1, close - 1);
        text.remove_prefix(close + 1);
        if (!text.empty() && text[0] != ':') target.problem = "invalid host";
    } else {
        auto colon = text.find(':');
        target.host = text.substr(0, colon);
        text = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    }
    if (target.host.empty()) target.problem = "no host";
    if (!text.empty() && !split_port(text.substr(1), target)) target.problem = "invalid port";
}

}  // namespace

ComputedTarget parse_computed(std::string_view text, ir::Pool::Kind kind, Arena& arena) {
    ComputedTarget target;
    bool http = kind == ir::Pool::Kind::http;
    constexpr std::string_view scheme = "http://";
    if (http) {
        target.tls = http::equal_ignoring_case(text.substr(0, scheme.size() + 1), "https://");
        if (!target.tls && !http::equal_ignoring_case(text.substr(0, scheme.size()), scheme)) {
            target.problem = "invalid URL prefix";
            return target;
        }
        text.remove_prefix(scheme.size() + (target.tls ? 1 : 0));
    }
    if (text.starts_with("unix:")) {
        auto end = http ? text.find(':', 5) : std::string_view::npos;
        target.authority = "localhost";
        target.path = text.substr(5, end == std::string_view::npos ? end : end - 5);
        if (end != std::string_view::npos) target.uri = text.substr(end + 1);
        if (target.path.empty() || target.path.size() > 107) target.problem = "no path of a socket";
        return target;
    }
    auto end = http ? text.find_first_of("/?") : std::string_view::npos;
    target.authority = text.substr(0, end);
    if (end != std::string_view::npos) target.uri = text.substr(end);
    if (target.uri.starts_with('?')) target.uri = arena.join({"/", target.uri});
    parse_host(target);
    if (http && target.has_port && target.port == target.usual_port() && !target.problem)
        target.authority = target.authority.substr(0, target.authority.rfind(':'));
    return target;
}

ComputedPool find_pool(plan::Worker& worker, plan::Running& running, const ComputedTarget& target,
                       ir::Pool::Kind kind) {
    ComputedPool found;
    const auto& config = running.plan->config();
    auto named = [&](std::string name) {
        found.id = config.find_pool(name, kind);
        if (found.id != ir::no_id) found.pool = running.pools[found.id];
        return found.pool != nullptr;
    };
    bool http = kind == ir::Pool::Kind::http;
    if (!target.path.empty()) {
        std::string name = "unix:" + std::string(target.path);
        if (named(name)) return found;
        ir::Endpoint endpoint;
        endpoint.path = target.path;
        auto made = made_pools().make(name, worker);
        made->set({endpoint}, kind);
        return hold(std::move(made));
    }
    if (!target.has_port && named(std::string(target.host))) return found;
    std::uint16_t port = target.has_port ? target.port : http ? target.usual_port() : 0;
    if (port == 0) {
        found.problem = "no port";
        return found;
    }
    ir::Endpoint endpoint;
    bool literal = parse_source(target.host, endpoint);
    endpoint.port = port;
    auto name = literal ? ir::to_string(endpoint)
                        : std::string(target.host) + ":" + std::to_string(port);
    if (named(name) || !literal) return found;
    auto made = made_pools().make(name, worker);
    made->set({endpoint}, kind);
    return hold(std::move(made));
}

net::Task<ComputedPool> look_up_pool(plan::Worker& worker, const ir::NameServers& servers,
                                     ComputedTarget target, ir::Pool::Kind kind) {
    ComputedPool found;
    std::string host(target.host);
    if (servers.list.empty()) {
        found.problem = "no resolver defined to resolve " + host;
        co_return found;
    }
    auto answer = co_await net::LookUp(worker.loop, servers, host);
    if (answer.addresses.empty()) {
        found.problem = host + " could not be resolved (" + answer.problem + ")";
        co_return found;
    }
    std::uint16_t port = target.has_port ? target.port : target.usual_port();
    std::vector<ir::Endpoint> endpoints;
    for (const auto& ip : answer.addresses) {
        auto& endpoint = endpoints.emplace_back();
        endpoint.ip = ip;
        endpoint.port = port;
    }
    auto made = made_pools().make(host + ":" + std::to_string(port), worker);
    made->set(std::move(endpoints), kind);
    co_return hold(std::move(made));
}

}  // namespace weir::forward
