// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/scanner.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace weir::nginx {

namespace {

// nginx reads through a buffer of 4096 bytes: a word, its closing quote and the character that ends
// it must fit. Longer ones are nearly always a missing quote. (nginx refuses comments of that length
// too; weir takes them.)
constexpr std::size_t longest_word = 4096;
constexpr std::size_t most_problems = 100;

enum Class : unsigned char { plain = 0, blank = 1, ends_word = 2, escape = 4, dollar = 8 };

constexpr std::array<unsigned char, 256> make_classes() {
    std::array<unsigned char, 256> table{};
    for (unsigned char c : {' ', '\t', '\r', '\n'}) table[c] = blank;
    table[';'] = table['{'] = ends_word;
    table['\\'] = escape;
    table['$'] = dollar;
    return table;
}
constexpr auto classes = make_classes();
unsigned char class_of(char c) { return classes[static_cast<unsigned char>(c)]; }

std::string unescape(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\' || i + 1 == raw.size()) {
            out += raw[i];
            continue;
        }
        switch (raw[i + 1]) {
            case '"':
            case '\'':
            case '\\': out += raw[++i]; break;
            case 't': out += '\t'; ++i; break;
            case 'r': out += '\r'; ++i; break;
            case 'n': out += '\n'; ++i; break;
            default: out += raw[i]; break;
        }
    }
    return out;
}

// One past the last character of an unquoted word. Sets escapes when a backslash was seen.
char const* end_of_plain(char const* at, char const* end, bool& escapes) {
    bool after_dollar = false;
    for (; at != end; ++at) {
        auto kind = class_of(*at);
        if (kind == plain) {
            after_dollar = false;
        } else if (kind == dollar) {
            after_dollar = true;
        } else if (kind == escape) {
            escapes = true;
            after_dollar = false;
            if (++at == end) return end;
        } else if (!(after_dollar && *at == '{')) {
            return at;
        }
    }
    return end;
}

// The closing quote, or `end` when there is none.
char const* end_of_quoted(char const* at, char const* end, char quote, bool& escapes) {
    for (; at != end; ++at) {
        if (*at == quote) return at;
        if (*at == '\\') {
            escapes = true;
            if (++at == end) return end;
        }
    }
    return end;
}

// Where a string whose quote was forgotten is taken to end, so that reading can go on: before the
// ';' or '{' of its first line, or at the end of that line.
char const* guess_end(char const* at, char const* end) {
    auto line = std::find(at, end, '\n');
    auto stop = std::find_if(at, line, [](char c) { return c == ';'; });
    return stop;
}

class WordReader {
public:
    WordReader(char const*& at, ScanState& state) : at_(at), state_(state) {}

    void read() {
        char const* start = at_;
        bool escapes = false;
        if (*start == '"' || *start == '\'') {
            read_quoted(start, escapes);
        } else {
            at_ = end_of_plain(start, state_.end, escapes);
            take(start, at_, start, at_, escapes, false);
            if (static_cast<std::size_t>(at_ - start) >= longest_word)
                state_.report(Problem::Kind::too_long, at_, word_length(), state_.offset(start));
        }
    }

private:
    static constexpr std::size_t word_length() { return 10; }   // what of a long word is shown

    void read_quoted(char const* start, bool escapes) {
        char quote = *start;
        char const* close = end_of_quoted(start + 1, state_.end, quote, escapes);
        bool missing = close == state_.end || static_cast<std::size_t>(close - start) >= longest_word;
        bool glued = !missing && close + 1 != state_.end && !may_follow_quote(close[1]);
        if (missing || (glued && spans_lines(start, close))) {
            // Either the quote is missing, or it met the opening quote of a later string.
            close = guess_end(start + 1, state_.end);
            take(start, close, start + 1, close, escapes, true);
            at_ = close;
            state_.report(Problem::Kind::end_in_quotes, at_, 1, state_.offset(start));
            return;
        }
        take(start, close + 1, start + 1, close, escapes, true);
        at_ = close + 1;
        if (glued) state_.report(Problem::Kind::after_quote, at_, 1, state_.offset(start));
    }

