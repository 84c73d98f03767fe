// SPDX-License-Identifier: Apache-2.0
// Keyword: one row says all there is to say about one directive, option, action, variable, sample
// fetch or converter of a dialect. Lookup, checks, -t messages, the manual and completion all come
// from these rows (house style, section 4). Rows are constexpr; the tables are sorted by name.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser/base/diag.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/config.hpp"

namespace weir::keyword {

// What an argument is. check.cpp converts it before apply sees it.
enum class Kind : std::uint8_t {
    word,       // any word
    flag,       // on | off -> number 1 | 0
    choice,     // one of `choices` -> number = index
    number,     // integer -> number
    size,       // bytes with k, m, g -> number
    duration,   // -> number of milliseconds (nginx: bare = seconds; HAProxy: bare = milliseconds)
    seconds,    // as duration, whole seconds only in the dialect; number still milliseconds
    address,    // host:port, unix:path, ...; the front-end parses it
    regex,      // compiled on the spot to report errors
    text,       // template: $variables | log-format
    zone,       // name of a zone
    pool,       // name of a pool
    path,       // file or folder
    condition,  // the rest of the line is a condition
    key,        // NAME=value parameter; `name` holds "NAME="
};

struct Arg {
    Kind kind = Kind::word;
    std::string_view name;                 // as the manual shows it
    std::int64_t low = INT64_MIN, high = INT64_MAX;   // for number, size, duration
    std::string_view choices;              // "a|b|c" for choice
    bool optional = false;
    bool many = false;                     // this one may repeat (last of the list)
};

// Factories, so that a row reads as its syntax line.
constexpr Arg word(std::string_view name) { return {.kind = Kind::word, .name = name}; }
constexpr Arg flag() { return {.kind = Kind::flag, .name = "on|off"}; }
constexpr Arg choice(std::string_view choices) {
    return {.kind = Kind::choice, .name = choices, .choices = choices};
}
constexpr Arg number(std::string_view name, std::int64_t low = INT64_MIN,
                     std::int64_t high = INT64_MAX) {
    return {.kind = Kind::number, .name = name, .low = low, .high = high};
}
constexpr Arg size(std::string_view name, std::int64_t low = 0, std::int64_t high = INT64_MAX) {
    return {.kind = Kind::size, .name = name, .low = low, .high = high};
}
constexpr Arg duration(std::string_view name, std::int64_t low = 0,
                       std::int64_t high = INT64_MAX) {
    return {.kind = Kind::duration, .name = name, .low = low, .high = high};
}
constexpr Arg seconds(std::string_view name, std::int64_t low = 0) {
    return {.kind = Kind::seconds, .name = name, .low = low};
}
constexpr Arg address(std::string_view name) { return {.kind = Kind::address, .name = name}; }
constexpr Arg regex(std::string_view name) { return {.kind = Kind::regex, .name = name}; }
constexpr Arg text(std::string_view name) { return {.kind = Kind::text, .name = name}; }
constexpr Arg zone(std::string_view name) { return {.kind = Kind::zone, .name = name}; }
constexpr Arg pool(std::string_view name) { return {.kind = Kind::pool, .name = name}; }
constexpr Arg path(std::string_view name) { return {.kind = Kind::path, .name = name}; }
constexpr Arg condition() { return {.kind = Kind::condition, .name = "if|unless condition"}; }
constexpr Arg key(std::string_view name) { return {.kind = Kind::key, .name = name}; }
constexpr Arg opt(Arg arg) { arg.optional = true; return arg; }
constexpr Arg many(Arg arg) { arg.many = true; return arg; }              // one or more
constexpr Arg any_number(Arg arg) { arg.many = arg.optional = true; return arg; }   // none or more

inline constexpr std::uint8_t unbounded = 255;

// The arguments in order. A row of a keyword that weir does not run gives only the count.
struct Signature {
    static constexpr std::size_t most = 6;
    std::array<Arg, most> args{};
    std::uint8_t described = 0;   // how many of args are filled in
    std::uint8_t min = 0, max = 0;

