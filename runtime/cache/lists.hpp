// SPDX-License-Identifier: Apache-2.0
// Lists in fields that caches read: members between commas, which quoted strings hide (RFC 9110 section 5.6.1).
#pragma once

#include <string_view>

namespace weir::cache {

inline std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Calls `visit` for each member of a list of tokens and quoted strings; empty ones are left out.
template <class Visit>
void each_member(std::string_view list, Visit visit) {
    for (std::size_t begin = 0; begin <= list.size();) {
        bool quoted = false;
        auto end = begin;
        for (; end < list.size() && (quoted || list[end] != ','); ++end)
            if (list[end] == '"') quoted = !quoted;
        if (auto member = trim(list.substr(begin, end - begin)); !member.empty()) visit(member);
        begin = end + 1;
    }
}

}  // namespace weir::cache
