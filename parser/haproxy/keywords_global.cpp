// SPDX-License-Identifier: Apache-2.0
// Rows of the global section.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/logs.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using keyword::any_number;
using keyword::duration;
using keyword::ignored;
using keyword::many;
using keyword::number;
using keyword::opt;
using keyword::path;
using keyword::size;
using keyword::word;

ir::Process& process(keyword::Scope& scope) { return scope.config.process; }

template <auto Member>
void set_text(keyword::Scope& scope, const Call& call) {
    process(scope).*Member = std::string(call[0].text);
}
template <auto Member>
void set_number(keyword::Scope& scope, const Call& call) {
    using Target = std::remove_reference_t<decltype(process(scope).*Member)>;
    process(scope).*Member = static_cast<Target>(call[0].number);
}
template <auto Member>
void set_time(keyword::Scope& scope, const Call& call) {
    process(scope).*Member = ir::Milliseconds(call[0].number);
}

void lower_daemon(keyword::Scope& scope, const Call&) { process(scope).daemon = true; }
void lower_nothing(keyword::Scope&, const Call&) {}

void lower_global_log(keyword::Scope& scope, const Call& call) {
    auto& load = own(scope).load;
    if (own(scope).negated) {
        load.global_logs.clear();
        return;
    }
    if (auto log = lower_log(own(scope), call.args)) load.global_logs.push_back({false, *log});
}

void lower_local_peer(keyword::Scope& scope, const Call& call) {
    own(scope).load.local_peer = std::string(call[0].text);
}
void lower_log_tag(keyword::Scope& scope, const Call& call) {
    own(scope).load.log_tag = std::string(call[0].text);
}

void lower_log_send_hostname(keyword::Scope& scope, const Call& call) {
    own(scope).load.log_host = call.size() > 0 ? std::string(call[0].text) : "";
    own(scope).load.send_host_name = true;
}

void lower_spread_checks(keyword::Scope& scope, const Call& call) {
    own(scope).load.spread_percent = static_cast<int>(call[0].number);
}

void lower_buffer_size(keyword::Scope& scope, const Call& call) {
    own(scope).load.buffer_size = static_cast<std::uint32_t>(call[0].number);
}
void lower_stick_counters(keyword::Scope& scope, const Call& call) {
    scope.config.followers = static_cast<std::uint32_t>(call[0].number);
}

template <auto Member>
void lower_compression(keyword::Scope& scope, const Call& call) {
    auto& target = process(scope).compression.*Member;
    target = static_cast<std::remove_reference_t<decltype(target)>>(call[0].number);
}
void lower_max_memory(keyword::Scope& scope, const Call& call) {
    process(scope).compression.memory = static_cast<std::uint64_t>(call[0].number) << 20;
}

void lower_max_rewrite(keyword::Scope& scope, const Call& call) {
    own(scope).load.max_rewrite = static_cast<std::uint32_t>(call[0].number);
}
void lower_max_fields(keyword::Scope& scope, const Call& call) {
    own(scope).load.max_fields = static_cast<std::uint32_t>(call[0].number);
}

// setenv and presetenv already changed what "$NAME" means (preprocess.cpp); the process gets them
// too.
void lower_setenv(keyword::Scope& scope, const Call& call) {
    auto name = std::string(call[0].text);
    auto& list = process(scope).environment;
    auto known = std::find_if(list.begin(), list.end(),
                              [&](const auto& entry) { return entry.first == name; });
    if (call.name == "presetenv" && (known != list.end() || scope.sources.environment(name)))
        return;
    if (known != list.end())
        known->second = std::string(call[1].text);
    else
        list.emplace_back(name, std::string(call[1].text));
}

void lower_unsetenv(keyword::Scope& scope, const Call& call) {
    auto& list = process(scope).environment;
    for (const auto& name : call.args) {
        std::erase_if(list, [&](const auto& entry) { return entry.first == name.text; });
        process(scope).unset_environment.emplace_back(name.text);
    }
}

// ---- stats socket, stats timeout, stats maxconn

