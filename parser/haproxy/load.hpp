// SPDX-License-Identifier: Apache-2.0
// The entrance to the HAProxy front-end: text of one or more files to IR.
#pragma once

#include <string>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"
#include "parser/keyword/keyword.hpp"

namespace weir::haproxy {

// Reads `paths` (as given with -f, in order: files, or folders whose *.cfg files are read in
// alphabetical order) as one configuration, as HAProxy does, and adds what they say to `config`.
// Every problem goes to `sink`; the text of each file goes to `sources`. The result holds no view
// into either. `modules` are further rows.
void load(const std::vector<std::string>& paths, SourceSet& set, SourceMap& sources,
          const std::vector<keyword::Table>& modules, ir::Config& config, diag::Sink& sink);

}  // namespace weir::haproxy
