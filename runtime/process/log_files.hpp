// SPDX-License-Identifier: Apache-2.0
// The log files of a configuration, opened by the master (it may, its children may not). Children
// get them over fork or the control channel and write without ever opening a path.
#pragma once

#include <string>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/ir/config.hpp"
#include "runtime/process/fd.hpp"

namespace weir::process {

// Every log file path that `config` names literally, each once, in order.
std::vector<std::string> log_paths(const ir::Config& config);

// Opens for appending; makes the file when it is not there. The text says what failed.
Expected<Fd, std::string> open_log(const std::string& path);

}  // namespace weir::process
