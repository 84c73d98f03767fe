// SPDX-License-Identifier: Apache-2.0
// Peers: connections to other instances that share tables (HAProxy: section peers). Both sides connect and
// listen; of two connections between the same two the one stays that the lesser name opened. Each side tells
// the other what its workers changed, and once what it has; what came from elsewhere is not told again.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/filter/command.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/process/worker.hpp"
#include "runtime/zone/board.hpp"

namespace weir::warden {

class Peers {
public:
    explicit Peers(net::Loop& loop);
    ~Peers();
    Peers(const Peers&) = delete;
    Peers& operator=(const Peers&) = delete;

    // Of a configuration that went live: its groups are kept where they say the same; others begin anew.
    // `sockets` as the warden has them: those of groups are numbered behind the control sockets.
    void adopt(const ir::Config& config, const std::vector<process::ListenSocket>& sockets, zone::Tables& tables);
    void close();
    // What `show peers` says, of one section or of all (empty); `texts`: with those that peers numbered.
    [[nodiscard]] std::string describe(std::string_view only, bool texts) const;

    struct Peer;
    struct Group;
    struct Session;

private:
    net::Loop& loop_;
    std::string said_;                               // what the groups are, as text
    std::vector<std::unique_ptr<Group>> groups_;
};

filter::Commands peer_commands();
// Whose peers they are about; null: there are none.
void peer_commands_about(const Peers* peers);

}  // namespace weir::warden
