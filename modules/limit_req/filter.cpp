// SPDX-License-Identifier: Apache-2.0
// A bucket per key that each request fills by one and that runs empty at the zone's rate. Over its burst
// a request is refused; over what need not wait it waits until the bucket is back there. With several
// zones the bucket of none is filled when one of them refuses. The lines of the log are read by tools
// (fail2ban): their words are fixed.
#include <fmt/format.h>

#include <algorithm>

#include "modules/limit_req/conf.hpp"
#include "modules/limit_req/module.hpp"
#include "modules/limit_req/rows.hpp"
#include "runtime/filter/rate_fields.hpp"

namespace weir::modules::limit_req {

namespace {

using filter::Answer;
using filter::Verdict;
using route::LimitOutcome;

constexpr std::size_t longest_key = 65535;
constexpr std::int64_t longest = 1000000000;   // ms that count: eleven days empty any bucket
enum Cell : std::uint32_t { level, last };   // of a zone's only column

class Limiter final : public filter::Filter {
public:
    explicit Limiter(const Conf& conf) : conf_(conf) {}

    Verdict on_request(route::Subject& subject, Answer& answer) override {
        // Once per request of a client, also when it goes on inside (error pages, rewrites).
        if (!subject.request || subject.request_limit != LimitOutcome::none) return Verdict::next;
        struct Use {
            const Conf::Limit* limit;
            zone::Table* table;
            std::string_view key;
            std::uint32_t rate;
        };
        const auto now = subject.now_us / 1000;
        const Use* last_use = nullptr;
        auto* uses = subject.arena->make_array<Use>(conf_.limits.size());
        std::size_t count = 0;
        for (const auto& limit : conf_.limits) {
            const auto key = route::zone_key(subject, limit.zone);
            if (key.empty()) continue;
            if (key.size() > longest_key) {
                answer.note = "the value of a \"limit_req_zone\" key is more than 65535 bytes";
                continue;
            }
            const auto& zone = subject.around->config->zones[limit.zone];
            uses[count] = {&limit, subject.around->zones[limit.zone], key, zone.rate};
            if (uses[count].table) ++count;
        }
        if (count == 0) return Verdict::next;
        // First all of them are asked, then all are filled; the last does both in one.
        std::uint64_t excess = 0;
        for (std::size_t i = 0; i < count; ++i) {
            last_use = &uses[i];
            const bool fill = i + 1 == count;
            if (!ask(*uses[i].table, uses[i].key, uses[i].rate, uses[i].limit->burst, now, fill, excess))
                return refuse(subject, answer, *last_use->limit, excess);
        }
        std::uint64_t wait = wait_of(*last_use->limit, last_use->rate, excess);
        const auto* slowest = last_use->limit;
        for (std::size_t i = count - 1; i-- > 0;) {
            std::uint64_t over = 0;
            ask(*uses[i].table, uses[i].key, uses[i].rate, UINT64_MAX, now, true, over);
            const auto longer = wait_of(*uses[i].limit, uses[i].rate, over);
            if (longer <= wait) continue;
            wait = longer;
            excess = over;
            slowest = uses[i].limit;
        }
        if (wait == 0) {
            subject.request_limit = LimitOutcome::passed;
            return Verdict::next;
        }
        answer.note_level = std::min(conf_.log_level + 1, 6);
        note(subject, answer, "delaying request", excess, ", by zone", *slowest);
        if (conf_.dry_run) {
            subject.request_limit = LimitOutcome::delayed_dry_run;
            return Verdict::next;
        }
        subject.request_limit = LimitOutcome::delayed;
        answer.wait_ms = static_cast<std::int64_t>(wait);
        return Verdict::wait;
    }

