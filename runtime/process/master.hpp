// SPDX-License-Identifier: Apache-2.0
// The master: reads the configuration, owns sockets, log files and shared memory, starts and watches
// workers and warden, and leads them through a reload. It carries no traffic and never waits for a
// child: every answer it wants has a deadline. master.cpp is its life, children.cpp the supervision,
// reload.cpp the two phases of a new configuration, following.cpp what starts them without being asked.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/net/loop.hpp"
#include "runtime/process/child.hpp"
#include "runtime/process/control.hpp"
#include "runtime/process/daemon.hpp"
#include "runtime/process/follower.hpp"
#include "runtime/process/listen_set.hpp"
#include "runtime/process/report.hpp"
#include "runtime/process/request.hpp"
#include "runtime/process/signals.hpp"
#include "runtime/process/worker.hpp"

namespace weir::process {

struct MasterOptions {
    Personality personality = Personality::weir;
    std::optional<bool> daemon;        // command line over configuration
    std::string pid_file;              // likewise; empty: the configuration's
    bool quiet = false;
    bool warnings_fatal = false;       // haproxy -dW
    // haproxy without -W: one process to whoever looks. Its id is what logs name, and SIGINT ends it.
    bool looks_single = false;
    std::vector<std::string> arguments;          // to start a new binary
    std::vector<pid_t> finish, terminate;        // haproxy -sf, -st: stop these once we listen
    std::string sockets_from;          // haproxy -x
    std::function<void()> on_up;       // everything runs (demo: print the URLs)
};

// A configuration that children can be started with.
struct Launch {
    std::shared_ptr<const ir::Config> config;
    std::shared_ptr<const void> plan;  // compiled here, for the first children; may be null
    Identity identity;
    std::uint32_t workers = 1;
    bool has_places = false;           // servers are elsewhere than their lines say (SourceSet)
    bool prepared = false;             // its sockets are those of ListenSet's prepared set
};

class Master {
public:
    Master(MasterOptions options, Program program);
    // Until everything has ended; the exit status.
    int run();

private:
    // One child process, or the place of one that is to be started again.
    struct Member {
        Role role = Role::worker;
        std::uint32_t slot = 0, number = 0;
        std::uint64_t generation = 0;
        pid_t pid = -1;                // -1: not running
        std::unique_ptr<Channel> channel;
        bool up = false;               // said "started"
        bool draining = false;         // is to end; not replaced
        net::Time born = 0;
        unsigned quick_deaths = 0;
        std::string last_words;        // why it failed, in its own words
        enum class Vote : std::uint8_t { none, asked, ready, committed } vote = Vote::none;
        struct Wake : net::Timer {
            Master* master = nullptr;
            Member* member = nullptr;
        } timer;                       // restart after back-off, or kill when it does not end
    };
    struct Reload;
    // What the warden of that time asked for.
    struct Amending {
        pid_t asker = -1;
        std::uint64_t number = 0;
        SharedFd changes;
    };

    // master.cpp
    bool load_first();
    bool acquire();
    bool open_logs(const ir::Config& config, LogFiles& into, std::vector<std::string>& problems);
    bool attach();
    void on_signal(int signal);
    void on_request(const std::string& verb, std::shared_ptr<Asker> asker);
    void came_up();
    void stop(bool graceful);
    void end_if_alone();
    void clean_up();
    void reopen_logs();
    void stop_former();
    void take_sockets();
    void upgrade();
    void upgrade_ended(int status);
    [[nodiscard]] bool owns_paths() const;
    int fail(const std::string& text);

    // children.cpp
    void start_generation(const Launch& launch, bool with_warden = true);
    bool spawn(Member& member, const Launch& launch);
    [[noreturn]] void become_child(Member& member, const Launch& launch, int control);
    void send_logs(Channel& channel, const std::vector<std::string>& paths, bool swap);
    void reap();
    void on_ended(Member& member, int status);
    void replace(Member& member);
    void on_message(Member& member, Message message);
    void retire(Member& member, bool graceful, bool last);
    void remove(Member& member);
    [[nodiscard]] std::optional<std::uint32_t> free_slot() const;
    [[nodiscard]] std::string title_of(const Member& member) const;
    [[nodiscard]] bool all_up(std::uint64_t generation) const;
    static std::string describe(int status);

    // reload.cpp
    void ask_reload(std::shared_ptr<Asker> asker);
    void begin_reload();
    void begin_amending();
    void start_loader();
    void answer(const Amending& asked, const std::string& problem);
    [[noreturn]] void run_loader();
    std::optional<SourceSet> running_sources() const;
    std::optional<SourceSet> amended() const;
    void keep_places(SourceSet& set) const;
    void loader_ended(int status);
    void take_loaded();
    void prepare_in_place();
    void prepare_generation();
    void on_vote(Member& member, const Message& message);
    void commit_in_place();
    void commit_generation();
    void adopt(Launch launch);
    void reload_lost(const std::string& why);
    void finish_reload(int status, const std::string& text);
    void go_on();
    void set_deadline(net::Time milliseconds, const char* what);

    // following.cpp
    void follow();
    void ask_to_follow();
    void begin_following();
    std::optional<SourceSet> renewed(std::string& report) const;
    void finish_following(int status, const std::string& report);

    MasterOptions options_;
    Program program_;
    Report report_;
    Background background_;
    Launch now_;
    LogFiles logs_;                    // the master's own descriptors
    std::string pid_file_;
    std::unique_ptr<zone::SharedArena> arena_;
    std::unique_ptr<zone::Board> board_;
    std::vector<int> wake_;            // one eventfd per slot; -1: never used
    ListenSet listen_;
    std::unique_ptr<net::Loop> loop_;
    Signals signals_;
    RequestServer requests_;
    std::vector<std::unique_ptr<Member>> members_;
    std::uint64_t generation_ = 0;
    std::unique_ptr<Reload> reload_;
    std::vector<std::shared_ptr<Asker>> waiting_askers_;   // for the reload after this one
    std::deque<Amending> amendings_;   // wait for the reload that runs
    // The running configuration as bytes, to be amended; only where a runtime socket may ask for it, or
    // files are followed.
    Fd sources_;
    Follower follower_;
    bool reload_again_ = false, follow_again_ = false;
    std::uint64_t reload_count_ = 0;
    enum class Life : std::uint8_t { starting, running, drained, stopping } life_ = Life::starting;
    bool graceful_ = false;
    bool inherited_ = false;           // started by a former master, with its sockets
    bool gave_sockets_ = false;        // another process has ours: paths are not ours to remove
    pid_t parent_ = -1;                // the process that started us
    pid_t new_binary_ = -1;            // started by us (upgrade)
    int exit_status_ = 0;
};

// A reload in progress.
struct Master::Reload {
    std::uint64_t number = 0;
    enum class Phase : std::uint8_t { loading, preparing, starting, committing } phase = Phase::loading;
    std::vector<std::shared_ptr<Asker>> askers;
    std::optional<Amending> amending;  // no files are read: the running configuration is changed
    std::optional<std::vector<std::string>> following;   // these alone are read
    pid_t loader = -1;
    Fd set_file, report_file;
    std::string report;                // what the loader had to say (warnings, errors)
    Launch launch;
    std::vector<LogFiles::File> new_logs;
    std::uint64_t generation = 0;      // of the new children, when they are needed
    struct Deadline : net::Timer {
        Master* master = nullptr;
        const char* what = "";
    } deadline;
};

}  // namespace weir::process
