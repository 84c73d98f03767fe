// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/log_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_set>

#include "runtime/process/worker.hpp"

namespace weir::process {

int LogFiles::find(std::string_view path) const {
    for (const auto& file : files)
        if (file.path == path) return file.fd;
    return -1;
}

std::vector<std::string> log_paths(const ir::Config& config) {
    std::vector<std::string> paths;
    std::unordered_set<std::string> seen;
    std::unordered_set<const void*> groups;   // settings groups are shared by thousands of routes
    auto add = [&](const ir::LogTarget& target) {
        if (target.kind == ir::LogTarget::Kind::file && !target.path.empty() &&
            target.dynamic_path.pieces.empty() && seen.insert(target.path).second)
            paths.push_back(target.path);
    };
    auto add_settings = [&](const ir::Settings& settings) {
        if (!groups.insert(settings.logs.identity()).second) return;
        for (const auto& log : settings.logs->access) add(log.target);
        for (const auto& log : settings.logs->errors) add(log.target);
    };
    for (const auto& log : config.process.error_logs) add(log.target);
    for (const auto& site : config.sites) add_settings(site.settings);
    for (const auto& route : config.routes) add_settings(route.settings);
    return paths;
}

Expected<Fd, std::string> open_log(const std::string& path) {
    // O_NONBLOCK for opening only: a FIFO without a reader must not hang the master.
    Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
    if (!file)
        return Unexpected{fmt::format("open() \"{}\" failed ({}: {})", path, errno,
                                      std::strerror(errno))};
    ::fcntl(file.get(), F_SETFL, O_WRONLY | O_APPEND);
    return file;
}

}  // namespace weir::process
