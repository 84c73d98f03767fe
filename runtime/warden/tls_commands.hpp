// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket about certificates, authorities, revocation lists and lists of
// certificates. What they change takes the way of a reload (process::Amend).
#pragma once

#include "runtime/filter/command.hpp"

namespace weir::warden {

filter::Commands tls_commands();        // tls_commands.cpp: new, set, commit, abort, del, add
filter::Commands tls_show_commands();   // tls_show_commands.cpp

}  // namespace weir::warden
