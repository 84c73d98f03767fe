// SPDX-License-Identifier: Apache-2.0
// CompiledMap: nginx's map, geo, split_clients and valid_referers. A table has exact keys first (case
// ignored), then host wildcards, then regexes in order, then the default.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/route/eval.hpp"
#include "runtime/route/file_map.hpp"

namespace weir::route {

class CompiledMap {
public:
    // Two steps, since maps may name each other: the object exists before its templates are
    // compiled.
    explicit CompiledMap(const ir::Map& conf) : conf_(conf) {}
    void compile(Library& library);
    // The value for the map's own key, or for `key` where the expression brings one.
    [[nodiscard]] Value find(Subject& subject, const std::string_view* key) const;
    // HAProxy's maps, which stand in expressions only: null for nginx's.
    [[nodiscard]] const FileMap* file_map() const { return file_map_.get(); }

private:
    using Table = std::unordered_map<std::string_view, std::size_t>;
    struct RegexEntry {
        const Regex* regex;
        std::size_t value;
    };
    void add_key(const std::string& key, std::size_t value);
    [[nodiscard]] const Template* look_up(std::string_view key, Subject& subject) const;
    [[nodiscard]] const Template* look_up_host(std::string_view host) const;
    // map_kinds.cpp
    void add_network(const ir::Map::Entry& entry, std::size_t value);
    [[nodiscard]] const Template* look_up_network(std::string_view key) const;
    [[nodiscard]] const Template* look_up_share(std::string_view key) const;
    [[nodiscard]] const Template* look_up_referer(const std::string_view& key, Subject& subject) const;
    [[nodiscard]] bool is_referer(const std::string& entry, std::string_view host) const;

    const ir::Map& conf_;
    const Library* library_ = nullptr;
    Template key_, fallback_;
    std::deque<std::string> keys_;  // in lower case; the tables point here
    Table exact_, leading_, trailing_;
    std::vector<RegexEntry> regexes_;
    // Networks of one length, by their bytes; the longest first. The family is part of the key.
    struct Networks {
        IpAddress::Family family;
        std::uint8_t bits;
        std::unordered_map<std::string_view, std::size_t> by_address;
    };
    std::vector<Networks> networks_;
    std::vector<Template> values_;
    std::unique_ptr<FileMap> file_map_;
};

}  // namespace weir::route
