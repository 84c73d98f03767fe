// SPDX-License-Identifier: Apache-2.0
// Rows of the main level and of events: the process and its workers.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/logs.hpp"
#include "parser/nginx/forwarding.hpp"
#include "parser/nginx/lower.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Body;
using keyword::Call;
using keyword::ignored;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

void lower_daemon(Scope& scope, const Call& call) {
    scope.config.process.daemon = call[0].number != 0;
}

void lower_master_process(Scope& scope, const Call& call) {
    scope.config.process.master = call[0].number != 0;
    if (call[0].number == 0)
        scope.sink.warning(call.span, "other-effect",
                           "\"master_process off\" starts one worker; weir's master stays beside it");
}

// Names the environment variables that workers keep: NAME, or NAME=value.
void lower_env(Scope& scope, const Call& call) {
    auto text = call[0].text;
    auto equals = text.find('=');
    std::string name(text.substr(0, equals));
    if (equals != text.npos) {
        scope.config.process.environment.emplace_back(name, text.substr(equals + 1));
    } else if (auto value = scope.sources.environment(name)) {
        scope.config.process.environment.emplace_back(name, *value);
    }
}

void lower_user(Scope& scope, const Call& call) {
    scope.config.process.user = call[0].text;
    // Without a group nginx takes the group that has the user's name.
    scope.config.process.group = call[call.size() - 1].text;
}

void lower_pid(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    bool off = call[0].text == "off";
    scope.config.process.pid_file = off ? "" : block.run.full_path(call[0].text);
}

void lower_working_directory(Scope& scope, const Call& call) {
    scope.config.process.working_directory = call[0].text;
}

void lower_worker_shutdown_timeout(Scope& scope, const Call& call) {
    scope.config.process.shutdown_timeout = ir::Milliseconds(call[0].number);
}

void lower_worker_rlimit_nofile(Scope& scope, const Call& call) {
    scope.config.process.max_descriptors = static_cast<std::uint64_t>(call[0].number);
}

void lower_worker_rlimit_core(Scope& scope, const Call& call) {
    scope.config.process.max_core = static_cast<std::uint64_t>(call[0].number);
}

void lower_worker_priority(Scope& scope, const Call& call) {
    // The kernel has -20 to 20 and takes more for the nearest of them.
    scope.config.process.priority = static_cast<int>(std::clamp<std::int64_t>(call[0].number, -20, 20));
}

void lower_worker_processes(Scope& scope, const Call& call) {
    if (call[0].text == "auto") {
        scope.config.process.workers = 0;
        return;
    }
    auto number = value::parse_number(call[0].text);
    if (!number || *number <= 0 || *number > 1024)
        return scope.error(call[0].span, "invalid-value",
                           fmt::format("invalid value \"{}\" of \"worker_processes\"", call[0].text),
                           "a number from 1 to 1024, or auto for one worker per processor");
    scope.config.process.workers = static_cast<std::uint32_t>(*number);
}

void lower_worker_cpu_affinity(Scope& scope, const Call& call) {
    for (std::size_t i = 0; i < call.size(); ++i) {
        auto text = call[i].text;
        if (i == 0 && text == "auto") {
            scope.config.process.affinity = {~std::uint64_t{0}};
            continue;
        }
        std::uint64_t mask = 0;
        if (text.size() > 64 || text.find_first_not_of("01") != text.npos)
            return scope.error(call[i].span, "invalid-value",
                               fmt::format("invalid character in the CPU mask \"{}\"", text),
                               "one binary digit for each processor, such as 0101; or auto");
        for (char digit : text) mask = mask << 1 | (digit == '1' ? 1U : 0U);
        scope.config.process.affinity.push_back(mask);
    }
}

void lower_events(Scope& scope, const Call&) {
    Block& outer = block_of(scope);
    Block block(outer.run, events, &outer);
    lower_body(block, outer.current->body.directives);
}

