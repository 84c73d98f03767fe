// SPDX-License-Identifier: Apache-2.0
// The command lines. argv[0] decides whose: nginx's, HAProxy's or weir's own. Parsing is a pure
// function; what the words ask for is done by main.cpp.
#pragma once

#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "runtime/process/signals.hpp"

namespace weir::process {

struct CommandLine {
    Personality personality = Personality::weir;
    enum class Command : std::uint8_t {
        run, test, dump, signal, version, version_long, help, print_ir, keywords, demo, ping,
        warm, check_condition,
    } command = Command::run;

    struct File {
        enum class Language : std::uint8_t { detect, nginx, haproxy } language = Language::detect;
        std::string path;
    };
    std::vector<File> files;           // none: the personality's default
    std::vector<std::pair<std::string, std::string>> built_in;   // files that exist only here
    std::string prefix;                // nginx -p
    std::string global_directives;     // nginx -g
    std::string error_log;             // nginx -e
    std::string verb;                  // -s: stop, quit, reload, reopen
    bool quiet = false;
    bool verbose = false;              // haproxy -V
    bool with_advice = false;          // weir -tt, haproxy -dD
    bool offline = false;
    std::string format = "text";       // --format
    std::string keywords_of;           // weir keywords: "nginx", "haproxy"; empty: both
    std::optional<bool> daemon;        // weir -D, haproxy -D / -db
    std::string pid_file;              // haproxy -p
    std::string folder;                // haproxy -C: chdir first
    std::string condition;             // haproxy -cc
    std::string local_peer;            // haproxy -L
    std::uint32_t max_connections = 0; // haproxy -n
    std::uint32_t max_megabytes = 0;   // haproxy -m
    bool master_worker = false;        // haproxy -W, -Ws
    bool warnings_fatal = false;       // haproxy -dW
    bool ignore_resolution = false;    // haproxy -dr
    std::vector<pid_t> finish, terminate;   // haproxy -sf, -st
    std::string sockets_from;          // haproxy -x: a stats socket that gives listening sockets
    std::vector<std::string> without_effect;   // accepted options that change nothing in weir

    std::string warm_file, warm_to;    // weir warm
    std::uint32_t warm_at_once = 4;

    std::string problem;               // not empty: what is wrong with the command line
};

// By the last part of argv[0]: "nginx", "haproxy"; everything else is weir.
Personality personality_of(const std::string& argv0);
CommandLine parse_command_line(const std::vector<std::string>& arguments);

// What -v, -V, -vv and -h print, with the line end.
std::string version_text_of(Personality personality);
std::string long_version_of(Personality personality);
std::string help_of(Personality personality);

}  // namespace weir::process