    constexpr Signature() = default;
    constexpr Signature(std::initializer_list<Arg> list) {
        for (const Arg& arg : list) {
            args[described++] = arg;
            if (!arg.optional) ++min;
            max = arg.many || max == unbounded ? unbounded : static_cast<std::uint8_t>(max + 1);
        }
    }
    static constexpr Signature count(std::uint8_t low, std::uint8_t high) {
        Signature signature;
        signature.min = low;
        signature.max = high;
        return signature;
    }
};

// What follows the arguments. entries: lines that are no directives (map, types, geo).
enum class Body : std::uint8_t { none, block, entries };

// How a child level takes the value of its parent when it has none of its own.
enum class Inherit : std::uint8_t { none, replace, replace_list, append };

// What weir does with the keyword.
struct Support {
    enum class Level : std::uint8_t {
        full,
        ignored,    // accepted with a warning; reason says what weir does instead
        refused,    // known, not run; reason says what to use or that it is not done yet
    } level = Level::full;
    std::string_view reason;
};
constexpr Support ignored(std::string_view reason) { return {Support::Level::ignored, reason}; }
constexpr Support refused(std::string_view reason) { return {Support::Level::refused, reason}; }
// "known to nginx, not yet in weir": the message adds the dialect's name.
constexpr Support not_yet() { return {Support::Level::refused, ""}; }

// Contexts: a set of places, one bit each. The front-end names its bits (nginx/contexts.hpp, ...).
using Contexts = std::uint64_t;

class Scope;
struct Call;
using Apply = void (*)(Scope& scope, const Call& call);

struct Keyword {
    std::string_view name;         // a trailing '_' or '*' marks a family (http_, arg_)
    Contexts where = 0;
    Signature args;
    Body body = Body::none;
    Apply apply = nullptr;         // null unless support is full
    Inherit inherit = Inherit::replace;
    std::string_view fallback;     // default as the manual writes it; empty: none
    std::string_view since;        // version of the dialect's program that brought it
    Support support;
    std::string_view summary;      // one sentence, our own words
    std::string_view details;      // further paragraphs of the manual
    // Variables, sample fetches and converters:
    ir::Type type = ir::Type::any;
    ir::Phase needs = ir::Phase::connect;
    std::uint16_t code = 0;        // ir::Fetch or ir::Converter
    std::int64_t number = 0;       // preset for ir::Expr::number
    bool once = false;             // at most once per block (nginx "is duplicate")
};

// One argument as written, and converted as its Arg says.
struct Argument {
    std::string_view text;   // unquoted, unescaped
    Span span;
    std::int64_t number = 0;
    bool quoted = false;     // was written in quotes
};

// A keyword in use. Count, kind and range are checked before apply is called.
struct Call {
    const Keyword* row = nullptr;
    std::string_view name;   // as written
    Span span;               // of the name
    std::span<const Argument> args;
    [[nodiscard]] const Argument& operator[](std::size_t i) const { return args[i]; }
    [[nodiscard]] std::size_t size() const { return args.size(); }
};

// What apply may touch. Each front-end derives its own with the block being filled in.
class Scope {
public:
    Scope(ir::Config& config_, diag::Sink& sink_, SourceSet& sources_)
        : config(config_), sink(sink_), sources(sources_) {}
    virtual ~Scope() = default;
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

    ir::Config& config;
    diag::Sink& sink;
    SourceSet& sources;

    // The place of the block or section that is being filled in.
    [[nodiscard]] virtual Contexts where() const = 0;
    // The inherited settings of the current block; never null where settings rows are allowed.
    virtual ir::Settings& settings() = 0;
    // A template of this dialect; problems are reported and an empty text comes back.
    virtual ir::Text text(const Argument& argument) = 0;
    // The configuration struct of a module in the current block, copied from the parent's on first
    // use. T is default-constructed when there is none yet.
    template <class T>
    T& module_conf(std::string_view module) {
        auto& uses = settings().modules.edit().by_name;
        auto& slot = uses[std::string(module)];
        auto mine = slot ? std::make_shared<T>(*static_cast<const T*>(slot.get()))
                         : std::make_shared<T>();
        slot = mine;
        return *mine;
    }

