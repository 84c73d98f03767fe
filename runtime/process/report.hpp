// SPDX-License-Identifier: Apache-2.0
// What the operator reads: diagnostics and the master's own messages, in the form that the scripts of
// the personality expect.
#pragma once

#include <string>
#include <string_view>

#include "parser/base/diag.hpp"
#include "parser/ir/config.hpp"
#include "runtime/process/signals.hpp"
#include "runtime/process/worker.hpp"

namespace weir::process {

// "weir", "nginx", "haproxy".
const char* name_of(Personality personality);

// All diagnostics of a run. Advice is left out unless asked for.
std::string render(const diag::Sink& sink, const SourceMap& sources, Personality personality,
                   bool with_advice);

// One line at syslog severity `level` (1 alert ... 5 notice), with date and process id as in the logs
// of the personality.
std::string log_line(Personality personality, int level, std::string_view text);

// The master's voice: error log files of the configuration whose level admits it; stderr when there
// are none, when the personality keeps no log files (HAProxy), or until the start is over.
class Report {
public:
    explicit Report(Personality personality) : personality_(personality) {}
    void use(const ir::Config& config, const LogFiles& logs);
    void say(int level, std::string_view text);
    // Ready-made lines (rendered diagnostics), level 3.
    void say_raw(const std::string& lines);
    bool quiet = false;      // haproxy -q
    bool to_terminal = true; // stderr is there (not a daemon, or still starting)

private:
    struct Target {
        int fd;
        int level;
    };
    Personality personality_;
    std::vector<Target> targets_;
};

}  // namespace weir::process
