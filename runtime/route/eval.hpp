// SPDX-License-Identifier: Apache-2.0
// Programs: compiled ir::Expr and ir::Text, and the library of regexes, pattern sets and maps that
// a plan's programs share. Compiling happens off the event loop; evaluating allocates nothing on
// the heap: results are views into the program, the subject's messages or the subject's arena. The
// ir::Config must outlive the library (both belong to the plan).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parser/ir/config.hpp"
#include "runtime/base/regex.hpp"
#include "runtime/route/context.hpp"

namespace weir::route {

class Library;
class Patterns;     // match.cpp: a compiled ir::PatternSet
class CompiledMap;  // map.cpp: a compiled ir::Map

// One node of a compiled expression; the children of a node lie one after the other.
struct Node {
    ir::Expr::Op op = ir::Expr::Op::literal;
    ir::Type type = ir::Type::bytes;
    ir::Converter converter = ir::Converter::lower;
    http::FieldId field = http::FieldId::other;  // of `text` as a field name
    ir::Fetch fetch = ir::Fetch::always_true;
    bool each = false;                   // match: in[0] yields several values, any may match
    std::uint32_t first = 0, count = 0;  // children
    std::uint32_t id = ir::no_id;        // pool or site that `text` names
    std::string_view text;               // in the ir::Config
    std::int64_t number = 0;
    union {
        const Patterns* patterns = nullptr;
        const CompiledMap* map;
        const Regex* regex;
    };
};

// A compiled Expr. empty() when default-constructed.
class Program {
public:
    [[nodiscard]] bool empty() const { return nodes_.empty(); }
    [[nodiscard]] Value eval(Subject& subject) const;
    // As a condition: a missing value is false.
    [[nodiscard]] bool holds(Subject& subject) const;
    // As text: "" when missing; numbers and addresses in their usual spelling.
    [[nodiscard]] std::string_view text(Subject& subject) const;
    // Only when not empty().
    [[nodiscard]] const Node& root() const { return nodes_[0]; }

private:
    friend class Library;
    std::vector<Node> nodes_;  // [0] is the root
};

// A compiled Text.
class Template {
public:
    [[nodiscard]] bool empty() const { return pieces_.empty(); }
    // One literal (or nothing): the same for every subject.
    [[nodiscard]] bool is_literal() const;
    // The whole text; a view into the template, the subject or its arena.
    [[nodiscard]] std::string_view render(Subject& subject) const;
    // False when it is a single expression whose value does not exist (render() gives "").
    [[nodiscard]] bool exists(Subject& subject) const;

private:
    friend class Library;
    struct Piece {
        std::string_view literal;
        Program program;
        const ir::Text::Piece* how = nullptr;  // null: literal
    };
    std::vector<Piece> pieces_;
    bool joins_blanks_ = false;
};

// What all programs of one plan share. Regexes and pattern sets are compiled once each.
class Library {
public:
    explicit Library(const ir::Config& config);
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    Program compile(const ir::Expr& expr);
    Template compile(const ir::Text& text);
    // Null (and a problem) when it does not compile.
    const Regex* regex(std::string_view pattern, bool ignore_case, const Span& span = {});
    // Matches; on success sets the numbered and named captures of the subject.
    bool match_and_capture(const Regex& regex, std::string_view text, Subject& subject) const;

    // The value of that name among Config::asked_by_name; the rest of a family's name may be any.
    [[nodiscard]] Value value_named(std::string_view name, Subject& subject) const;

    struct Problem {
        Span span;
        std::string text;
    };
    // Routes by Route::pool_name (HAProxy's backends), for names computed at run time.
    [[nodiscard]] const std::unordered_map<std::string_view, ir::RouteId>& routes_by_pool_name()
        const {
        return routes_;
    }
    // What could not be compiled; the plan is not usable when there is one.
    [[nodiscard]] const std::vector<Problem>& problems() const { return problems_; }

private:
    friend class CompiledMap;
    using Slots = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // group -> capture slot
    void fill(std::vector<Node>& nodes, std::uint32_t at, const ir::Expr& expr);
    void fill_fetch(Node& node, const ir::Expr& expr);
    void fill_converter(Node& node, const ir::Expr& expr);
    const Patterns* patterns(const std::shared_ptr<const ir::PatternSet>& set, const Span& span);
    const CompiledMap* map(std::size_t index);

    const ir::Config& config_;
    std::unordered_map<std::string, std::unique_ptr<Regex>> regexes_;
    std::unordered_map<const Regex*, Slots> slots_;  // those with named groups
    std::unordered_map<const ir::PatternSet*, std::unique_ptr<Patterns>> patterns_;
    std::vector<std::unique_ptr<CompiledMap>> maps_;
    std::unordered_map<std::string_view, std::uint32_t> sites_;
    std::unordered_map<std::string_view, ir::RouteId> routes_;
    std::unordered_map<std::string_view, std::uint32_t> named_;  // capture name -> slot
    std::unordered_map<std::string_view, Program> asked_by_name_;
    std::vector<Problem> problems_;
};

// The identifier that unique-id-format makes, the same for all of a request; may be empty.
std::string_view unique_id_of(Subject& subject);

// Value as text; numbers and addresses are written into the arena.
std::string_view to_text(const Value& value, Arena& arena);

}  // namespace weir::route
