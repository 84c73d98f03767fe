// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/purge.hpp"

#include <algorithm>

namespace weir::cache {

namespace {

bool has_tag(std::string_view head, std::string_view wanted) {
    bool found = false;
    while (!head.empty() && !found) {
        auto end = std::min(head.find('\n'), head.size());
        auto line = head.substr(0, end);
        head.remove_prefix(std::min(end + 1, head.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        auto colon = line.find(':');
        if (colon == line.npos || !is_tag_field(line.substr(0, colon))) continue;
        each_tag(line.substr(colon + 1), [&](std::string_view tag) { found |= tag == wanted; });
    }
    return found;
}

}  // namespace

bool is_tag_field(std::string_view name) {
    return http::equal_ignoring_case(name, "cache-tag") || http::equal_ignoring_case(name, "surrogate-key");
}

bool is_purged_by(std::string_view purge, std::string_view key, std::string_view head) {
    if (purge.empty()) return false;
    const auto what = purge.substr(1);
    switch (purge.front()) {
        case '=': return key == what;
        case '^': return key.starts_with(what);
        case '#': return has_tag(head, what);
        default: return false;
    }
}

}  // namespace weir::cache
