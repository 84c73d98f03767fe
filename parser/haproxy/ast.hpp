// SPDX-License-Identifier: Apache-2.0
// What the grammars of HAProxy's language yield: words of lines, and the small languages inside
// words (calls with arguments, log formats, .if conditions). Plain data, no meaning yet.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/source.hpp"

namespace weir::haproxy::ast {

// A word with quotes and backslashes resolved. `text` points into the source, or into the
// document's arena when something had to be resolved; `span` is the word as written.
struct Word {
    std::string_view text;
    Span span;
    bool quoted = false;
};

// Some consecutive words of Document::words.
struct Line {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    bool at_run_time = false;  // from no file: by the runtime socket
};

// A word that opens a section and the lines up to the next one.
struct Section {
    Line head;
    std::uint32_t first_line = 0;
    std::uint32_t lines = 0;
};

// All files of one configuration, in reading order.
struct Document {
    std::vector<Word> words;
    std::vector<Line> lines;
    std::vector<Section> sections;
    std::deque<std::string> arena;

    [[nodiscard]] const Word* begin(Line line) const { return words.data() + line.first; }
};

// A place inside a word's text that does not fit the grammar.
struct Problem {
    std::size_t at = 0;
    std::string expected;
};

// name(arg,arg): a sample fetch, a converter, an ACL keyword, a predicate of .if.
struct CallArg {
    std::string text;
    std::size_t at = 0;
};
struct CallExpr {
    std::string name;
    std::vector<CallArg> args;
    bool has_args = false;  // "()" was written
    std::size_t at = 0;     // where the name starts
};
// fetch(args),converter(args),...
struct Chain {
    std::vector<CallExpr> calls;
    std::size_t length = 0;  // bytes that belong to it
};

// A piece of a log format.
struct FormatPiece {
    enum class Kind : std::uint8_t { literal, variable, expression } kind = Kind::literal;
    std::string text;   // literal bytes, or the variable's name without '%'
    std::string flags;  // what stood in %{...}
    Chain chain;        // %[...]
    std::size_t at = 0, length = 0;
};

// A condition of .if: a tree of calls.
struct Conditional {
    enum class Op : std::uint8_t { any_of, all_of, negate, call } op = Op::call;
    std::vector<Conditional> in;
    CallExpr call;
};

}  // namespace weir::haproxy::ast
