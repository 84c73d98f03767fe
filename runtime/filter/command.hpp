// SPDX-License-Identifier: Apache-2.0
// Commands of the runtime socket (HAProxy's stats socket): one row each, like the keywords of a
// configuration. The warden has those about servers and about the socket itself; a module brings the
// ones about what it shows or keeps.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "runtime/route/context.hpp"

namespace weir::filter {

using Level = ir::ControlSocket::Level;

// What a command wants changed in the running configuration, or (`begin`) done by somebody who calls
// `done` in the end. The peer waits until all processes have it; then `then` writes what it reads.
// `problem` says why nothing has changed; empty: it has.
struct Wanted {
    using Done = std::function<void(const std::string& problem)>;
    std::vector<Amendment> changes;
    std::function<void(Done done)> begin;
    std::function<void(std::string& out, const std::string& problem)> then;
};

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
    Wanted* wanted = nullptr;                  // null: nothing can be changed here
    [[nodiscard]] std::string_view word(std::size_t i) const {
        return i < words.size() ? words[i] : std::string_view();
    }
    void say(std::string_view line) {
        out += line;
        out += '\n';
    }
    void want(std::vector<Amendment> changes,
              std::function<void(std::string& out, const std::string& problem)> then) {
        if (!wanted) return say("Nothing can be changed here.");
        wanted->changes = std::move(changes);
        wanted->then = std::move(then);
    }
    void wait_for(std::function<void(Wanted::Done done)> begin,
                  std::function<void(std::string& out, const std::string& problem)> then) {
        if (!wanted) return say("Nothing can be waited for here.");
        wanted->begin = std::move(begin);
        wanted->then = std::move(then);
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
