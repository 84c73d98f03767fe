// SPDX-License-Identifier: Apache-2.0
// Inside of eval: one function for each ir::Fetch and each ir::Converter, found through a table
// that does not link unless all of them are there. fetch_*.cpp and convert.cpp define them.
#pragma once

#include <string_view>

#include "runtime/route/eval.hpp"

namespace weir::route {

using FetchFunction = Value (*)(const Node& node, Subject& subject);
#define X(name, type, phase) Value fetch_##name(const Node& node, Subject& subject);
WEIR_FETCHES(X)
#undef X

// `input` exists; `nodes` are those of the whole program, for the converter's arguments.
struct Conversion {
    const Node& node;
    const Node* nodes;
    Subject& subject;
    // Argument i (from 1) as a value; missing when it was not given.
    [[nodiscard]] Value argument(std::uint32_t i) const;
    [[nodiscard]] std::string_view text(std::uint32_t i) const;
    [[nodiscard]] std::int64_t number(std::uint32_t i, std::int64_t fallback) const;
};
using ConvertFunction = Value (*)(const Conversion& conversion, const Value& input);
#define X(name, input, output) Value convert_##name(const Conversion& c, const Value& input);
WEIR_CONVERTERS(X)
#undef X

// Where a fetch with several values stands.
struct Cursor {
    std::uint32_t field = 0, offset = 0;
    bool started = false;
};
// Whether the fetch knows next_value(); the next value, missing at the end.
bool has_several(ir::Fetch fetch);
Value next_value(const Node& node, Subject& subject, Cursor& cursor);

// Value casts as HAProxy does them; nginx knows text only.
std::int64_t to_number(const Value& value);
Value to_address(const Value& value);
bool parse_address(std::string_view text, IpAddress& ip);
Value eval_node(const Node* nodes, const Node& node, Subject& subject, const Value* each = nullptr);

std::string_view decimal(std::int64_t number, Arena& arena);
inline bool is_nginx(const Subject& subject) {
    return subject.site && subject.site->is_nginx_style;
}

}  // namespace weir::route
