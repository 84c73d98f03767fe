// SPDX-License-Identifier: Apache-2.0
// Supervision: starting children, hearing them, replacing those that die.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "runtime/process/master.hpp"

namespace weir::process {

namespace {

constexpr net::Time quick = 2000;             // a child that lives less than this died "at once"
constexpr net::Time first_pause = 100, longest_pause = 5000;
constexpr net::Time fast_stop_limit = 3000;   // then SIGKILL
constexpr net::Time graceful_extra = 5000;    // beyond the children's own limit

}  // namespace

std::string Master::describe(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("exited on signal {}{}", WTERMSIG(status),
                           WCOREDUMP(status) ? " (core dumped)" : "");
    return fmt::format("exited with code {}", WEXITSTATUS(status));
}

std::optional<std::uint32_t> Master::free_slot() const {
    for (std::uint32_t slot = 0; slot < zone::most_workers; ++slot)
        if (std::none_of(members_.begin(), members_.end(), [&](const auto& member) {
                return member->role == Role::worker && member->slot == slot;
            }))
            return slot;
    return std::nullopt;
}

std::string Master::title_of(const Member& member) const {
    const bool worker = member.role == Role::worker;
    switch (options_.personality) {
        case Personality::nginx: return worker ? "nginx: worker process" : "nginx: warden process";
        case Personality::haproxy: return worker ? "" : "haproxy: warden process";
        case Personality::weir: break;
    }
    return worker ? fmt::format("weir: worker {}", member.number) : "weir: warden";
}

// All children of a configuration. Those that cannot even be forked are tried again.
void Master::start_generation(const Launch& launch, bool with_warden) {
    ++generation_;
    for (std::uint32_t i = 0; i < launch.workers + (with_warden ? 1 : 0); ++i) {
        auto member = std::make_unique<Member>();
        member->role = i < launch.workers ? Role::worker : Role::warden;
        member->number = i < launch.workers ? i : 0;
        member->generation = generation_;
        if (member->role == Role::worker) {
            auto slot = free_slot();
            if (!slot) continue;   // prepare_generation() has counted them
            member->slot = *slot;
            if (wake_[*slot] < 0) wake_[*slot] = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
            board_->use_worker(*slot);
        }
        members_.push_back(std::move(member));
    }
    // After all slots have their wake descriptor, so that each child inherits every one.
    for (std::size_t i = 0; i < members_.size(); ++i) {
        Member& member = *members_[i];
        if (member.generation == generation_ && !spawn(member, launch)) replace(member);
    }
}

bool Master::spawn(Member& member, const Launch& launch) {
    auto pair = Channel::make_pair();
    if (!pair) {
        report_.say(1, pair.error());
        return false;
    }
    std::fflush(nullptr);
    const pid_t pid = ::fork();
    if (pid < 0) {
        report_.say(1, fmt::format("fork() failed ({}: {})", errno, std::strerror(errno)));
        return false;
    }
    if (pid == 0) become_child(member, launch, pair->second.release());
    member.pid = pid;
    member.up = false;
    member.vote = Member::Vote::none;
    member.last_words.clear();
    member.born = loop_->now();
    member.channel = std::make_unique<Channel>(std::move(pair->first));
    Member* self = &member;
    if (!member.channel->attach(
            *loop_, [this, self](Message message) { on_message(*self, std::move(message)); }, [] {}))
        report_.say(1, "a child cannot be heard: epoll_ctl() failed");
    return true;
}

// The stack of the master stays below and is never unwound: no destructor of its own may run here.
void Master::become_child(Member& member, const Launch& launch, int control) {
    ChildStart start;
    start.personality = options_.personality;
    start.program = &program_;
    start.control = control;
    start.identity = launch.identity;
    start.title = title_of(member);
    start.work.config = launch.config;
    start.work.plan = launch.plan;
    start.work.role = member.role;
    start.work.index = member.slot;
    start.work.number = member.number;
    start.work.workers = launch.workers;
    start.work.shown_pid = options_.looks_single ? ::getppid() : ::getpid();
    start.work.arena = arena_.get();
    start.work.board = board_.get();
    start.work.wake = &wake_;
    const auto open = member.role == Role::worker
                          ? listen_.of_worker(member.number, launch.workers, launch.prepared)
                          : listen_.of_warden(launch.prepared);
    // New owners of the same numbers: the master's must never close them here.
    for (const auto& socket : open)
        start.sockets.push_back({socket.key, std::make_shared<Fd>(socket.fd->get())});
    start.logs = logs_.files;
    if (reload_ && launch.prepared)
        start.logs.insert(start.logs.end(), reload_->new_logs.begin(), reload_->new_logs.end());
    // What the child is to be able to free one day must not be held by the master's copy.
    now_.config.reset();
    now_.plan.reset();
    if (reload_) {
        reload_->launch.config.reset();
        reload_->launch.plan.reset();
    }
    run_child(std::move(start));
}

void Master::send_logs(Channel& channel, const std::vector<std::string>& paths, bool swap) {
    Message message;
    message.kind = Message::Kind::logs;
    message.swap = swap;
    auto flush = [&] {
        if (!message.fds.empty()) channel.send(message);
        message.fds.clear();
        message.text.clear();
    };
    for (const auto& path : paths) {
        int fd = logs_.find(path);
        if (fd < 0 && reload_)
            for (const auto& file : reload_->new_logs)
                if (file.path == path) fd = file.fd;
        // A duplicate: what stands under the number may be swapped before the message is sent.
        Fd copy(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 3));
        if (!copy) continue;
        if (message.fds.size() == most_fds || message.text.size() + path.size() > longest_text / 2)
            flush();
        message.fds.push_back(std::make_shared<Fd>(std::move(copy)));
        message.text += path + "\n";
    }
    flush();
}

