// SPDX-License-Identifier: Apache-2.0
// Members of a pool across plans, the choice of one for a request and the books on its use. The
// order of servers is the balancers' matter; the queue is in queue.cpp.
#include "runtime/pool/live_pool.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "runtime/net/digest.hpp"
#include "runtime/pool/balancer.hpp"

namespace weir::pool {
namespace {

using State = zone::ServerState;
constexpr std::uint32_t not_up =
    State::check_down | State::forced_down | State::check_starting | State::unresolved;
constexpr std::uint32_t not_for_new = not_up | State::drain | State::stopping;

std::uint32_t flags_of(const LiveServer& server) {
    return server.board.state->flags.load(std::memory_order_relaxed);
}

// Passive accounting (max_fails): out of use until fail_timeout after the last failure; then one
// request after the other may try it.
bool is_failing(const LiveServer& server, net::Time now) {
    const auto& conf = *server.conf;
    const auto& state = *server.board.state;
    return conf.max_fails && state.fails.load(std::memory_order_relaxed) >= conf.max_fails &&
           now - state.retry_at.load(std::memory_order_relaxed) <= conf.fail_timeout.count();
}

bool is_ring(const ir::Balance& balance) {
    using How = ir::Balance::How;
    return balance.how == How::random ||
           ((balance.how == How::hash || balance.how == How::client_hash) &&
            balance.ring == ir::Balance::Ring::haproxy_ring);
}

bool same_balance(const ir::Balance& a, const ir::Balance& b) {
    return a.how == b.how && a.ring == b.ring && a.consistent == b.consistent &&
           a.function == b.function && a.avalanche == b.avalanche &&
           a.balance_factor == b.balance_factor && a.draws == b.draws &&
           a.random_least_connections == b.random_least_connections && a.turns == b.turns;
}

// By its route, else by a digest of its address (the one that nginx's cookies hold).
void name_for_sticky(LiveServer& server) {
    unsigned char sum[net::most_digest_bytes];
    auto size = net::digest(net::Digest::md5, server.address_text, sum);
    if (size == 0) size = net::digest(net::Digest::sha256, server.address_text, sum);   // FIPS
    std::memcpy(&server.sticky_digest, sum, sizeof server.sticky_digest);
    server.sticky = server.conf->cookie;
    constexpr char digits[] = "0123456789abcdef";
    for (std::size_t i = 0; server.conf->cookie.empty() && i < std::min<std::size_t>(size, 16); ++i) {
        server.sticky += digits[sum[i] >> 4];
        server.sticky += digits[sum[i] & 15];
    }
}

}  // namespace

SocketAddress socket_address(const ir::Endpoint& endpoint) {
    SocketAddress address;
    if (endpoint.is_unix()) {
        auto& to = reinterpret_cast<sockaddr_un&>(address.storage);
        to.sun_family = AF_UNIX;
        const std::size_t size = std::min(endpoint.path.size(), sizeof to.sun_path - 1);
        std::memcpy(to.sun_path, endpoint.path.data(), size);
        address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size + 1);
        if (endpoint.path.front() == '@') {
            to.sun_path[0] = '\0';  // abstract: no final zero in its length
            --address.length;
        }
    } else if (endpoint.ip.family == IpAddress::Family::v6) {
        auto& to = reinterpret_cast<sockaddr_in6&>(address.storage);
        to.sin6_family = AF_INET6;
        to.sin6_port = htons(endpoint.port);
        std::memcpy(&to.sin6_addr, endpoint.ip.bytes, 16);
        address.length = sizeof to;
    } else {
        auto& to = reinterpret_cast<sockaddr_in&>(address.storage);
        to.sin_family = AF_INET;
        to.sin_port = htons(endpoint.port);
        std::memcpy(&to.sin_addr, endpoint.ip.bytes, 4);
        address.length = sizeof to;
    }
    return address;
}

bool Tried::has(std::size_t index) const {
    if (index < 256) return (low_[index / 64] >> (index % 64)) & 1;
    index -= 256;
    return index / 64 < high_.size() && ((high_[index / 64] >> (index % 64)) & 1);
}

void Tried::add(std::size_t index) {
    any_ = true;
    if (index < 256) {
        low_[index / 64] |= std::uint64_t{1} << (index % 64);
        return;
    }
    index -= 256;
    if (index / 64 >= high_.size()) high_.resize(index / 64 + 1);
    high_[index / 64] |= std::uint64_t{1} << (index % 64);
}

void Tried::clear() { *this = Tried(); }

