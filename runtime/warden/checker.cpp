// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/checker.hpp"

#include "runtime/warden/warden.hpp"

namespace weir::warden {

namespace {

using State = zone::ServerState;

constexpr std::uint32_t ours = State::check_down | State::stopping | State::check_starting;

// Where the board left off: a warden that replaces a dead one goes on with its numbers.
Health health_of(const ir::HealthCheck& check, const State& state) {
    const auto flags = state.flags.load();
    if (state.check_code.load() == 0 && (flags & State::check_down) == 0)
        return Health::initial(check);
    const bool up = (flags & (State::check_down | State::check_starting)) == 0;
    return Health::resumed(check, state.health.load(), up, (flags & State::stopping) != 0);
}

}  // namespace

bool put_flags(State& state, const Health& health, Verdict verdict) {
    auto before = state.flags.load();
    for (;;) {
        auto flags = before & ~ours;
        if (!health.up()) {
            // A mandatory check that passed once and must pass again is still at its start.
            const bool starting = (before & State::check_starting) && verdict != Verdict::failed;
            flags |= starting ? State::check_starting : State::check_down;
        } else if (health.stopping) {
            flags |= State::stopping;
        }
        if (flags == before) return false;
        if (state.flags.compare_exchange_weak(before, flags)) return true;
    }
}

Checker::Checker(Warden& warden, net::Loop& loop, Job job)
    : warden_(&warden), loop_(loop), job_(std::move(job)),
      random_(static_cast<std::uint32_t>(std::hash<std::string>{}(job_.key) | 1)) {
    timer_.self = this;
    timer_.fire = [](net::Timer& timer) { static_cast<Node&>(timer).self->on_timer(); };
    health_ = health_of(*job_.check, *job_.entry.state);
    job_.entry.state->health = health_.level;
}

void Checker::schedule(net::Time delay) { loop_.arm(timer_, loop_.now() + delay); }

bool Checker::take(Job job) {
    const bool same = job.fingerprint == job_.fingerprint;
    job_ = std::move(job);
    if (same) return false;
    if (running_) running_->cancel();
    health_ = health_of(*job_.check, *job_.entry.state);
    job_.entry.state->health = health_.level;
    return true;
}

void Checker::retire() {
    warden_ = nullptr;
    timer_.cancel();
    if (running_) running_->cancel();
}

void Checker::on_timer() {
    // A server in maintenance is not checked, and keeps what was known of it.
    const auto flags = job_.entry.state->flags.load();
    if (flags & (State::forced_down | State::check_paused)) return schedule(pause());
    // The runtime socket may have said what no check did.
    if (health_.up() != ((flags & (State::check_down | State::check_starting)) == 0))
        health_ = health_of(*job_.check, *job_.entry.state);
    if (!running_) net::spawn(check_once(shared_from_this()));
}

net::Task<void> Checker::check_once(std::shared_ptr<Checker> self) {
    CheckRun run(self->loop_, self->job_.script, self->job_.target);
    self->running_ = &run;
    Outcome outcome = co_await run.run();
    self->running_ = nullptr;
    if (!self->warden_) co_return;
    const bool aborted = outcome.aborted;
    if (!aborted) self->apply(std::move(outcome));
    // A new job has armed the timer already.
    if (!aborted || !self->timer_.armed()) self->schedule(self->pause());
}

net::Time Checker::pause() {
    const auto& check = *job_.check;
    const net::Time usual = health_.next(check).count();
    const net::Time jitter = check.jitter.count();
    if (jitter == 0) return usual;
    const bool both_ways = check.manner == ir::HealthCheck::Manner::haproxy;
    const net::Time offset =
        std::uniform_int_distribution<net::Time>(both_ways ? -jitter : 0, jitter)(random_);
    return std::max<net::Time>(1, usual + offset);
}

void Checker::apply(Outcome outcome) {
    // A server that is down does not come back by a 404.
    if (outcome.code == zone::CheckCode::l7_status && outcome.status == 404 &&
        job_.check->disable_on_404 && health_.up()) {
        outcome.verdict = Verdict::conditional;
        outcome.code = zone::CheckCode::l7_conditional;
        outcome.text.clear();
    }
    const auto step = health_.note(outcome.verdict);
    write_state(outcome, step.transition, step.changed);
    News news;
    news.pool = job_.pool;
    news.server = job_.server;
    news.check = job_.check;
    news.address = job_.address;
    news.outcome = &outcome;
    news.health = health_;
    news.transition = step.transition;
    warden_->server_changed(job_, news, step.changed);
}

void Checker::write_state(const Outcome& outcome, Transition transition, bool moved) {
    State& state = *job_.entry.state;
    state.check_code = static_cast<std::uint32_t>(outcome.code);
    state.check_status = outcome.status;
    state.check_ms = outcome.milliseconds;
    state.health = health_.level;
    if (outcome.verdict == Verdict::failed && moved) ++state.fall_count;
    const std::int64_t now = loop_.wall_ms() / 1000;
    const bool was_down = (state.flags.load() & State::check_down) != 0;
    // What requests found before is out of date: fail_timeout need not pass, too. So it is when a
    // connect succeeds that began after theirs failed, even where no check saw the server down.
    const bool connects = job_.check->kind == ir::HealthCheck::Kind::connect &&
                          outcome.verdict == Verdict::passed && state.fails.load() != 0 &&
                          state.retry_at.load() < loop_.now() - outcome.milliseconds;
    if (transition == Transition::up || connects) {
        state.fails = 0;
        state.retry_at = 0;
        state.flags &= ~static_cast<std::uint32_t>(State::failed);
    }
    if (put_flags(state, health_, outcome.verdict)) {
        if (transition == Transition::down) ++state.downs;
        if (was_down && health_.up())
            state.down_seconds += static_cast<std::uint32_t>(now - state.last_change.load());
        state.last_change = now;
        warden_->flags_changed(state);
    }
}

}  // namespace weir::warden
