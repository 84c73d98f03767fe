// SPDX-License-Identifier: Apache-2.0
// Counts a request (or a stream session) in the entry of its key as long as it lasts.
#include <fmt/format.h>

#include "modules/limit_conn/conf.hpp"
#include "modules/limit_conn/module.hpp"
#include "modules/limit_conn/rows.hpp"

namespace weir::modules::limit_conn {

namespace {

using filter::Answer;
using filter::Verdict;
using route::LimitOutcome;

constexpr std::size_t longest_key = 255;

class Limiter final : public filter::Filter {
public:
    explicit Limiter(const Conf& conf) : conf_(conf) {}

    Verdict on_request(route::Subject& subject, Answer& answer) override {
        if (subject.connection_limit != LimitOutcome::none) return Verdict::next;
        auto& holds = *subject.around->holds;
        const auto now = subject.now_us / 1000;
        auto* nodes = subject.arena->make_array<zone::HoldNode>(conf_.limits.size());
        std::size_t count = 0;
        for (const auto& limit : conf_.limits) {
            auto* table = subject.around->zones[limit.zone];
            const auto key = route::zone_key(subject, limit.zone);
            if (key.empty() || !table) continue;
            if (key.size() > longest_key) {
                answer.note = "the value of a \"limit_conn_zone\" key is more than 255 bytes";
                continue;
            }
            const auto cell = table->column(zone::What::connections).first;
            auto hold = zone::Holds::none;
            bool over = false;
            if (auto entry = table->make(key, now)) {
                over = entry.cell(cell) >= limit.most;
                if (!over) hold = holds.take(*table, entry, cell);
            }
            if (hold != zone::Holds::none) {
                nodes[count].holds = &holds;
                nodes[count++].hold = hold;
                continue;
            }
            for (std::size_t i = 0; i < count; ++i) holds.give_back(nodes[i].hold);
            return refuse(subject, answer, limit, over);
        }
        for (std::size_t i = 0; i < count; ++i) subject.holds.add(nodes[i]);
        if (count != 0) subject.connection_limit = LimitOutcome::passed;
        return Verdict::next;
    }

private:
    // `over`: else the table is full, of which nginx says nothing here either.
    Verdict refuse(route::Subject& subject, Answer& answer, const Conf::Limit& limit, bool over) const {
        if (over) {
            answer.note_level = conf_.log_level;
            answer.note = subject.arena->join({"limiting connections", conf_.dry_run ? ", dry run," : "",
                                               " by zone \"",
                                               subject.around->config->zones[limit.zone].name, "\""});
        }
        if (conf_.dry_run) {
            subject.connection_limit = LimitOutcome::rejected_dry_run;
            return Verdict::next;
        }
        subject.connection_limit = LimitOutcome::rejected;
        answer.status = conf_.status;
        return Verdict::done;
    }

    const Conf& conf_;
};

}  // namespace

const filter::Module& module() {
    static const filter::Module made{
        .name = "limit_conn",
        .nginx_rows = nginx_rows(),
        .make_filter = [](const void* conf, route::Library&) -> std::unique_ptr<filter::Filter> {
            const auto& own = *static_cast<const Conf*>(conf);
            if (own.limits.empty()) return nullptr;
            return std::make_unique<Limiter>(own);
        }};
    return made;
}

}  // namespace weir::modules::limit_conn