void lower_http(Scope& scope, const Call&) {
    Block& outer = block_of(scope);
    Block block(outer.run, http, &outer);
    block.names = &outer.run.http;
    collect_definitions(block, outer.current->body.directives);
    set_default_access_log(block);
    block.own.forward.edit().set_fields = default_forward_fields();
    block.own.forward.edit().redirects = {{.standard = true}};
    begin_families(block);
    block.own.style.edit().server_field = "weir/" WEIR_VERSION;
    if (!block.run.prefix.empty()) block.own.files.edit().root = ir::Text::of(block.run.full_path("html"));
    lower_body(block, outer.current->body.directives);
    check_recodings(block.run);
}

void lower_stream(Scope& scope, const Call&) {
    Block& outer = block_of(scope);
    Block block(outer.run, stream, &outer);
    block.names = &outer.run.stream;
    collect_definitions(block, outer.current->body.directives);
    auto& times = block.own.timeouts.edit();
    times.tunnel = std::chrono::minutes(10);
    times.inspect = std::chrono::seconds(30);
    lower_body(block, outer.current->body.directives);
}

constexpr auto event_loop = ignored("weir's workers use epoll and share the listening sockets evenly");

void lower_object_cache(Scope& scope, const Call& call) {
    block_of(scope).run.tls_files.same = call[0].number != 0 ? same_by_time : nullptr;
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "daemon", .where = main, .args = {keyword::flag()}, .apply = lower_daemon,
     .inherit = Inherit::none, .fallback = "on", .summary = "Goes to the background.", .once = true},
    {.name = "debug_points", .where = main, .args = {keyword::choice("stop|abort")},
     .support = ignored("weir has no debug points; its assertions always abort"),
     .summary = "Stops or aborts at internal errors."},
    {.name = "env", .where = main, .args = {keyword::word("variable[=value]")}, .apply = lower_env,
     .inherit = Inherit::none, .fallback = "TZ", .summary = "Keeps or sets an environment variable for the workers."},
    {.name = "events", .where = main, .body = Body::block, .apply = lower_events,
     .inherit = Inherit::none, .summary = "Holds the settings of connection processing.", .once = true},
    {.name = "http", .where = main, .body = Body::block, .apply = lower_http,
     .inherit = Inherit::none, .summary = "Holds the HTTP servers.", .once = true},
    {.name = "include", .where = any, .args = {keyword::path("file|mask")},
     .inherit = Inherit::none, .summary = "Puts the directives of other files here."},
    {.name = "load_module", .where = main, .args = {keyword::path("file")},
     .since = "1.9.11", .support = ignored("weir's modules are built in"),
     .summary = "Loads a dynamic module."},
    {.name = "lock_file", .where = main, .args = {keyword::path("file")},
     .fallback = "logs/nginx.lock", .support = ignored("weir's locks need no file"), .summary = "Names the lock file where locks need one."},
    {.name = "master_process", .where = main, .args = {keyword::flag()}, .apply = lower_master_process,
     .inherit = Inherit::none, .fallback = "on", .summary = "Starts workers; off is for debugging.", .once = true},
    {.name = "pcre_jit", .where = main, .args = {keyword::flag()},
     .fallback = "off", .since = "1.1.12", .support = ignored("weir always compiles regexes to machine code"),
     .summary = "Compiles regexes to machine code."},
    {.name = "pid", .where = main, .args = {keyword::path("file")}, .apply = lower_pid,
     .inherit = Inherit::none, .fallback = "logs/nginx.pid", .summary = "Names the file that holds the process id of the master.", .once = true},
    {.name = "ssl_object_cache_inheritable", .where = main, .args = {keyword::flag()}, .apply = lower_object_cache,
     .inherit = Inherit::none, .fallback = "on", .since = "1.27.4",
     .summary = "Lets a reload keep certificates and keys whose files are the same by their number and time.", .once = true},
    {.name = "stream", .where = main, .body = Body::block, .apply = lower_stream,
     .inherit = Inherit::none, .since = "1.9.0", .summary = "Holds the TCP and UDP servers.", .once = true},
    {.name = "thread_pool", .where = main, .args = keyword::Signature::count(2, 3),
     .fallback = "default threads=32 max_queue=65536", .since = "1.7.11",
     .support = ignored("a worker has up to eight threads for files, made when they are needed"), .summary = "Defines threads for reading files."},
    {.name = "timer_resolution", .where = main, .args = {keyword::duration("interval")},
     .support = ignored("weir reads the clock once per turn of its loop"), .summary = "Reads the clock at most once per interval."},
    {.name = "user", .where = main, .args = {keyword::word("user"), keyword::opt(keyword::word("group"))}, .apply = lower_user,
     .inherit = Inherit::none, .fallback = "nobody nobody", .summary = "User and group of the workers.", .once = true},
    {.name = "worker_cpu_affinity", .where = main, .args = {keyword::many(keyword::word("auto|mask"))}, .apply = lower_worker_cpu_affinity,
     .inherit = Inherit::none, .summary = "Binds workers to processors.", .once = true},
    {.name = "worker_priority", .where = main, .args = {keyword::number("nice", INT32_MIN, INT32_MAX)}, .apply = lower_worker_priority,
     .inherit = Inherit::none, .fallback = "0", .summary = "Scheduling priority of the workers.", .once = true},
    {.name = "worker_processes", .where = main, .args = {keyword::word("number|auto")}, .apply = lower_worker_processes,
     .inherit = Inherit::none, .fallback = "1", .summary = "Number of workers.", .once = true},
    {.name = "worker_rlimit_core", .where = main, .args = {keyword::size("size")}, .apply = lower_worker_rlimit_core,
     .inherit = Inherit::none, .summary = "Largest core file of a worker.", .once = true},
    {.name = "worker_rlimit_nofile", .where = main, .args = {keyword::number("number", 1)}, .apply = lower_worker_rlimit_nofile,
     .inherit = Inherit::none, .summary = "Most open files of a worker.", .once = true},
    {.name = "worker_shutdown_timeout", .where = main, .args = {keyword::duration("time")}, .apply = lower_worker_shutdown_timeout,
     .inherit = Inherit::none, .since = "1.11.11", .summary = "Closes what is left of a graceful shutdown after that time.", .once = true},
    {.name = "working_directory", .where = main, .args = {keyword::path("folder")}, .apply = lower_working_directory,
     .inherit = Inherit::none, .summary = "Working directory of the workers.", .once = true},
};