LivePool::LivePool(std::string name, std::uint32_t worker, zone::Board& board)
    : name_(std::move(name)), worker_(worker), board_(board) {}

LivePool::~LivePool() = default;

// --- definition ---

void LivePool::make_server(const ir::Server& conf, std::size_t endpoint,
                           std::vector<std::unique_ptr<LiveServer>>& into) {
    const std::string key = zone::server_key(key_, conf, endpoint);
    auto same = [&](const std::unique_ptr<LiveServer>& old) {
        return old && old->conf && old->key == key &&
               old->address_text == ir::to_string(conf.endpoints[endpoint]);
    };
    auto found = std::find_if(servers_.begin(), servers_.end(), same);
    if (found != servers_.end()) {
        into.push_back(std::move(*found));
    } else {
        auto server = std::make_unique<LiveServer>();
        server->pool = this;
        server->key = key;
        server->name = conf.name;
        server->address_text = ir::to_string(conf.endpoints[endpoint]);
        server->address = socket_address(conf.endpoints[endpoint]);
        server->effective_weight = conf.weight;
        into.push_back(std::move(server));
    }
    LiveServer& server = *into.back();
    server.conf = &conf;
    server.backup = conf.backup;
    server.max_connections = conf.max_connections;
    server.index = into.size() - 1;
    server.board = board_.find(zone::Kind::server, key);
    if (!server.board.slots) {
        if (!server.own_counters) {
            server.own_counters = std::make_unique<zone::Counters[]>(1);
            server.own_state = std::make_unique<State>();
            if (conf.down) server.own_state->flags = State::forced_down;
            if (conf.drain) server.own_state->flags |= State::drain;
        }
        server.board = {server.own_counters.get(), server.own_state.get(), 0};
    }
}

void LivePool::adopt(const ir::Pool& conf, std::shared_ptr<const void> keep) {
    key_ = ir::key_of(conf);
    std::vector<std::unique_ptr<LiveServer>> servers;
    for (const auto& server : conf.servers) {
        for (std::size_t i = 0; i < server.endpoints.size(); ++i) make_server(server, i, servers);
    }
    for (auto& old : servers_) {
        if (!old) continue;
        old->gone = true;
        old->usable = false;
        gone_.push_back(std::move(old));
    }
    const bool keeps_balancer = balancer_ && same_balance(balance_, conf.balance);
    servers_ = std::move(servers);
    conf_ = &conf;
    keep_ = std::move(keep);
    balance_ = conf.balance;
    positions_ = balance_.turns == ir::Balance::Turns::positions;
    ramps_ = std::any_of(conf.servers.begin(), conf.servers.end(),
                         [](const auto& server) { return server.slow_start.count() != 0; });
    board_entry_ = board_.find(zone::Kind::pool, key_);
    if (!board_entry_.slots) {
        if (!own_counters_) own_counters_ = std::make_unique<zone::Counters[]>(1);
        board_entry_ = {own_counters_.get(), nullptr, 0};
    }
    number_servers();
    if (conf.sticky.how != ir::Pool::Sticky::How::none)
        for (auto& server : servers_) name_for_sticky(*server);
    active_.clear();
    backup_.clear();
    for (auto& server : servers_) (server->backup ? backup_ : active_).push_back(server.get());
    if (!keeps_balancer) balancer_ = make_balancer(balance_);
    if (backup_.empty())
        backup_balancer_.reset();
    else if (!keeps_balancer || !backup_balancer_)
        backup_balancer_ = make_backup_balancer(balance_);
    seen_epoch_ = board_.health_epoch().load(std::memory_order_acquire);
    rebuild(0);
    for (auto& server : gone_) release_waiters_of(*server);
    collect();
}

// HAProxy: a server without an id gets the smallest one that no other has, counted on from the
// last.
void LivePool::number_servers() {
    std::vector<std::uint32_t> taken;
    for (auto& server : servers_) {
        if (server->conf->id) taken.push_back(server->conf->id);
    }
    std::uint32_t next = 1;
    for (auto& server : servers_) {
        if (server->conf->id) {
            server->id = server->conf->id;
            continue;
        }
        while (std::find(taken.begin(), taken.end(), next) != taken.end()) ++next;
        server->id = next++;
    }
}

// --- health and weights ---

