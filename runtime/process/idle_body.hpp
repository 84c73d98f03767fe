// SPDX-License-Identifier: Apache-2.0
// A body that accepts and closes at once: stands in where a role has no work (and in tests of the
// life of processes, which must not depend on the data path).
#pragma once

#include <map>
#include <memory>

#include "runtime/process/worker.hpp"

namespace weir::process {

class IdleBody : public WorkerBody {
public:
    Expected<void, std::string> start(net::Loop& loop, const WorkerStart& start) override;
    Expected<void, std::string> prepare(const Setup& next) override;
    void commit() override;
    void abort() override { next_.clear(); }
    void flush_logs() override {}
    void stop_accepting(bool last) override;
    void stop_now() override { watches_.clear(); }
    [[nodiscard]] std::size_t active() const override { return 0; }

private:
    void watch(const std::vector<ListenSocket>& sockets);
    static void drain(int fd);

    net::Loop* loop_ = nullptr;
    std::map<int, std::unique_ptr<net::Watch>> watches_;
    std::vector<ListenSocket> next_;
};

}  // namespace weir::process
