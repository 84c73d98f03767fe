// SPDX-License-Identifier: Apache-2.0
// See run.hpp.
#include "run.hpp"

#include "client.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace weir::bench {
namespace {

constexpr std::array<char const*, static_cast<std::size_t>(Fault::count)> fault_names{
    "connect", "reset", "early_end", "status", "length", "closed_idle", "stuck"};
constexpr std::uint64_t too_many_faults = 1000;
constexpr std::size_t opened_at_once = 50;
constexpr milliseconds grace{3000};

}  // namespace

void Histogram::add(Clock::duration time) {
    auto const value = static_cast<std::uint64_t>(
        std::max<std::int64_t>(std::chrono::nanoseconds{time}.count(), steps));
    // The leading bit picks the doubling, the five bits below it the step.
    auto const doubling = static_cast<std::size_t>(std::bit_width(value)) - 6;
    auto const place = doubling * steps + (value >> doubling) - steps;
    ++counts_[std::min(place, counts_.size() - 1)];
    ++total_;
}

double Histogram::quantile(double share) const {
    auto left = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    for (std::size_t place = 0; place < counts_.size(); ++place) {
        if (left < counts_[place])
            return static_cast<double>((place % steps + steps) << (place / steps)) / 1000.0;
        left -= counts_[place];
    }
    return 0;
}

std::uint64_t Result::failures() const {
    return std::accumulate(faults.begin(), faults.end(), std::uint64_t{0});
}

std::string Result::json() const {
    std::string kinds;
    for (std::size_t i = 0; i < faults.size(); ++i) {
        if (faults[i] == 0) continue;
        kinds += (kinds.empty() ? "\"" : ", \"") + std::string{fault_names[i]} +
                 "\": " + std::to_string(faults[i]);
    }
    auto const seconds = std::chrono::duration<double>(end - start).count();
    return "{\"answers\": " + std::to_string(answers) + ", \"bytes\": " + std::to_string(bytes) +
           ", \"seconds\": " + std::to_string(seconds) +
           ", \"failures\": " + std::to_string(failures()) + ", \"faults\": {" + kinds +
           "}, \"connects\": " + std::to_string(connects) +
           ", \"reconnects\": " + std::to_string(reconnects) +
           ", \"resumed\": " + std::to_string(resumed) +
           ", \"p50_us\": " + std::to_string(times.quantile(0.50)) +
           ", \"p99_us\": " + std::to_string(times.quantile(0.99)) + "}";
}

Run::Run(Loop& loop, Job job) : loop_{loop}, job_{std::move(job)} {
    result_.start = result_.end = Clock::now();
    deadline_ = result_.start + job_.duration;
    if (job_.tls != Tls::none) tls_ = std::make_unique<TlsClient>(job_.tls);
    for (std::size_t i = 0; i < job_.connections; ++i)
        clients_.push_back(std::make_unique<Client>(loop_, *this, job_.size, job_.close));
    start_more();
}

Run::~Run() = default;

Result const& Run::result() {
    if (tls_) result_.resumed = tls_->resumed();
    return result_;
}

void Run::tick() {
    if (Clock::now() < deadline_ + grace) return;
    for (auto const& client : clients_)
        if (client->waits()) client->give_up(Fault::stuck);
}

void Run::ask_again() {
    deadline_ = Clock::now() + job_.duration;
    started_ = 0;
    again_ = true;
    start_more();
}

void Run::start_more() {
    auto const limit = job_.hold ? opened_at_once : clients_.size();
    while (busy_ < limit && started_ < clients_.size()) {
        auto& client = *clients_[started_++];
        if (again_ && !client.idle()) continue;
        ++busy_;
        if (again_)
            client.ask();
        else
            client.connect();
    }
}

std::string const& Run::next_request() {
    next_ = next_ + 1 < job_.requests.size() ? next_ + 1 : 0;
    return job_.requests[next_];
}

bool Run::may_go_on() const {
    return !job_.hold && result_.failures() < too_many_faults && Clock::now() < deadline_;
}

void Run::on_answer(Clock::time_point asked) {
    auto const now = Clock::now();
    ++result_.answers;
    result_.bytes += job_.size;
    result_.times.add(now - asked);
    result_.end = now;
}

void Run::on_fault(Fault fault) { ++result_.faults[static_cast<std::size_t>(fault)]; }

// After its last answer a connection may be closed by either side; a held one may not.
void Run::on_closed_idle() {
    if (job_.hold) on_fault(Fault::closed_idle);
}

void Run::on_rest() {
    --busy_;
    if (job_.hold) start_more();
}

}  // namespace weir::bench
