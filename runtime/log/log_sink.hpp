// SPDX-License-Identifier: Apache-2.0
// Where log lines go: files, descriptors, log servers. The lines of one turn of the event loop (or
// of `buffer=`) leave with one system call per place, at flush(). Nothing here waits: a place that
// is full or slow loses lines, which are counted and reported when it works again. One LogSinks per
// process; used from its loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/ir/log.hpp"
#include "runtime/log/syslog.hpp"

namespace weir::log {

class LogSinks;

// Milliseconds of the loop's monotonic clock.
using Milliseconds = std::int64_t;
constexpr Milliseconds no_deadline = std::numeric_limits<Milliseconds>::max();

// Lines that a place did not take.
struct Loss {
    std::string_view place;   // path or address
    std::uint64_t lines = 0;  // since the last report
    int error = 0;            // errno; EAGAIN when it was only slow
    bool over = false;        // the place works again
};

class LogSink {
public:
    virtual ~LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    // One line without its newline. Severity as in syslog: 0 emerg to 7 debug.
    void write(std::string_view line, int severity = 6);
    // Lines lost since the start, for metrics.
    [[nodiscard]] std::uint64_t lost() const { return lost_; }
    [[nodiscard]] const std::string& place() const { return place_; }

protected:
    LogSink(LogSinks& sinks, std::string place) : sinks_(sinks), place_(std::move(place)) {}

    virtual void append(std::string_view line, int severity) = 0;
    // Tries to write what is pending, without waiting. 0, or the errno of what stood in the way.
    virtual int send() = 0;
    virtual void reopen() {}
    virtual void clear_pending() { pending_.clear(); }
    // Forgets what is pending: as many lines are lost.
    void drop_pending();
    void count_lost(std::uint64_t lines) {
        lost_ += lines;
        unreported_ += lines;
    }

    LogSinks& sinks_;
    std::string place_;
    std::string pending_;
    std::uint64_t pending_lines_ = 0;
    int gzip_ = 0;   // level; 0: what is written is not compressed

private:
    friend class LogSinks;
    bool flush(Milliseconds now, bool force);  // whether something is left
    void after_failure(Milliseconds now, int error);
    void report(Milliseconds now, int error, bool over);

    std::uint32_t buffer_ = 0;        // bytes to gather before a write
    Milliseconds flush_after_ = 0;    // how long they may wait; 0: as long as it takes
    Milliseconds due_ = no_deadline;  // of what is pending
    Milliseconds retry_at_ = 0;       // after a failure; until then lines are lost
    Milliseconds reported_at_ = 0;
    std::uint64_t lost_ = 0, unreported_ = 0;
    int failure_ = 0;
    bool dirty_ = false;
    bool used_ = true;  // since the last adopt()
};

class LogSinks {
public:
    // Finds the descriptor of a log file that the master opened; -1: not one of those.
    using FindFile = std::function<int(std::string_view path)>;

    LogSinks();
    ~LogSinks();
    LogSinks(const LogSinks&) = delete;
    LogSinks& operator=(const LogSinks&) = delete;

    FindFile find_file;
    std::function<void(const Loss&)> on_loss;
    std::function<std::int64_t()> wall_us;  // replaced by tests
    Origin origin;

    // The sink of a target; valid until adopt(). Kind::none: a sink that takes and forgets.
    LogSink& find(const ir::LogTarget& target);
    // The same, quickly, for a log of a plan in use; its buffer and flush are taken over.
    LogSink& find(const ir::AccessLog& log);
    // The file of a path that was computed. As many stay open as `most_computed`.
    LogSink& find_computed(std::string_view path);
    static constexpr std::size_t most_computed = 32;

    // Writes out what is due. To be called at the end of every turn. Returns when it wants to be
    // called again even if no turn comes.
    Milliseconds flush(Milliseconds now);
    // Writes out everything.
    void flush_all(Milliseconds now);
    // Writes out what the places take at once, for who has no clock; flush() does the rest.
    void send_pending();
    // Opens files anew that this process opened itself. Those from find_file only write out: their
    // owner swaps what is behind the descriptor.
    void reopen(Milliseconds now);
    // In a child process: what waits will be written by the parent.
    void after_fork();
    // Another plan is in use. Sinks that nothing used since the adopt() before are closed.
    void adopt(Milliseconds now);
    [[nodiscard]] std::uint64_t lost() const;

private:
    friend class LogSink;
    std::unique_ptr<LogSink> make(const ir::LogTarget& target);

    std::unordered_map<std::string, std::unique_ptr<LogSink>> sinks_;  // by identity
    std::unordered_map<const ir::AccessLog*, LogSink*> by_log_;
    std::vector<std::unique_ptr<LogSink>> computed_;  // most recent last
    std::vector<LogSink*> dirty_;
    std::uint64_t lost_before_ = 0;  // by sinks that are gone
};

}  // namespace weir::log
