// SPDX-License-Identifier: Apache-2.0
// The control side of a worker or warden: what happens in the process between fork and the traffic.
// It sets the process up, answers the master (prepare, commit, stop), hears signals, and compiles the
// next configuration off the loop. The traffic is its WorkerBody's.
#pragma once

#include <string>
#include <vector>

#include "runtime/process/listen_set.hpp"
#include "runtime/process/privileges.hpp"
#include "runtime/process/signals.hpp"
#include "runtime/process/worker.hpp"

namespace weir::process {

// What a child has in hand right after fork. Descriptors not named here are closed.
struct ChildStart {
    Personality personality = Personality::weir;
    const Program* program = nullptr;
    int control = -1;
    WorkerStart work;                  // sockets and logs are filled in from the two below
    std::vector<OpenSocket> sockets;   // numbers only: ownership went with the fork
    std::vector<LogFiles::File> logs;
    Identity identity;
    std::string title;                 // empty: as it is
};

[[noreturn]] void run_child(ChildStart start);

// Closes every descriptor above 2 but these.
void close_others(std::vector<int> keep);

// The sockets of a configuration among those that are open, in the order of its listeners.
std::vector<ListenSocket> match_sockets(const ir::Config& config, Role role,
                                        const std::vector<OpenSocket>& open);

// A sealed memory file with these bytes, to be handed to children; and back.
Expected<Fd, std::string> make_sealed_file(const std::string& bytes);
std::optional<std::string> read_whole(int fd);

// Loads and compiles what a sealed file holds. On failure `problem` says why.
struct Compiled {
    std::shared_ptr<const ir::Config> config;
    std::shared_ptr<const void> plan;
    std::string problem;
};
Compiled compile_file(const Program& program, int fd);

}  // namespace weir::process