void LivePool::update(LiveServer& server, net::Time now) {
    const auto& state = *server.board.state;
    const auto& conf = *server.conf;
    const std::int32_t override = state.weight.load(std::memory_order_relaxed);
    const std::uint32_t weight = override >= 0 ? static_cast<std::uint32_t>(override) : conf.weight;
    const std::int32_t most = state.max_connections.load(std::memory_order_relaxed);
    server.max_connections = most >= 0 ? static_cast<std::uint32_t>(most) : conf.max_connections;
    const bool was_usable = server.usable;
    server.usable = (flags_of(server) & not_for_new) == 0 && weight > 0;
    const net::Time slow_start = conf.slow_start.count();
    // A pool's first look (now = 0) finds servers as they are: nobody came up.
    if (server.usable && !was_usable && slow_start && now) server.up_since = now;
    if (!server.usable || now - server.up_since >= slow_start) server.up_since = 0;
    net::Time share = 16, whole = 16;
    if (server.up_since) {
        share = (16 * (now - server.up_since) + slow_start) / slow_start;
        next_refresh_ = std::min(next_refresh_, now + std::max<net::Time>(1000, slow_start / 20));
    }
    if (positions_) {
        const bool is_static =
            !is_ring(balance_) && (balance_.how == ir::Balance::How::static_round_robin ||
                                   balance_.how == ir::Balance::How::hash ||
                                   balance_.how == ir::Balance::How::client_hash);
        server.weight = weight * (is_static ? 16 : static_cast<std::uint32_t>(share));
        return;
    }
    // Where servers ramp all weights are 16 fold, so that a weight of 1 has steps, too.
    if (ramps_) whole = 1;
    const auto scaled = static_cast<std::uint32_t>((weight * share + whole - 1) / whole);
    if (scaled == server.weight) return;
    server.weight = scaled;
    server.effective_weight = scaled;
}

void LivePool::rebuild(net::Time now) {
    next_refresh_ = net::never;
    for (auto& server : servers_) update(*server, now);
    balancer_->rebuild(active_);
    if (backup_balancer_) backup_balancer_->rebuild(backup_);
}

bool LivePool::is_down(const LiveServer& server) const { return (flags_of(server) & not_up) != 0; }

void LivePool::refresh(net::Time now) {
    const auto epoch = board_.health_epoch().load(std::memory_order_acquire);
    if (epoch == seen_epoch_ && now < next_refresh_) [[likely]]
        return;
    seen_epoch_ = epoch;
    rebuild(now);
    if (!queued_) return;
    for (auto& server : servers_) {
        // Whoever waits for a server that went away looks for another one.
        if (flags_of(*server) & not_up) release_waiters_of(*server);
    }
}

std::uint32_t LivePool::served(const LiveServer& server) const {
    if (server.own_counters || board_.workers() <= 1) return server.served;
    return static_cast<std::uint32_t>(
        server.board.sum(board_.workers(), &zone::Counters::connections));
}

// HAProxy's dynamic limit: between minconn and maxconn with the load, less during a slow start.
std::uint32_t LivePool::limit_of(const LiveServer& server) const {
    const auto& conf = *server.conf;
    std::uint64_t limit = server.max_connections;
    if (!limit) return UINT32_MAX;
    if (!positions_) return server.max_connections;
    const std::uint64_t load = served_ + queued_;
    if (conf.min_connections && conf.min_connections < limit && conf_->full_connections &&
        load < conf_->full_connections) {
        limit =
            std::max<std::uint64_t>(conf.min_connections, load * limit / conf_->full_connections);
    }
    if (server.up_since) {
        limit =
            std::max<std::uint64_t>(1, limit * (server.weight / 16) / std::max(1u, conf.weight));
    }
    return static_cast<std::uint32_t>(limit);
}

bool LivePool::has_room(const LiveServer& server) const {
    if (!server.max_connections) return true;
    return !server.waiters.count && served(server) < limit_of(server);
}

std::uint32_t LivePool::most_tries() const {
    if (servers_.size() == 1) return 1;
    std::uint32_t count = 0;
    for (auto& server : servers_) count += !server->conf->down;
    return count;
}

std::size_t LivePool::usable_servers() const {
    // Not LiveServer::usable, which is as old as the last pick: nbsrv is asked without one.
    auto count = [](const Group& group) {
        return static_cast<std::size_t>(
            std::count_if(group.begin(), group.end(), [](const LiveServer* server) {
                const auto weight = server->board.state->weight.load(std::memory_order_relaxed);
                return (flags_of(*server) & not_for_new) == 0 &&
                       (weight >= 0 ? weight > 0 : server->conf->weight > 0);
            }));
    };
    // HAProxy counts the backups only when they are what is in use.
    const std::size_t active = count(active_);
    if (active || !positions_) return active + (positions_ ? 0 : count(backup_));
    const std::size_t backups = count(backup_);
    return conf_->use_all_backups ? backups : std::min<std::size_t>(backups, 1);
}

