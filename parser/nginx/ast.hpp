// SPDX-License-Identifier: Apache-2.0
// What the grammar of nginx.conf yields: directives with their words and bodies, nothing judged.
// Words are views: into the source text, or into the arena when an escape had to be resolved. Both
// must outlive the tree.
#pragma once

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/source.hpp"

namespace weir::nginx::ast {

struct Word {
    std::string_view text;   // without quotes, escapes resolved
    Span span;               // as written, quotes included
    bool quoted = false;
};

// The words of one directive, the name first.
struct Words {
    std::span<const Word> list;
};

struct Directive;

// What ends a directive: ';' or a body in braces.
struct Body {
    bool present = false;
    std::vector<Directive> directives;
};

struct Directive {
    Words words;             // never empty
    Body body;
    [[nodiscard]] const Word& name() const { return words.list.front(); }
    [[nodiscard]] std::span<const Word> arguments() const { return words.list.subspan(1); }
};

// Keeps the words of all files and the text of those with escapes.
class Arena {
public:
    std::string_view keep(std::string text) { return texts_.emplace_back(std::move(text)); }
    // A copy of the words at a place that does not move.
    std::span<const Word> keep(std::span<const Word> words);

private:
    static constexpr std::size_t chunk = 4096;
    std::deque<std::string> texts_;
    std::vector<std::unique_ptr<Word[]>> chunks_;
    std::size_t used_ = chunk;   // words taken of the last chunk
};

}  // namespace weir::nginx::ast
