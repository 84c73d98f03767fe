// SPDX-License-Identifier: Apache-2.0
// Files to one Document: several files and folders, .if/.else blocks, messages (.notice, ...),
// environment variables, and the cut into sections. What is left for lower.cpp has no directive of
// the preprocessor in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/base/source_set.hpp"
#include "parser/haproxy/ast.hpp"

namespace weir::haproxy {

// The version of HAProxy whose language weir speaks: what version_atleast() compares with.
inline constexpr std::string_view language_version = "3.4.0";

// Reads and cuts all files; problems go to the sink.
ast::Document read_document(const std::vector<std::string>& paths, SourceSet& set,
                            SourceMap& sources, diag::Sink& sink);

// True for a word that opens a section, in any version of the language.
bool opens_section(std::string_view word);

}  // namespace weir::haproxy
