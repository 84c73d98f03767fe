// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/teller.hpp"

#include "runtime/log/access_log.hpp"

namespace weir::warden {

Teller::Teller()
    : nginx_(log::process_sinks(), log::ErrorLog::Style::nginx),
      haproxy_(log::process_sinks(), log::ErrorLog::Style::haproxy) {}

void Teller::adopt(const process::Setup& setup) { nginx_.set_logs(setup.config->process.error_logs); }

void Teller::tell(const process::Setup& setup, const ir::Pool& pool, int level, bool nginx_words,
                  std::string_view text) {
    if (nginx_words) return nginx_.write(level, text);
    // On a terminal HAProxy knows two levels.
    haproxy_.write(level == log::emergency ? log::alert : log::warning, text);
    for (const auto& route : setup.config->routes) {
        if (route.pool_name != pool.name) continue;
        for (const auto& access : route.settings.logs->access)
            log::write_access_line(log::process_sinks(), access, text, level);
        return;
    }
}

}  // namespace weir::warden
