// SPDX-License-Identifier: Apache-2.0
// The X3 grammars. Lines: X3 has the structure (gap, words, comment, line end); the words
// themselves are one hand-written X3 parser, because a file may have a million of them and nearly
// all are plain runs of bytes that are taken as a view into the source.
#include "parser/haproxy/syntax.hpp"

#include <boost/spirit/home/x3.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include "parser/haproxy/ast_adapted.hpp"

// After '>' an action is spoken of by the name of its rule, not by a mangled type.
namespace boost::spirit::x3 {
template <class Subject, class Action>
struct get_info<action<Subject, Action>> {
    using result_type = std::string;
    std::string operator()(const action<Subject, Action>& parser) const {
        return what(parser.subject);
    }
};
}  // namespace boost::spirit::x3

namespace weir::haproxy {

namespace x3 = boost::spirit::x3;

namespace {

// ---------------------------------------------------------------------------------- lines

constexpr std::size_t most_words = 64;  // HAProxy gives up there, too

enum Byte : std::uint8_t { plain, gap, line_end, special };

// Classes of bytes outside quotes.
constexpr std::array<Byte, 256> classes = [] {
    std::array<Byte, 256> table{};
    for (unsigned char c : {' ', '\t', '\v', '\f'}) table[c] = gap;
    for (unsigned char c : {'\n', '\r', '\0'}) table[c] = line_end;
    for (unsigned char c : {'"', '\'', '\\', '#'}) table[c] = special;
    return table;
}();
Byte class_of(char c) { return classes[static_cast<unsigned char>(c)]; }

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// What the word parser needs beside the text; handed to it through the X3 context.
struct LineState {
    std::string_view source;
    FileId file;
    Variables& variables;
    ast::Document& document;
    std::vector<LineProblem>& problems;
    std::size_t first_word;

    [[nodiscard]] std::size_t offset(const char* at) const {
        return static_cast<std::size_t>(at - source.data());
    }
    void problem(const char* from, const char* to, std::string id, std::string message,
                 std::string hint = {}) {
        problems.push_back({offset(from), static_cast<std::size_t>(to - from), std::move(id),
                            std::move(message), std::move(hint)});
    }
    void add(std::string_view text, const char* from, const char* to, bool quoted) {
        document.words.push_back({text,
                                  {file, static_cast<std::uint32_t>(offset(from)),
                                   static_cast<std::uint32_t>(to - from)},
                                  quoted});
    }
};

// One word that needs resolving: quotes, backslashes, variables.
class WordReader {
public:
    WordReader(LineState& state, const char* first, const char* last)
        : state_(state), first_(first), last_(last), at_(first) {}

    // Returns where the word ends.
    const char* read() {
        while (at_ != last_ && step()) {
        }
        if (quote_ != '\0')
            state_.problem(
                quote_at_, quote_at_ + 1, "unmatched-quote",
                std::string("this ") + (quote_ == '"' ? "double" : "single") +
                    " quote is not closed on its line",
                "close it, or write \\" + std::string(1, quote_) + " for the character itself");
        // "${LIST[*]}" of nothing leaves no word of its own.
        if (!text_.empty() || quoted_) push();
        return at_;
    }

private:
    bool step() {
        char c = *at_;
        if (c == '\n' || c == '\r' || c == '\0') return false;
        if (quote_ == '\'') {
            if (c == '\'')
                quote_ = '\0', ++at_;
            else
                text_ += c, ++at_;
            return true;
        }
        if (c == '"' || (c == '\'' && quote_ == '\0')) return toggle(c);
        if (c == '\\') return backslash();
        if (quote_ == '"') {
            if (c == '$') return variable();
        } else if (class_of(c) == gap || c == '#') {
            return false;
        }
        text_ += c;
        ++at_;
        return true;
    }

    bool toggle(char c) {
        quoted_ = true;
        quote_at_ = at_++;
        quote_ = quote_ == c ? '\0' : c;
        return true;
    }

