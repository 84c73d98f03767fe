// SPDX-License-Identifier: Apache-2.0
// What sub_filter is to replace.
#pragma once

#include <string>
#include <vector>

#include "parser/ir/config.hpp"

namespace weir::modules::sub_filter {

struct Conf {
    struct Pair {
        ir::Text search, replacement;
    };
    std::vector<Pair> pairs;
    bool once = true;             // each text is replaced once only
    bool last_modified = false;   // Last-Modified stays
    std::vector<std::string> types{"text/html"};
    const void* level = nullptr;  // the block that the pairs are from: another one begins a new list
};

}  // namespace weir::modules::sub_filter
