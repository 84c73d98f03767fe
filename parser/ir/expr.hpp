// SPDX-License-Identifier: Apache-2.0
// Expr and Text: values computed from traffic. An nginx $variable and an HAProxy sample fetch with
// converters are both an Expr; "a$b" and a log-format string are both a Text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parser/base/source.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/fetch.hpp"

namespace weir::ir {

enum class Type : std::uint8_t { any, boolean, integer, bytes, address };

// When something happens, and from when on a value exists. Ordered.
enum class Phase : std::uint8_t { connect, handshake, request, forward, response, reply, log };

struct PatternSet;

// Expr::number of a fetch that may find several values (headers, cookies, arguments): which one.
namespace occurrence {
inline constexpr std::int64_t joined = 0;    // nginx: all of them, ", " between; the first cookie
inline constexpr std::int64_t last = -1;     // HAProxy without an index; -2 is the one before it
inline constexpr std::int64_t every = INT64_MIN;   // inside match only: true when any of them matches
}  // namespace occurrence

// One node of an expression tree. `op` says which of the other members count.
struct Expr {
    enum class Op : std::uint8_t {
        literal,  // text, or number when type is integer or boolean
        fetch,    // fetch + text (a name such as a header's) + number (an occurrence, an index) + in
        convert,  // converter applied to in[0]; text, number and in[1..] are its arguments
        match,    // in[0] against patterns -> boolean; with in[1]: equal to that value (patterns empty)
        all_of,   // every one of in (and); stops at the first false
        any_of,   // any one of in (or); stops at the first true
        negate,   // not in[0]
        concat,   // in[0..] as one text (a Text used as a value)
        map,      // config.maps[number] looked up with in[0]
    };
    Op op = Op::literal;
    Type type = Type::bytes;
    Phase needs = Phase::connect;
    Fetch fetch = Fetch::always_true;
    Converter converter = Converter::lower;
    std::string text;
    std::int64_t number = 0;
    std::vector<Expr> in;
    std::shared_ptr<const PatternSet> patterns;
    Span span;
};

// A condition is an Expr of type boolean.
using Condition = Expr;

// What an HAProxy ACL line or an nginx comparison matches against.
struct PatternSet {
    enum class How : std::uint8_t {
        equal,       // whole value (str, bin; nginx = )
        prefix,      // beg
        suffix,      // end
        substring,   // sub
        directory,   // dir: a whole path component run between slashes
        domain,      // dom: the same between dots
        regex,       // reg; nginx ~
        integer,     // int: ranges
        length,      // len: length of the value within a range
        network,     // ip: address within a network
        found,       // the value exists
        truth,       // bool; nginx if ($x): not empty and not "0"
        file_exists, dir_exists, any_exists, executable,  // nginx -f -d -e -x
    };
    struct Range {
        std::int64_t low = INT64_MIN, high = INT64_MAX;
    };
    struct Network {
        IpAddress address;
        std::uint8_t bits = 0;
    };
    How how = How::equal;
    bool ignore_case = false;
    std::vector<std::string> texts;
    std::vector<Range> ranges;
    std::vector<Network> networks;
    std::string name;  // file or id behind it, for the runtime API; empty for inline patterns
    // Captures of the regex are kept for $1.. (nginx) when set.
    bool keeps_captures = false;
};

// A template: pieces one after the other. A piece is a literal or an Expr.
struct Text {
    // How a value's bytes are written.
    enum class Escape : std::uint8_t {
        none,       // as they are
        nginx_log,  // \xXX for control bytes, '"' and '\\'; "-" when missing
        json,       // JSON string content
        haproxy_log,   // #XX for control bytes; "-" when missing (option logasap, +E)
        header,     // CR, LF and NUL never pass
    };
    struct Piece {
        std::string literal;            // when !expr
        std::shared_ptr<const Expr> expr;
        Escape escape = Escape::none;
        bool quoted = false;            // HAProxy %{+Q}: in double quotes, "" when missing
        bool hex = false;               // HAProxy %{+X}
        std::string if_missing;         // written when the value does not exist
        std::uint32_t limit = 0;        // at most so many bytes; 0 = all
    };
    std::vector<Piece> pieces;
    // HAProxy formats: a blank at the start, or after another blank, is left out (also where the value
    // between two blanks turned out empty).
    bool joins_blanks = false;
    Span span;
    [[nodiscard]] bool empty() const { return pieces.empty(); }
    [[nodiscard]] bool is_literal() const {
        return pieces.empty() || (pieces.size() == 1 && !pieces[0].expr);
    }
    [[nodiscard]] std::string literal() const {
        return pieces.empty() ? std::string() : pieces[0].literal;
    }
    static Text of(std::string words) {
        Text text;
        if (!words.empty()) text.pieces.push_back({.literal = std::move(words)});
        return text;
    }
};

// map / geo / split_clients / valid_referers: a key turned into a value.
struct Map {
    std::string name;
    Text key;
    enum class Kind : std::uint8_t {
        table,       // entries as they are
        networks,    // the key is an address: the smallest network that holds it
        shares,      // a hash of the key falls into one of the shares
        referers,    // the key is a Referer field: entries are hosts, perhaps with a path behind them
    } kind = Kind::table;
    bool hostnames = false;     // *.example.com and .example.com entries (nginx map hostnames)
    struct Entry {
        std::string key;        // literal or regex without its "~"
        enum class Kind : std::uint8_t {
            exact, regex, regex_ignore_case,
            network, share,     // see below
            absent, hidden,     // referers: no such field; one without http:// or https://
        } kind = Kind::exact;
        Text value;
        PatternSet::Network network;
        std::uint32_t below = 0;    // shares: hashes below that, from where the last one ended
        std::string path;           // referers: what the rest of the field begins with
        PatternSet::Range range;    // the key where keys are compared as numbers (compared)
    };
    std::vector<Entry> entries;
    Text fallback;
    // HAProxy's map files: how a key is compared with what is looked up, and what values are. None:
    // nginx's map, whose keys are texts in any case, then regexes in order.
    std::optional<PatternSet::How> compared;
    Type output = Type::bytes;
    bool fills_groups = false;     // "\1" in a value is a group of the key's regex (map_regm)
    bool has_fallback = true;      // else a key that is not there has no value
    Span span;
};

}  // namespace weir::ir