    bool backslash() {
        char next = at_ + 1 != last_ ? at_[1] : '\0';
        constexpr std::string_view itself = " \\#'\"$";
        constexpr std::string_view letters = "nrt", values = "\n\r\t";
        if (auto found = letters.find(next); next != '\0' && found != std::string_view::npos) {
            text_ += values[found];
        } else if (next != '\0' && itself.find(next) != std::string_view::npos) {
            text_ += next;
        } else if (next == 'x') {
            int high = at_ + 2 < last_ ? hex_digit(at_[2]) : -1;
            int low = high >= 0 && at_ + 3 < last_ ? hex_digit(at_[3]) : -1;
            if (low < 0) {
                state_.problem(at_, std::min(at_ + 4, last_), "bad-escape",
                               "\"\\x\" needs two hexadecimal digits after it",
                               "write \\x41 for a byte, or \\\\ for a backslash");
            } else {
                text_ += static_cast<char>(high * 16 + low);
                at_ += 2;
            }
        } else {
            text_ += '\\';
            ++at_;
            return true;
        }
        at_ += 2;
        return true;
    }

    // "$NAME", "${NAME}", "${NAME-default}", "${NAME[*]}"; at_ is on the dollar.
    bool variable() {
        const char* dollar = at_++;
        bool braces = at_ != last_ && *at_ == '{';
        if (braces) ++at_;
        const char* name = at_;
        if (at_ == last_ || !(is_name_start(*at_) || *at_ == '.')) {
            state_.problem(dollar, at_, "bad-variable",
                           "a variable's name starts with a letter or \"_\"",
                           "write \\$ for a dollar sign inside double quotes");
            return true;
        }
        ++at_;
        while (at_ != last_ && is_name(*at_)) ++at_;
        std::string_view called(name, static_cast<std::size_t>(at_ - name));
        bool list = braces && last_ - at_ >= 3 && std::memcmp(at_, "[*]", 3) == 0;
        if (list) at_ += 3;
        std::optional<std::string> fallback;
        if (braces && !finish_braces(dollar, fallback)) return true;
        auto value = state_.variables.value(called);
        if (!value) value = std::move(fallback);
        if (!value) return true;
        if (list)
            split(*value);
        else
            text_ += *value;
        return true;
    }

    bool finish_braces(const char* dollar, std::optional<std::string>& fallback) {
        if (at_ != last_ && *at_ == '-') {
            const char* from = ++at_;
            while (at_ != last_ && *at_ != '}' && *at_ != '"' && *at_ != '\n') ++at_;
            fallback.emplace(from, at_);
        }
        if (at_ != last_ && *at_ == '}') {
            ++at_;
            return true;
        }
        state_.problem(dollar, at_, "unmatched-brace",
                       "\"${\" is not closed by \"}\" after the variable's name");
        return false;
    }

    // Words of a list value become words of the line; its ends join what stands beside them.
    void split(std::string_view value) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            if (class_of(value[i]) != gap) {
                text_ += value[i];
                continue;
            }
            if (!text_.empty()) push();
        }
    }

    void push() {
        auto& kept = state_.document.arena.emplace_back(std::move(text_));
        text_.clear();
        state_.add(kept, first_, at_, quoted_);
    }

    LineState& state_;
    const char* first_;
    const char* last_;
    const char* at_;
    const char* quote_at_ = nullptr;
    char quote_ = '\0';
    bool quoted_ = false;
    std::string text_;
};

struct state_tag;

// A word, as an X3 parser: it appends to the document in the context and has no attribute.
struct WordParser : x3::parser<WordParser> {
    using attribute_type = x3::unused_type;