LiveServer* LivePool::find(std::string_view server_name) const {
    for (auto& server : servers_) {
        if (server->name == server_name) return server.get();
    }
    return nullptr;
}

// --- choice ---

bool LivePool::may_smooth(const LiveServer& server, const PickRequest& request) {
    if (request.tried && request.tried->has(server.index)) return false;
    if (!server.usable || is_failing(server, request.now)) return false;
    return !server.max_connections ||
           server.pool->served(server) < server.max_connections;
}

bool LivePool::may_by_position(const LiveServer& server, const PickRequest& request) {
    const LivePool& pool = *server.pool;
    // leastconn may overbook a server as far as its own queue is allowed to grow.
    if (server.conf->max_queue && pool.balance_.how == ir::Balance::How::least_connections) {
        return pool.served(server) + server.waiters.count <
               std::uint64_t{pool.limit_of(server)} + server.conf->max_queue;
    }
    (void)request;
    return pool.has_room(server);
}

// Where the client is already. A server that is drained goes on for such clients.
LiveServer* LivePool::pick_sticky(const Group& group, const PickRequest& request) {
    if (request.sticky.empty() && request.sticky_digest == 0) return nullptr;
    for (auto* server : group) {
        bool same = request.sticky.empty() ? server->sticky_digest == request.sticky_digest
                                           : server->sticky == request.sticky;
        if (!same || (flags_of(*server) & not_up) != 0) continue;
        if (request.tried && request.tried->has(server->index)) continue;
        if (is_failing(*server, request.now)) continue;
        if (server->max_connections && server->pool->served(*server) >= server->max_connections) continue;
        return server;
    }
    return nullptr;
}

LiveServer* LivePool::pick_smooth(const PickRequest& request) {
    LiveServer* server = pick_sticky(active_, request);
    if (!server && servers_.size() == 1 && conf_->single_server_stays && !servers_[0]->backup) {
        LiveServer& only = *servers_[0];
        // It is never marked as failed, but one request asks it once.
        if (!only.usable || (request.tried && request.tried->has(only.index))) return nullptr;
        return has_room(only) ? &only : nullptr;
    }
    if (!server) server = balancer_->pick(request, may_smooth);
    if (!server && !backup_.empty()) server = pick_sticky(backup_, request);
    if (!server && !backup_.empty()) server = backup_balancer_->pick(request, may_smooth);
    if (!server) return nullptr;
    auto& state = *server->board.state;
    // A new window for counting failures, or the probe that may end the exclusion.
    if (request.now - state.retry_at.load(std::memory_order_relaxed) >
        server->conf->fail_timeout.count()) {
        state.retry_at.store(request.now, std::memory_order_relaxed);
    }
    if (request.tried) request.tried->add(server->index);
    return server;
}

LiveServer* LivePool::pick_persistent(const PickRequest& request) const {
    auto may = [](LiveServer* server) {
        return server && !server->gone && (flags_of(*server) & not_up) == 0 ? server : nullptr;
    };
    if (request.same) return may(request.same);
    return request.preferred.empty() ? nullptr : may(find(request.preferred));
}

// With these, a queue means that every server is full (HAProxy).
bool LivePool::served_in_order() const {
    using How = ir::Balance::How;
    return balance_.how == How::round_robin || balance_.how == How::static_round_robin ||
           balance_.how == How::first;
}

Picked LivePool::pick_by_position(const PickRequest& request) {
    if (waiters_.count && served_in_order()) return {PickOutcome::full, nullptr};
    auto any = [](const Group& group) {
        return std::any_of(group.begin(), group.end(), [](auto* server) { return server->usable; });
    };
    LiveServer* server = nullptr;
    if (any(active_)) {
        server = balancer_->pick(request, may_by_position);
    } else if (!any(backup_)) {
        return {PickOutcome::none, nullptr};
    } else if (conf_->use_all_backups) {
        server = backup_balancer_->pick(request, may_by_position);
    } else {
        for (auto* backup : backup_) {
            if (backup->usable) {
                server = backup;
                break;
            }
        }
    }
    if (!server) return {PickOutcome::full, nullptr};
    return {PickOutcome::picked, server};
}

