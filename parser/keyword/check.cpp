// SPDX-License-Identifier: Apache-2.0
// Checks of a keyword in use against its row: is it known, may it stand here, does weir run it, are
// its arguments right. Every message names the word at fault and what was expected; the hint is the
// next step for a person. Arguments are converted on the way, so apply never parses a number.
#include <fmt/format.h>

#include <algorithm>

#include "parser/keyword/keyword.hpp"
#include "parser/value/value.hpp"

namespace weir::keyword {

namespace {

// One argument list being matched to its signature.
struct Checker {
    const Keyword& row;
    Units units;
    diag::Sink& sink;
    bool ok = true;

    void fail(Span span, const char* id, std::string message) {
        sink.error(span, id, std::move(message), "syntax: " + syntax_line(row));
        ok = false;
    }
    void wrong(const Argument& given, std::string_view expected) {
        fail(given.span, "invalid-value",
             fmt::format("\"{}\" of \"{}\" is not valid; expected {}", given.text, row.name,
                         expected));
    }
    void count(const Call& call, std::size_t given);
    void convert(const Arg& arg, Argument& given);
    void range(const Arg& arg, const Argument& given);
    void choose(const Arg& arg, Argument& given);
    void duration(const Arg& arg, Argument& given);
    void number(const Arg& arg, Argument& given);
    void match(std::span<Argument> args);
};

std::string_view plural(std::size_t n) { return n == 1 ? "" : "s"; }

bool equal_ignoring_case(std::string_view a, std::string_view b) {
    auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

std::string expected_count(const Signature& args) {
    if (args.max == 0) return "no arguments";
    if (args.max == unbounded)
        return fmt::format("at least {} argument{}", args.min, plural(args.min));
    if (args.min == args.max) return fmt::format("{} argument{}", args.min, plural(args.min));
    return fmt::format("{} to {} arguments", args.min, args.max);
}

void Checker::count(const Call& call, std::size_t given) {
    const auto& args = row.args;
    if (given >= args.min && (args.max == unbounded || given <= args.max)) return;
    // Too many: the first that is too much is at fault; too few: the keyword is.
    Span span = given > args.max && given > 0 ? call.args[args.max].span : call.span;
    fail(span, "argument-count",
         fmt::format("\"{}\" takes {}, not {}", row.name, expected_count(args), given));
}

std::string shown(Kind kind, std::int64_t value) {
    if (kind != Kind::duration && kind != Kind::seconds) return fmt::format("{}", value);
    return value % 1000 == 0 ? fmt::format("{}s", value / 1000) : fmt::format("{}ms", value);
}

void Checker::range(const Arg& arg, const Argument& given) {
    std::int64_t low = arg.low;
    // nginx has no negative numbers but where a row says so.
    if (units == Units::nginx && low == INT64_MIN) low = 0;
    if (given.number >= low && given.number <= arg.high) return;
    if (arg.high == INT64_MAX)
        wrong(given, fmt::format("at least {}", shown(arg.kind, low)));
    else if (low == INT64_MIN)
        wrong(given, fmt::format("at most {}", shown(arg.kind, arg.high)));
    else
        wrong(given, fmt::format("{} to {}", shown(arg.kind, low), shown(arg.kind, arg.high)));
}

// Index of the choice, or -1.
int index_of_choice(std::string_view choices, std::string_view word, Units units) {
    for (int index = 0;; ++index) {
        auto end = choices.find('|');
        auto one = choices.substr(0, end);
        if (one == word || (units == Units::nginx && equal_ignoring_case(one, word))) return index;
        if (end == std::string_view::npos) return -1;
        choices.remove_prefix(end + 1);
    }
}

std::string spoken_choices(std::string_view choices) {
    std::string out;
    for (;;) {
        auto end = choices.find('|');
        out += fmt::format("\"{}\"", choices.substr(0, end));
        if (end == std::string_view::npos) return out;
        choices.remove_prefix(end + 1);
        out += choices.find('|') == std::string_view::npos ? " or " : ", ";
    }
}

void Checker::choose(const Arg& arg, Argument& given) {
    int index = index_of_choice(arg.choices, given.text, units);
    if (index < 0) return wrong(given, spoken_choices(arg.choices));
    given.number = index;
}

void Checker::duration(const Arg& arg, Argument& given) {
    if (units == Units::haproxy) {
        auto parsed = value::parse_haproxy_duration(given.text);
        if (!parsed) return wrong(given, parsed.error());
        given.number = parsed->count();
        if (auto used = value::haproxy_duration_extent(given.text); used < given.text.size())
            sink.warning(given.span, "trailing-text",
                         fmt::format("only \"{}\" of \"{}\" counts: HAProxy reads one number and "
                                     "one unit",
                                     given.text.substr(0, used), given.text),
                         "write the whole time in one unit, such as 90m");
    } else {
        auto parsed = value::parse_nginx_duration(
            given.text, arg.kind == Kind::seconds ? value::NginxTime::seconds
                                                  : value::NginxTime::milliseconds);
        if (!parsed) return wrong(given, parsed.error());
        given.number = parsed->count();
    }
    range(arg, given);
}

void Checker::number(const Arg& arg, Argument& given) {
    auto text = given.text;
    if (units == Units::haproxy) {
        // HAProxy reads numbers with atol(): what follows the digits is not looked at.
        auto end = text.find_first_not_of("0123456789", text.find_first_of("0123456789"));
        if (auto head = text.substr(0, end); end != std::string_view::npos &&
                                             value::parse_number(head)) {
            sink.warning(given.span, "trailing-text",
                         fmt::format("only \"{}\" of \"{}\" counts: a number was expected", head,
                                     text),
                         "remove what follows the number");
            text = head;
        }
    }
    auto parsed = value::parse_number(text);
    if (!parsed || (units == Units::nginx && text.starts_with('+')))
        return wrong(given, "a whole number");
    given.number = *parsed;
    range(arg, given);
}

void Checker::convert(const Arg& arg, Argument& given) {
    switch (arg.kind) {
        case Kind::flag:
            if (int index = index_of_choice("off|on", given.text, units); index >= 0)
                given.number = index;
            else
                wrong(given, "\"on\" or \"off\"");
            break;
        case Kind::choice: choose(arg, given); break;
        case Kind::number: number(arg, given); break;
        case Kind::duration:
        case Kind::seconds: duration(arg, given); break;
        case Kind::size: {
            auto parsed = units == Units::haproxy ? value::parse_haproxy_size(given.text)
                                                  : value::parse_nginx_size(given.text);
            if (!parsed) return wrong(given, parsed.error());
            given.number = static_cast<std::int64_t>(*parsed);
            range(arg, given);
            break;
        }
        case Kind::regex:
            if (auto parsed = value::parse_regex(given.text); !parsed)
                wrong(given, parsed.error());
            break;
        case Kind::word:
        case Kind::address:
        case Kind::text:
        case Kind::zone:
        case Kind::pool:
        case Kind::path:
        case Kind::condition:
        case Kind::key: break;  // the front-end knows their syntax
    }
}

// NAME=value parameters may stand anywhere; the others follow the order of the signature. An
// optional flag or choice that does not fit is passed over when more may follow.
void Checker::match(std::span<Argument> args) {
    std::span<const Arg> expected(row.args.args.data(), row.args.described);
    auto is_key = [&](const Argument& given) {
        return std::any_of(expected.begin(), expected.end(), [&](const Arg& arg) {
            return arg.kind == Kind::key && given.text.starts_with(arg.name);
        });
    };
    std::size_t at = 0;
    for (Argument& given : args) {
        if (is_key(given)) continue;
        while (at < expected.size() && expected[at].kind == Kind::key) ++at;
        while (at + 1 < expected.size() && expected[at].optional &&
               (expected[at].kind == Kind::choice || expected[at].kind == Kind::flag) &&
               index_of_choice(expected[at].choices.empty() ? "off|on" : expected[at].choices,
                               given.text, units) < 0)
            ++at;
        if (at >= expected.size()) {
            if (row.args.described != 0)
                fail(given.span, "invalid-parameter",
                     fmt::format("\"{}\" is no parameter of \"{}\"", given.text, row.name));
            return;
        }
        if (expected[at].kind == Kind::condition) return;  // the rest of the line
        convert(expected[at], given);
        if (!expected[at].many) ++at;
    }
}

// A refusal with a reason is final: the reason says what to use instead.
std::string quoted_known(const Keyword& row, std::string_view name, const Language& language) {
    return fmt::format("\"{}\" is known to {}, {} weir", name, language.program,
                       row.support.reason.empty() ? "not yet in" : "but not to be had in");
}

}  // namespace

bool check_arguments(const Keyword& row, Call& call, std::span<Argument> args, Units units,
                     diag::Sink& sink) {
    call.row = &row;
    call.args = args;
    Checker checker{row, units, sink};
    checker.count(call, args.size());
    if (checker.ok && row.args.described != 0) checker.match(args);
    return checker.ok;
}

std::string names_of(Contexts where, std::span<const ContextName> names) {
    std::string out;
    for (const auto& entry : names) {
        if ((where & entry.bit) == 0) continue;
        if (!out.empty()) out += ", ";
        out += entry.name;
    }
    return out;
}

const Keyword* check_keyword(const Registry& registry, std::string_view name, Span span,
                             Contexts here, const Language& language, diag::Sink& sink) {
    if (const Keyword* row = registry.find(name, here)) return row;
    auto rows = registry.find(name);
    if (rows.empty()) {
        auto near = registry.nearest(name, here);
        sink.error(span, "unknown-keyword", fmt::format("unknown {} \"{}\"", language.noun, name),
                   near.empty() ? std::string() : fmt::format("did you mean \"{}\"?", near));
        return nullptr;
    }
    Contexts where = 0;
    for (const Keyword* row : rows) where |= row->where;
    sink.error(span, "misplaced-keyword",
               fmt::format("\"{}\" is not allowed in \"{}\"; allowed in {}", name,
                           names_of(here, language.contexts), names_of(where, language.contexts)));
    return nullptr;
}

bool check_support(const Keyword& row, std::string_view name, Span span, const Language& language,
                   diag::Sink& sink) {
    switch (row.support.level) {
        case Support::Level::full: return true;
        case Support::Level::ignored:
            sink.warning(span, "ignored-keyword",
                         fmt::format("\"{}\" has no effect: {}", name, row.support.reason));
            return false;
        case Support::Level::refused:
            sink.error(span, "not-supported", quoted_known(row, name, language),
                       std::string(row.support.reason));
            return false;
    }
    return false;
}

namespace {

std::string shown_argument(const Arg& arg) {
    std::string name(arg.name);
    if (arg.kind == Kind::key) name += "value";
    if (arg.many) name += " ...";
    return arg.optional ? "[" + name + "]" : name;
}

}  // namespace

std::string syntax_line(const Keyword& row) {
    std::string out(row.name);
    for (std::size_t i = 0; i < row.args.described; ++i)
        out += " " + shown_argument(row.args.args[i]);
    if (row.args.described == 0) {
        for (std::size_t i = 0; i < row.args.min; ++i) out += " value";
        if (row.args.max == unbounded) out += " [value ...]";
        for (std::size_t i = row.args.min; row.args.max != unbounded && i < row.args.max; ++i)
            out += " [value]";
    }
    if (row.body != Body::none) out += " { ... }";
    return out;
}

}  // namespace weir::keyword