    template <class Context, class RuleContext, class Attribute>
    bool parse(const char*& first, const char* const& last, const Context& context, RuleContext&,
               Attribute&) const {
        const char* at = first;
        while (at != last && class_of(*at) == plain) ++at;
        if (at == last || class_of(*at) != special || *at == '#') {
            if (at == first) return false;
            LineState& state = x3::get<state_tag>(context);
            state.add({first, static_cast<std::size_t>(at - first)}, first, at, false);
            first = at;
            return true;
        }
        first = WordReader(x3::get<state_tag>(context), first, last).read();
        return true;
    }
};
constexpr WordParser word{};

// The rest of a comment, found by memchr.
struct RestOfLine : x3::parser<RestOfLine> {
    using attribute_type = x3::unused_type;

    template <class Context, class RuleContext, class Attribute>
    bool parse(const char*& first, const char* const& last, const Context&, RuleContext&,
               Attribute&) const {
        auto* found = std::memchr(first, '\n', static_cast<std::size_t>(last - first));
        first = found ? static_cast<const char*>(found) : last;
        return true;
    }
};
constexpr RestOfLine rest_of_line{};

const auto blanks = x3::omit[*x3::char_(" \t\v\f")];
const auto comment = x3::lit('#') >> rest_of_line;
const auto line = x3::omit[*x3::char_(" \t\v\f\r")] >> *(word >> blanks) >> -comment;

}  // namespace

ast::Line parse_line(const char*& at, std::string_view source, FileId file, Variables& variables,
                     ast::Document& document, std::vector<LineProblem>& problems) {
    const char* end = source.data() + source.size();
    LineState state{source, file, variables, document, problems, document.words.size()};
    x3::parse(at, end, x3::with<state_tag>(std::ref(state))[line]);
    auto count = document.words.size() - state.first_word;
    if (count > most_words) {
        const auto& excess = document.words[state.first_word + most_words];
        problems.push_back({excess.span.begin,
                            excess.span.length,
                            "too-many-words",
                            "a line holds at most 64 words; this is one too many",
                            {}});
        document.words.resize(state.first_word + most_words);
        count = most_words;
    }
    if (at != end && *at == '\r') ++at;
    if (at != end && *at != '\n') {
        if (*at == '\0')
            problems.push_back({state.offset(at), 1, "nul-byte",
                                "a NUL byte ends this line before its end",
                                "the file may be damaged; remove the byte"});
        auto* found = std::memchr(at, '\n', static_cast<std::size_t>(end - at));
        at = found ? static_cast<const char*>(found) : end;
    }
    if (at != end) {
        ++at;
    } else if (!source.empty() && source.back() != '\n') {
        problems.push_back({source.size() - 1, 1, "no-final-newline",
                            "the last line has no line end; the file may have been cut short",
                            "end the file with a newline"});
    }
    return {static_cast<std::uint32_t>(state.first_word), static_cast<std::uint32_t>(count)};
}

// ------------------------------------------------------------------- calls, formats, conditions

namespace {

// The start of the text, for positions.
struct origin_tag;

// An argument between parentheses: quotes and backslashes as in lines, but no \x, \$, \#.
struct ArgumentParser : x3::parser<ArgumentParser> {
    using attribute_type = ast::CallArg;
    static bool const has_attribute = true;

