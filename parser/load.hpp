// SPDX-License-Identifier: Apache-2.0
// load_config: text to IR. The one entrance to the front-ends; a pure function of the SourceSet.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "parser/keyword/keyword.hpp"

namespace weir {

enum class Dialect { detect, nginx, haproxy };

// One thing to load: a file or (HAProxy) folder, or text from the command line (nginx -g).
struct Input {
    Dialect dialect = Dialect::detect;
    std::string path;
};

// What the command line adds to the text.
struct LoadOptions {
    std::string prefix = "/etc/nginx/";      // nginx -p, relative paths of the main file
    std::string global_directives;           // nginx -g
    std::string error_log;                   // nginx -e
    bool offline = false;                    // files and names other than the configuration unknown
};

// Further rows from modules, by dialect.
struct ModuleRows {
    std::vector<keyword::Table> nginx, haproxy;
};

// Loads all inputs (several -f; or one of each language) into one Config and validates it. Every
// problem goes to the sink; nothing comes back when there was an error. `sources` receives the text
// of each file for the messages.
std::optional<ir::Config> load_config(const std::vector<Input>& inputs, const LoadOptions& options,
                                      SourceSet& set, SourceMap& sources, const ModuleRows& modules,
                                      diag::Sink& sink);

// `weir keywords`: every row of both languages as manual text, JSON or completion words.
// `program`: of one language only, as it is spoken of ("nginx", "HAProxy"); empty: both.
std::string dump_keywords(keyword::DumpFormat format, const ModuleRows& modules,
                          std::string_view program = {});

// nginx or haproxy by content: words that open a section at the start of a line against directives
// that end in ';' or '{'.
Dialect detect_dialect(std::string_view text);

}  // namespace weir
