// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket (HAProxy's stats socket): one row each, like the keywords of a
// configuration. The warden has those about servers and about the socket itself; a module brings the
// ones about what it shows or keeps.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "parser/ir/config.hpp"
#include "runtime/route/context.hpp"

namespace weir::filter {

using Level = ir::ControlSocket::Level;

// One call. `out` is what the peer reads; an empty line is added behind it.
struct CommandCall {
    std::span<const std::string_view> words;   // behind the command's own
    std::string_view payload;                  // lines that followed "<<"
    const route::Surroundings& around;
    Level level = Level::user;
    std::string& out;
    std::int64_t now_seconds = 0;              // unix time
    std::int64_t started_seconds = 0;          // when the warden did
    // To be called after a change of a server's state: workers look at it anew.
    const std::function<void(zone::ServerState&)>& changed;
    [[nodiscard]] std::string_view word(std::size_t i) const {
        return i < words.size() ? words[i] : std::string_view();
    }
    void say(std::string_view line) {
        out += line;
        out += '\n';
    }
};

struct Command {
    std::string_view words;     // "show stat"
    std::string_view syntax;    // what follows, as help prints it
    std::string_view summary;
    Level level = Level::user;  // who may
    void (*run)(CommandCall& call) = nullptr;
};
using Commands = std::span<const Command>;

}  // namespace weir::filter
