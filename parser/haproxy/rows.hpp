// SPDX-License-Identifier: Apache-2.0
// Short forms for the tables of rows: factories for fetches and converters, places that many rows
// share, and a sort at compile time so that a table can be grouped by subject and still be looked
// up by name.
#pragma once

#include <algorithm>
#include <array>

#include "parser/haproxy/scope.hpp"

namespace weir::haproxy {

template <std::size_t N>
constexpr std::array<Keyword, N> sorted(const Keyword (&rows)[N]) {
    std::array<std::size_t, N> order{};
    for (std::size_t i = 0; i < N; ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return rows[a].name < rows[b].name; });
    std::array<Keyword, N> out{};
    for (std::size_t i = 0; i < N; ++i) out[i] = rows[order[i]];
    return out;
}

namespace in {
// Where the value of a fetch is still, or already, there.
inline constexpr Contexts requests = tcp_request_content | http_request;
inline constexpr Contexts responses = tcp_response_content | http_response | http_after_response;
inline constexpr Contexts session_on = tcp_request_session | requests | responses | log_format;
inline constexpr Contexts everywhere = tcp_request_connection | session_on;
inline constexpr Contexts rule_places = everywhere;
}  // namespace in

struct FetchFacts {
    ir::Type type;
    ir::Phase phase;
};
inline constexpr FetchFacts fetch_facts[] = {
#define X(name, type, phase) {ir::Type::type, ir::Phase::phase},
    WEIR_FETCHES(X)
#undef X
};
struct ConverterFacts {
    ir::Type input, output;
};
inline constexpr ConverterFacts converter_facts[] = {
#define X(name, input, output) {ir::Type::input, ir::Type::output},
    WEIR_CONVERTERS(X)
#undef X
};

constexpr Keyword fetch(std::string_view name, ir::Fetch code, Contexts places,
                        std::string_view summary, keyword::Signature args = {},
                        std::int64_t number = 0, keyword::Apply apply = nullptr) {
    const auto& facts = fetch_facts[static_cast<std::size_t>(code)];
    return {.name = name,
            .where = in::sample | places,
            .args = args,
            .apply = apply,
            .summary = summary,
            .type = facts.type,
            .needs = facts.phase,
            .code = static_cast<std::uint16_t>(code),
            .number = number};
}

constexpr Keyword converter(std::string_view name, ir::Converter code, std::string_view summary,
                            keyword::Signature args = {}, std::int64_t number = 0,
                            keyword::Apply apply = nullptr) {
    return {.name = name,
            .where = in::converter,
            .args = args,
            .apply = apply,
            .summary = summary,
            .type = converter_facts[static_cast<std::size_t>(code)].output,
            .code = static_cast<std::uint16_t>(code),
            .number = number};
}

// "h2,http/1.1" taken apart.
std::vector<std::string> split_list(std::string_view list);

// A fetch node by itself.
ir::Expr fetch_expr(ir::Fetch code, Span span);
ir::Expr literal_expr(bool value, Span span);
ir::Expr convert_expr(ir::Converter code, ir::Expr input);

}  // namespace weir::haproxy