    template <class Context, class RuleContext>
    bool parse(const char*& first, const char* const& last, const Context& context, RuleContext&,
               ast::CallArg& out) const {
        out.at = static_cast<std::size_t>(first - x3::get<origin_tag>(context));
        char quote = '\0';
        const char* at = first;
        for (; at != last; ++at) {
            char c = *at;
            if (quote == '\0' && (c == ',' || c == ')')) break;
            if (c == quote) {
                quote = '\0';
            } else if (quote == '\0' && (c == '"' || c == '\'')) {
                quote = c;
            } else if (c == '\\' && quote != '\'' && at + 1 != last) {
                escape(at, out.text);
            } else {
                out.text += c;
            }
        }
        if (quote != '\0') return false;
        first = at;
        return true;
    }
    template <class Context, class RuleContext>
    bool parse(const char*& first, const char* const& last, const Context& context,
               RuleContext& rule, x3::unused_type) const {
        ast::CallArg ignored;
        return parse(first, last, context, rule, ignored);
    }

private:
    static void escape(const char*& at, std::string& text) {
        constexpr std::string_view from = "nrt \\'\"", to = "\n\r\t \\'\"";
        auto found = from.find(at[1]);
        if (found == std::string_view::npos) {
            text += '\\';
            return;
        }
        text += to[found];
        ++at;
    }
};
constexpr ArgumentParser argument{};

// Actions record what was read, nothing else.
const auto keep_name = [](auto& context) {
    auto& made = x3::_val(context);
    made.name.assign(x3::_attr(context).begin(), x3::_attr(context).end());
};
const auto keep_start = [](auto& context) {
    x3::_val(context).at =
        static_cast<std::size_t>(x3::_where(context).begin() - x3::get<origin_tag>(context));
};
const auto keep_args = [](auto& context) {
    x3::_val(context).args = std::move(x3::_attr(context));
    x3::_val(context).has_args = true;
};

const x3::rule<struct call_id, ast::CallExpr> call = "a name such as req.hdr(host)";
const x3::rule<struct closing_id> closing = "\")\" after the arguments";
const x3::rule<struct converter_call_id, ast::CallExpr> next_call = "a converter after \",\"";
const x3::rule<struct chain_id, std::vector<ast::CallExpr>> chain = "a sample expression";

const auto name = +x3::char_("a-zA-Z0-9._-");
const auto closing_def = x3::lit(')');
const auto call_def = (x3::eps[keep_start] >> x3::raw[name][keep_name]) >>
                      -((x3::lit('(') >> (argument % ',')[keep_args]) > closing);
const auto next_call_def = call_def;
const auto chain_def = call >> *(x3::omit[+x3::lit(',')] > next_call);

BOOST_SPIRIT_DEFINE(call, closing, next_call, chain)

// ---- log formats

const x3::rule<struct piece_id, ast::FormatPiece> piece = "a log format";
const x3::rule<struct bracket_id> bracket = "\"]\" after the sample expression";
const x3::rule<struct flags_id, std::string> flags = "flags such as {+Q}";
const x3::rule<struct percent_id, ast::FormatPiece> percent =
    "a variable such as %ci, %[...] or %% after \"%\"";
const x3::rule<struct inner_id, std::vector<ast::CallExpr>> inner = "a sample expression in %[ ]";

using PieceKind = ast::FormatPiece::Kind;
const auto keep_literal = [](auto& context) {
    x3::_val(context).text.assign(x3::_attr(context).begin(), x3::_attr(context).end());
};
const auto keep_percent = [](auto& context) { x3::_val(context).text = "%"; };
const auto keep_variable = [](auto& context) {
    x3::_val(context).kind = PieceKind::variable;
    x3::_val(context).text.assign(x3::_attr(context).begin(), x3::_attr(context).end());
};
const auto keep_flags = [](auto& context) { x3::_val(context).flags = x3::_attr(context); };
const auto keep_chain = [](auto& context) {
    x3::_val(context).kind = PieceKind::expression;
    x3::_val(context).chain.calls = std::move(x3::_attr(context));
};

const auto bracket_def = x3::lit(']');
const auto inner_def = chain_def;
const auto flags_def = '{' >> *(x3::char_ - '}') >> '}';
const auto percent_def = x3::lit('%')[keep_percent] |
                         (-flags[keep_flags] >> ((x3::lit('[') > inner[keep_chain] > bracket) |
                                                 x3::raw[+x3::char_("a-zA-Z0-9")][keep_variable]));
const auto piece_def = x3::raw[+(x3::char_ - '%')][keep_literal];

BOOST_SPIRIT_DEFINE(piece, bracket, flags, percent, inner)

// ---- conditions of .if

using CondOp = ast::Conditional::Op;
const x3::rule<struct any_id, ast::Conditional> any_of = "a condition";
const x3::rule<struct all_id, ast::Conditional> all_of = "a condition such as defined(NAME) or 1";
const x3::rule<struct term_id, ast::Conditional> term = "a condition such as defined(NAME) or 1";
const x3::rule<struct parenthesis_id> parenthesis = "\")\"";

const auto add_to_any = [](auto& context) {
    x3::_val(context).op = CondOp::any_of;
    x3::_val(context).in.push_back(std::move(x3::_attr(context)));
};
const auto add_to_all = [](auto& context) {
    x3::_val(context).op = CondOp::all_of;
    x3::_val(context).in.push_back(std::move(x3::_attr(context)));
};
const auto add_negated = [](auto& context) {
    x3::_val(context).op = CondOp::negate;
    x3::_val(context).in.push_back(std::move(x3::_attr(context)));
};
const auto keep_inner = [](auto& context) { x3::_val(context) = std::move(x3::_attr(context)); };
const auto keep_call = [](auto& context) {
    x3::_val(context).call = std::move(x3::_attr(context));
};

const auto spaces = x3::omit[*x3::char_(" \t")];
const auto parenthesis_def = x3::lit(')');
const auto term_def = spaces >> (('!' >> term[add_negated]) |
                                 (('(' >> any_of[keep_inner]) > parenthesis) | call[keep_call]) >>
                      spaces;
const auto all_of_def = term[add_to_all] >> *("&&" > term[add_to_all]);
const auto any_of_def = all_of[add_to_any] >> *("||" > all_of[add_to_any]);

BOOST_SPIRIT_DEFINE(any_of, all_of, term, parenthesis)

using Failure = x3::expectation_failure<const char*>;

}  // namespace

