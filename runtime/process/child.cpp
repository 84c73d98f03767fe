// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <thread>

#include "runtime/process/control.hpp"
#include "runtime/process/idle_body.hpp"
#include "runtime/process/title.hpp"

// Present in sanitizer builds only: _exit() would skip the report otherwise.
extern "C" __attribute__((weak)) int __lsan_do_recoverable_leak_check();

namespace weir::process {

void close_others(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    unsigned from = 3;
    for (int fd : keep) {
        if (fd < static_cast<int>(from)) continue;
        if (static_cast<unsigned>(fd) > from) ::close_range(from, static_cast<unsigned>(fd) - 1, 0);
        from = static_cast<unsigned>(fd) + 1;
    }
    ::close_range(from, ~0u, 0);
}

std::vector<ListenSocket> match_sockets(const ir::Config& config, Role role,
                                        const std::vector<OpenSocket>& open) {
    std::multimap<std::string, const OpenSocket*> by_key;
    for (const auto& socket : open) by_key.emplace(base_key(socket.key), &socket);
    std::vector<ListenSocket> found;
    auto add = [&](const std::string& key, std::size_t index) {
        for (auto [at, end] = by_key.equal_range(key); at != end; ++at)
            found.push_back({at->second->fd->get(), at->second->key,
                             static_cast<ir::ListenerId>(index)});
    };
    if (role == Role::worker)
        for (std::size_t i = 0; i < config.listeners.size(); ++i)
            add(listen_key(config.listeners[i]), i);
    else {
        const auto controls = config.process.control_sockets.size();
        for (std::size_t i = 0; i < controls; ++i) add(control_key(config.process.control_sockets[i]), i);
        // Those of peers are numbered behind them.
        for (std::size_t i = 0; i < config.peer_groups.size(); ++i)
            if (const auto& group = config.peer_groups[i]; group.enabled && group.listener)
                add(control_key(*group.listener), controls + i);
    }
    return found;
}

Expected<Fd, std::string> make_sealed_file(const std::string& bytes) {
    Fd file(::memfd_create("weir-config", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return Unexpected{fmt::format("memfd_create() failed: {}", std::strerror(errno))};
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t wrote = ::write(file.get(), bytes.data() + done, bytes.size() - done);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0)
            return Unexpected{fmt::format("write() to memory failed: {}", std::strerror(errno))};
        done += static_cast<std::size_t>(wrote);
    }
    // A worker that was taken over must not change what its siblings will read.
    ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    return file;
}

std::optional<std::string> read_whole(int fd) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    for (std::size_t done = 0; done < bytes.size();) {
        const ssize_t got =
            ::pread(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        done += static_cast<std::size_t>(got);
    }
    return bytes;
}

Compiled compile_file(const Program& program, int fd) {
    Compiled result;
    auto bytes = read_whole(fd);
    auto set = bytes ? SourceSet::deserialize(*bytes) : std::nullopt;
    bytes.reset();
    if (!set) {
        result.problem = "the configuration did not arrive whole";
        return result;
    }
    SourceMap sources;
    diag::Sink sink;
    result.config = program.load(*set, sources, sink);
    if (result.config) result.plan = program.compile(result.config, sink);
    if (result.config && result.plan) return result;
    for (const auto& entry : sink.all())
        if (entry.severity == diag::Severity::error)
            result.problem += diag::render_text(entry, sources);
    if (result.problem.empty()) result.problem = "the configuration could not be compiled";
    return result;
}

namespace {

class Child {
public:
    explicit Child(ChildStart start)
        : program_(*start.program), personality_(start.personality), start_(std::move(start.work)),
          open_(std::move(start.sockets)), channel_(Fd(start.control)) {
        logs_.files = std::move(start.logs);
        start_.logs = &logs_;
        if (start_.role == Role::warden)
            start_.amend = [this](const std::vector<Amendment>& changes, std::function<void(const std::string&)> done) {
                ask_for(changes, std::move(done));
            };
    }

