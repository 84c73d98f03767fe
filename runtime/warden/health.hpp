// SPDX-License-Identifier: Apache-2.0
// Health: what a row of check results says of a server. One counter from 0 to rise + fall - 1: at or
// above `rise` the server is up. Both dialects count so: a single success while up makes all failures
// forgotten, a single failure while down all successes. Pure; the warden keeps the numbers in the
// board (zone::ServerState) so that they outlive a reload and the warden itself.
#pragma once

#include <cstdint>

#include "parser/ir/pool.hpp"

namespace weir::warden {

enum class Verdict : std::uint8_t {
    passed,
    conditional,   // up, but only for persistent traffic (404 with disable-on-404)
    failed,
};

enum class Transition : std::uint8_t { none, up, down, stopping };

struct Health {
    std::uint32_t level = 0;
    bool stopping = false;
    std::uint32_t rise = 1, fall = 1;

    // Before the first check.
    static Health initial(const ir::HealthCheck& check) {
        Health health;
        health.rise = check.rise == 0 ? 1 : check.rise;
        health.fall = check.fall == 0 ? 1 : check.fall;
        if (check.mandatory)
            health.level = 0;
        else if (check.manner == ir::HealthCheck::Manner::nginx)
            health.level = health.most();
        else
            health.level = health.rise;
        return health;
    }
    // Goes on where a former check (maybe with other numbers) left off.
    static Health resumed(const ir::HealthCheck& check, std::uint32_t level, bool up,
                          bool stopping) {
        Health health = initial(check);
        if (up)
            health.level = level < health.rise || level > health.most() ? health.most() : level;
        else
            health.level = level < health.rise ? level : 0;
        health.stopping = up && stopping;
        return health;
    }

    [[nodiscard]] std::uint32_t most() const { return rise + fall - 1; }
    [[nodiscard]] bool up() const { return level >= rise; }

    // `changed` tells whether the level moved (HAProxy logs each such check on demand).
    struct Step {
        Transition transition = Transition::none;
        bool changed = false;
    };
    Step note(Verdict verdict) {
        const bool was_up = up();
        const std::uint32_t before = level;
        Step step;
        if (verdict == Verdict::failed) {
            if (level > 0 && --level < rise) level = 0;
            step.changed = level != before;
            if (was_up && !up()) {
                stopping = false;
                step.transition = Transition::down;
            }
            return step;
        }
        if (level < most() && ++level >= rise) level = most();
        step.changed = level != before;
        if (!up()) return step;
        const bool stop = verdict == Verdict::conditional;
        if (stop && !stopping) step.transition = Transition::stopping;
        if (!stop && (stopping || !was_up)) step.transition = Transition::up;
        stopping = stop;
        return step;
    }

    // Time from the end of a check to the next: the usual one while nothing moves, the fast one on
    // the way from one state to the other.
    [[nodiscard]] ir::Milliseconds next(const ir::HealthCheck& check) const {
        if (level == most()) return check.interval;
        if (level == 0) return check.down_interval.count() ? check.down_interval : check.interval;
        return check.fast_interval.count() ? check.fast_interval : check.interval;
    }
};

}  // namespace weir::warden
