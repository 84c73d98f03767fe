// SPDX-License-Identifier: Apache-2.0
// The registry of sinks, and what all sinks share: when to write, what to do when it fails.
#include "runtime/log/log_sink.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "runtime/log/sink_kinds.hpp"

namespace weir::log {

namespace {

// A turn that logs more than this does not wait for its end.
constexpr std::size_t most_of_a_turn = 65536;
// A place that takes nothing may leave this much waiting.
constexpr std::size_t most_pending = 262144;
// A buffer that grew beyond this is given back.
constexpr std::size_t kept_capacity = 65536;
constexpr Milliseconds retry_slow = 100, retry_failed = 1000, report_every = 60000;

std::int64_t real_time_us() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

// Everything that makes a difference in what is sent, or where.
std::string identity_of(const ir::LogTarget& target) {
    if (target.kind == ir::LogTarget::Kind::file) return "file " + target.path;
    return fmt::format("{} {} {} {} {} {} {} {} {} {}/{}-{}", static_cast<int>(target.kind),
                       target.path, target.descriptor, static_cast<int>(target.format),
                       target.facility, target.tag, target.host_name, target.process_id,
                       target.max_length, target.sample_size, target.sample_low,
                       target.sample_high);
}

class NoSink final : public LogSink {
public:
    explicit NoSink(LogSinks& sinks) : LogSink(sinks, "none") {}

private:
    void append(std::string_view, int) override {}
    int send() override { return 0; }
};

}  // namespace

void LogSink::write(std::string_view line, int severity) {
    used_ = true;
    if (pending_.size() + line.size() > most_pending) {
        count_lost(1);
    } else {
        append(line, severity);
    }
    if (!dirty_) {
        dirty_ = true;
        sinks_.dirty_.push_back(this);
    }
    // Only what does not fail: a place in trouble is tried by flush() alone, which has the clock.
    bool full = pending_.size() >= std::max<std::size_t>(buffer_, most_of_a_turn);
    if (full && failure_ == 0) send();
}

void LogSink::drop_pending() {
    count_lost(pending_lines_);
    pending_lines_ = 0;
    clear_pending();
}

void LogSink::report(Milliseconds now, int error, bool over) {
    if (sinks_.on_loss) sinks_.on_loss({place_, unreported_, error, over});
    unreported_ = 0;
    reported_at_ = now;
}

// A slow place (EAGAIN) keeps what waits for it; one that fails would fail again, so it loses it.
void LogSink::after_failure(Milliseconds now, int error) {
    bool first = failure_ == 0;
    failure_ = error;
    bool slow = error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
    retry_at_ = now + (slow ? retry_slow : retry_failed);
    if (!slow) drop_pending();
    if (unreported_ != 0 && (first || now - reported_at_ >= report_every))
        report(now, error, false);
}

bool LogSink::flush(Milliseconds now, bool force) {
    if (failure_ != 0 && now < retry_at_ && !force) {
        due_ = retry_at_;
        return true;
    }
    bool full = pending_.size() >= buffer_;
    if (!force && !full && failure_ == 0) {
        if (due_ == no_deadline && flush_after_ != 0) due_ = now + flush_after_;
        if (due_ > now) return true;
    }
    due_ = no_deadline;
    if (int error = send(); error != 0) {
        after_failure(now, error);
        due_ = retry_at_;
        // With nothing left to write, the next line finds out whether the place works again.
        return pending_lines_ != 0 || unreported_ != 0;
    }
    if (failure_ != 0 || unreported_ != 0) {
        int error = failure_ != 0 ? failure_ : EAGAIN;
        failure_ = 0;
        if (unreported_ != 0) report(now, error, true);
    }
    if (pending_.capacity() > kept_capacity && pending_.empty()) pending_ = {};
    return !pending_.empty();
}

LogSinks::LogSinks() : wall_us(real_time_us) {
    char name[256] = {};
    if (gethostname(name, sizeof name - 1) != 0) name[0] = '-';
    origin.host = name;
    origin.process_id = getpid();
}

LogSinks::~LogSinks() { send_pending(); }

void LogSinks::send_pending() {
    for (auto* sink : dirty_)
        if (sink->failure_ == 0) sink->send();
}

LogSink& LogSinks::find(const ir::LogTarget& target) {
    auto& place = sinks_[identity_of(target)];
    if (!place) place = make(target);
    return *place;
}

LogSink& LogSinks::find(const ir::AccessLog& log) {
    if (auto known = by_log_.find(&log); known != by_log_.end()) return *known->second;
    auto& sink = find(log.target);
    sink.buffer_ = log.buffer;
    sink.flush_after_ = log.flush.count();
    sink.gzip_ = log.gzip;
    by_log_.emplace(&log, &sink);
    return sink;
}

std::unique_ptr<LogSink> LogSinks::make(const ir::LogTarget& target) {
    using Kind = ir::LogTarget::Kind;
    switch (target.kind) {
        case Kind::none: break;
        case Kind::file: return std::make_unique<StreamSink>(*this, target.path);
        case Kind::standard_error: return std::make_unique<StreamSink>(*this, target, 2);
        case Kind::standard_output: return std::make_unique<StreamSink>(*this, target, 1);
        case Kind::descriptor:
            return std::make_unique<StreamSink>(*this, target, target.descriptor);
        case Kind::syslog: return std::make_unique<SyslogSink>(*this, target);
    }
    return std::make_unique<NoSink>(*this);
}

LogSink& LogSinks::find_computed(std::string_view path) {
    auto same = [&](const auto& sink) { return sink->place_ == path; };
    auto found = std::find_if(computed_.begin(), computed_.end(), same);
    if (found != computed_.end()) {
        std::rotate(found, found + 1, computed_.end());
        return *computed_.back();
    }
    if (computed_.size() == most_computed) {
        auto& oldest = *computed_.front();
        oldest.send();
        oldest.drop_pending();
        lost_before_ += oldest.lost_;
        std::erase(dirty_, &oldest);
        computed_.erase(computed_.begin());
    }
    computed_.push_back(std::make_unique<StreamSink>(*this, std::string{path}));
    return *computed_.back();
}

Milliseconds LogSinks::flush(Milliseconds now) {
    if (dirty_.empty()) return no_deadline;
    Milliseconds next = no_deadline;
    // A report may make another sink dirty while this goes on.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < dirty_.size(); ++i) {
        auto* sink = dirty_[i];
        sink->dirty_ = sink->flush(now, false);
        if (!sink->dirty_) continue;
        next = std::min(next, sink->due_);
        dirty_[kept++] = sink;
    }
    dirty_.resize(kept);
    return next;
}

void LogSinks::flush_all(Milliseconds now) {
    for (std::size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush(now, true);
}

void LogSinks::reopen(Milliseconds now) {
    flush_all(now);
    for (auto& [identity, sink] : sinks_) sink->reopen();
    for (auto& sink : computed_) sink->reopen();
}

void LogSinks::after_fork() {
    origin.process_id = getpid();
    for (auto* sink : dirty_) {
        sink->clear_pending();
        sink->pending_lines_ = 0;
        sink->dirty_ = false;
    }
    dirty_.clear();
}

void LogSinks::adopt(Milliseconds now) {
    flush_all(now);
    by_log_.clear();
    for (auto at = sinks_.begin(); at != sinks_.end();) {
        auto& sink = *at->second;
        if (sink.used_) {
            sink.used_ = false;
            ++at;
            continue;
        }
        lost_before_ += sink.lost_;
        std::erase(dirty_, &sink);
        at = sinks_.erase(at);
    }
}

std::uint64_t LogSinks::lost() const {
    std::uint64_t sum = lost_before_;
    for (const auto& [identity, sink] : sinks_) sum += sink->lost_;
    for (const auto& sink : computed_) sum += sink->lost_;
    return sum;
}

}  // namespace weir::log
