// SPDX-License-Identifier: Apache-2.0
// CompiledMap: nginx's map. Exact keys first (case ignored), then host wildcards, then regexes in
// order, then the default.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/route/eval.hpp"

namespace weir::route {

class CompiledMap {
public:
    // Two steps, since maps may name each other: the object exists before its templates are
    // compiled.
    explicit CompiledMap(const ir::Map& conf) : conf_(conf) {}
    void compile(Library& library);
    // The value for the map's own key, or for `key` where the expression brings one.
    [[nodiscard]] Value find(Subject& subject, const std::string_view* key) const;

private:
    using Table = std::unordered_map<std::string_view, std::size_t>;
    struct RegexEntry {
        const Regex* regex;
        std::size_t value;
    };
    void add_key(const std::string& key, std::size_t value);
    [[nodiscard]] const Template* look_up(std::string_view key, Subject& subject) const;
    [[nodiscard]] const Template* look_up_host(std::string_view host) const;

    const ir::Map& conf_;
    const Library* library_ = nullptr;
    Template key_, fallback_;
    std::deque<std::string> keys_;  // in lower case; the tables point here
    Table exact_, leading_, trailing_;
    std::vector<RegexEntry> regexes_;
    std::vector<Template> values_;
};

}  // namespace weir::route
