// SPDX-License-Identifier: Apache-2.0
// ListenSet: the master's bound sockets. Two-phase like everything in a reload: prepare() binds what
// is new and changes nothing else, then commit() or abort(). A socket whose key stays is kept with
// all that waits in its accept queue. The master keeps every descriptor open as long as the listener
// is configured, so that no worker's end loses a connection.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/ir/config.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

// Names a socket by all that cannot change while it is open: "tcp 127.0.0.1:80", "unix:/run/x.sock",
// "udp [::]:53 v6only device=eth0".
std::string listen_key(const ir::Listener& listener);
std::string control_key(const ir::ControlSocket& socket);
std::string control_key(const ir::Listener& listener);   // of peers
// A listener with a socket per worker has them under "key #0", "key #1", ...
std::string instance_key(const std::string& key, std::size_t instance);
std::string base_key(const std::string& instance_key);
// True when each worker has a socket of its own: reuseport, and UDP (a flow stays with its worker).
bool per_worker(const ir::Listener& listener);

struct OpenSocket {
    std::string key;   // instance_key for per-worker ones
    SharedFd fd;
};

class ListenSet {
public:
    ListenSet() = default;
    ~ListenSet();
    ListenSet(const ListenSet&) = delete;
    ListenSet& operator=(const ListenSet&) = delete;

    // Takes over sockets of a former process (binary upgrade, socket activation, -x). Those that no
    // listener wants are closed by the first commit.
    void adopt(std::vector<Fd> sockets);
    // Binds what `config` needs and is not here. On failure every address that could not be had is
    // in the sink and nothing is left behind. May be called again only after commit or abort.
    bool prepare(const ir::Config& config, std::uint32_t workers, diag::Sink& sink);
    // The prepared set is the set now: options of kept sockets are brought up to date, sockets that
    // are gone are closed, their Unix paths removed.
    void commit();
    void abort();
    // The sockets that worker `number` of `workers` listens on: now, or of the prepared set.
    [[nodiscard]] std::vector<OpenSocket> of_worker(std::uint32_t number, std::uint32_t workers,
                                                    bool prepared) const;
    [[nodiscard]] std::vector<OpenSocket> of_warden(bool prepared) const;
    // All of them, for a new binary.
    [[nodiscard]] std::vector<OpenSocket> all() const;
    // At the end of the master: paths of Unix sockets go, if they are still ours.
    void remove_paths();
    // Gives all sockets up: who still serves has its own descriptors.
    void close_all();
    // Sockets of a former process may be bound beside ours (HAProxy -sf without -x).
    bool share_ports = false;

private:
    struct Socket {
        SharedFd fd;
        ir::Listener conf;               // as it was last asked for
        std::uint64_t device = 0, inode = 0;   // of the path of a Unix socket, after bind
        std::uint32_t instance = 0;
        bool control = false;            // for the warden
        bool fresh = false;              // bound by the prepare() in progress
        bool listening = true;           // false: commit() has to call listen()
    };
    using Sockets = std::map<std::string, Socket>;   // by instance key

    void want(const ir::Listener& listener, bool control, std::uint32_t workers, diag::Sink& sink);
    bool bind_new(Socket& socket, diag::Sink& sink);
    static bool take_inherited(Socket& socket, diag::Sink& sink);
    [[nodiscard]] SharedFd take_adopted(const ir::Listener& listener);
    [[nodiscard]] bool meets_live(const ir::Listener& listener);
    static void remove_path(const Socket& socket);

    Sockets live_, next_;
    std::vector<SharedFd> adopted_;
    // (transport, port) where a wildcard and a single address are both wanted: the kernel tells them
    // apart only when all of them have SO_REUSEPORT.
    std::set<std::pair<ir::Transport, std::uint16_t>> shared_ports_;
};

}  // namespace weir::process
