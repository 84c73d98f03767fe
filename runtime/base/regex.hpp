// SPDX-License-Identifier: Apache-2.0
// Regex: a compiled Perl-compatible expression (PCRE2 with JIT). Matching allocates nothing: match
// data is per thread. A match limit ends hostile inputs (ReDoS): they count as "no match".
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"

struct pcre2_real_code_8;

namespace weir {

class Regex {
public:
    static constexpr std::uint32_t most_groups = 32;
    struct Name {
        std::string name;
        std::uint32_t group = 0;
    };
    // A finished match. Groups are views into the subject; an unset group has data() == nullptr.
    struct Match {
        std::string_view group[most_groups];
        std::uint32_t count = 0;  // highest set group + 1; 0 = no match
        explicit operator bool() const { return count != 0; }
    };

    static Expected<Regex, std::string> compile(std::string_view pattern, bool ignore_case);
    Regex(Regex&&) noexcept = default;
    Regex& operator=(Regex&&) noexcept = default;

    [[nodiscard]] bool matches(std::string_view subject) const;
    // Looks for a match at or after `from`; groups beyond most_groups are left out.
    bool match(std::string_view subject, Match& match, std::size_t from = 0,
               bool not_empty = false) const;
    [[nodiscard]] std::uint32_t groups() const { return groups_; }  // without group 0
    [[nodiscard]] const std::vector<Name>& names() const { return names_; }

private:
    struct Free {
        void operator()(pcre2_real_code_8* code) const;
    };
    Regex() = default;
    [[nodiscard]] int run(std::string_view subject, std::size_t from, std::uint32_t options) const;

    std::unique_ptr<pcre2_real_code_8, Free> code_;
    bool jit_ = false;
    std::uint32_t groups_ = 0;
    std::vector<Name> names_;
};

}  // namespace weir
