// SPDX-License-Identifier: Apache-2.0
// One run of load: a fixed number of connections, each with one request under way, for a given
// time (or one request each, then held open). Every answer is checked: status 200 and a body of the
// expected length. Whatever else happens is counted by kind, because a proxy that is fast at
// failing is not fast.
#pragma once

#include "loop.hpp"
#include "transport.hpp"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace weir::bench {

enum class Fault { connect, reset, early_end, status, length, closed_idle, stuck, count };

struct Job {
    std::uint16_t port = 0;
    std::size_t connections = 1;
    milliseconds duration{0};
    Tls tls = Tls::none;
    bool close = false;  // one request per connection
    bool hold = false;   // one request on each connection, opened a few at a time, then silence
    std::size_t size = 0;
    std::vector<std::string> requests;
};

/// Answer times, to about 3 percent.
class Histogram {
public:
    void add(Clock::duration time);
    double quantile(double share) const;  // microseconds

private:
    static constexpr std::size_t steps = 32;  // per doubling
    std::array<std::uint64_t, 40 * steps> counts_{};
    std::uint64_t total_ = 0;
};

struct Result {
    std::uint64_t answers = 0, bytes = 0, connects = 0, reconnects = 0, resumed = 0;
    std::array<std::uint64_t, static_cast<std::size_t>(Fault::count)> faults{};
    Histogram times;
    Clock::time_point start, end;

    std::uint64_t failures() const;
    std::string json() const;
};

class Client;

class Run {
public:
    Run(Loop& loop, Job job);
    ~Run();

    bool done() const { return busy_ == 0; }
    /// Call about every 10 ms: gives up on answers that are overdue.
    void tick();
    /// A held run only: one more request on every connection.
    void ask_again();
    Result const& result();

private:
    friend class Client;
    std::string const& next_request();
    TlsClient* tls() { return tls_.get(); }
    bool may_go_on() const;
    void on_answer(Clock::time_point asked);
    void on_fault(Fault fault);
    void on_closed_idle();
    void on_rest();  // a connection has nothing more to do for now
    void start_more();

    Loop& loop_;
    Job job_;
    Result result_;
    std::unique_ptr<TlsClient> tls_;
    Clock::time_point deadline_;
    std::vector<std::unique_ptr<Client>> clients_;
    std::size_t started_ = 0;  // held: how many clients had their turn
    std::size_t busy_ = 0;
    std::size_t next_ = 0;
    bool again_ = false;
};

}  // namespace weir::bench
