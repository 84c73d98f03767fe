// SPDX-License-Identifier: Apache-2.0
// What a purge takes out of a cache, as a line of text: "=KEY" what is kept under that key, "^TEXT" under keys
// that begin so, "#TAG" answers with that tag in a Cache-Tag or Surrogate-Key field. Pure functions.
#pragma once

#include <string_view>

#include "runtime/cache/lists.hpp"
#include "runtime/http/message.hpp"

namespace weir::cache {

bool is_tag_field(std::string_view name);

// The tags of such a field; blanks and commas part them.
template <class Visit>
void each_tag(std::string_view value, Visit visit) {
    constexpr std::string_view apart = " \t,";
    while (true) {
        auto begin = value.find_first_not_of(apart);
        if (begin == value.npos) return;
        value.remove_prefix(begin);
        auto tag = value.substr(0, value.find_first_of(apart));
        visit(tag);
        value.remove_prefix(tag.size());
    }
}

// `head`: of the answer, as HTTP/1 has it.
bool is_purged_by(std::string_view purge, std::string_view key, std::string_view head);

}  // namespace weir::cache