    void run(const Identity& identity);

private:
    struct Job {
        std::uint64_t number = 0;
        Compiled result;
        std::atomic<bool> done{false};
    };

    [[noreturn]] void end(int code);
    [[noreturn]] void refuse_start(const std::string& why);
    void attach();
    void on_message(Message message);
    void on_signal(int signal);
    void take_sockets(Message& message);
    void take_logs(Message& message);
    void begin_prepare(const Message& message);
    void on_compiled();
    void refuse(std::uint64_t number, const std::string& why);
    void drop_arrivals();
    void commit(std::uint64_t number);
    void reopen_by_path();
    void stop_gracefully(bool last);
    void ask_for(const std::vector<Amendment>& changes, std::function<void(const std::string&)> done);
    void on_amended(const Message& message);

    const Program& program_;
    Personality personality_;
    WorkerStart start_;
    std::vector<OpenSocket> open_;
    LogFiles logs_;
    net::Loop loop_;
    Channel channel_;
    Signals signals_;
    std::unique_ptr<WorkerBody> body_;
    net::Watch wake_, compiled_;
    Fd compiled_event_;
    struct HardStop : net::Timer {
        WorkerBody* body = nullptr;
    };
    HardStop hard_stop_;

    std::shared_ptr<Job> job_;
    Setup next_;
    std::uint64_t prepared_ = 0;               // reload that body_ is ready for; 0 = none
    std::vector<OpenSocket> arrived_;
    std::vector<std::string> arrived_logs_;
    bool incomplete_ = false;                  // descriptors were lost on the way
    bool stopping_ = false;
    std::uint64_t asked_ = 0;
    std::map<std::uint64_t, std::function<void(const std::string&)>> asking_;   // by number
};

void Child::end(int code) {
    if (body_) body_->flush_logs();
    channel_.flush(200);
    std::fflush(nullptr);
    if (__lsan_do_recoverable_leak_check) __lsan_do_recoverable_leak_check();
    ::_exit(code);
}

void Child::refuse_start(const std::string& why) {
    channel_.send(Message::Kind::failed, 0, why);
    end(2);
}

void Child::attach() {
    if (!channel_.attach(
            loop_, [this](Message message) { on_message(std::move(message)); },
            // The master is gone: finish what runs, and make room for the next one.
            [this] { stop_gracefully(true); }) ||
        !signals_.attach(loop_, [this](int signal) { on_signal(signal); }))
        end(2);
    compiled_event_.reset(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    compiled_.owner = this;
    compiled_.on_event = [](net::Watch& watch, std::uint32_t) {
        std::uint64_t count = 0;
        if (::read(watch.fd(), &count, sizeof count) > 0)
            static_cast<Child*>(watch.owner)->on_compiled();
    };
    if (!compiled_event_ || !compiled_.attach_level(loop_, compiled_event_.get()))
        refuse_start(fmt::format("eventfd() failed: {}", std::strerror(errno)));
    wake_.owner = this;
    wake_.on_event = [](net::Watch& watch, std::uint32_t) {
        std::uint64_t count = 0;
        if (::read(watch.fd(), &count, sizeof count) > 0)
            static_cast<Child*>(watch.owner)->body_->wake();
    };
}

void Child::run(const Identity& identity) {
    attach();
    if (auto done = drop_privileges(start_.config->process, identity, start_.number); !done)
        refuse_start(done.error());
    if (!start_.plan) {
        diag::Sink sink;
        start_.plan = program_.compile(start_.config, sink);
        if (!start_.plan) refuse_start("the configuration could not be compiled");
    }
    start_.sockets = match_sockets(*start_.config, start_.role, open_);
    body_ = program_.make_body(start_.role);
    if (!body_) body_ = std::make_unique<IdleBody>();
    if (auto done = body_->start(loop_, start_); !done) refuse_start(done.error());
    const int wake = start_.wake && start_.index < start_.wake->size()
                         ? (*start_.wake)[start_.index]
                         : -1;
    if (start_.role == Role::worker && wake >= 0) wake_.attach_level(loop_, wake);
    // From here on the body holds what it needs; a later configuration must be able to free these.
    start_.plan.reset();
    channel_.send(Message::Kind::started);
    loop_.run();
    end(0);
}

void Child::on_signal(int signal) {
    switch (child_action(personality_, signal)) {
        case Action::stop_fast:
            body_->stop_now();
            end(0);
        case Action::stop_graceful: stop_gracefully(false); break;
        case Action::reopen_logs: reopen_by_path(); break;
        default: break;
    }
}

void Child::on_message(Message message) {
    switch (message.kind) {
        case Message::Kind::sockets: take_sockets(message); break;
        case Message::Kind::logs: take_logs(message); break;
        case Message::Kind::prepare: begin_prepare(message); break;
        case Message::Kind::commit: commit(message.number); break;
        case Message::Kind::abort:
            if (prepared_ != 0) body_->abort();
            drop_arrivals();
            break;
        case Message::Kind::stop_fast:
            body_->stop_now();
            end(0);
        case Message::Kind::stop_graceful: stop_gracefully(message.number != 0); break;
        case Message::Kind::amended: on_amended(message); break;
        case Message::Kind::started:
        case Message::Kind::ready:
        case Message::Kind::failed:
        case Message::Kind::committed:
        case Message::Kind::amend:
        case Message::Kind::request:
        case Message::Kind::answer:
        case Message::Kind::last_: break;
    }
}

void Child::ask_for(const std::vector<Amendment>& changes, std::function<void(const std::string&)> done) {
    auto file = make_sealed_file(serialize(changes));
    if (!file) return done(file.error());
    asking_.emplace(++asked_, std::move(done));
    Message message;
    message.kind = Message::Kind::amend;
    message.number = asked_;
    message.fds.push_back(std::make_shared<Fd>(std::move(*file)));
    channel_.send(std::move(message));
}

void Child::on_amended(const Message& message) {
    auto asked = asking_.extract(message.number);
    if (asked) asked.mapped()(message.text);
}

void Child::take_sockets(Message& message) {
    auto keys = lines_of(message.text);
    incomplete_ = incomplete_ || keys.size() != message.fds.size();
    for (std::size_t i = 0; i < std::min(keys.size(), message.fds.size()); ++i)
        arrived_.push_back({std::move(keys[i]), std::move(message.fds[i])});
}

// New paths join the list; a swap puts the fresh file under the number that everybody knows.
void Child::take_logs(Message& message) {
    auto paths = lines_of(message.text);
    if (message.swap) body_->flush_logs();
    for (std::size_t i = 0; i < std::min(paths.size(), message.fds.size()); ++i) {
        const int known = logs_.find(paths[i]);
        if (message.swap && known >= 0) {
            ::dup3(message.fds[i]->get(), known, O_CLOEXEC);
        } else if (known < 0) {
            logs_.files.push_back({paths[i], message.fds[i]->release()});
            arrived_logs_.push_back(std::move(paths[i]));
        }
    }
    if (!message.swap) incomplete_ = incomplete_ || paths.size() != message.fds.size();
}

// A signal to this process alone. It may lack the right to open the file: then the old one stays.
void Child::reopen_by_path() {
    body_->flush_logs();
    for (const auto& file : logs_.files) {
        Fd fresh(::open(file.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
        if (fresh) ::dup3(fresh.get(), file.fd, O_CLOEXEC);
    }
}

void Child::begin_prepare(const Message& message) {
    if (stopping_) return refuse(message.number, "it is stopping");
    if (incomplete_ || message.fds.empty())
        return refuse(message.number, "no descriptors left for the new sockets");
    auto job = std::make_shared<Job>();
    job->number = message.number;
    job_ = job;
    try {
        std::thread([job, file = message.fds[0], &program = program_,
                     event = compiled_event_.get()] {
            ::malloc_trim(0);   // what the last reload left free goes back before this one asks
            job->result = compile_file(program, file->get());
            job->done.store(true, std::memory_order_release);
            const std::uint64_t one = 1;
            while (::write(event, &one, sizeof one) < 0 && errno == EINTR) {}
        }).detach();
    } catch (const std::system_error& error) {
        refuse(message.number, fmt::format("no thread to compile: {}", error.what()));
    }
}

void Child::refuse(std::uint64_t number, const std::string& why) {
    drop_arrivals();
    channel_.send(Message::Kind::failed, number, why);
}

void Child::on_compiled() {
    if (!job_ || !job_->done.load(std::memory_order_acquire)) return;   // of a reload given up since
    auto job = std::move(job_);
    if (!job->result.plan) return refuse(job->number, job->result.problem);
    next_ = Setup{job->result.config, job->result.plan, {}, &logs_};
    std::vector<OpenSocket> open = open_;
    open.insert(open.end(), arrived_.begin(), arrived_.end());
    next_.sockets = match_sockets(*next_.config, start_.role, open);
    if (auto done = body_->prepare(next_); !done) return refuse(job->number, done.error());
    prepared_ = job->number;
    channel_.send(Message::Kind::ready, job->number);
}

void Child::drop_arrivals() {
    job_.reset();
    prepared_ = 0;
    next_ = {};
    arrived_.clear();
    incomplete_ = false;
    for (const auto& path : arrived_logs_)
        std::erase_if(logs_.files, [&](const LogFiles::File& file) {
            if (file.path != path) return false;
            ::close(file.fd);
            return true;
        });
    arrived_logs_.clear();
}

void Child::commit(std::uint64_t number) {
    if (prepared_ != number || number == 0) return;
    body_->commit();
    open_.insert(open_.end(), arrived_.begin(), arrived_.end());
    // What no listener of the new configuration names is closed with its last owner here.
    std::erase_if(open_, [&](const OpenSocket& socket) {
        return std::none_of(next_.sockets.begin(), next_.sockets.end(),
                            [&](const auto& kept) { return kept.fd == socket.fd->get(); });
    });
    start_.config = next_.config;
    start_.sockets = next_.sockets;
    arrived_logs_.clear();
    drop_arrivals();
    channel_.send(Message::Kind::committed, number);
}

void Child::stop_gracefully(bool last) {
    if (stopping_) return;
    stopping_ = true;
    if (personality_ == Personality::nginx && start_.role == Role::worker)
        set_title("nginx: worker process is shutting down");
    if (prepared_ != 0) body_->abort();
    drop_arrivals();
    body_->stop_accepting(last);
    open_.clear();
    const auto limit = start_.config->process.shutdown_timeout;
    if (limit != ir::no_limit) {
        hard_stop_.body = body_.get();
        hard_stop_.fire = [](net::Timer& timer) {
            static_cast<HardStop&>(timer).body->stop_now();
            net::Loop::current().stop();
        };
        loop_.arm(hard_stop_, loop_.now() + limit.count());
    }
    loop_.on_turn_end([this] {
        if (body_->active() == 0) loop_.stop();
    });
}

}  // namespace

void run_child(ChildStart start) {
    for (const auto& [name, value] : start.work.config->process.environment)
        ::setenv(name.c_str(), value.c_str(), 1);
    for (const auto& name : start.work.config->process.unset_environment) ::unsetenv(name.c_str());
    std::vector<int> keep{start.control, start.work.arena ? start.work.arena->fd() : -1};
    for (const auto& socket : start.sockets) keep.push_back(socket.fd->get());
    for (const auto& file : start.logs) keep.push_back(file.fd);
    if (start.work.wake) keep.insert(keep.end(), start.work.wake->begin(), start.work.wake->end());
    close_others(std::move(keep));
    if (!start.title.empty()) set_title(start.title);
    const Identity identity = start.identity;
    Child child(std::move(start));
    child.run(identity);
    ::_exit(0);
}

}  // namespace weir::process
