// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/master.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "runtime/process/former_files.hpp"
#include "runtime/process/log_files.hpp"
#include "runtime/process/notify.hpp"
#include "runtime/process/personality.hpp"
#include "runtime/process/takeover.hpp"
#include "runtime/process/title.hpp"
#include "runtime/zone/tls_store.hpp"

namespace weir::process {

namespace {

constexpr net::Time start_limit = 60000;       // until the first children are up
constexpr net::Time busy_retry_ms = 250;       // a former instance may still be ending (restart)
constexpr int busy_retries = 4;

}  // namespace

Master::Master(MasterOptions options, Program program)
    : options_(std::move(options)), program_(std::move(program)), report_(options_.personality) {
    report_.quiet = options_.quiet;
}

int Master::fail(const std::string& text) {
    if (options_.personality == Personality::haproxy)
        report_.say_raw(log_line(Personality::haproxy, 1, text));
    else
        report_.say_raw(fmt::format("{}: [emerg] {}\n", name_of(options_.personality), text));
    return 1;
}

bool Master::load_first() {
    LiveWorld world;
    SourceSet set(world);
    SourceMap sources;
    diag::Sink sink;
    now_.config = program_.load(set, sources, sink);
    if (now_.config) now_.plan = program_.compile(now_.config, sink);
    if (now_.config && program_.check) program_.check(*now_.config, sink);
    if (now_.config && now_.plan) now_.identity = find_identity(now_.config->process, sink);
    if (!options_.quiet || sink.failed())
        report_.say_raw(render(sink, sources, options_.personality, false));
    if (options_.warnings_fatal && sink.count(diag::Severity::warning) != 0) {
        fail("Some warnings were found and 'zero warning' is set. Aborting.");
        return false;
    }
    if (!now_.config || !now_.plan || sink.failed()) return false;
    now_.workers = worker_count(now_.config->process);
    // Busy addresses are reported where they are written.
    listen_.share_ports = !options_.finish.empty() || !options_.terminate.empty();
    take_sockets();
    for (int tries = 0;; ++tries) {
        diag::Sink problems;
        if (listen_.prepare(*now_.config, now_.workers, problems)) break;
        const bool busy = std::any_of(problems.all().begin(), problems.all().end(), [](auto& entry) {
            return entry.message.find(std::strerror(EADDRINUSE)) != std::string::npos;
        });
        if (busy && tries < busy_retries) {
            // A former HAProxy gives its addresses free for a while when told so.
            for (const auto* list : {&options_.finish, &options_.terminate})
                for (pid_t pid : *list) ::kill(pid, SIGTTOU);
            ::usleep(busy_retry_ms * 1000);
            continue;
        }
        report_.say_raw(render(problems, sources, options_.personality, false));
        return false;
    }
    if (keeps_sources(*now_.config))
        if (auto file = make_sealed_file(set.serialize())) sources_ = std::move(*file);
    return true;
}

// What a former process listens on goes on without a gap.
void Master::take_sockets() {
    parent_ = ::getppid();
    inherited_ = std::getenv(inherit_variable) != nullptr;
    if (inherited_) {
        listen_.adopt(take_inherited());
        options_.daemon = false;   // who started us is in the background already
    }
    if (!options_.sockets_from.empty()) {
        auto sockets = take_from_stats_socket(options_.sockets_from);
        if (sockets)
            listen_.adopt(std::move(*sockets));
        else
            report_.say(4, sockets.error());
    }
    for (const auto* list : {&options_.finish, &options_.terminate})
        listen_.adopt(take_from_masters(*list));
}

bool Master::open_logs(const ir::Config& config, LogFiles& into, std::vector<std::string>& problems) {
    for (const auto& path : log_paths(config)) {
        if (logs_.find(path) >= 0 || into.find(path) >= 0) continue;
        auto file = open_log(path);
        if (file)
            into.files.push_back({path, file->release()});
        else
            problems.push_back(file.error());
    }
    return problems.empty();
}

// Everything a start can fail for, before going to the background.
bool Master::acquire() {
    std::vector<std::string> problems;
    if (!open_logs(*now_.config, logs_, problems)) {
        for (const auto& text : problems) fail(text);
        return false;
    }
    if (auto raised = raise_limits(now_.config->process); !raised)
        report_.say(4, raised.error() + ", going on with the limit there is");
    try {
        arena_ = std::make_unique<zone::SharedArena>(zone::SharedArena::create());
        board_ = std::make_unique<zone::Board>(*arena_, now_.workers);
        zone::TlsStore make_room(*arena_);   // only the master allocates
    } catch (const std::system_error& error) {
        fail(error.what());
        return false;
    }
    if (!board_->prepare(*now_.config)) {
        fail("no room for the counters of so many servers");
        return false;
    }
    board_->tables().apply(*now_.config);
    make_folders(*now_.config, now_.identity);
    listen_.commit();
    wake_.assign(zone::most_workers, -1);
    const bool daemon = options_.daemon.value_or(now_.config->process.daemon.value_or(options_.personality == Personality::nginx));
    if (daemon) {
        if (auto entered = background_.enter(); !entered) {
            fail(entered.error());
            return false;
        }
    }
    pid_file_ = options_.pid_file.empty() ? now_.config->process.pid_file : options_.pid_file;
    if (!pid_file_.empty())
        if (auto written = write_pid_file(pid_file_); !written) {
            fail(written.error());
            return false;
        }
    return true;
}

bool Master::attach() {
    loop_ = std::make_unique<net::Loop>();
    if (!signals_.attach(*loop_, [this](int signal) { on_signal(signal); })) {
        fail(fmt::format("signalfd() failed ({}: {})", errno, std::strerror(errno)));
        return false;
    }
    if (!requests_.start(*loop_, [this](const std::string& verb, std::shared_ptr<Asker> asker) {
            on_request(verb, std::move(asker));
        }))
        report_.say(4, fmt::format("the control socket cannot be had ({}): reloads are by signal only",
                                   std::strerror(errno)));
    follower_.start(*loop_, [this] { ask_to_follow(); });
    return true;
}

int Master::run() {
    if (!load_first()) return 1;
    block_signals();
    if (!acquire() || !attach()) {
        clean_up();
        return 1;
    }
    if (options_.personality == Personality::nginx)
        set_title("nginx: master process " + command_line());
    if (options_.personality == Personality::weir) set_title("weir: master " + command_line());
    report_.use(*now_.config, logs_);
    start_generation(now_);
    struct Limit : net::Timer {
        Master* master = nullptr;
    } limit;
    limit.master = this;
    limit.fire = [](net::Timer& timer) {
        Master& master = *static_cast<Limit&>(timer).master;
        if (master.life_ != Life::starting) return;
        master.exit_status_ = master.fail("the workers did not come up in time");
        master.stop(false);
    };
    loop_->arm(limit, loop_->now() + start_limit);
    loop_->run();
    clean_up();
    background_.release(exit_status_, -1);
    return exit_status_;
}

// The last of the first children said that it works.
void Master::came_up() {
    life_ = Life::running;
    follow();
    stop_former();
    if (options_.personality == Personality::haproxy) report_.say(5, "Loading success.");
    if (options_.personality == Personality::nginx) {
        auto version = version_text_of(Personality::nginx);
        report_.say(5, version.substr(0, version.find('\n')));
    }
    report_.say(5, fmt::format("started {} workers", now_.workers));
    notify_ready("Ready.");
    if (options_.on_up) options_.on_up();
    if (background_.entered()) {
        report_.to_terminal = false;
        int log = -1;
        for (const auto& target : now_.config->process.error_logs)
            if (target.target.kind == ir::LogTarget::Kind::file && log < 0)
                log = logs_.find(target.target.path);
        background_.release(0, log);
    }
    go_on();
}

// haproxy -sf / -st: the process before us may go, now that we listen.
void Master::stop_former() {
    for (pid_t pid : options_.finish) ::kill(pid, SIGUSR1);
    for (pid_t pid : options_.terminate) ::kill(pid, SIGTERM);
    options_.finish.clear();
    options_.terminate.clear();
}

void Master::on_signal(int signal) {
    switch (master_action(options_.personality, signal)) {
        case Action::child_ended: reap(); break;
        case Action::stop_fast:
            report_.say(5, fmt::format("signal {} ({}) received, stopping", signal, ::strsignal(signal)));
            if (options_.personality == Personality::haproxy) exit_status_ = 128 + signal;
            stop(false);
            break;
        case Action::stop_graceful:
            report_.say(5, fmt::format("signal {} ({}) received, finishing", signal, ::strsignal(signal)));
            stop(true);
            break;
        case Action::reload:
            if (life_ == Life::drained) {
                // The upgrade is given up: the workers of before come back (nginx HUP after WINCH).
                life_ = Life::running;
                start_generation(now_, false);
                break;
            }
            ask_reload(nullptr);
            break;
        case Action::reopen_logs: reopen_logs(); break;
        case Action::drain_workers:
            if (life_ != Life::running) break;
            life_ = Life::drained;
            for (auto& member : members_)
                if (member->role == Role::worker) retire(*member, true, false);
            break;
        case Action::upgrade:
            upgrade();
            break;
        case Action::ignore: break;
    }
}

// nginx USR2: a new binary beside this one, on the same sockets. This one keeps its workers until told
// WINCH or QUIT; its process id moves to a file ending in ".oldbin" meanwhile.
void Master::upgrade() {
    if (life_ != Life::running || new_binary_ > 0) {
        report_.say(4, "a new binary runs already, or this one is stopping: USR2 does nothing");
        return;
    }
    if (inherited_ && ::getppid() == parent_) {
        report_.say(4, "the former binary still runs: USR2 does nothing");
        return;
    }
    std::vector<SharedFd> sockets;
    for (auto& socket : listen_.all()) sockets.push_back(std::move(socket.fd));
    const auto old = pid_file_ + ".oldbin";
    if (!pid_file_.empty() && ::rename(pid_file_.c_str(), old.c_str()) != 0) {
        report_.say(1, fmt::format("rename() {} to {} failed ({}: {})", pid_file_, old, errno,
                                   std::strerror(errno)));
        return;
    }
    new_binary_ = start_binary(options_.arguments, sockets);
    if (new_binary_ > 0) {
        report_.say(5, fmt::format("started new binary process {}", new_binary_));
        if (!pid_file_.empty()) pid_file_ = old;
        return;
    }
    report_.say(1, fmt::format("fork() failed ({}: {})", errno, std::strerror(errno)));
    if (!pid_file_.empty()) (void)::rename(old.c_str(), pid_file_.c_str());
}

void Master::upgrade_ended(int status) {
    report_.say(1, fmt::format("new binary process {} {}", new_binary_, describe(status)));
    new_binary_ = -1;
    constexpr std::string_view suffix = ".oldbin";
    if (pid_file_.ends_with(suffix)) {
        auto own = pid_file_.substr(0, pid_file_.size() - suffix.size());
        if (::rename(pid_file_.c_str(), own.c_str()) == 0) pid_file_ = own;
    }
    if (life_ != Life::drained) return;
    life_ = Life::running;
    start_generation(now_, false);
}

void Master::on_request(const std::string& verb, std::shared_ptr<Asker> asker) {
    if (verb == "reload") {
        ask_reload(std::move(asker));
    } else if (verb == "reopen") {
        reopen_logs();
        asker->finish(0, "");
    } else if (verb == "stop" || verb == "quit") {
        asker->finish(0, "");
        stop(verb == "quit");
    } else if (verb == "ping") {
        asker->finish(life_ == Life::running ? 0 : 1, life_ == Life::running ? "" : "not running yet, or stopping\n");
    } else if (verb == "sockets") {
        std::vector<SharedFd> sockets;
        for (auto& socket : listen_.all()) sockets.push_back(std::move(socket.fd));
        gave_sockets_ = true;
        asker->finish(0, "", std::move(sockets));
    } else {
        asker->finish(1, fmt::format("unknown request \"{}\"\n", verb));
    }
}

void Master::reopen_logs() {
    report_.say(5, "reopening logs");
    std::vector<std::string> done;
    for (const auto& file : logs_.files) {
        auto fresh = open_log(file.path);
        if (!fresh) {
            report_.say(1, fresh.error());   // the old file goes on being written
            continue;
        }
        ::dup3(fresh->get(), file.fd, O_CLOEXEC);
        done.push_back(file.path);
    }
    for (auto& member : members_)
        if (member->channel) send_logs(*member->channel, done, true);
}

void Master::stop(bool graceful) {
    if (life_ == Life::stopping && (graceful || !graceful_)) return;   // only faster is possible
    const bool again = life_ == Life::stopping;
    life_ = Life::stopping;
    graceful_ = graceful;
    if (!again) notify_stopping();
    if (reload_) finish_reload(1, "the master is stopping\n");
    for (auto& asker : waiting_askers_) asker->finish(1, "the master is stopping\n");
    waiting_askers_.clear();
    amendings_.clear();
    reload_again_ = follow_again_ = false;
    for (auto& member : members_)
        if (!graceful || !member->draining) retire(*member, graceful, true);
    // Workers take what waits and close; with the master's descriptors the addresses are free again.
    if (owns_paths()) listen_.remove_paths();
    listen_.close_all();
    end_if_alone();
}

// Not while a new binary serves them, nor when we are the new one and the former goes on.
bool Master::owns_paths() const {
    return new_binary_ <= 0 && !gave_sockets_ && !(inherited_ && ::getppid() == parent_);
}

void Master::end_if_alone() {
    if (life_ == Life::stopping &&
        std::all_of(members_.begin(), members_.end(), [](const auto& one) { return one->pid < 0; }))
        loop_->stop();
}

void Master::clean_up() {
    listen_.abort();
    if (owns_paths()) listen_.remove_paths();
    if (!pid_file_.empty()) remove_pid_file(pid_file_);
    report_.say(5, "exit");
}

}  // namespace weir::process