    // A zone is a policy: its quota is what goes through at once after a pause, its window the time in which
    // the bucket runs empty.
    bool on_reply(route::Subject& subject, http::ResponseHead& head, filter::State*&) override {
        if (!conf_.tells || !subject.request) return false;
        auto* told = subject.arena->make_array<filter::RateTold>(conf_.limits.size());
        std::size_t count = 0;
        const auto now = subject.now_us / 1000;
        for (const auto& limit : conf_.limits) {
            const auto key = route::zone_key(subject, limit.zone);
            const auto& zone = subject.around->config->zones[limit.zone];
            auto* table = subject.around->zones[limit.zone];
            if (key.empty() || key.size() > longest_key || !table) continue;
            constexpr std::int64_t one = 1000;
            std::int64_t filled = -one;   // thousandths of requests over the rate; -one: rested
            if (auto entry = table->find(key, now)) {
                const auto elapsed = std::clamp<std::int64_t>(now - static_cast<std::int64_t>(entry.cell(last)), 0, longest);
                filled = std::max(static_cast<std::int64_t>(entry.cell(level)) - zone.rate * elapsed / 1000, -one);
            }
            const auto burst = static_cast<std::int64_t>(limit.burst);
            const auto quota = static_cast<std::uint64_t>(burst / one + 1);
            told[count++] = {zone.name, quota, static_cast<std::uint64_t>(std::max<std::int64_t>(burst - filled, 0) / one),
                             quota * 1000000 / zone.rate, static_cast<std::uint64_t>((filled + one) * 1000 / zone.rate)};
        }
        filter::tell_rates({told, count}, *subject.arena, head.fields);
        return false;
    }

private:
    static std::uint64_t wait_of(const Conf::Limit& limit, std::uint32_t rate, std::uint64_t excess) {
        return excess <= limit.delay ? 0 : (excess - limit.delay) * 1000 / rate;
    }

    // False: refused. `excess`: thousandths of requests over the rate, with this one. A table that has
    // no room left refuses as well.
    static bool ask(zone::Table& table, std::string_view key, std::uint32_t rate, std::uint64_t burst,
                    std::int64_t now, bool fill, std::uint64_t& excess) {
        auto entry = table.make(key, now);
        if (!entry) return false;
        if (entry.fresh()) {
            // Filled later: as if it had been empty for long.
            entry.cell(last) = fill ? static_cast<std::uint64_t>(now) : 0;
            excess = 0;
            return true;
        }
        const auto since = static_cast<std::int64_t>(entry.cell(last));
        const auto elapsed = std::clamp<std::int64_t>(now - since, 0, longest);
        const auto full = static_cast<std::int64_t>(entry.cell(level)) - rate * elapsed / 1000 + 1000;
        excess = static_cast<std::uint64_t>(std::max<std::int64_t>(full, 0));
        if (excess > burst) return false;
        if (fill) {
            entry.cell(level) = excess;
            entry.cell(last) = static_cast<std::uint64_t>(std::max(since, now));
        }
        return true;
    }

    Verdict refuse(route::Subject& subject, Answer& answer, const Conf::Limit& limit,
                   std::uint64_t excess) const {
        answer.note_level = conf_.log_level;
        note(subject, answer, "limiting requests", excess, " by zone", limit);
        if (conf_.dry_run) {
            subject.request_limit = LimitOutcome::rejected_dry_run;
            return Verdict::next;
        }
        subject.request_limit = LimitOutcome::rejected;
        answer.status = conf_.status;
        return Verdict::done;
    }

    void note(route::Subject& subject, Answer& answer, std::string_view what, std::uint64_t excess,
              std::string_view by, const Conf::Limit& limit) const {
        const auto& name = subject.around->config->zones[limit.zone].name;
        char* text = subject.arena->bytes(128 + name.size());
        auto end = fmt::format_to(text, "{}{}, excess: {}.{:03}{} \"{}\"", what,
                                  conf_.dry_run ? ", dry run" : "", excess / 1000, excess % 1000, by, name);
        answer.note = {text, static_cast<std::size_t>(end - text)};
    }

    const Conf& conf_;
};

}  // namespace

const filter::Module& module() {
    static const filter::Module made{
        .name = "limit_req",
        .nginx_rows = nginx_rows(),
        .make_filter = [](const void* conf, route::Library&) -> std::unique_ptr<filter::Filter> {
            const auto& own = *static_cast<const Conf*>(conf);
            if (own.limits.empty()) return nullptr;
            return std::make_unique<Limiter>(own);
        }};
    return made;
}

}  // namespace weir::modules::limit_req
