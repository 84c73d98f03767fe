// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/warden.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/log/access_log.hpp"
#include "runtime/net/log_flush.hpp"
#include "runtime/warden/server_commands.hpp"
#include "runtime/warden/cache_commands.hpp"
#include "runtime/warden/ocsp_commands.hpp"
#include "runtime/warden/table_commands.hpp"
#include "runtime/warden/tls_commands.hpp"

namespace weir::warden {

namespace {

using State = zone::ServerState;

// Calls `visit` for each endpoint of each server of the configuration.
template <class Visit>
void each_server(const ir::Config& config, Visit visit) {
    for (const auto& pool : config.pools)
        for (const auto& server : pool.servers)
            for (std::size_t i = 0; i < std::max<std::size_t>(1, server.endpoints.size()); ++i)
                visit(pool, server, i);
}

bool is_available(const State& state) {
    return state.usable() && (state.flags.load() & (State::stopping | State::drain)) == 0;
}

}  // namespace

Warden::~Warden() {
    for (auto& [key, checker] : checkers_) checker->retire();
}

Expected<void, std::string> Warden::start(net::Loop& loop, const process::WorkerStart& start) {
    loop_ = &loop;
    board_ = start.board;
    wake_ = start.wake;
    amend_ = start.amend;
    arena_ = start.arena;
    auto jobs = make_jobs(start);
    if (!jobs) return Unexpected{jobs.error()};
    setup_ = start;
    auto& sinks = log::process_sinks();
    sinks.find_file = [this](std::string_view path) {
        if (setup_.logs)
            for (const auto& file : setup_.logs->files)
                if (file.path == path) return file.fd;
        return -1;
    };
    sinks.origin.process_id = start.shown_pid;
    net::flush_logs_each_turn(loop, sinks);
    log::process_log().set_logs(setup_.config->process.error_logs);
    around_.workers = start.workers;
    adopt(std::move(*jobs));
    open_admin_socket();
    keep_caches();
    ask_about_certificates();
    keep_peers();
    return {};
}

void Warden::keep_caches() {
    keeper_.adopt(setup_.config, board_->tables());
    cache_timer_.self = this;
    cache_timer_.fire = [](net::Timer& timer) { static_cast<Node&>(timer).self->tell_of_caches(); };
    if (setup_.config->caches.empty()) cache_timer_.cancel();
    else tell_of_caches();
}

void Warden::keep_peers() {
    if (setup_.config->peer_groups.empty()) peers_.reset();
    else if (!peers_) peers_ = std::make_unique<Peers>(*loop_);
    peer_commands_about(peers_.get());
    if (!peers_) return;
    peers_->adopt(*setup_.config, setup_.sockets, board_->tables());
}

// The keeper's thread writes no log itself.
void Warden::tell_of_caches() {
    for (const auto& line : keeper_.take_lines()) log::process_log().write(log::notice, line);
    loop_->arm(cache_timer_, loop_->now() + 1000);
}

void Warden::ask_about_certificates() {
    if (!arena_) return;
    if (!ocsp_)
        ocsp_ = std::make_unique<OcspUpdater>(*loop_, *arena_,
                                              [this](const OcspUpdater::Item& item) { tell_of_status(item); });
    ocsp_commands_about(ocsp_.get());
    ocsp_->adopt(setup_.config);
}

// HAProxy's logs hear how every question ended; the error log why one came to nothing.
void Warden::tell_of_status(const OcspUpdater::Item& item) {
    const auto& logs = setup_.config->process.status_logs;
    auto tell = [&](int level, std::string_view text) {
        for (const auto& one : logs) log::write_access_line(log::process_sinks(), one, text, level);
        if (listener_) listener_(text);
    };
    const bool to_logs = !logs.empty() && item.question;
    if (to_logs) tell(log::notice, ocsp_line(item));
    if (item.problem.empty()) return;
    const auto text = OcspUpdater::describe(item);
    if (to_logs) return tell(log::error, text);
    log::process_log().write(item.question ? log::error : log::warning, text);
    if (listener_) listener_(text);
}

// What commands see: the live pools of this process never pick a server, they tell names and states.
void Warden::open_admin_socket() {
    const auto& config = *setup_.config;
    if (config.process.control_sockets.empty()) {
        admin_.reset();
        return;
    }
    if (!pools_) pools_ = std::make_unique<pool::LivePools>(0, *board_);
    all_pools_ = pools_->adopt(config, setup_.config);
    sites_.clear();
    for (const auto& site : config.sites)
        sites_.push_back(board_->find(zone::Kind::site, site.name));
    zones_.clear();
    for (const auto& zone : config.zones) zones_.push_back(board_->tables().find(zone));
    around_.zones = zones_;
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    host_name_ = name;
    around_.host_name = host_name_;
    around_.node = config.process.node;
    around_.process_id = ::getppid();
    around_.pools = all_pools_;
    around_.sites = sites_;
    around_.process = board_->find(zone::Kind::process, "");
    around_.config = &config;
    around_.board = board_;
    if (!admin_) {
        auto commands = commands_;
        commands.push_back(server_commands());
        commands.push_back(table_commands());
        commands.push_back(cache_commands());
        commands.push_back(tls_commands());
        commands.push_back(tls_show_commands());
        commands.push_back(ocsp_commands());
        commands.push_back(peer_commands());
        admin_ = std::make_unique<AdminSocket>(*loop_, std::move(commands), around_,
                                               [this](State& state) { flags_changed(state); }, amend_);
    }
    admin_->adopt(setup_.sockets, config);
}

Expected<void, std::string> Warden::prepare(const process::Setup& next) {
    auto jobs = make_jobs(next);
    if (!jobs) return Unexpected{jobs.error()};
    next_setup_ = next;
    next_jobs_ = std::move(*jobs);
    return {};
}

void Warden::commit() {
    // The old setup (and its configuration) goes when the last job that looks into it has gone.
    setup_ = std::move(next_setup_);
    next_setup_ = {};
    log::process_sinks().adopt(loop_->now());
    log::process_log().set_logs(setup_.config->process.error_logs);
    adopt(std::move(next_jobs_));
    next_jobs_.clear();
    open_admin_socket();
    keep_caches();
    ask_about_certificates();
    keep_peers();
}

void Warden::abort() {
    next_setup_ = {};
    next_jobs_.clear();
}

void Warden::flush_logs() { log::process_sinks().flush_all(loop_->now()); }

// Health is of use as long as any worker carries traffic: checks go on until the process ends.
void Warden::stop_accepting(bool) {}

void Warden::stop_now() {
    for (auto& [key, checker] : checkers_) checker->retire();
    checkers_.clear();
    keeper_.stop();
    cache_timer_.cancel();
    ocsp_commands_about(nullptr);
    ocsp_.reset();
    admin_.reset();
    peer_commands_about(nullptr);
    peers_.reset();
}

Expected<std::vector<Job>, std::string> Warden::make_jobs(const process::Setup& setup) const {
    std::vector<Job> jobs;
    std::string problem;
    // Checks that print the same share one script.
    std::unordered_map<std::string, std::shared_ptr<const Script>> scripts;
    std::unordered_map<std::string, std::size_t> by_name;   // "pool/server" -> its first job
    each_server(*setup.config, [&](const ir::Pool& pool, const ir::Server& server, std::size_t i) {
        if (!server.check || server.endpoints.empty() || pool.disabled) return;
        Job job;
        job.key = zone::server_key(ir::key_of(pool), server, i);
        job.entry = board_->find(zone::Kind::server, job.key);
        if (!job.entry.state) {
            if (problem.empty()) problem = "server " + job.key + " has no place on the board";
            return;
        }
        job.pool = &pool;
        job.server = &server;
        job.check = &*server.check;
        std::string text = ir::print(*job.check, *setup.config);
        auto& script = scripts[text];
        if (!script) {
            auto made = Script::compile(*job.check, setup.config);
            if (!made) {
                if (problem.empty()) problem = fmt::format("server {}: {}", job.key, made.error());
                return;
            }
            script = std::move(*made);
        }
        job.script = script;
        job.target = target_of(*job.check, server, server.endpoints[i]);
        if (const auto* plan = static_cast<const plan::Plan*>(setup.plan.get()))
            job.target.peers = peers_of(*job.check, *script, *plan);
        job.address = ir::to_string(server.endpoints[i]);
        job.fingerprint = fmt::format("{}{} {}", text, ir::to_string(job.target.endpoint),
                                      job.target.proxy_header);
        by_name.try_emplace(pool.name + "/" + server.name, jobs.size());
        jobs.push_back(std::move(job));
    });
    if (!problem.empty()) return Unexpected{std::move(problem)};
    each_server(*setup.config, [&](const ir::Pool& pool, const ir::Server& server, std::size_t i) {
        if (server.track.empty()) return;
        auto found = by_name.find(server.track);
        auto entry = board_->find(zone::Kind::server, zone::server_key(ir::key_of(pool), server, i));
        if (found != by_name.end() && entry.state)
            jobs[found->second].followers.push_back({&pool, &server, entry});
    });
    return jobs;
}

void Warden::adopt(std::vector<Job> jobs) {
    teller_.adopt(setup_);
    std::unordered_map<std::string, std::shared_ptr<Checker>> kept;
    kept.reserve(jobs.size());
    const std::size_t count = jobs.size();
    for (std::size_t position = 0; position < count; ++position) {
        Job& job = jobs[position];
        const net::Time delay = static_cast<net::Time>(
            static_cast<std::size_t>(job.check->interval.count()) * position / count);
        const std::string key = job.key;
        auto old = checkers_.find(key);
        if (old == checkers_.end()) {
            auto checker = std::make_shared<Checker>(*this, *loop_, std::move(job));
            checker->schedule(delay);
            kept.emplace(key, std::move(checker));
            continue;
        }
        auto checker = std::move(old->second);
        checkers_.erase(old);
        if (checker->take(std::move(job))) checker->schedule(delay);
        kept.emplace(key, std::move(checker));
    }
    for (auto& [key, checker] : checkers_) checker->retire();
    checkers_ = std::move(kept);
    forget_unchecked(*setup_.config);
}

// A server that lost its check is up, unless something else keeps it down.
void Warden::forget_unchecked(const ir::Config& config) {
    each_server(config, [&](const ir::Pool& pool, const ir::Server& server, std::size_t i) {
        if (server.check || !server.track.empty()) return;
        auto entry = board_->find(zone::Kind::server, zone::server_key(ir::key_of(pool), server, i));
        if (!entry.state) return;
        constexpr auto ours = State::check_down | State::stopping | State::check_starting;
        if ((entry.state->flags.fetch_and(~static_cast<std::uint32_t>(ours)) & ours) == 0) return;
        entry.state->check_code = 0;
        flags_changed(*entry.state);
    });
}

void Warden::flags_changed(State& state) {
    ++state.generation;
    ++board_->health_epoch();
    wake_workers();
}

// Requests may wait in a queue for the server that came up.
void Warden::wake_workers() const {
    if (!wake_) return;
    const std::uint64_t one = 1;
    for (int fd : *wake_)
        if (fd >= 0 && ::write(fd, &one, sizeof one) < 0) continue;   // full: it will wake anyway
}

PoolCount Warden::count(const Job& job) const {
    PoolCount out;
    for (const auto& server : job.pool->servers)
        for (std::size_t i = 0; i < std::max<std::size_t>(1, server.endpoints.size()); ++i) {
            auto entry = board_->find(zone::Kind::server, zone::server_key(ir::key_of(*job.pool), server, i));
            if (entry.state && is_available(*entry.state)) ++(server.backup ? out.backup : out.active);
        }
    const auto workers = board_->workers();
    out.sessions = job.entry.sum(workers, &zone::Counters::connections);
    out.queued = job.entry.sum(workers, &zone::Counters::queued);
    auto pool = board_->find(zone::Kind::pool, ir::key_of(*job.pool));
    if (pool.slots) out.pool_queued = pool.sum(workers, &zone::Counters::queued);
    return out;
}

void Warden::say(const ir::Pool& pool, const News& news, int level, std::string_view text) {
    const bool nginx = news.check->manner == ir::HealthCheck::Manner::nginx;
    teller_.tell(setup_, pool, level, nginx, text);
    if (listener_) listener_(text);
}

void Warden::server_changed(const Job& job, const News& news, bool check_moved) {
    constexpr int notice = 5, emergency = 0;
    const bool haproxy = job.check->manner == ir::HealthCheck::Manner::haproxy;
    if (haproxy && job.pool->log_health_checks && check_moved)
        say(*job.pool, news, notice, describe_check(news));
    News told = news;
    if (news.transition == Transition::none) return follow(job, told);
    told.count = count(job);
    say(*job.pool, told, level_of(told), describe_change(told));
    if (haproxy && news.transition != Transition::up && told.count.active + told.count.backup == 0)
        say(*job.pool, told, emergency,
             fmt::format("backend {} has no server available!", job.pool->name));
    follow(job, told);
}

void Warden::follow(const Job& job, News news) {
    for (const auto& follower : job.followers) {
        if (!put_flags(*follower.entry.state, news.health, news.outcome->verdict)) continue;
        follower.entry.state->last_change = loop_->wall_ms() / 1000;
        flags_changed(*follower.entry.state);
        if (news.transition == Transition::none) continue;
        Job place;
        place.pool = follower.pool;
        place.entry = follower.entry;
        news.pool = follower.pool;
        news.server = follower.server;
        news.via = job.key;
        news.count = count(place);
        say(*follower.pool, news, level_of(news), describe_change(news));
    }
}

}  // namespace weir::warden