Expected<ast::Chain, ast::Problem> parse_chain(std::string_view text) {
    const char* at = text.data();
    const char* end = at + text.size();
    ast::Chain out;
    try {
        if (!x3::parse(at, end, x3::with<origin_tag>(text.data())[chain], out.calls))
            return Unexpected{ast::Problem{0, "a sample expression such as req.hdr(host)"}};
    } catch (const Failure& failure) {
        return Unexpected{
            ast::Problem{static_cast<std::size_t>(failure.where() - text.data()), failure.which()}};
    }
    out.length = static_cast<std::size_t>(at - text.data());
    return out;
}

Expected<std::vector<ast::FormatPiece>, ast::Problem> parse_log_format(std::string_view text) {
    std::vector<ast::FormatPiece> out;
    const char* at = text.data();
    const char* end = at + text.size();
    auto offset = [&](const char* where) { return static_cast<std::size_t>(where - text.data()); };
    while (at != end) {
        ast::FormatPiece made;
        const char* from = at;
        try {
            auto grammar = piece | ('%' > percent);
            if (!x3::parse(at, end, x3::with<origin_tag>(text.data())[grammar], made))
                return Unexpected{ast::Problem{offset(at), "a log format"}};
        } catch (const Failure& failure) {
            return Unexpected{ast::Problem{offset(failure.where()), failure.which()}};
        }
        made.at = offset(from);
        made.length = static_cast<std::size_t>(at - from);
        out.push_back(std::move(made));
    }
    return out;
}

Expected<ast::Conditional, ast::Problem> parse_conditional(std::string_view text) {
    const char* at = text.data();
    const char* end = at + text.size();
    ast::Conditional out;
    try {
        x3::parse(at, end, x3::with<origin_tag>(text.data())[any_of], out);
    } catch (const Failure& failure) {
        return Unexpected{
            ast::Problem{static_cast<std::size_t>(failure.where() - text.data()), failure.which()}};
    }
    if (at != end)
        return Unexpected{ast::Problem{static_cast<std::size_t>(at - text.data()),
                                       "a condition such as defined(NAME), 0 or 1, joined by && "
                                       "and ||"}};
    return out;
}

}  // namespace weir::haproxy
