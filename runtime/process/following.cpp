// SPDX-License-Identifier: Apache-2.0
// Certificates that are taken when their files change. What changed takes the way of a change over the
// runtime socket: all processes have it or none, no connection hears of it, and the next reload finds the
// same in the files.
#include <fmt/format.h>

#include "runtime/process/former_files.hpp"
#include "runtime/process/master.hpp"
#include "runtime/process/renewal.hpp"

namespace weir::process {

namespace {

constexpr int notice = 5, warning = 4, error = 3;
constexpr std::size_t most_named = 10;   // files in one line of the log

// Lines from the loader to the log: "<5>text", as in sd-daemon(3).
std::string line(int level, std::string_view text) { return fmt::format("<{}>{}\n", level, text); }

std::string names_of(const std::vector<Amendment>& changes) {
    std::string names;
    for (std::size_t i = 0; i < std::min(changes.size(), most_named); ++i)
        names += fmt::format("{}\"{}\"", i == 0 ? "" : ", ", changes[i].name);
    if (changes.size() > most_named) names += fmt::format(" and {} more", changes.size() - most_named);
    return names;
}

}  // namespace

// Whatever configuration runs now. Problems are told once for each set of files.
void Master::follow() {
    const auto problem = follower_.follow(followed_files(*now_.config));
    if (!problem.empty())
        report_.say(warning, fmt::format("folders of certificates cannot be watched, the files are looked at now and "
                                         "then: {}", problem));
}

void Master::ask_to_follow() {
    if (life_ != Life::running && life_ != Life::drained) return;
    follow_again_ = true;
    if (!reload_ && life_ == Life::running) begin_following();
}

void Master::begin_following() {
    follow_again_ = false;
    reload_ = std::make_unique<Reload>();
    reload_->number = ++reload_count_;
    reload_->following = follower_.changed();
    if (!sources_) return reload_lost("the running configuration is not at hand");
    start_loader();
}

// In the loader: the running configuration with what the files hold now; none where nothing is to be taken.
std::optional<SourceSet> Master::renewed(std::string& report) const {
    LiveWorld world;
    auto renewal = renew(*now_.config, *reload_->following, world);
    for (const auto& why : renewal.refused) report += line(error, "a changed file is not taken: " + why);
    if (renewal.changes.empty()) return std::nullopt;
    report += line(notice, "taken as they changed: " + names_of(renewal.changes));
    auto set = running_sources();
    if (!set) report += line(error, "the running configuration is not at hand");
    for (const auto& one : renewal.changes)
        if (set) set->amend(one);
    return set;
}

void Master::finish_following(int status, const std::string& report) {
    if (life_ == Life::stopping) return;
    bool refused = false;
    for (const auto& text : lines_of(report)) {
        const bool marked = text.size() > 3 && text[0] == '<' && text[2] == '>';
        const int level = marked ? text[1] - '0' : error;
        if (!marked) report_.say_raw(text + "\n");
        else if (level == error || status == 0) report_.say(level, text.substr(3));
        refused |= !marked;
    }
    if (refused) report_.say(error, "changed files are not taken, what they held before stays");
}

}  // namespace weir::process
