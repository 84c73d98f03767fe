// SPDX-License-Identifier: Apache-2.0
// AdminSocket: the runtime socket (HAProxy: stats socket). Takes lines of commands and answers each
// with text and an empty line. Connections are few and slow readers have a time-out; a command is a
// plain function that never waits.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/filter/command.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/net/task.hpp"
#include "runtime/process/worker.hpp"
#include "runtime/warden/command_line.hpp"

namespace weir::warden {

class AdminSocket {
public:
    // `around` is what commands see; it stays where it is and changes with every reload.
    AdminSocket(net::Loop& loop, std::vector<filter::Commands> commands,
                const route::Surroundings& around,
                std::function<void(zone::ServerState&)> changed, process::Amend amend = {});
    ~AdminSocket();
    AdminSocket(const AdminSocket&) = delete;
    AdminSocket& operator=(const AdminSocket&) = delete;

    // The sockets of a configuration, which stays alive until the next call. Connections go on with
    // the level that they came with.
    void adopt(const std::vector<process::ListenSocket>& sockets, const ir::Config& config);
    // No further connection; those that are open end.
    void close();

    // What a command answers, and whether it may be run at that level (tests, and the connections). What
    // it wants changed is left in `wanted`.
    std::string run(const CommandText& command, std::string_view payload, filter::Level& level,
                    filter::Wanted* wanted = nullptr);

private:
    struct Door;
    struct Peer;
    void accept_from(Door& door);
    static net::Task<void> serve(std::shared_ptr<Peer> peer);
    static net::Task<bool> read_line(Peer& peer, std::string& line);
    static net::Task<bool> run_line(Peer& peer, std::string_view line);
    static net::Task<std::string> change(Peer& peer, const filter::Wanted& wanted);
    [[nodiscard]] const filter::Command* find(const CommandText& command, std::size_t& used) const;
    bool run_own(const CommandText& command, filter::Level& level, std::string& out) const;
    [[nodiscard]] std::string help(const CommandText& command, filter::Level level) const;

    net::Loop& loop_;
    std::vector<filter::Commands> commands_;
    const route::Surroundings& around_;
    std::function<void(zone::ServerState&)> changed_;
    process::Amend amend_;
    std::int64_t started_seconds_ = 0;
    const ir::Config* config_ = nullptr;
    std::vector<std::unique_ptr<Door>> doors_;
    std::vector<std::shared_ptr<Peer>> peers_;
};

}  // namespace weir::warden