    void error(Span span, std::string id, std::string message, std::string hint = {}) {
        sink.error(span, std::move(id), std::move(message), std::move(hint));
    }
};

// set<&ir::Timeouts::connect>(group accessor): the plain rows. GROUP is a member of ir::Settings,
// FIELD a member of what it shares. Flags, numbers, sizes and durations convert by themselves.
template <auto Group, auto Field>
void set(Scope& scope, const Call& call) {
    auto& target = (scope.settings().*Group).edit().*Field;
    using Target = std::remove_reference_t<decltype(target)>;
    if constexpr (std::is_same_v<Target, ir::Milliseconds>)
        target = ir::Milliseconds(call[0].number);
    else if constexpr (std::is_same_v<Target, std::string>)
        target = std::string(call[0].text);
    else if constexpr (std::is_same_v<Target, ir::Text> ||
                       std::is_same_v<Target, std::optional<ir::Text>>)
        target = scope.text(call[0]);
    else
        target = static_cast<Target>(call[0].number);
}

using Table = std::span<const Keyword>;

// For static_assert beside each table.
constexpr bool well_formed(Table table) {
    for (std::size_t i = 0; i < table.size(); ++i) {
        if (table[i].name.empty() || table[i].summary.empty()) return false;
        if (i > 0 && !(table[i - 1].name < table[i].name)) return false;
        if (table[i].support.level == Support::Level::full && table[i].where == 0) return false;
    }
    return true;
}

// Several sorted tables of one dialect and one sort of keyword, looked up as one. The same name may
// stand in several tables (nginx "server" in http and in upstream): the one allowed here wins.
class Registry {
public:
    void add(Table table);   // before the first lookup, or the index is built again
    // All rows of that name (usually one), in the order of their tables. A name of a family
    // ("http_host") finds the family's row ("http_") when it has none of its own.
    [[nodiscard]] std::span<const Keyword* const> find(std::string_view name) const;
    // The row whose `where` meets `here`; null when none does.
    [[nodiscard]] const Keyword* find(std::string_view name, Contexts here) const;
    // The name that was probably meant, among rows allowed in `here` first; empty if none is near.
    [[nodiscard]] std::string_view nearest(std::string_view name, Contexts here) const;
    [[nodiscard]] std::span<const Keyword* const> all() const;

private:
    // Sorted and indexed at the first lookup: a dialect has thirty tables and 2,500 rows.
    void build_index() const;
    mutable bool indexed_ = true;
    mutable std::vector<const Keyword*> rows_;   // sorted by name, stable
    mutable std::unordered_map<std::string_view, std::pair<std::uint32_t, std::uint32_t>> index_;
};

// Unit rules of a dialect (nginx counts seconds, HAProxy milliseconds; HAProxy has no fractions).
enum class Units : std::uint8_t { nginx, haproxy };

// One bit of Contexts and what it is called in messages and in the manual.
struct ContextName {
    Contexts bit = 0;
    std::string_view name;
};

// How a dialect and its keywords are spoken of.
struct Language {
    std::string_view program;                   // "nginx", "HAProxy"
    std::string_view noun;                      // "directive", "keyword", "action", "variable"
    Units units = Units::nginx;
    std::span<const ContextName> contexts;
};

// "http, server, location".
std::string names_of(Contexts where, std::span<const ContextName> names);

// The row of a word used in `here`. Reports an unknown or misplaced word, with the next step.
const Keyword* check_keyword(const Registry& registry, std::string_view name, Span span,
                             Contexts here, const Language& language, diag::Sink& sink);

// True when weir runs the keyword. Otherwise warns (ignored) or reports an error (refused, with the
// name of the dialect that knows it).
bool check_support(const Keyword& row, std::string_view name, Span span, const Language& language,
                   diag::Sink& sink);

// Checks the count and converts every argument in place. Reports each problem with the word, what
// was expected and the syntax line; false when apply must not be called.
bool check_arguments(const Keyword& row, Call& call, std::span<Argument> args, Units units,
                     diag::Sink& sink);

// The syntax line of the manual: `proxy_connect_timeout time`. Without the terminator, which is the
// dialect's matter.
std::string syntax_line(const Keyword& row);

// `weir keywords`: the manual's reference (man: troff text, without the page's head), data for
// editors (json) and words for completion (bash), all from the rows.
enum class DumpFormat : std::uint8_t { man, json, bash };
struct DumpPart {
    const Registry* rows = nullptr;
    const Language* language = nullptr;
};
std::string dump(DumpFormat format, std::span<const DumpPart> parts);

}  // namespace weir::keyword
