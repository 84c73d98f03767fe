// SPDX-License-Identifier: Apache-2.0
// A new configuration in two phases. Reading it may take long (names are looked up) and its text may
// be hostile, so a child process, the loader, does it first and hands back a SourceSet; what follows
// in the master touches nothing but that. Then all children vote; one "no" and nothing has happened.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "runtime/process/former_files.hpp"
#include "runtime/process/log_files.hpp"
#include "runtime/process/master.hpp"
#include "runtime/process/notify.hpp"
#include "runtime/process/title.hpp"

namespace weir::process {

namespace {

// How a loader ends that found nothing to be taken.
constexpr int nothing_new = 3;
constexpr net::Time load_limit = 120000, vote_limit = 60000, commit_limit = 10000;

bool write_fd(int fd, const std::string& text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return false;
        done += static_cast<std::size_t>(wrote);
    }
    return true;
}

}  // namespace

void Master::ask_reload(std::shared_ptr<Asker> asker) {
    if (life_ == Life::stopping || life_ == Life::drained) {
        if (asker) asker->finish(1, "the master is stopping\n");
        return;
    }
    // Whoever asks while a reload runs may have changed a file after it was read: one more run
    // answers all of them.
    if (asker) waiting_askers_.push_back(std::move(asker));
    reload_again_ = true;
    if (!reload_ && life_ == Life::running) begin_reload();
}

void Master::set_deadline(net::Time milliseconds, const char* what) {
    reload_->deadline.master = this;
    reload_->deadline.what = what;
    reload_->deadline.fire = [](net::Timer& timer) {
        auto& deadline = static_cast<Reload::Deadline&>(timer);
        Master& master = *deadline.master;
        if (master.reload_->phase != Reload::Phase::committing)
            return master.reload_lost(deadline.what);
        // All had said they were ready: a child that cannot swap now is replaced by one that starts
        // with the new configuration.
        for (auto& member : master.members_)
            if (member->vote == Member::Vote::ready && member->pid > 0)
                ::kill(member->pid, SIGKILL);
    };
    loop_->arm(reload_->deadline, loop_->now() + milliseconds);
}

void Master::begin_reload() {
    reload_again_ = false;
    reload_ = std::make_unique<Reload>();
    reload_->number = ++reload_count_;
    reload_->askers = std::exchange(waiting_askers_, {});
    notify_reloading();
    report_.say(5, "reloading the configuration");
    start_loader();
}

