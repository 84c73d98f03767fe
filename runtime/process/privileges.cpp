// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/privileges.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <set>

#include "runtime/zone/shared_arena.hpp"

namespace weir::process {

namespace {

Unexpected<std::string> failed(const std::string& call) {
    return Unexpected{fmt::format("{} failed ({}: {})", call, errno, std::strerror(errno))};
}

std::optional<unsigned> as_number(const std::string& text) {
    unsigned value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Expected<void, std::string> set_affinity(const ir::Process& process, std::uint32_t number) {
    if (process.affinity.empty()) return {};
    // As many masks as are written; the last holds for all further workers.
    const std::uint64_t mask =
        process.affinity[std::min<std::size_t>(number, process.affinity.size() - 1)];
    cpu_set_t set;
    CPU_ZERO(&set);
    for (unsigned cpu = 0; cpu < 64; ++cpu)
        if (mask >> cpu & 1) CPU_SET(cpu, &set);
    if (mask != 0 && ::sched_setaffinity(0, sizeof set, &set) != 0)
        return failed("sched_setaffinity()");
    return {};
}

Expected<void, std::string> change_user(const Identity& identity) {
    if (identity.group && ::setgid(*identity.group) != 0) return failed("setgid()");
    if (identity.user) {
        const gid_t group = identity.group.value_or(::getgid());
        const int outcome = identity.user_name.empty()
                                ? ::setgroups(1, &group)
                                : ::initgroups(identity.user_name.c_str(), group);
        if (outcome != 0) return failed("initgroups()");
        if (::setuid(*identity.user) != 0) return failed("setuid()");
        if (*identity.user != 0 && ::setuid(0) == 0)
            return Unexpected{std::string("root could be had again after setuid()")};
        // Core files where a working directory for them is given (nginx does the same).
        ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    }
    return {};
}

}  // namespace

Identity find_identity(const ir::Process& process, diag::Sink& sink) {
    Identity identity;
    if (::geteuid() != 0) return identity;
    if (!process.user.empty()) {
        if (auto number = as_number(process.user)) {
            identity.user = *number;
        } else if (const passwd* found = ::getpwnam(process.user.c_str())) {
            identity.user = found->pw_uid;
            identity.group = found->pw_gid;
            identity.user_name = process.user;
        } else {
            sink.error({}, "unknown-user", fmt::format("user \"{}\" is not known to this machine", process.user),
                       "create it, or name another one");
        }
    }
    if (!process.group.empty()) {
        if (auto number = as_number(process.group)) {
            identity.group = *number;
        } else if (const ::group* found = ::getgrnam(process.group.c_str())) {
            identity.group = found->gr_gid;
        } else {
            sink.error({}, "unknown-group", fmt::format("group \"{}\" is not known to this machine", process.group),
                       "create it, or name another one");
        }
    }
    return identity;
}

Expected<void, std::string> raise_limits(const ir::Process& process) {
    if (process.max_descriptors > 0) {
        rlimit limit{process.max_descriptors, process.max_descriptors};
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
            return failed(fmt::format("setrlimit(RLIMIT_NOFILE, {})", process.max_descriptors));
    } else {
        // Not said: what the system allows, since a proxy holds two descriptors per connection.
        rlimit limit{};
        if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
            limit.rlim_cur = limit.rlim_max;
            ::setrlimit(RLIMIT_NOFILE, &limit);
        }
    }
    if (process.max_core) {
        rlimit limit{*process.max_core, *process.max_core};
        if (::setrlimit(RLIMIT_CORE, &limit) != 0) return failed("setrlimit(RLIMIT_CORE)");
    }
    return {};
}

Expected<void, std::string> drop_privileges(const ir::Process& process, const Identity& identity,
                                            std::uint32_t number) {
    // Without the right to raise a limit the work goes on with the old one, as in both anchors.
    (void)raise_limits(process).has_value();
    if (process.priority && ::setpriority(PRIO_PROCESS, 0, *process.priority) != 0 &&
        ::geteuid() == 0)
        return failed("setpriority()");
    if (auto done = set_affinity(process, number); !done) return done;
    if (!process.chroot.empty()) {
        if (::chroot(process.chroot.c_str()) != 0) return failed("chroot(" + process.chroot + ")");
        if (::chdir("/") != 0) return failed("chdir(/)");
    }
    if (auto done = change_user(identity); !done) return done;
    if (!process.working_directory.empty() && ::chdir(process.working_directory.c_str()) != 0)
        return failed("chdir(" + process.working_directory + ")");
    return {};
}

void make_folders(const ir::Config& config, const Identity& identity, const ir::Config* running) {
    std::set<std::string> folders;
    for (const auto& route : config.routes) folders.insert(route.settings.limits->body_folder);
    const auto is_there = [&](const std::string& folder) {
        return running && std::any_of(running->caches.begin(), running->caches.end(),
                                      [&](const auto& store) { return store.folder == folder; });
    };
    for (const auto& store : config.caches) {
        if (store.in_memory || is_there(store.folder)) continue;
        // Those around it, too; who may not make them is told by the worker that keeps nothing.
        std::error_code ignored;
        std::filesystem::create_directories(std::filesystem::path(store.folder).parent_path(), ignored);
        folders.insert(store.folder);
    }
    for (const auto& folder : folders) {
        if (folder.empty()) continue;
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) continue;
        if (identity.user)
            (void)!::chown(folder.c_str(), *identity.user, static_cast<gid_t>(-1));
    }
}

bool needs_new_children(const ir::Process& now, const ir::Process& next) {
    return now.user != next.user || now.group != next.group || now.chroot != next.chroot ||
           worker_count(now) != worker_count(next) || now.priority != next.priority ||
           now.affinity != next.affinity || now.max_descriptors != next.max_descriptors ||
           now.max_core != next.max_core || now.working_directory != next.working_directory ||
           now.environment != next.environment ||
           now.unset_environment != next.unset_environment;
}

std::uint32_t worker_count(const ir::Process& process) {
    if (!process.master) return 1;
    std::uint32_t count = process.workers;
    if (count == 0) {
        cpu_set_t set;
        count = ::sched_getaffinity(0, sizeof set, &set) == 0
                    ? static_cast<std::uint32_t>(CPU_COUNT(&set))
                    : 1;
    }
    return std::clamp<std::uint32_t>(count, 1, zone::most_workers / 2);
}

}  // namespace weir::process
