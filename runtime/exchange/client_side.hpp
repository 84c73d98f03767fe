// SPDX-License-Identifier: Apache-2.0
// ClientSide: the whole of a worker's traffic behind the interface that the process layer drives:
// acceptors, connections, the plan in use and the next one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/exchange/connection.hpp"
#include "runtime/process/worker.hpp"
#include "runtime/zone/tls_store.hpp"

namespace weir::exchange {

class ClientSide final : public process::WorkerBody {
public:
    ~ClientSide() override;
    Expected<void, std::string> start(net::Loop& loop, const process::WorkerStart& start) override;
    Expected<void, std::string> prepare(const process::Setup& next) override;
    void commit() override;
    void abort() override;
    void flush_logs() override;
    void stop_accepting(bool last) override;
    void stop_now() override;
    [[nodiscard]] std::size_t active() const override;
    void wake() override;

    // Serves what still waits in the queues of listeners that went away, and lets go of these.
    void drain_gone();
    void accept_from(Acceptor& acceptor);

private:
    std::shared_ptr<plan::Running> make_running(const process::Setup& setup);
    void adopt_sockets(const std::vector<process::ListenSocket>& sockets);
    void accept_one(Acceptor& acceptor, int fd, const sockaddr_storage& peer);
    void add(Connection& connection);
    void remove(Connection& connection);
    net::Detached run(Connection& connection);
    void count_in(Connection& connection);
    bool pass_on(Connection& connection);
    void end(Connection& connection);
    [[nodiscard]] bool is_full(const Acceptor& acceptor) const;
    void hold(Acceptor& acceptor);
    void release_held(bool all);
    void pause_accepting();
    void resume_accepting();
    void close_idle();

    std::unique_ptr<plan::Worker> worker_;
    const process::WorkerStart* start_ = nullptr;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;   // gone ones stay while connections use them
    bool draining_ = false;                              // none is erased meanwhile
    Connection* first_ = nullptr;
    process::Setup next_;
    std::unique_ptr<pool::LivePools> pools_;
    std::unique_ptr<zone::TlsStore> tls_store_;
    struct Resume : net::Timer {
        ClientSide* owner = nullptr;
    } accept_again_;                                     // after running out of descriptors
    std::vector<std::pair<Acceptor*, int>> paused_;
    // Listeners whose site, or whose own maxconn, has no room: who comes waits in their queues.
    std::vector<std::pair<Acceptor*, int>> held_;
    Resume look_at_held_;                                // another worker's connection may end
    std::string host_name_;
};

}  // namespace weir::exchange
