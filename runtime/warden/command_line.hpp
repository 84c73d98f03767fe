// SPDX-License-Identifier: Apache-2.0
// A line of the runtime socket taken apart as HAProxy does it: commands between semicolons, words
// between blanks, a backslash in front of what shall not separate. Pure functions over memory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::warden {

struct CommandText {
    std::vector<std::string> words;
    bool takes_payload = false;   // ended with "<<": lines follow, up to an empty one
    std::string payload_end;      // or, with "<<END", up to this one
};

// The commands of one line, empty ones left out. The line comes without its end.
std::vector<CommandText> parse_commands(std::string_view line);

}  // namespace weir::warden
