// SPDX-License-Identifier: Apache-2.0
// Warden: the body of the warden process. Keeps one Checker per server with a check, for both
// languages, writes what they find to the board and tells the log. A reload keeps the state of every
// server whose name stays, and the rhythm of those whose check did not change.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/pool/live_pool.hpp"
#include "runtime/process/worker.hpp"
#include "runtime/warden/admin_socket.hpp"
#include "runtime/warden/cache_keeper.hpp"
#include "runtime/warden/checker.hpp"
#include "runtime/warden/ocsp_updater.hpp"
#include "runtime/warden/peers.hpp"
#include "runtime/warden/teller.hpp"

namespace weir::warden {

class Warden final : public process::WorkerBody {
public:
    // Hears every line that goes to the log, too (tests).
    using Listener = std::function<void(std::string_view text)>;
    // `commands`: of modules, for the runtime socket.
    explicit Warden(Listener listener = {}, std::vector<filter::Commands> commands = {})
        : listener_(std::move(listener)), commands_(std::move(commands)) {}
    ~Warden() override;

    Expected<void, std::string> start(net::Loop& loop, const process::WorkerStart& start) override;
    Expected<void, std::string> prepare(const process::Setup& next) override;
    void commit() override;
    void abort() override;
    void flush_logs() override;
    void stop_accepting(bool last) override;
    void stop_now() override;
    [[nodiscard]] std::size_t active() const override { return 0; }

    // For Checker.
    void server_changed(const Job& job, const News& news, bool check_moved);
    void flags_changed(zone::ServerState& state);

private:
    Expected<std::vector<Job>, std::string> make_jobs(const process::Setup& setup) const;
    void adopt(std::vector<Job> jobs);
    void forget_unchecked(const ir::Config& config);
    void say(const ir::Pool& pool, const News& news, int level, std::string_view text);
    void follow(const Job& job, News news);
    void open_admin_socket();
    void keep_caches();
    void keep_peers();
    void tell_of_caches();
    void ask_about_certificates();
    void tell_of_status(const OcspUpdater::Item& item);
    [[nodiscard]] PoolCount count(const Job& job) const;
    void wake_workers() const;

    Listener listener_;
    std::vector<filter::Commands> commands_;
    Teller teller_;
    net::Loop* loop_ = nullptr;
    zone::Board* board_ = nullptr;
    zone::SharedArena* arena_ = nullptr;
    const std::vector<int>* wake_ = nullptr;
    process::Amend amend_;
    process::Setup setup_, next_setup_;
    std::vector<Job> next_jobs_;
    // For the runtime socket, and only where there is one.
    route::Surroundings around_;
    std::vector<zone::Table*> zones_;   // by ir::ZoneId
    std::string host_name_;
    std::unique_ptr<pool::LivePools> pools_;
    std::vector<pool::LivePool*> all_pools_;
    std::vector<zone::Entry> sites_;
    std::unique_ptr<AdminSocket> admin_;
    std::unordered_map<std::string, std::shared_ptr<Checker>> checkers_;   // by server_key
    CacheKeeper keeper_;
    std::unique_ptr<OcspUpdater> ocsp_;
    std::unique_ptr<Peers> peers_;
    struct Node : net::Timer {
        Warden* self = nullptr;
    } cache_timer_;
};

}  // namespace weir::warden
