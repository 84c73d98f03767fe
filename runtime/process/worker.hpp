// SPDX-License-Identifier: Apache-2.0
// What a child process (worker or warden) gets from the master, and the interface its real work
// implements. The control side (child.cpp) owns the process: signals, control channel, privileges,
// compiling off the loop. The Body owns the traffic. Everything but compile() happens on the loop.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/base/expected.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "runtime/net/loop.hpp"
#include "runtime/zone/board.hpp"
#include "runtime/zone/shared_arena.hpp"

namespace weir::process {

enum class Role : std::uint8_t { worker, warden };

// A bound (and, but for UDP, listening), non-blocking socket of a configuration. The descriptor is
// the control side's: a Body watches it and accepts from it, and never closes it. A listener may come
// with several sockets (a worker that inherits those of one that is gone).
struct ListenSocket {
    int fd = -1;
    std::string key;             // names the socket across configurations (listen_set.hpp)
    ir::ListenerId listener = 0; // workers: index into Config::listeners
                                 // warden: index into Config::process.control_sockets, behind
                                 // them into Config::peer_groups
};

// Log files by path as the configuration writes it, opened by the master for appending. A path keeps
// its descriptor number for life; reopening swaps what is behind it.
class LogFiles {
public:
    struct File {
        std::string path;
        int fd = -1;
    };
    [[nodiscard]] int find(std::string_view path) const;   // -1: not a log file of this config
    std::vector<File> files;
};

// One configuration ready to run: what prepare() gets. Plans are opaque here: they come from
// Program::compile and go to the Body.
struct Setup {
    std::shared_ptr<const ir::Config> config;
    std::shared_ptr<const void> plan;
    std::vector<ListenSocket> sockets;   // all of them, in the order of Config::listeners
    const LogFiles* logs = nullptr;      // lives as long as the process; grows by what is new
};

// Asks the master for changes of the running configuration, as a reload makes them: all processes take
// them, or none. `done` hears why not, or an empty text when every process has swapped.
using Amend = std::function<void(const std::vector<Amendment>& changes,
                                 std::function<void(const std::string& problem)> done)>;

// The start of a child.
struct WorkerStart : Setup {
    Role role = Role::worker;
    std::uint32_t index = 0;        // slot of its counters: Entry::mine(index); below most_workers
    std::uint32_t number = 0;       // 0..workers-1 within its generation
    std::uint32_t workers = 1;      // how many share the work
    int shown_pid = 0;              // what logs and variables tell as the process's id
    zone::SharedArena* arena = nullptr;
    zone::Board* board = nullptr;
    // Writing to (*wake)[i] makes Body::wake() run in the worker of slot i (free slot of a pool's
    // queue). Has most_workers entries; those of empty slots may be written without effect.
    const std::vector<int>* wake = nullptr;
    Amend amend;                    // the warden's
};

class WorkerBody {
public:
    virtual ~WorkerBody() = default;
    // Begins the work. `start` lives as long as the body, but its plan and config are given up when
    // this returns, so that a later configuration can free them: keep the pointers yourself. An error
    // ends the process (and, at the first start, the master says why and ends too).
    virtual Expected<void, std::string> start(net::Loop& loop, const WorkerStart& start) = 0;
    // Makes ready to run `next` without changing anything that is seen. Followed by commit() or
    // abort(), in a later turn of the loop; not called twice without one of them between.
    virtual Expected<void, std::string> prepare(const Setup& next) = 0;
    // Swaps. On return no socket that is not in Setup::sockets may be in use (the caller closes it):
    // accept what waits in its queue first. Descriptors of kept sockets are the same numbers.
    virtual void commit() = 0;
    virtual void abort() = 0;
    // The log files are about to be swapped for new ones (same numbers): write out what is held.
    virtual void flush_logs() = 0;
    // Graceful stop: no new connections (those that wait are accepted by other workers, or, when
    // `last`, by this one first), idle ones closed. The control side ends the process when active()
    // is 0, or calls stop_now() when the time of the configuration is over.
    virtual void stop_accepting(bool last) = 0;
    virtual void stop_now() = 0;
    // What still holds the process: connections, requests in progress.
    [[nodiscard]] virtual std::size_t active() const = 0;
    // Another process wrote to this one's wake descriptor.
    virtual void wake() {}
};

// What main.cpp puts in: the layers that process/ may not see.
struct Program {
    // Text to IR, a pure function of the set (thread-safe). Null when there was an error.
    std::function<std::shared_ptr<const ir::Config>(SourceSet& set, SourceMap& sources,
                                                    diag::Sink& sink)>
        load;
    // IR to Plan (thread-safe, touches no loop). Null when there was an error.
    std::function<std::shared_ptr<const void>(std::shared_ptr<const ir::Config> config,
                                              diag::Sink& sink)>
        compile;
    // What is looked at once, before a configuration is taken, and not again in each worker. May be empty.
    std::function<void(const ir::Config& config, diag::Sink& sink)> check;
    std::function<std::unique_ptr<WorkerBody>(Role role)> make_body;
};

}  // namespace weir::process