void Master::start_loader() {
    reload_->set_file.reset(::memfd_create("weir-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    reload_->report_file.reset(::memfd_create("weir-report", MFD_CLOEXEC));
    std::fflush(nullptr);
    const pid_t pid = reload_->set_file && reload_->report_file ? ::fork() : -1;
    if (pid == 0) run_loader();
    if (pid < 0) return reload_lost(fmt::format("no process to load it: {}", std::strerror(errno)));
    reload_->loader = pid;
    set_deadline(load_limit, "loading took too long");
}

// The runtime socket's changes take the way of a reload, but for the files: these are not read again.
void Master::begin_amending() {
    reload_ = std::make_unique<Reload>();
    reload_->number = ++reload_count_;
    reload_->amending = std::move(amendings_.front());
    amendings_.pop_front();
    if (!sources_) return reload_lost("the running configuration is not at hand");
    start_loader();
}

std::optional<SourceSet> Master::running_sources() const {
    auto bytes = read_whole(sources_.get());
    return bytes ? SourceSet::deserialize(*bytes) : std::nullopt;
}

// In the loader: the running configuration with what is asked for.
std::optional<SourceSet> Master::amended() const {
    auto set = running_sources();
    auto asked = read_whole(reload_->amending->changes->get());
    auto changes = asked ? read_amendments(*asked) : std::nullopt;
    if (!set || !changes) return std::nullopt;
    for (const auto& one : *changes) set->amend(one);
    return set;
}

// In the loader of files: what was said of servers at run time goes on. The running sources are large
// where there are many certificates, and are read back only when they hold such a thing.
void Master::keep_places(SourceSet& set) const {
    if (!sources_ || !now_.has_places) return;
    if (auto running = running_sources()) set.keep_places(*running);
}

void Master::answer(const Amending& asked, const std::string& problem) {
    for (auto& member : members_)
        if (member->pid == asked.asker && member->channel)
            member->channel->send(Message::Kind::amended, asked.number, problem);
}

// The loader. Like every child it must not unwind the master's stack.
void Master::run_loader() {
    LiveWorld world;
    std::string report;
    std::optional<SourceSet> set;
    FormerFiles former;
    if (reload_->amending) {
        set = amended();
    } else if (reload_->following) {
        set = renewed(report);
    } else {
        former = former_tls_files(*now_.config);
        set.emplace(world).use_former(former);
        keep_places(*set);
    }
    close_others({reload_->set_file.get(), reload_->report_file.get()});
    set_title(fmt::format("{}: loader", name_of(options_.personality)));
    int status = reload_->following && !set ? nothing_new : 1;
    SourceMap sources;
    diag::Sink sink;
    auto config = set ? program_.load(*set, sources, sink) : nullptr;
    auto plan = config ? program_.compile(config, sink) : nullptr;
    if (config && program_.check) program_.check(*config, sink);
    if (plan) {
        find_identity(config->process, sink);
        const bool refused =
            options_.warnings_fatal && sink.count(diag::Severity::warning) != 0;
        if (!sink.failed() && !refused && write_fd(reload_->set_file.get(), set->serialize()))
            status = 0;
    }
    // Who follows has heard the warnings of this configuration.
    if (status != 0 || !reload_->following) report += render(sink, sources, options_.personality, false);
    write_fd(reload_->report_file.get(), report);
    ::_exit(status);
}

void Master::loader_ended(int status) {
    reload_->loader = -1;
    reload_->report = read_whole(reload_->report_file.get()).value_or("");
    reload_->report_file.reset();
    if (WIFSIGNALED(status))
        return reload_lost(fmt::format("the loader was killed by signal {}", WTERMSIG(status)));
    if (WEXITSTATUS(status) == nothing_new) return finish_reload(1, reload_->report);
    if (WEXITSTATUS(status) != 0)
        return finish_reload(1, reload_->report.empty() ? "the configuration could not be loaded\n"
                                                        : reload_->report);
    ::fcntl(reload_->set_file.get(), F_ADD_SEALS,
            F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    take_loaded();
}

// From the SourceSet to sockets, files and counters: all that a "no" can still undo.
void Master::take_loaded() {
    auto bytes = read_whole(reload_->set_file.get());
    auto set = bytes ? SourceSet::deserialize(*bytes) : std::nullopt;
    if (!set) return reload_lost("the loader's result did not arrive whole");
    bytes.reset();
    SourceMap sources;
    diag::Sink sink;
    Launch& launch = reload_->launch;
    launch.config = program_.load(*set, sources, sink);
    if (!launch.config)
        return finish_reload(1, render(sink, sources, options_.personality, false));
    diag::Sink problems;
    launch.has_places = set->has_places();
    launch.identity = find_identity(launch.config->process, problems);
    launch.workers = worker_count(launch.config->process);
    launch.prepared = true;
    const bool bound = listen_.prepare(*launch.config, launch.workers, problems);
    LogFiles fresh;
    std::vector<std::string> unopened;
    open_logs(*launch.config, fresh, unopened);
    reload_->new_logs = std::move(fresh.files);
    for (const auto& text : unopened) problems.error({}, "cannot-open-log", text);
    if (!bound || problems.failed())
        return finish_reload(1, reload_->report +
                                    render(problems, sources, options_.personality, false));
    if (!board_->prepare(*launch.config))
        return reload_lost("no room for the counters of so many servers: restart to begin anew");
    for (const auto& line : board_->tables().emptied()) report_.say(5, line);
    if (needs_new_children(now_.config->process, launch.config->process))
        prepare_generation();
    else
        prepare_in_place();
}

void Master::prepare_in_place() {
    reload_->phase = Reload::Phase::preparing;
    set_deadline(vote_limit, "not every worker answered in time");
    std::vector<std::string> paths;
    for (const auto& file : reload_->new_logs) paths.push_back(file.path);
    auto set_file = std::make_shared<Fd>(::fcntl(reload_->set_file.get(), F_DUPFD_CLOEXEC, 3));
    bool asked = false;
    for (auto& member : members_) {
        // A place whose process is just being replaced starts with whatever is decided.
        if (member->draining || member->pid < 0) continue;
        const bool worker = member->role == Role::worker;
        auto now = worker ? listen_.of_worker(member->number, now_.workers, false)
                          : listen_.of_warden(false);
        auto next = worker ? listen_.of_worker(member->number, now_.workers, true)
                           : listen_.of_warden(true);
        Message message;
        message.kind = Message::Kind::sockets;
        for (auto& socket : next) {
            if (std::any_of(now.begin(), now.end(),
                            [&](const auto& old) { return old.fd == socket.fd; }))
                continue;
            if (message.fds.size() == most_fds ||
                message.text.size() + socket.key.size() >= longest_text) {
                member->channel->send(std::exchange(message, {Message::Kind::sockets}));
            }
            message.text += socket.key + "\n";
            message.fds.push_back(socket.fd);
        }
        if (!message.fds.empty()) member->channel->send(std::move(message));
        send_logs(*member->channel, paths, false);
        Message prepare;
        prepare.kind = Message::Kind::prepare;
        prepare.number = reload_->number;
        prepare.fds.push_back(set_file);
        member->vote = Member::Vote::asked;
        member->channel->send(std::move(prepare));
        asked = true;
    }
    if (!asked) commit_in_place();
}

void Master::on_vote(Member& member, const Message& message) {
    if (!reload_) return;
    if (message.kind == Message::Kind::failed) {
        if (message.number != reload_->number || member.vote != Member::Vote::asked) return;
        return reload_lost(fmt::format("{} {} refused it:\n{}",
                                       member.role == Role::worker ? "worker" : "warden",
                                       member.number, message.text));
    }
    if (message.kind == Message::Kind::ready || message.kind == Message::Kind::committed) {
        if (message.number != reload_->number) return;
        member.vote = message.kind == Message::Kind::ready ? Member::Vote::ready
                                                           : Member::Vote::committed;
    }
    auto none = [&](Member::Vote vote) {
        return std::none_of(members_.begin(), members_.end(),
                            [&](const auto& one) { return one->vote == vote; });
    };
    if (reload_->phase == Reload::Phase::preparing && none(Member::Vote::asked))
        commit_in_place();
    else if (reload_->phase == Reload::Phase::committing && none(Member::Vote::ready))
        finish_reload(0, reload_->report);
}

// The point of no return. The master's own view changes first: whoever has to be replaced from now
// on starts with the new configuration.
void Master::commit_in_place() {
    reload_->phase = Reload::Phase::committing;
    set_deadline(commit_limit, "");
    adopt(std::move(reload_->launch));
    bool sent = false;
    for (auto& member : members_) {
        if (member->draining || member->pid < 0) continue;
        if (member->vote == Member::Vote::ready) {
            member->channel->send(Message::Kind::commit, reload_->number);
            sent = true;
        } else {
            // Started with the old configuration while the others voted: once more, with the new.
            member->channel->send(Message::Kind::stop_fast);
        }
    }
    if (!sent) finish_reload(0, reload_->report);
}

// User, chroot, number of workers and the like: new processes beside the old ones.
void Master::prepare_generation() {
    std::uint32_t used = 0;
    for (const auto& member : members_) used += member->role == Role::worker ? 1 : 0;
    if (used + reload_->launch.workers > zone::most_workers)
        return reload_lost("too many workers are still draining: try again when they have ended");
    reload_->phase = Reload::Phase::starting;
    reload_->generation = generation_ + 1;
    set_deadline(vote_limit, "the new workers did not come up in time");
    start_generation(reload_->launch);
}

void Master::commit_generation() {
    const std::uint64_t fresh = reload_->generation;
    adopt(std::move(reload_->launch));
    for (auto& member : members_)
        if (member->generation != fresh && !member->draining) retire(*member, true, false);
    finish_reload(0, reload_->report);
}

void Master::adopt(Launch launch) {
    // To a new user all of them must be given.
    const bool same_user = launch.identity.user == now_.identity.user;
    make_folders(*launch.config, launch.identity, same_user ? now_.config.get() : nullptr);
    listen_.commit();
    board_->apply(*launch.config);
    sources_.reset();
    if (keeps_sources(*launch.config))
        sources_.reset(::fcntl(reload_->set_file.get(), F_DUPFD_CLOEXEC, 3));
    launch.prepared = false;
    now_ = std::move(launch);
    for (auto& file : reload_->new_logs) logs_.files.push_back(std::move(file));
    reload_->new_logs.clear();
    report_.use(*now_.config, logs_);
    if (options_.pid_file.empty() && now_.config->process.pid_file != pid_file_) {
        if (!pid_file_.empty()) remove_pid_file(pid_file_);
        pid_file_ = now_.config->process.pid_file;
        if (!pid_file_.empty())
            if (auto written = write_pid_file(pid_file_); !written) report_.say(1, written.error());
    }
}

void Master::reload_lost(const std::string& why) {
    const char* name = name_of(options_.personality);
    finish_reload(1, fmt::format("{}{}: [emerg] reload failed: {}{}", reload_->report, name, why,
                                 why.ends_with('\n') ? "" : "\n"));
}

void Master::finish_reload(int status, const std::string& text) {
    auto done = std::move(reload_);
    done->deadline.cancel();
    if (done->loader > 0) ::kill(done->loader, SIGKILL);   // reap() collects it
    if (status != 0) {
        listen_.abort();
        for (const auto& file : done->new_logs) ::close(file.fd);
        for (auto& member : members_) {
            if (member->vote != Member::Vote::none && member->channel && member->pid > 0)
                member->channel->send(Message::Kind::abort, done->number);
            if (done->generation != 0 && member->generation == done->generation)
                retire(*member, false, false);
        }
    }
    for (auto& member : members_) member->vote = Member::Vote::none;
    if (status == 0) follow();
    if (done->following) {
        finish_following(status, text);
        return go_on();
    }
    if (done->amending) {
        answer(*done->amending, status == 0 ? "" : text.empty() ? "refused" : text);
        return go_on();
    }
    if (status != 0) {
        // Whoever asked reads the reasons; a signal has only the log to tell them to.
        if (done->askers.empty()) report_.say_raw(text);
        report_.say(3, "reload failed, the old configuration stays");
    } else {
        report_.say(5, "the new configuration is live");
    }
    std::string answer = text;
    if (status == 0 && options_.personality == Personality::weir)
        answer += "weir: the new configuration is live\n";
    for (auto& asker : done->askers) asker->finish(status, answer);
    if (life_ == Life::stopping) return;
    notify_ready(status == 0 ? "Ready." : "Reload failed, the old configuration stays.");
    go_on();
}

// With what waited for the reload that is over.
void Master::go_on() {
    if (!reload_again_ && amendings_.empty() && !follow_again_) return;
    loop_->post([this] {
        if (reload_ || life_ != Life::running) return;
        if (reload_again_) begin_reload();
        else if (!amendings_.empty()) begin_amending();
        else if (follow_again_) begin_following();
    });
}

}  // namespace weir::process