    static bool may_follow_quote(char c) {
        return class_of(c) == blank || class_of(c) == ends_word || c == ')';
    }
    static bool spans_lines(char const* start, char const* close) {
        return std::memchr(start, '\n', static_cast<std::size_t>(close - start)) != nullptr;
    }

    void take(char const* begin, char const* end, char const* text, char const* text_end,
              bool escapes, bool quoted) {
        std::string_view raw(text, static_cast<std::size_t>(text_end - text));
        Span span{state_.file, state_.offset(begin), static_cast<std::uint32_t>(end - begin)};
        auto resolved = escapes ? state_.arena->keep(unescape(raw)) : raw;
        state_.scratch.push_back({resolved, span, quoted});
    }

    char const*& at_;
    ScanState& state_;
};

}  // namespace

void ScanState::report(Problem::Kind kind, char const*& at, std::size_t length,
                       std::uint32_t opened_at) {
    bool about_quote = kind == Problem::Kind::end_in_quotes || kind == Problem::Kind::too_long;
    auto begin = about_quote ? opened_at : offset(at);
    problems.push_back({kind, begin, static_cast<std::uint32_t>(length), opened_at});
    if (problems.size() >= most_problems) {
        at = end;
        end_reported = true;
    }
}

char const* skip_blank(char const* at, char const* end) {
    while (at != end) {
        if (class_of(*at) == blank) {
            ++at;
        } else if (*at == '#') {
            auto* line_end = static_cast<char const*>(
                std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
            at = line_end ? line_end : end;
        } else {
            break;
        }
    }
    return at;
}

bool scan_words(char const*& at, ScanState& state, ast::Words& words) {
    state.scratch.clear();
    char const* here = skip_blank(at, state.end);
    WordReader reader(here, state);
    while (here != state.end && class_of(*here) != ends_word && *here != '}') {
        reader.read();
        here = skip_blank(here, state.end);
    }
    if (state.scratch.empty()) return false;
    words.list = state.arena->keep(state.scratch);
    state.raw_body = words.list.front().text.ends_with("_by_lua_block");
    at = here;
    return true;
}

namespace {

// The end of a Lua string, comment or long bracket that starts here; `at` itself when none does.
char const* skip_lua_token(char const* at, char const* end) {
    auto rest = std::string_view(at, static_cast<std::size_t>(end - at));
    std::size_t stop = 0;
    bool comment = rest.starts_with("--");
    auto body = comment ? rest.substr(2) : rest;
    if (body.starts_with("[[")) {
        stop = body.find("]]");
        stop = stop == body.npos ? body.size() : stop + 2;
    } else if (comment) {
        stop = std::min(body.find('\n'), body.size());
    } else if (body[0] == '"' || body[0] == '\'') {
        for (stop = 1; stop < body.size() && body[stop] != body[0]; ++stop)
            if (body[stop] == '\\') ++stop;
        stop = std::min(stop + 1, body.size());
    }
    return at + stop + (comment ? 2 : 0);
}

}  // namespace

char const* skip_lua(char const* at, char const* end) {
    std::size_t depth = 0;
    while (at != end) {
        if (auto* next = skip_lua_token(at, end); next != at) {
            at = next;
            continue;
        }
        if (*at == '}' && depth-- == 0) return at;
        if (*at == '{') ++depth;
        ++at;
    }
    return end;
}

std::span<const ast::Word> ast::Arena::keep(std::span<const Word> words) {
    if (words.size() > chunk / 4) {   // a giant of its own; the current chunk goes on after it
        auto own = std::make_unique<Word[]>(words.size());
        std::copy(words.begin(), words.end(), own.get());
        std::span<const Word> kept(own.get(), words.size());
        chunks_.insert(chunks_.begin(), std::move(own));
        return kept;
    }
    if (used_ + words.size() > chunk) {
        chunks_.push_back(std::make_unique<Word[]>(chunk));
        used_ = 0;
    }
    Word* place = chunks_.back().get() + used_;
    std::copy(words.begin(), words.end(), place);
    used_ += words.size();
    return {place, words.size()};
}

}  // namespace weir::nginx