// Turns are kept per worker. Where both anchors would go on in one order for all (HAProxy always,
// nginx with a zone), a worker first takes the turns that others took since it looked last: at most
// once in a millisecond, and not at all when there were many, for then nobody sees the order.
void LivePool::follow_others(net::Time now) {
    constexpr std::uint64_t worth_following = 64;
    if (now == followed_at_ || board_.workers() < 2 || board_entry_.stride == 0) return;
    followed_at_ = now;
    const auto all = board_entry_.sum(board_.workers(), &zone::Counters::picked) -
                     board_entry_.mine(worker_).picked.get();
    const auto missed = all - std::exchange(turns_of_others_, all);
    if (missed > worth_following) return;
    PickRequest turn;
    turn.now = now;
    for (std::uint64_t i = 0; i < missed; ++i)
        balancer_->pick(turn, [](const LiveServer& server, const PickRequest&) {
            return server.usable;
        });
}

Picked LivePool::pick(const PickRequest& request) {
    using How = ir::Balance::How;
    refresh(request.now);
    const bool in_turns =
        balance_.how == How::round_robin || balance_.how == How::static_round_robin;
    if (in_turns && (positions_ || !conf_->zone.empty())) follow_others(request.now);
    LiveServer* server = pick_persistent(request);
    if (!server && positions_) {
        auto picked = pick_by_position(request);
        if (picked.outcome != PickOutcome::picked) return picked;
        server = picked.server;
    } else if (!server) {
        server = pick_smooth(request);
        if (!server) {
            // Without its queue directive nginx has nobody wait.
            if (conf_->queue_timeout.count() == 0) return {PickOutcome::none, nullptr};
            const bool full = std::any_of(servers_.begin(), servers_.end(), [&](const auto& one) {
                return one->usable && !has_room(*one) && !is_failing(*one, request.now);
            });
            if (full) return {PickOutcome::full, nullptr};
            return {PickOutcome::none, nullptr};
        }
    }
    const auto& conf = *server->conf;
    if ((positions_ && !has_room(*server)) || !take_slot(*server, server != request.same)) {
        const bool queue_full = conf.max_queue && server->waiters.count >= conf.max_queue;
        if (!positions_ && conf_->queue_timeout.count() == 0) return {PickOutcome::none, nullptr};
        return {PickOutcome::full, positions_ && !queue_full ? server : nullptr};
    }
    return {PickOutcome::picked, server};
}

// --- use ---

// chosen: by balancing, not because a retry stays with its server.
bool LivePool::take_slot(LiveServer& server, bool chosen) {
    auto& counters = server.counters(worker_);
    counters.connections.add(1);
    ++server.served;
    const bool shared = !server.own_counters && board_.workers() > 1;
    if (server.max_connections && shared) {
        // Two workers that took the last slot at once both see it and at least one steps back.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (served(server) > limit_of(server)) {
            counters.connections.subtract(1);
            --server.served;
            return false;
        }
    }
    ++served_;
    ++server.uses;
    if (chosen) {
        counters.picked.add(1);
        this->counters().picked.add(1);
    }
    if (!server.gone) (server.backup ? backup_balancer_ : balancer_)->on_load(server);
    return true;
}

void LivePool::drop_slot(LiveServer& server) {
    server.counters(worker_).connections.subtract(1);
    --server.served;
    --served_;
    --server.uses;
    if (!server.gone) (server.backup ? backup_balancer_ : balancer_)->on_load(server);
}

void LivePool::count_failure(LiveServer& server, net::Time now) {
    const auto& conf = *server.conf;
    auto& state = *server.board.state;
    state.fails.fetch_add(1, std::memory_order_relaxed);
    state.fail_window.store(now, std::memory_order_relaxed);
    state.retry_at.store(now, std::memory_order_relaxed);
    if (!conf.max_fails) return;
    server.effective_weight -= server.weight / conf.max_fails;
    if (server.effective_weight < 0) server.effective_weight = 0;
}

void LivePool::report(LiveServer& server, UseResult result, net::Time now) {
    if (positions_ || server.gone || result == UseResult::not_counted) return;
    if (servers_.size() == 1 && conf_->single_server_stays) return;
    if (result == UseResult::failed) return count_failure(server, now);
    auto& state = *server.board.state;
    if (!state.fails.load(std::memory_order_relaxed)) return;
    // Success after a window that began later than the last failure: the server is well again.
    if (state.fail_window.load(std::memory_order_relaxed) <
        state.retry_at.load(std::memory_order_relaxed)) {
        state.fails.store(0, std::memory_order_relaxed);
    }
}

void LivePool::release(LiveServer& server, UseResult result, net::Time now) {
    report(server, result, now);
    drop_slot(server);
    if (server.gone || !server.max_connections) return;
    if (queued_) wake_for(server);
    signal_others(server);
}

}  // namespace weir::pool
