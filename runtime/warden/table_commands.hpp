// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket about stick tables: show table, set table, clear table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/filter/command.hpp"

namespace weir::warden {

filter::Commands table_commands();

// What one of them says. `verb`: show, set or clear; `words`: behind "table"; `zones`: by ir::ZoneId;
// `now`: ms, monotonic.
std::string run_table_command(std::string_view verb, std::span<const std::string_view> words,
                              const ir::Config& config, std::span<zone::Table* const> zones,
                              std::int64_t now);

}  // namespace weir::warden
