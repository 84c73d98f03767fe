// SPDX-License-Identifier: Apache-2.0
// Listening sockets from a former process: inherited over exec (nginx's binary upgrade), asked of a
// weir that is to end (haproxy -sf, -st), or asked of HAProxy or weir at a stats socket (-x).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

// The variable in which nginx's upgrade names descriptors: "6;7;".
inline constexpr const char* inherit_variable = "NGINX";
std::string write_inherited(const std::vector<int>& descriptors);
// Nothing when a word is no number: then none of it can be trusted.
std::optional<std::vector<int>> read_inherited(std::string_view text);

// The sockets that the environment names, closed on exec from now on; the variable goes away. Words
// that name no socket are left out.
std::vector<Fd> take_inherited();

// The sockets of masters that can be asked; those that cannot are left out.
std::vector<Fd> take_from_masters(const std::vector<pid_t>& pids);

// HAProxy's _getsocks at the stats socket `path`.
Expected<std::vector<Fd>, std::string> take_from_stats_socket(const std::string& path);

// Starts `arguments` with these sockets inherited. The process id, -1 with errno.
pid_t start_binary(const std::vector<std::string>& arguments, const std::vector<SharedFd>& sockets);

}  // namespace weir::process
