// SPDX-License-Identifier: Apache-2.0
// Files that a route serves, and who may ask: settings of nginx's static, index, autoindex, access and
// auth modules.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "parser/ir/expr.hpp"

namespace weir::ir {

// Where the files of a route lie and how they are shown.
struct FileSettings {
    // root, alias: a folder, complete but for what variables give.
    Text root = Text::of("html");
    // What of a path is left out behind `root`: the location's prefix (alias), or all of it (alias in a
    // regex location: `root` is the whole name).
    bool is_alias = false, root_is_whole = false;
    std::uint32_t left_out = 0;
    std::vector<Text> index{Text::of("index.html")};
    bool etag = true;
    enum class IfModified : std::uint8_t { off, exact, before } if_modified = IfModified::exact;
    std::uint32_t max_ranges = 0xffffffff;   // 0: Range is not looked at
    bool log_not_found = true;
    // autoindex: what a folder without an index file shows.
    struct Listing {
        bool shown = false;
        bool exact_size = true;
        bool local_time = false;
        enum class Format : std::uint8_t { html, xml, json, jsonp } format = Format::html;
    } listing;
    bool random_index = false;
    // disable_symlinks: a link on the way is an error, or one that belongs to another than its target.
    enum class Links : std::uint8_t { follow, refuse, same_owner } links = Links::follow;
    Text links_from;                     // links in this first part of a name are followed
    bool by_threads = false;             // aio: what is not in memory is read by threads
};

// try_files: the first file that is there; else `otherwise`.
struct TryFiles {
    struct Name {
        Text text;
        bool folder = false;             // ended in '/': a folder is looked for
    };
    std::vector<Name> names;
    std::optional<Text> uri;             // otherwise: another request inside
    bool named = false;                  // `uri` is the name of a route
    std::uint16_t status = 0;            // otherwise: that answer
};

// Who may ask: nginx's access phase. Everything that is said must agree, or (any) one of it.
struct AccessSettings {
    struct Rule {
        enum class Who : std::uint8_t { all, network, unix_socket } who = Who::all;
        PatternSet::Network network;
        bool allow = false;
    };
    std::vector<Rule> addresses;         // allow, deny: the first that fits
    bool any = false;                    // satisfy any
    std::optional<Text> realm;           // auth_basic; a value of "off" asks nobody
    Text users;                          // auth_basic_user_file: read anew when it changes
    std::string ask_uri;                 // auth_request: an inner request there decides; empty: none
    // auth_request_set: variables that take their values from that answer.
    struct Note {
        std::uint32_t slot = 0;
        Text value;
    };
    std::vector<Note> notes;
    std::chrono::milliseconds delay{0};  // auth_delay: before each 401
};

}  // namespace weir::ir
