// SPDX-License-Identifier: Apache-2.0
// Limits, priority, affinity, chroot and user of a child. The master stays what it is.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>

#include "parser/base/diag.hpp"
#include "parser/base/expected.hpp"
#include "parser/ir/config.hpp"

namespace weir::process {

// The user and group of a configuration as numbers; looked up by the master, before any chroot.
struct Identity {
    std::optional<uid_t> user;
    std::optional<gid_t> group;
    std::string user_name;   // for the further groups
};

// Unknown names go to the sink. Not root: nothing is looked up, the names have no effect.
Identity find_identity(const ir::Process& process, diag::Sink& sink);

// In the child, once. The text names the call that failed.
Expected<void, std::string> drop_privileges(const ir::Process& process, const Identity& identity,
                                            std::uint32_t number);
// Raises the limit of descriptors of this process as the configuration says; what was not possible.
Expected<void, std::string> raise_limits(const ir::Process& process);

// Folders for temporary files (client_body_temp_path) and of caches, owned by the identity: workers may
// not make them. What could not be made is found out by the first who needs it. Those of caches that `running`
// has are left alone: their disk may be slow, and the master is not to wait for it.
void make_folders(const ir::Config& config, const Identity& identity, const ir::Config* running = nullptr);

// True when running children can't take `next` in place: it needs new ones.
bool needs_new_children(const ir::Process& now, const ir::Process& next);
// Workers of a configuration: as it says, or one per CPU this process may use; 1..most_workers.
std::uint32_t worker_count(const ir::Process& process);

}  // namespace weir::process