void lower_socket_option(Scope& scope, ir::ControlSocket& socket, Args words, std::size_t& at) {
    const auto& word = words[at++];
    auto value = [&]() -> const Argument* {
        if (at < words.size()) return &words[at++];
        scope.error(word.span, "argument-count",
                    fmt::format("\"{}\" needs a value after it", word.text));
        return nullptr;
    };
    if (word.text == "level") {
        const auto* level = value();
        if (!level) return;
        using Level = ir::ControlSocket::Level;
        if (level->text == "user")
            socket.level = Level::user;
        else if (level->text == "operator")
            socket.level = Level::operator_level;
        else if (level->text == "admin")
            socket.level = Level::admin;
        else
            scope.error(
                level->span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected user, operator or admin", level->text));
    } else if (word.text == "mode") {
        const auto* mode = value();
        if (mode) socket.permissions.mode = read_mode(scope, *mode);
    } else if (word.text == "user" || word.text == "uid") {
        if (const auto* user = value()) socket.permissions.user = std::string(user->text);
    } else if (word.text == "group" || word.text == "gid") {
        if (const auto* group = value()) socket.permissions.group = std::string(group->text);
    } else if (word.text == "expose-fd") {
        const auto* what = value();
        socket.expose_listeners = what != nullptr;
    } else if (word.text == "process" || word.text == "thread" || word.text == "name" ||
               word.text == "severity-output" || word.text == "backlog" || word.text == "maxconn" ||
               word.text == "id" || word.text == "nice") {
        if (value())
            scope.sink.warning(word.span, "ignored-keyword",
                               fmt::format("\"{}\" of a stats socket has no effect: one process "
                                           "serves all of them",
                                           word.text));
    } else if (word.text != "accept-proxy" && word.text != "transparent") {
        find_word(scope, word, in::bind, option_language);
        at = words.size();  // what follows may be its values
    }
}

void lower_stats_socket(Scope& scope, Args words) {
    ir::ControlSocket socket;
    socket.span = words[0].span;
    socket.timeout = scope.load.stats_timeout;
    auto address = parse_address(words[0].text);
    if (!address) {
        scope.error(
            words[0].span, "invalid-address",
            fmt::format("\"{}\" is not valid; expected {}", words[0].text, address.error()));
        return;
    }
    socket.endpoint = address->endpoint;
    for (std::size_t at = 1; at < words.size();) lower_socket_option(scope, socket, words, at);
    process(scope).control_sockets.push_back(std::move(socket));
}

void lower_stats(keyword::Scope& scope, const Call& call) {
    const auto& what = call[0];
    auto rest = call.args.subspan(1);
    if (what.text == "bind-process") {
        scope.sink.warning(what.span, "ignored-keyword",
                           "\"bind-process\" has no effect: one process serves all sockets");
        return;
    }
    if (rest.empty()) {
        scope.error(what.span, "argument-count",
                    fmt::format("\"stats {}\" needs a value", what.text));
        return;
    }
    if (what.text == "socket") return lower_stats_socket(own(scope), rest);
    if (what.text == "timeout") {
        auto time = value::parse_haproxy_duration(rest[0].text);
        if (!time) {
            scope.error(
                rest[0].span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected {}", rest[0].text, time.error()));
            return;
        }
        own(scope).load.stats_timeout = *time;
        for (auto& socket : process(scope).control_sockets) socket.timeout = *time;
        return;
    }
    auto most = value::parse_number(rest[0].text);
    if (!most || *most < 1)
        scope.error(rest[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected a whole number", rest[0].text));
    else
        own(scope).load.stats_connections = static_cast<std::uint64_t>(*most);
}

// ----------------------------------------------------------------------------------- rows

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary, std::string_view fallback = {}) {
    return {.name = name,
            .where = in::global,
            .args = args,
            .apply = apply,
            .fallback = fallback,
            .summary = summary};
}
constexpr Keyword harmless(std::string_view name, std::uint8_t low, std::uint8_t high,
                           std::string_view reason, std::string_view summary) {
    return {.name = name,
            .where = in::global,
            .args = keyword::Signature::count(low, high),
            .support = ignored(reason),
            .summary = summary};
}

constexpr std::string_view no_tls =
    "no listener of this version uses TLS, which is all it is about";
constexpr std::string_view sizes_itself = "weir sizes its buffers by itself";
constexpr std::string_view one_poller = "weir always uses epoll, the only poller it has";
constexpr std::string_view by_workers = "each worker is a process of its own with one thread";
constexpr std::uint8_t any = keyword::unbounded;

constexpr auto rows = sorted({
    row("chroot", {path("folder")}, set_text<&ir::Process::chroot>, "Root folder of the workers."),
    row("daemon", {}, lower_daemon, "Goes to the background."),
    row("description", {word("text")}, set_text<&ir::Process::description>,
        "A text about this instance."),
    row("gid", {word("number")}, set_text<&ir::Process::group>, "Group of the workers, by number."),
    {.name = "grace", .where = in::global, .args = {duration("time")}, .support = keyword::not_yet(),
     .summary = "Time between the stop signal and the end of the listeners."},
    row("group", {word("name")}, set_text<&ir::Process::group>, "Group of the workers."),
    row("hard-stop-after", {duration("time")}, set_time<&ir::Process::shutdown_timeout>,
        "How long connections may go on after a soft stop."),
    row("log", {many(word("address, facility and levels"))}, lower_global_log,
        "A target that \"log global\" stands for."),
    row("log-send-hostname", {opt(word("name"))}, lower_log_send_hostname,
        "Name of the machine in syslog lines."),
    row("log-tag", {word("tag")}, lower_log_tag, "Tag of syslog lines.", "haproxy"),
    row("maxconn", {number("connections", 0)}, set_number<&ir::Process::max_connections>,
        "Most connections of the process."),
    row("nbthread", {number("threads", 1, 4096)}, set_number<&ir::Process::workers>,
        "Number of workers."),
    row("maxzlibmem", {number("megabytes", 0)}, lower_max_memory,
        "Most memory of compressors, of all workers together. Bodies that would need more go out as they are.", "0"),
    row("node", {word("name")}, set_text<&ir::Process::node>, "Name of this instance."),
    row("pidfile", {path("file")}, set_text<&ir::Process::pid_file>,
        "Where the number of the process is kept."),
    row("presetenv", {word("name"), word("value")}, lower_setenv,
        "Sets a variable of the environment unless it is set."),
    row("resetenv", {any_number(word("name"))}, lower_nothing,
        "Removes all variables of the environment but those named."),
    row("setenv", {word("name"), word("value")}, lower_setenv,
        "Sets a variable of the environment."),
    row("spread-checks", {number("percent", 0, 50)}, lower_spread_checks,
        "Spreads health checks in time."),
    row("stats", {keyword::choice("socket|timeout|maxconn|bind-process"), many(word("value"))},
        lower_stats, "The runtime commands: sockets and their limits."),
    row("tune.bufsize", {size("bytes", 1024, 1 << 30)}, lower_buffer_size,
        "Most bytes of a head, with room for changes.", "16384"),
    row("tune.comp.maxlevel", {number("level", 1, 9)}, lower_compression<&ir::Process::Compression::level>,
        "How hard bodies are compressed.", "1"),
    row("tune.zlib.memlevel", {number("level", 1, 9)}, lower_compression<&ir::Process::Compression::memory_level>,
        "How much memory a compressor has for its state.", "8"),
    row("tune.zlib.windowsize", {number("bits", 8, 15)}, lower_compression<&ir::Process::Compression::window_bits>,
        "How far back a compressor looks, as a power of two.", "15"),
    row("tune.http.maxhdr", {number("count", 1, 32767)}, lower_max_fields, "Most fields of a head.",
        "101"),
    row("tune.stick-counters", {number("count", 0, 255)}, lower_stick_counters,
        "How many keys a connection, and a request, can track."),
    row("tune.maxrewrite", {number("bytes", 0)}, lower_max_rewrite, "Room for changes in a head.",
        "1024"),
    row("uid", {word("number")}, set_text<&ir::Process::user>, "User of the workers, by number."),
    row("ulimit-n", {number("descriptors", 0)}, set_number<&ir::Process::max_descriptors>,
        "Most open descriptors."),
    row("unsetenv", {many(word("name"))}, lower_unsetenv, "Removes variables of the environment."),
    row("user", {word("name")}, set_text<&ir::Process::user>, "User of the workers."),

    // What weir does otherwise, or has no need of.
    harmless("busy-polling", 0, 0, "weir never polls in a busy loop", "Polls without sleeping."),
    harmless("cpu-map", 2, any, by_workers, "Binds threads to processors."),
    harmless("external-check", 0, any, "weir runs no programs as health checks",
             "Allows checks by program."),
    harmless("fd-hard-limit", 1, 1, "descriptors are limited by ulimit-n", "Most descriptors."),
    harmless("insecure-fork-wanted", 0, 0, "workers never start programs",
             "Allows workers to fork."),
    harmless("insecure-setuid-wanted", 0, 0, "workers never change their user",
             "Allows setuid programs."),
    row("localpeer", {word("name")}, lower_local_peer, "Name of this instance among its peers; else -L, or the name of the machine."),
    harmless("master-worker", 0, any, "weir always has a master and workers", "Starts a master."),
    harmless("max-spread-checks", 1, 1, "checks are spread by spread-checks", "Longest spread."),
    harmless("maxcompcpuusage", 1, 1, "the level of compression does not depend on the load", "Processor load that ends compression."),
    harmless("maxcomprate", 1, 1, "the level of compression does not depend on the load", "Highest input rate of compression."),
    harmless("maxpipes", 1, 1, "weir opens pipes as it needs them", "Most pipes for splicing."),
    harmless("mworker-max-reloads", 1, 1, "a reload starts no new workers",
             "Most reloads a worker lives through."),
    {.name = "nbproc",
     .where = in::global,
     .args = keyword::Signature::count(1, 1),
     .support = keyword::refused("HAProxy gave it up; use nbthread, the number of workers"),
     .summary = "Number of processes."},
    harmless("noepoll", 0, 0, one_poller, "Does without epoll."),
    harmless("noevports", 0, 0, one_poller, "Does without event ports."),
    harmless("nogetaddrinfo", 0, 0, "names are looked up with getaddrinfo",
             "Does without getaddrinfo."),
    harmless("nokqueue", 0, 0, one_poller, "Does without kqueue."),
    harmless("nopoll", 0, 0, one_poller, "Does without poll."),
    harmless("noreuseport", 0, 0, "weir chooses how workers share a socket",
             "Does without SO_REUSEPORT."),
    harmless("nosplice", 0, 0, "weir splices where it measures faster", "Does without splice."),
    harmless("numa-cpu-mapping", 0, 0, by_workers, "Stays on one NUMA node."),
    harmless("prealloc-fd", 0, 0, "descriptors are opened as needed",
             "Allocates descriptors early."),
    harmless("profiling.tasks", 1, 1, "weir has its own counters", "Measures tasks."),
    harmless("profiling.memory", 1, 1, "weir has its own counters", "Measures memory."),
    harmless("quiet", 0, 0, "use -q on the command line", "Says nothing at start."),
    harmless("set-dumpable", 0, 0, "core files are left to the system's limits",
             "Allows core files."),
    harmless("strict-limits", 0, 0, "weir says so when a limit cannot be had",
             "Fails when a limit cannot be had."),
    harmless("tune.buffers.limit", 1, 1, sizes_itself, "Most buffers."),
    harmless("tune.buffers.reserve", 1, 1, sizes_itself, "Buffers kept back."),
    harmless("tune.chksize", 1, 1, sizes_itself, "Buffer of health checks."),
    harmless("tune.fd.edge-triggered", 1, 1, one_poller, "Edge-triggered events."),
    harmless("tune.http.cookielen", 1, 1, "captured cookies have the length their line gives",
             "Length of captured cookies."),
    harmless("tune.http.logurilen", 1, 1, "log lines hold the whole URI",
             "Length of a logged URI."),
    harmless("tune.idle-pool.shared", 1, 1, by_workers, "Shares idle connections between threads."),
    harmless("tune.idletimer", 1, 1, sizes_itself, "When a stream counts as idle."),
    harmless("tune.listener.multi-queue", 1, 1, "weir chooses how workers share a socket",
             "Spreads connections over threads."),
    harmless("tune.max-checks-per-thread", 1, 1, "checks run in one process",
             "Most checks at a time."),
    harmless("tune.maxaccept", 1, 1, "a worker accepts what is there",
             "Most connections accepted at once."),
    harmless("tune.maxpollevents", 1, 1, "a worker takes what events there are",
             "Most events at once."),
    harmless("tune.pattern.cache-size", 1, 1, "patterns are compiled, not cached",
             "Cache of pattern matches."),
    harmless("tune.peers.max-updates-at-once", 1, 1, "what a peer has not read yet bounds what it is told",
             "Most updates to a peer."),
    harmless("tune.pipesize", 1, 1, sizes_itself, "Bytes of a splicing pipe."),
    harmless("tune.pool-high-fd-ratio", 1, 1, "idle connections are bounded per pool",
             "Most descriptors of idle connections."),
    harmless("tune.pool-low-fd-ratio", 1, 1, "idle connections are bounded per pool",
             "Descriptors below which idle connections stay."),
    harmless("tune.rcvbuf.client", 1, 1, "the kernel sizes socket buffers",
             "Receive buffer towards clients."),
    harmless("tune.rcvbuf.server", 1, 1, "the kernel sizes socket buffers",
             "Receive buffer towards servers."),
    harmless("tune.recv_enough", 1, 1, sizes_itself, "When a read was large."),
    harmless("tune.runqueue-depth", 1, 1, by_workers, "Tasks run at once."),
    harmless("tune.sched.low-latency", 1, 1, by_workers, "Scheduling of tasks."),
    harmless("tune.sndbuf.client", 1, 1, "the kernel sizes socket buffers",
             "Send buffer towards clients."),
    harmless("tune.sndbuf.server", 1, 1, "the kernel sizes socket buffers",
             "Send buffer towards servers."),
    harmless("tune.vars.global-max-size", 1, 1, sizes_itself, "Memory of all variables."),
    harmless("tune.vars.proc-max-size", 1, 1, sizes_itself, "Memory of process variables."),
    harmless("tune.vars.reqres-max-size", 1, 1, sizes_itself, "Memory of request variables."),
    harmless("tune.vars.sess-max-size", 1, 1, sizes_itself, "Memory of session variables."),
    harmless("tune.vars.txn-max-size", 1, 1, sizes_itself, "Memory of transaction variables."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table global_table() { return rows; }

}  // namespace weir::haproxy