void Master::reap() {
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid <= 0) return;
        if (pid == new_binary_) {
            upgrade_ended(status);
            continue;
        }
        if (reload_ && pid == reload_->loader) {
            loader_ended(status);
            continue;
        }
        for (auto& member : members_)
            if (member->pid == pid) {
                on_ended(*member, status);
                break;
            }
    }
}

void Master::on_ended(Member& member, int status) {
    const pid_t pid = std::exchange(member.pid, -1);
    member.timer.cancel();
    // Its last words may still be in the channel.
    while (member.channel && member.channel->fd() >= 0) {
        auto message = receive_message(member.channel->fd());
        if (!message) break;
        if (message->kind == Message::Kind::failed) member.last_words = message->text;
    }
    if (member.channel) member.channel->close();
    const bool worker = member.role == Role::worker;
    if (worker) board_->clear_gauges(member.slot);
    const bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const char* name = worker ? "worker" : "warden";
    if (!clean || (life_ != Life::stopping && !member.draining))
        report_.say(clean ? 5 : 1, fmt::format("{} process {} {}{}{}", name, pid, describe(status),
                                               member.last_words.empty() ? "" : ": ",
                                               member.last_words));
    const std::string why =
        member.last_words.empty()
            ? fmt::format("{} {} {}", name, member.number, describe(status))
            : fmt::format("{} {}: {}", name, member.number, member.last_words);
    if (life_ == Life::starting) {
        exit_status_ = fail(why);
        stop(false);
    }
    if (life_ == Life::stopping || member.draining) {
        remove(member);
        return;
    }
    const bool of_new_generation = reload_ && reload_->generation == member.generation;
    if (reload_ && (member.vote != Member::Vote::none || of_new_generation)) {
        if (reload_->phase != Reload::Phase::committing) {
            reload_lost(why);
            if (of_new_generation) return;   // reload_lost() retired and removed it
        } else {
            member.vote = Member::Vote::committed;   // its successor starts with the new one
            on_vote(member, {});
        }
    }
    replace(member);
}

// At once; only what keeps dying at once is given time.
void Master::replace(Member& member) {
    const bool died_at_once = member.born != 0 && loop_->now() - member.born < quick;
    member.quick_deaths = died_at_once ? member.quick_deaths + 1 : 0;
    net::Time pause = 0;
    if (member.quick_deaths > 1)
        pause = std::min(longest_pause, first_pause << std::min(member.quick_deaths - 2, 6u));
    if (member.born == 0) pause = first_pause;   // could not be forked
    if (pause == 0 && spawn(member, now_)) return;
    member.timer.master = this;
    member.timer.member = &member;
    member.timer.fire = [](net::Timer& timer) {
        auto& wake = static_cast<Member::Wake&>(timer);
        if (wake.member->pid < 0 && !wake.master->spawn(*wake.member, wake.master->now_))
            wake.master->loop_->arm(timer, wake.master->loop_->now() + first_pause);
    };
    loop_->arm(member.timer, loop_->now() + std::max(pause, first_pause));
}

bool Master::all_up(std::uint64_t generation) const {
    return std::all_of(members_.begin(), members_.end(), [&](const auto& member) {
        return member->generation != generation || member->up;
    });
}

void Master::on_message(Member& member, Message message) {
    switch (message.kind) {
        case Message::Kind::started:
            member.up = true;
            if (options_.personality == Personality::haproxy && member.role == Role::worker)
                report_.say(5, fmt::format("New worker ({}) forked", member.pid));
            if (life_ == Life::starting && all_up(generation_)) came_up();
            if (reload_ && reload_->phase == Reload::Phase::starting &&
                all_up(reload_->generation))
                commit_generation();
            break;
        case Message::Kind::failed:
            member.last_words = message.text;
            if (message.number != 0) on_vote(member, message);
            break;
        case Message::Kind::ready:
        case Message::Kind::committed: on_vote(member, message); break;
        case Message::Kind::amend:
            // A worker has no business with it.
            if (member.role != Role::warden || message.fds.empty()) break;
            amendings_.push_back({member.pid, message.number, message.fds[0]});
            if (!reload_ && life_ == Life::running) begin_amending();
            break;
        default: break;   // nothing else comes from a child
    }
}

void Master::retire(Member& member, bool graceful, bool last) {
    member.draining = true;
    member.timer.cancel();
    if (member.pid < 0) {
        remove(member);
        return;
    }
    member.channel->send(graceful ? Message::Kind::stop_graceful : Message::Kind::stop_fast,
                         last ? 1 : 0);
    net::Time limit = fast_stop_limit;
    if (graceful) {
        const auto own = now_.config->process.shutdown_timeout;
        if (own == ir::no_limit) return;
        limit = own.count() + graceful_extra;
    }
    member.timer.master = this;
    member.timer.member = &member;
    member.timer.fire = [](net::Timer& timer) {
        const Member& late = *static_cast<Member::Wake&>(timer).member;
        if (late.pid > 0) ::kill(late.pid, SIGKILL);
    };
    loop_->arm(member.timer, loop_->now() + limit);
}

// Later: whoever calls may stand in its callbacks or walk over the list.
void Master::remove(Member& member) {
    member.draining = true;
    loop_->post([this] {
        std::erase_if(members_,
                      [](const auto& one) { return one->draining && one->pid < 0; });
        end_if_alone();
    });
}

}  // namespace weir::process
