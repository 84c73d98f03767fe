// SPDX-License-Identifier: Apache-2.0
// Caches in memory: the section cache, and what proxies say of one: http-request cache-use,
// http-request cache-purge, http-response cache-store, filter cache.
#include <fmt/format.h>

#include <algorithm>

#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::number;
using keyword::opt;
using keyword::size;
using keyword::word;

constexpr std::uint64_t megabyte = 1048576;

ir::CacheStore& store_of(keyword::Scope& scope) { return scope.config.caches.back(); }

void lower_total(keyword::Scope& scope, const Call& call) {
    store_of(scope).max_size = static_cast<std::uint64_t>(call[0].number) * megabyte;
}
void lower_object(keyword::Scope& scope, const Call& call) {
    store_of(scope).max_object = static_cast<std::uint64_t>(call[0].number);
}
void lower_age(keyword::Scope& scope, const Call& call) {
    store_of(scope).longest = std::chrono::seconds(call[0].number);
}
void lower_variants(keyword::Scope& scope, const Call& call) {
    store_of(scope).most_variants = static_cast<std::uint32_t>(call[0].number);
}
// on | off | only [ratio PERCENT]
void lower_hints(keyword::Scope& scope, const Call& call) {
    using Hints = ir::CacheStore::Hints;
    auto& store = store_of(scope);
    store.hints = call[0].text == "on" ? Hints::on : call[0].text == "only" ? Hints::only : Hints::off;
    if (call.size() == 1) return;
    if (call[1].text != "ratio" || call.size() != 3)
        return scope.error(call[1].span, "unexpected-argument",
                           fmt::format("unexpected \"{}\" after \"{}\"", call[1].text, call[0].text),
                           "syntax: early-hints on [ratio percent]");
    store.hint_share = static_cast<std::uint32_t>(call[2].number);
}
void lower_vary(keyword::Scope& scope, const Call& call) { store_of(scope).varies = call[0].text == "on"; }

void lower_store(keyword::Scope& scope, const Call& call) {
    refer(own(scope), Reference::Kind::cache, call[0].text, call[0].span);
    own(scope).rule->action = ir::action::KeepAnswer{std::string(call[0].text)};
}
void lower_use(keyword::Scope& scope, const Call& call) {
    refer(own(scope), Reference::Kind::cache, call[0].text, call[0].span);
    own(scope).rule->action = ir::action::UseCache{std::string(call[0].text), call.size() == 1};
}
void lower_purge(keyword::Scope& scope, const Call& call) {
    refer(own(scope), Reference::Kind::cache, call[0].text, call[0].span);
    own(scope).rule->action = ir::action::PurgeCache{std::string(call[0].text)};
}
// The rules alone make the filter: its name must be right.
void lower_filter(keyword::Scope& scope, const Call& call) {
    refer(own(scope), Reference::Kind::cache, call[0].text, call[0].span);
}

constexpr Keyword row(std::string_view name, Contexts where, keyword::Signature args,
                      keyword::Apply apply, std::string_view summary, std::string_view fallback = {}) {
    return {.name = name, .where = where, .args = args, .apply = apply, .fallback = fallback, .summary = summary};
}

constexpr auto rows = sorted({
    row("cache", in::filter, {word("name")}, lower_filter, "Names a cache: the rules about it are enough."),
    {.name = "cache-purge", .where = in::http_request, .args = {word("name")}, .apply = lower_purge,
     .summary = "Takes answers out of a cache, and answers that.",
     .details = "weir's own. It is about the URL of the request, or all that begin so where its path ends in \"*\"; with "
                "Cache-Tag or Surrogate-Key fields in the request, about answers with these tags. The answer is 204, or "
                "404 when there was nothing. A condition says who may: if { method PURGE } { src 10.0.0.0/8 }."},
    row("cache-store", in::http_response, {word("name")}, lower_store,
        "Keeps the answer in a cache, if it may be kept."),
    row("cache-use", in::http_request, {word("name"), opt(keyword::choice("no-early-hints"))}, lower_use,
        "Answers from a cache that has the answer, or tells early hints that it knows."),
    row("early-hints", in::cache,
        {keyword::choice("on|off|only"), opt(word("ratio")), opt(number("percent", 1, 99))}, lower_hints,
        "Tells links of answers that are no longer kept before a server is asked (status 103).", "off"),
    row("max-age", in::cache, {number("seconds", 1)}, lower_age,
        "Limits how long answers are kept.", "60"),
    row("max-object-size", in::cache, {size("bytes", 1)}, lower_object,
        "Limits the size of an answer that is kept; else a 256th of the cache."),
    row("max-secondary-entries", in::cache, {number("number", 1)}, lower_variants,
        "Limits how many variants of an answer are kept.", "10"),
    row("process-vary", in::cache, {keyword::choice("on|off")}, lower_vary,
        "Keeps answers that vary by Accept-Encoding, Origin or Referer.", "off"),
    row("total-max-size", in::cache, {number("megabytes", 1, 4095)}, lower_total, "Sets the size of the cache."),
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table cache_table() { return rows; }

void Lowering::run_cache(const ast::Section& section) {
    auto head = arguments_of(section.head);
    if (head.size() < 2)
        return scope_.error(head[0].span, "argument-count", "section \"cache\" needs a name");
    if (head.size() > 2)
        scope_.error(head[2].span, "unexpected-argument",
                     fmt::format("unexpected \"{}\" after the name of the cache", head[2].text));
    auto& caches = scope_.config.caches;
    auto name = head[1];
    bool twice = std::any_of(caches.begin(), caches.end(),
                             [&](const auto& one) { return one.in_memory && one.name == name.text; });
    if (twice) scope_.error(name.span, "duplicate-name", fmt::format("there is another cache \"{}\"", name.text));
    ir::CacheStore fresh;
    fresh.name = std::string(name.text);
    fresh.span = name.span;
    fresh.in_memory = true;
    fresh.max_size = 0;
    caches.push_back(std::move(fresh));
    run_lines(section, in::cache);
    auto& store = caches.back();
    if (store.max_size == 0)
        return scope_.error(store.span, "missing-value", fmt::format("cache \"{}\" has no size", store.name),
                            "add total-max-size with a number of megabytes");
    if (store.max_object == 0) store.max_object = store.max_size / 256;
    if (store.max_object > store.max_size / 2)
        scope_.error(store.span, "invalid-value",
                     fmt::format("max-object-size of cache \"{}\" is more than half of its total-max-size",
                                 store.name));
}

}  // namespace weir::haproxy
