// SPDX-License-Identifier: Apache-2.0
// The grammar of nginx.conf. X3 has the structure (directives, bodies, what may be wrong with them);
// words come from the scanner. What the grammar finds wrong it records and goes on after: the last
// alternatives of `stray` and `ending` are the ways a file can be broken.
#include "parser/nginx/syntax.hpp"

#include <boost/spirit/home/x3.hpp>

#include <fmt/format.h>

#include "parser/nginx/ast_adapted.hpp"
#include "parser/nginx/scanner.hpp"

namespace weir::nginx {

namespace {

namespace x3 = boost::spirit::x3;
using Kind = Problem::Kind;

struct state_tag;
constexpr std::size_t deepest_block = 128;   // nginx nests five; the rest guards the stack

// The words of a directive.
struct WordsParser : x3::parser<WordsParser> {
    using attribute_type = ast::Words;
    static bool const has_attribute = true;
    template <class Iterator, class Context, class RuleContext, class Attribute>
    bool parse(Iterator& first, Iterator const&, Context const& context, RuleContext&,
               Attribute& words) const {
        ast::Words found;
        if (!scan_words(first, x3::get<state_tag>(context).get(), found)) return false;
        x3::traits::move_to(found, words);
        return true;
    }
};

// Parsers without an attribute that look at the next character after blanks; `Act` decides.
template <class Act>
struct Mark : x3::parser<Mark<Act>> {
    using attribute_type = x3::unused_type;
    static bool const has_attribute = false;
    template <class Iterator, class Context, class RuleContext, class Attribute>
    bool parse(Iterator& first, Iterator const&, Context const& context, RuleContext&,
               Attribute&) const {
        ScanState& state = x3::get<state_tag>(context).get();
        char const* at = skip_blank(first, state.end);
        if (!Act::take(at, state)) return false;
        first = at;
        return true;
    }
};

bool is(char const* at, const ScanState& state, char wanted) {
    return at != state.end && *at == wanted;
}

struct TakeSemicolon {
    static bool take(char const*& at, ScanState& state) {
        if (!is(at, state, ';')) return false;
        ++at;
        return true;
    }
};
struct TakeOpen {
    static bool take(char const*& at, ScanState& state) {
        if (!is(at, state, '{')) return false;
        state.open_blocks.push_back(state.offset(at));
        if (state.open_blocks.size() > deepest_block) {
            state.report(Kind::too_deep, at, 1);
            at = state.end;
            state.end_reported = true;
            return true;
        }
        ++at;
        if (state.raw_body) at = skip_lua(at, state.end);
        return true;
    }
};
// The '}' of a block, or the end of the file in its place.
struct TakeClose {
    static bool take(char const*& at, ScanState& state) {
        bool closed = is(at, state, '}');
        if (!closed && at != state.end) return false;
        if (closed) {
            ++at;
        } else if (!state.end_reported) {
            state.end_reported = true;
            auto opened = state.open_blocks.empty() ? 0 : state.open_blocks.back();
            state.report(Kind::end_in_block, at, 0, opened);
        }
        if (!state.open_blocks.empty()) state.open_blocks.pop_back();
        return true;
    }
};
// Words that run into '}' or the end of the file: their ';' is missing.
struct TakeMissingEnd {
    static bool take(char const*& at, ScanState& state) {
        if (at == state.end) {
            if (!state.end_reported) state.report(Kind::end_in_directive, at, 0);
            state.end_reported = true;
            return true;
        }
        if (*at != '}') return false;
        state.report(Kind::missing_terminator, at, 1);
        return true;
    }
};
struct TakeStraySemicolon {
    static bool take(char const*& at, ScanState& state) {
        if (!is(at, state, ';')) return false;
        state.report(Kind::unexpected_semicolon, at, 1);
        if (at != state.end) ++at;
        return true;
    }
};
struct TakeStrayOpen {
    static bool take(char const*& at, ScanState& state) {
        if (!is(at, state, '{')) return false;
        state.report(Kind::unexpected_open, at, 1);
        return TakeOpen::take(at, state) || at == state.end;
    }
};
struct TakeStrayClose {
    static bool take(char const*& at, ScanState& state) {
        if (!is(at, state, '}')) return false;
        state.report(Kind::unexpected_close, at, 1);
        if (at != state.end) ++at;
        return true;
    }
};
struct TakeEnd {
    static bool take(char const*& at, ScanState& state) { return at == state.end; }
};

constexpr WordsParser words;
constexpr Mark<TakeSemicolon> semicolon;
constexpr Mark<TakeOpen> open_brace;
constexpr Mark<TakeClose> close_brace;
constexpr Mark<TakeMissingEnd> missing_end;
constexpr Mark<TakeStraySemicolon> stray_semicolon;
constexpr Mark<TakeStrayOpen> stray_open;
constexpr Mark<TakeStrayClose> stray_close;
constexpr Mark<TakeEnd> end_of_file;

using Directives = std::vector<ast::Directive>;

x3::rule<struct file_id, Directives> const file = "a configuration";
x3::rule<struct items_id, Directives> const items = "directives";
x3::rule<struct directive_id, ast::Directive> const directive = "a directive";
x3::rule<struct body_id, ast::Body> const body = "\";\" or a block";

auto const nameless_block = stray_open >> x3::omit[items] >> close_brace;

auto const file_def = *(directive | stray_semicolon | nameless_block | stray_close) >> end_of_file;
auto const items_def = *(directive | stray_semicolon | nameless_block);
auto const directive_def = words >> body;
auto const body_def = (semicolon >> x3::attr(false) >> x3::attr(Directives())) |
                      (open_brace >> x3::attr(true) >> items >> close_brace) |
                      (missing_end >> x3::attr(false) >> x3::attr(Directives()));

BOOST_SPIRIT_DEFINE(file, items, directive, body)

std::string line_of(const ScanState& state, const SourceMap& sources, std::uint32_t offset) {
    return fmt::format("line {}", sources.position(state.file, offset).line);
}

// The first ten bytes of a word, as nginx shows it.
std::string_view start_of(const ScanState& state, std::uint32_t offset) {
    auto left = static_cast<std::size_t>(state.end - state.text) - offset;
    return {state.text + offset, std::min<std::size_t>(left, 10)};
}

void report(const Problem& problem, const ScanState& state, const SourceMap& sources,
            diag::Sink& sink) {
    Span at{state.file, problem.begin, problem.length};
    switch (problem.kind) {
        case Kind::unexpected_close:
            return sink.error(at, "unexpected-close", "unexpected \"}\"",
                              "no block is open here: remove it, or add the \"{\" it belongs to");
        case Kind::unexpected_semicolon:
            return sink.error(at, "unexpected-semicolon", "unexpected \";\"",
                              "no directive stands before it: remove it");
        case Kind::unexpected_open:
            return sink.error(at, "unexpected-open", "unexpected \"{\"",
                              "write the name of the block before it");
        case Kind::missing_terminator:
            return sink.error(at, "missing-semicolon", "unexpected \"}\"",
                              "the directive before it needs a \";\" at its end");
        case Kind::end_in_directive:
            return sink.error(at, "unexpected-end",
                              "unexpected end of file, expecting \";\" or \"}\"",
                              "the last directive needs a \";\" at its end");
        case Kind::end_in_block:
            return sink.error(at, "unexpected-end", "unexpected end of file, expecting \"}\"",
                              fmt::format("the \"{{\" of {} is not closed",
                                          line_of(state, sources, problem.opened_at)));
        case Kind::end_in_quotes:
            return sink.error(at, "missing-quote",
                              fmt::format("the string that starts with {} has no closing {}",
                                          state.text[problem.begin], state.text[problem.begin]),
                              "close it with the same quote; a quote inside is written \\\" or \\'");
        case Kind::after_quote:
            return sink.error(at, "after-quote",
                              fmt::format("unexpected \"{}\" after a quoted word",
                                          start_of(state, problem.begin).substr(0, 1)),
                              "put a blank between them, or the quotes around the whole word");
        case Kind::too_long:
            return sink.error(at, "too-long-word",
                              fmt::format("too long parameter \"{}...\" started",
                                          start_of(state, problem.begin)),
                              "a word has at most 4095 bytes; is a quote or a \";\" missing?");
        case Kind::too_deep:
            return sink.error(at, "too-deep",
                              fmt::format("blocks are nested more than {} deep", deepest_block),
                              "the rest of the file was not read");
    }
}

}  // namespace

std::vector<ast::Directive> parse_file(FileId id, const SourceMap& sources, ast::Arena& arena,
                                       diag::Sink& sink) {
    const std::string& text = sources.file(id).text;
    ScanState state;
    state.file = id;
    state.text = text.data();
    state.end = text.data() + text.size();
    state.arena = &arena;
    Directives directives;
    char const* first = state.text;
    auto const grammar = x3::with<state_tag>(std::ref(state))[file];
    x3::parse(first, state.end, grammar, directives);
    for (const auto& problem : state.problems) report(problem, state, sources, sink);
    return directives;
}

}  // namespace weir::nginx
