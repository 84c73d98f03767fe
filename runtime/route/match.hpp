// SPDX-License-Identifier: Apache-2.0
// Patterns: a compiled ir::PatternSet. Large sets cost no more than small ones where an index can
// help: equal (hash), prefix and suffix (sorted), integers (sorted), networks (hash per length).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "runtime/route/eval.hpp"

namespace weir::route {

// Finds whether one of many texts is a prefix of another one: binary search, then up the chain of
// texts that are prefixes of each other.
class PrefixIndex {
public:
    void build(std::vector<std::string> texts);
    [[nodiscard]] bool any_prefix_of(std::string_view text) const;

private:
    std::vector<std::string> texts_;
    std::vector<std::int32_t> parents_;
};

// A pattern that stands in the text between delimiters (or its ends); its own outer ones are ignored.
bool has_part(std::string_view text, std::string_view pattern, std::string_view delimiters);

class Patterns {
public:
    Patterns(const ir::PatternSet& set, const Span& span, Library& library);
    [[nodiscard]] bool matches(const Value& value, Subject& subject) const;
    [[nodiscard]] ir::PatternSet::How how() const { return set_.how; }

private:
    // "127.0.0.1" as a key of 4 bytes, 16 for IPv6; without the bits beyond `bits`.
    static std::string_view masked(const IpAddress& ip, unsigned bits, char* to);
    void add_networks();
    void merge_ranges();
    [[nodiscard]] bool matches_text(std::string_view text, Subject& subject) const;
    [[nodiscard]] bool matches_parts(std::string_view text, std::string_view delimiters) const;
    [[nodiscard]] bool in_ranges(std::int64_t number) const;
    [[nodiscard]] bool in_networks(const IpAddress& ip) const;

    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>()(text);
        }
    };
    using Texts = std::unordered_set<std::string, Hash, std::equal_to<>>;
    struct Length {
        std::uint8_t bits = 0;
        IpAddress::Family family = IpAddress::Family::none;
        Texts keys;
    };

    const ir::PatternSet& set_;
    const Library& library_;
    std::vector<std::string> texts_;  // in lower case with ignore_case
    Texts equal_;
    PrefixIndex prefixes_;  // reversed texts for suffixes
    std::vector<const Regex*> regexes_;
    std::vector<ir::PatternSet::Range> ranges_;  // sorted, apart
    std::vector<Length> networks_;
};

std::string_view lower_case(std::string_view text, Arena& arena);

}  // namespace weir::route
