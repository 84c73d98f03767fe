// SPDX-License-Identifier: Apache-2.0
// How a process looks in ps, pidof and killall: its argument area and its comm name.
#pragma once

#include <string>
#include <string_view>

namespace weir::process {

// Remembers where the arguments lie and moves the environment away from behind them. Once, at the
// head of main. The strings behind argv stay readable until the first set_title().
void keep_title_space(int argc, char** argv);
// Shows `title` in /proc/PID/cmdline; cut to the room there is.
void set_title(std::string_view title);
// The name that killall and pidof look for.
void set_comm(const std::string& name);
// The arguments as one line, as ps shows them before any set_title().
std::string command_line();

}  // namespace weir::process
