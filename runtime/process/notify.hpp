// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) without libsystemd: one datagram to $NOTIFY_SOCKET. Nothing happens without it.
#pragma once

#include <string>

namespace weir::process {

// Reads $NOTIFY_SOCKET once and takes it out of the environment.
void keep_notify_socket();
void notify(const std::string& state);
void notify_ready(const std::string& status);
// RELOADING=1 with the clock that Type=notify-reload wants.
void notify_reloading();
void notify_stopping();

}  // namespace weir::process
