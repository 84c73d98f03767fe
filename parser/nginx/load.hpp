// SPDX-License-Identifier: Apache-2.0
// The entrance to the nginx front-end: an nginx.conf, its includes and the directives of the
// command line become IR. Called by parser/load.cpp only; problems go to the sink, all of them.
#pragma once

#include <span>
#include <string>

#include "parser/base/diag.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "parser/keyword/keyword.hpp"

namespace weir::nginx {

struct Options {
    std::string prefix = "/etc/nginx/";   // relative paths start here; a '/' is added at its end
    std::string global_directives;        // -g: read before the file, in the main context
    std::string error_log;                // -e: the error log where the file names none
    bool offline = false;                 // names and files other than the configuration unknown
};

// Reads `path` (taken relative to nothing: the command line has made it complete) into `config`,
// which may already hold what other inputs brought.
void load(const std::string& path, const Options& options, SourceSet& set, SourceMap& sources,
          std::span<const keyword::Table> module_tables, ir::Config& config, diag::Sink& sink);

}  // namespace weir::nginx