constexpr Keyword event_rows[] = {
    {.name = "accept_mutex", .where = events, .args = {keyword::flag()}, .fallback = "off",
     .support = event_loop, .summary = "Lets workers accept in turn."},
    {.name = "accept_mutex_delay", .where = events, .args = {keyword::duration("time")}, .fallback = "500ms",
     .support = event_loop, .summary = "How long a worker waits for its turn."},
    {.name = "debug_connection", .where = events, .args = {keyword::address("address")},
     .support = ignored("weir's debug log is set by the level of error_log alone"),
     .summary = "Writes the debug log for these clients only."},
    {.name = "multi_accept", .where = events, .args = {keyword::flag()}, .fallback = "off",
     .support = event_loop, .summary = "Accepts all waiting connections at once."},
    {.name = "use", .where = events, .args = {keyword::choice("epoll|poll|select|kqueue|eventport|/dev/poll|rtsig")},
     .support = event_loop, .summary = "Method of connection processing."},
    {.name = "worker_aio_requests", .where = events, .args = {keyword::number("number")}, .fallback = "32", .since = "1.1.4",
     .support = ignored("weir reads files in its workers"), .summary = "Most outstanding asynchronous reads of a worker."},
    {.name = "worker_connections", .where = events, .args = {keyword::number("number", 1)}, .fallback = "512",
     .support = ignored("weir's workers take as many connections as the limit of open files allows"),
     .summary = "Most connections of a worker."},
};
// clang-format on
static_assert(keyword::well_formed(rows));
static_assert(keyword::well_formed(event_rows));

}  // namespace

keyword::Table main_keywords() { return rows; }
keyword::Table event_keywords() { return event_rows; }

}  // namespace weir::nginx
