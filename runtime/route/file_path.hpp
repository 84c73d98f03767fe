// SPDX-License-Identifier: Apache-2.0
// Which file a path stands for: root and alias. Names are made in the subject's arena and end in a NUL
// byte behind their last one, so that they can be opened as they are.
#pragma once

#include <string_view>

#include "runtime/route/eval.hpp"

namespace weir::route {

// ir::FileSettings' root, compiled.
struct FileRoot {
    Template root;
    bool is_alias = false;       // `left_out` bytes of the path are not added
    bool is_whole = false;       // nothing of the path is added
    std::uint32_t left_out = 0;
};

// ir::ScriptNames, compiled.
struct ScriptRules {
    std::string_view index;
    const Regex* split = nullptr;   // null: the whole path is the script's name
};

// What the normalized `path` stands for. A path shorter than what an alias leaves out (a rewrite made it
// so) adds nothing.
std::string_view file_path(const FileRoot& root, Subject& subject, std::string_view path);
// The same for text that is made here, with the NUL.
std::string_view with_nul(std::initializer_list<std::string_view> parts, Arena& arena);

}  // namespace weir::route
