// SPDX-License-Identifier: Apache-2.0
// Rows of HAProxy's "compression" lines, each of which has one option, and of the filters they mean.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "modules/compression/haproxy_conf.hpp"
#include "modules/compression/rows.hpp"
#include "parser/haproxy/contexts.hpp"

namespace weir::modules::compression {

namespace {

namespace in = haproxy::in;
using keyword::Call;
using keyword::Keyword;
using keyword::Scope;

CompressionConf& conf_of(Scope& scope) { return scope.module_conf<CompressionConf>("compression"); }

std::optional<Coding> coding_of(Scope& scope, const keyword::Argument& word) {
    constexpr Coding known[] = {Coding::identity, Coding::gzip, Coding::deflate, Coding::raw_deflate};
    constexpr std::string_view names[] = {"identity", "gzip", "deflate", "raw-deflate"};
    auto found = std::find(std::begin(names), std::end(names), word.text);
    if (found != std::end(names)) return known[found - std::begin(names)];
    scope.error(word.span, "invalid-value", fmt::format("\"{}\" is no compression algorithm", word.text),
                "expected some of gzip, deflate, raw-deflate and identity");
    return std::nullopt;
}

void lower_algo(Scope& scope, const Call& call) {
    for (const auto& word : call.args)
        if (auto coding = coding_of(scope, word)) conf_of(scope).response_codings.push_back(*coding);
}

void lower_request_algo(Scope& scope, const Call& call) {
    if (auto coding = coding_of(scope, call[0])) conf_of(scope).request_coding = *coding;
}

template <auto List>
void lower_types(Scope& scope, const Call& call) {
    for (const auto& word : call.args) (conf_of(scope).*List).emplace_back(word.text);
}

template <auto Bound>
void lower_size(Scope& scope, const Call& call) {
    conf_of(scope).*Bound = static_cast<std::uint64_t>(call[0].number);
}

void lower_direction(Scope& scope, const Call& call) {
    auto& conf = conf_of(scope);
    conf.requests = call[0].number != 1;
    conf.responses = call[0].number != 0;
}

void lower_offload(Scope& scope, const Call& call) {
    if ((scope.where() & in::defaults) != 0) {
        scope.sink.warning(call.span, "no-effect", "\"compression offload\" is ignored in defaults, as in HAProxy",
                           "write it into the frontend or the backend");
        return;
    }
    conf_of(scope).offload = true;
}

// filter comp-req, filter comp-res: what they name is compressed, and nothing else.
template <bool Requests>
void lower_filter(Scope& scope, const Call&) {
    auto& conf = conf_of(scope);
    if (!std::exchange(conf.named_filters, true)) conf.requests = conf.responses = false;
    (Requests ? conf.requests : conf.responses) = true;
}

void lower_line(Scope& scope, const Call& call);

// clang-format off
constexpr Keyword rows[] = {
    {.name = "algo", .where = in::compression, .args = {keyword::many(keyword::word("algorithm"))},
     .apply = lower_algo, .summary = "Lists the algorithms for answers: gzip, deflate, raw-deflate, identity."},
    {.name = "algo-req", .where = in::compression, .args = {keyword::word("algorithm")}, .apply = lower_request_algo,
     .since = "2.8", .summary = "Sets the algorithm for requests."},
    {.name = "algo-res", .where = in::compression, .args = {keyword::many(keyword::word("algorithm"))},
     .apply = lower_algo, .since = "2.8", .summary = "Lists the algorithms for answers, as algo does."},
    {.name = "comp-req", .where = in::filter, .apply = lower_filter<true>, .since = "3.4",
     .summary = "Compresses requests as the compression lines say."},
    {.name = "comp-res", .where = in::filter, .apply = lower_filter<false>, .since = "3.4",
     .summary = "Compresses answers as the compression lines say."},
    {.name = "compression", .where = in::any_proxy, .args = {keyword::many(keyword::word("option"))},
     .apply = lower_line, .summary = "Sets up compression of bodies.",
     .details = "The level is that of tune.comp.maxlevel, and is not lowered under load."},
    {.name = "direction", .where = in::compression, .args = {keyword::choice("request|response|both")},
     .apply = lower_direction, .fallback = "response", .since = "2.8", .summary = "Chooses requests, answers or both."},
    {.name = "minsize-req", .where = in::compression, .args = {keyword::size("size")},
     .apply = lower_size<&CompressionConf::request_min>, .fallback = "0", .since = "3.2",
     .summary = "Sets the shortest request that is compressed, by Content-Length."},
    {.name = "minsize-res", .where = in::compression, .args = {keyword::size("size")},
     .apply = lower_size<&CompressionConf::response_min>, .fallback = "0", .since = "3.2",
     .summary = "Sets the shortest answer that is compressed, by Content-Length."},
    {.name = "offload", .where = in::compression, .apply = lower_offload,
     .summary = "Keeps servers from compressing: they do not see Accept-Encoding."},
    {.name = "type", .where = in::compression, .args = {keyword::many(keyword::word("type"))},
     .apply = lower_types<&CompressionConf::response_types>, .summary = "Lists beginnings of the types that are compressed; none: all."},
    {.name = "type-req", .where = in::compression, .args = {keyword::many(keyword::word("type"))},
     .apply = lower_types<&CompressionConf::request_types>, .since = "2.8", .summary = "Lists beginnings of the types of requests that are compressed."},
    {.name = "type-res", .where = in::compression, .args = {keyword::many(keyword::word("type"))},
     .apply = lower_types<&CompressionConf::response_types>, .since = "2.8", .summary = "Lists types of answers, as type does."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

// compression OPTION VALUES...
void lower_line(Scope& scope, const Call& call) {
    auto row = std::find_if(std::begin(rows), std::end(rows), [&](const Keyword& one) {
        return (one.where & in::compression) != 0 && one.name == call[0].text;
    });
    if (row == std::end(rows))
        return scope.error(call[0].span, "unknown-keyword",
                           fmt::format("\"compression\" has no option \"{}\"", call[0].text),
                           "expected algo, algo-res, algo-req, type, type-res, type-req, offload, direction, "
                           "minsize-res or minsize-req");
    std::vector<keyword::Argument> arguments(call.args.begin() + 1, call.args.end());
    Call option{.row = row, .name = call[0].text, .span = call[0].span};
    if (keyword::check_arguments(*row, option, arguments, keyword::Units::haproxy, scope.sink))
        row->apply(scope, option);
}

}  // namespace

keyword::Table haproxy_rows() { return rows; }

}  // namespace weir::modules::compression
