// SPDX-License-Identifier: Apache-2.0
// FileMap: a map whose keys are compared as HAProxy's map converters say: whole texts, beginnings (the
// longest counts), networks (the narrowest counts); endings, parts and regexes in the order of the
// file. Values are plain: texts, numbers or addresses.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/route/eval.hpp"

namespace weir::route {

class FileMap {
public:
    FileMap(const ir::Map& conf, Library& library);
    // Missing where no key fits and the map has no other value.
    [[nodiscard]] Value find(const Value& key, Subject& subject) const;

private:
    using How = ir::PatternSet::How;
    struct Regexed {
        const Regex* regex;
        std::size_t entry;
    };
    struct Range {
        std::int64_t low, high;
        std::size_t entry;
    };
    struct Network {
        IpAddress address;
        std::uint8_t bits;
        std::size_t entry;
    };
    [[nodiscard]] bool look_up(const Value& key, Subject& subject, std::size_t& entry) const;
    [[nodiscard]] bool look_up_text(std::string_view text, std::size_t& entry) const;
    [[nodiscard]] bool look_up_network(const IpAddress& ip, std::size_t& entry) const;
    [[nodiscard]] std::string_view with_groups(std::string_view text, const Regex::Match& match,
                                               Arena& arena) const;

    const ir::Map& conf_;
    std::unordered_map<std::string_view, std::size_t> exact_;
    std::size_t longest_ = 0;            // of the keys; beginnings are tried from there down
    std::vector<Regexed> regexes_;
    std::vector<Range> ranges_;
    std::vector<Network> networks_;      // narrowest first
    std::vector<Value> values_;          // by entry
    Value fallback_;
};

}  // namespace weir::route
