// SPDX-License-Identifier: Apache-2.0
// The characters of nginx.conf: blanks, comments and words, as nginx's own reader takes them. The
// grammar (syntax.cpp) calls these from its X3 parsers; they are plain loops because a large
// configuration is mostly words.
//
// nginx's rules that surprise: '#', '}' and quotes are special only at the start of a word; '{' ends
// a word unless '$' stands before it; a backslash keeps the next character from ending the word,
// and stays in it unless it stands before a quote, a backslash, t, r or n; after a closing quote
// only a blank, ';', '{' or ')' may follow.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "parser/nginx/ast.hpp"

namespace weir::nginx {

// A syntax problem at [begin, begin + length) of the file.
struct Problem {
    enum class Kind : std::uint8_t {
        unexpected_close,      // '}' without a block
        unexpected_semicolon,  // ';' without a directive
        unexpected_open,       // '{' without a directive
        missing_terminator,    // '}' after words: ';' is missing
        end_in_directive,      // end of file after words
        end_in_block,          // end of file before '}'
        end_in_quotes,         // the closing quote is missing
        after_quote,           // something glued to a closing quote
        too_long,              // a word nginx would not take
        too_deep,
    };
    Kind kind{};
    std::uint32_t begin = 0, length = 0;
    std::uint32_t opened_at = 0;   // the '{' or quote this is about
};

// What one run of the grammar shares with the scanner.
struct ScanState {
    FileId file = 0;
    char const* text = nullptr;   // first byte of the file
    char const* end = nullptr;    // one past the last
    ast::Arena* arena = nullptr;
    std::vector<Problem> problems;
    std::vector<std::uint32_t> open_blocks;   // offsets of the '{' not closed yet
    std::vector<ast::Word> scratch;
    bool end_reported = false;
    bool raw_body = false;   // the body to come is in another language (content_by_lua_block)

    [[nodiscard]] std::uint32_t offset(char const* at) const {
        return static_cast<std::uint32_t>(at - text);
    }
    // Records a problem; after too many the rest of the file is skipped by moving `at` to the end.
    void report(Problem::Kind kind, char const*& at, std::size_t length, std::uint32_t opened_at = 0);
};

// Moves over blanks and comments.
char const* skip_blank(char const* at, char const* end);

// Reads words until ';', '{', a '}' at the start of a word, or the end, which is not consumed.
// False when there is none.
bool scan_words(char const*& at, ScanState& state, ast::Words& words);

// From just behind the '{' of a Lua block to its '}', which is not consumed: braces in Lua's strings
// and comments do not count. The end when there is none.
char const* skip_lua(char const* at, char const* end);

}  // namespace weir::nginx
