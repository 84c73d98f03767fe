// SPDX-License-Identifier: Apache-2.0
// Links of an answer that a client may want to know of before it: what a 103 tells (RFC 8297, RFC 8288).
// Used where an answer is kept in memory (HAProxy's early-hints).
#pragma once

#include <string_view>

#include "runtime/http/message.hpp"

namespace weir::cache {

// Whether a link-value names, in its first "rel", one of preload, preconnect, dns-prefetch, modulepreload
// and prefetch. Strict: what is not well formed is none.
bool is_hint(std::string_view link);

// For each Link field that has some, its values of that kind, in a line of its own; in the arena.
std::string_view hints_of(const http::FieldList& answer, Arena& arena);

}  // namespace weir::cache
