// SPDX-License-Identifier: Apache-2.0
// Conversions between charsets, as the configuration spells them out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "parser/base/source.hpp"

namespace weir::ir {

// charset_map: from one charset to another, and back.
struct CharsetMap {
    std::string from, to;
    // What a byte of `from` is in `to`: a byte, or a letter of UTF-8. Bytes below 0x80 that are not listed
    // mean the same in both; others have no counterpart.
    std::vector<std::pair<std::uint8_t, std::string>> pairs;
    Span span;
};

}  // namespace weir::ir
