// SPDX-License-Identifier: Apache-2.0
// Source text with positions. A SourceMap owns the text of every configuration file that was read;
// a Span points into it. Lines and columns are computed only when a message is printed, so that a
// Span stays three integers and parsing does not count lines.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace weir {

using FileId = std::uint32_t;

// A piece of source text: file, first byte, number of bytes. The default is "nowhere" (built-in).
struct Span {
    static constexpr FileId nowhere = 0xffffffff;
    FileId file = nowhere;
    std::uint32_t begin = 0;
    std::uint32_t length = 0;

    [[nodiscard]] bool known() const { return file != nowhere; }
    // The smallest span that covers both; both must be in one file.
    [[nodiscard]] Span to(Span last) const {
        return {file, begin, last.begin + last.length - begin};
    }
};

struct SourceFile {
    std::string name;  // as the operator would write it: the path given or included
    std::string text;  // all bytes, NUL allowed
    Span included_at;  // the include directive's argument; nowhere for a top file
};

// Line and column count from 1; a column is a byte.
struct Position {
    std::uint32_t line = 0;
    std::uint32_t column = 0;
};

class SourceMap {
public:
    // Takes the text over; the returned id and all views into the text stay valid with the map.
    FileId add(std::string name, std::string text, Span included_at = {});
    [[nodiscard]] const SourceFile& file(FileId id) const { return files_[id]; }
    [[nodiscard]] std::size_t size() const { return files_.size(); }
    [[nodiscard]] std::string_view text(Span span) const;
    [[nodiscard]] Position position(FileId id, std::uint32_t offset) const;
    // The whole line that holds the offset, without its line end.
    [[nodiscard]] std::string_view line(FileId id, std::uint32_t offset) const;
    // True when a comes before b in reading order (includes count where they stand).
    [[nodiscard]] bool before(Span a, Span b) const;

private:
    std::deque<SourceFile> files_;
};

}  // namespace weir
