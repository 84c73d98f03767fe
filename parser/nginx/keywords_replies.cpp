// SPDX-License-Identifier: Apache-2.0
// Rows of what is done to answers and beside them: charset, addition, mirror; and secure_link, whose
// variable says whether a link is valid.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;
using keyword::set;
using ir::Settings;

constexpr Contexts everywhere = http | server | location;

void lower_charset(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.own.style.edit().charset = call[0].text == "off" ? ir::Text() : block.text(call[0]);
    block.charset_at = call.span;
}

void lower_source_charset(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.own.style.edit().source_charset = call[0].text == "off" ? ir::Text() : block.text(call[0]);
    block.charset_at = call.span;
}

// A byte as one or two hexadecimal digits, a letter of UTF-8 as up to eight. Empty: it is none.
std::string read_bytes(std::string_view digits) {
    std::string bytes;
    if (digits.empty() || digits.size() > 8 || (digits.size() > 2 && digits.size() % 2 != 0)) return {};
    for (std::size_t at = 0; at < digits.size(); at += 2) {
        auto part = digits.substr(at, 2);
        unsigned value = 0;
        auto read = std::from_chars(part.data(), part.data() + part.size(), value, 16);
        if (read.ec != std::errc() || read.ptr != part.data() + part.size()) return {};
        bytes += static_cast<char>(value);
    }
    return bytes;
}

void read_charset_line(Block& block, const ast::Directive& line, bool to_utf8, ir::CharsetMap& map) {
    const auto words = line.words.list;
    if (line.body.present || words.size() != 2)
        return block.error(words[0].span, "argument-count", "invalid parameters number",
                           "lines are: two bytes in hexadecimal digits and a \";\"");
    auto from = read_bytes(words[0].text), to = read_bytes(words[1].text);
    for (const auto& [bytes, word, most] : {std::tuple(&from, &words[0], std::size_t(1)),
                                            std::tuple(&to, &words[1], std::size_t(to_utf8 ? 4 : 1))})
        if (bytes->empty() || bytes->size() > most)
            return block.error(word->span, "invalid-value", fmt::format("invalid value \"{}\"", word->text),
                               most == 1 ? "a byte in hexadecimal digits" : "a letter of UTF-8 in hexadecimal digits");
    map.pairs.emplace_back(static_cast<std::uint8_t>(from[0]), std::move(to));
}

bool same_charset(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return (x | 32) == (y | 32); });
}

bool is_between(const ir::CharsetMap& map, std::string_view one, std::string_view other) {
    return (same_charset(map.from, one) && same_charset(map.to, other)) ||
           (same_charset(map.from, other) && same_charset(map.to, one));
}

void lower_charset_map(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::CharsetMap map;
    map.from = call[0].text;
    map.to = call[1].text;
    map.span = call.span;
    if (same_charset(map.from, map.to))
        return block.error(call[1].span, "invalid-value",
                           fmt::format("\"charset_map\" between the same charset \"{}\"", map.to), "name two charsets");
    for (const auto& other : block.config.charset_maps)
        if (is_between(other, map.from, map.to))
            return block.error(call.span, "duplicate-name",
                               fmt::format("duplicate \"charset_map\" between \"{}\" and \"{}\"", map.from, map.to),
                               "one map serves both directions");
    for (const auto& line : block.current->body.directives)
        read_charset_line(block, line, same_charset(map.to, "utf-8"), map);
    block.config.charset_maps.push_back(std::move(map));
}

std::vector<std::string> types_of(const Call& call) {
    std::vector<std::string> types{"text/html"};
    for (const auto& argument : call.args)
        if (argument.text != "text/html") types.emplace_back(argument.text);
    return types;
}

void lower_charset_types(Scope& scope, const Call& call) {
    scope.settings().style.edit().charset_types = types_of(call);
}

void lower_addition_types(Scope& scope, const Call& call) {
    scope.settings().inner.edit().addition_types = types_of(call);
}

void lower_mirror(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& mirrors = block.own.inner.edit().mirrors;
    if (block.first_use(*call.row)) mirrors.clear();
    if (call[0].text != "off") mirrors.emplace_back(call[0].text);
}

void lower_secure_link(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.secure_link = block.text(call[0]);
}

void lower_secure_link_md5(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.secure_link_md5 = block.text(call[0]);
}

// The older form: /prefix/hash/link, with the MD5 of the link and a secret word. $secure_link is the link.
void lower_secure_link_secret(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    ir::Expr link{.op = ir::Expr::Op::convert, .converter = ir::Converter::secure_link};
    link.text = "secret";
    link.span = call.span;
    link.in.push_back({.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::normalized_path});
    link.in.emplace_back().text = call[0].text;
    block.secure_link = {};
    block.secure_link.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(link));
}

void lower_includes(Scope& scope, const Call& call) {
    scope.settings().includes.edit().on = call[0].number != 0;
    // Answers may then ask for any variable.
    if (call[0].number != 0) offer_names(block_of(scope));
}

void lower_include_types(Scope& scope, const Call& call) {
    scope.settings().includes.edit().types = types_of(call);
}

void lower_post_action(Scope& scope, const Call& call) {
    scope.settings().inner.edit().afterwards = call[0].text == "off" ? "" : std::string(call[0].text);
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "add_after_body", .where = everywhere, .args = {keyword::word("uri")}, .apply = set<&Settings::inner, &ir::InnerRequests::after>,
     .summary = "Puts the answer of an inner request behind the body.", .once = true},
    {.name = "add_before_body", .where = everywhere, .args = {keyword::word("uri")}, .apply = set<&Settings::inner, &ir::InnerRequests::before>,
     .summary = "Puts the answer of an inner request before the body.", .once = true},
    {.name = "addition_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_addition_types,
     .fallback = "text/html", .since = "0.7.9", .summary = "Content types that get additions beside text/html.", .once = true},
    {.name = "charset", .where = everywhere | if_in_location, .args = {keyword::text("charset|off")}, .apply = lower_charset, .fallback = "off",
     .summary = "Adds the charset to Content-Type where it tells none; with source_charset texts are converted.", .once = true},
    {.name = "charset_map", .where = http, .args = {keyword::word("charset"), keyword::word("charset")}, .body = keyword::Body::entries,
     .apply = lower_charset_map, .inherit = Inherit::none,
     .summary = "Says which bytes of one charset are which of another one, for both directions."},
    {.name = "charset_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_charset_types,
     .fallback = "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml", .since = "0.7.9",
     .summary = "Content types that get a charset beside text/html.", .once = true},
    {.name = "log_subrequest", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::inner, &ir::InnerRequests::logged>,
     .fallback = "off", .summary = "Logs inner requests, too.", .once = true},
    {.name = "mirror", .where = everywhere, .args = {keyword::word("uri|off")}, .apply = lower_mirror, .inherit = Inherit::replace_list, .fallback = "off", .since = "1.13.4",
     .summary = "Makes an inner request for each request and drops its answer."},
    {.name = "mirror_request_body", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::inner, &ir::InnerRequests::mirror_body>,
     .fallback = "on", .since = "1.13.4", .summary = "Sends the body to mirrors, too.", .once = true},
    {.name = "override_charset", .where = everywhere | if_in_location, .args = {keyword::flag()},
     .apply = set<&Settings::style, &ir::ReplyStyle::override_charset>, .fallback = "off",
     .summary = "Converts answers of servers that tell a charset of their own, too.", .once = true},
    {.name = "post_action", .where = everywhere | if_in_location, .args = {keyword::word("uri|off")}, .apply = lower_post_action,
     .fallback = "off", .summary = "Makes an inner request when the answer is out.", .once = true},
    {.name = "secure_link", .where = everywhere, .args = {keyword::text("expression")}, .apply = lower_secure_link, .since = "0.7.18",
     .summary = "Text that holds the hash of a link, and perhaps when it ends, behind a comma.", .once = true},
    {.name = "secure_link_md5", .where = everywhere, .args = {keyword::text("expression")}, .apply = lower_secure_link_md5, .since = "0.7.18",
     .summary = "Text whose MD5 a valid link has; $secure_link is 1 then, 0 when its time is over, else empty.", .once = true},
    {.name = "secure_link_secret", .where = everywhere, .args = {keyword::word("word")}, .apply = lower_secure_link_secret,
     .summary = "Secret word of links with a hash in their path; $secure_link is the link where it is valid.", .once = true},
    {.name = "source_charset", .where = everywhere | if_in_location, .args = {keyword::text("charset")}, .apply = lower_source_charset,
     .summary = "The charset of texts that tell none: where it is not that of charset they are converted, by charset_map.", .once = true},
    {.name = "ssi", .where = everywhere | if_in_location, .args = {keyword::flag()}, .apply = lower_includes, .fallback = "off",
     .summary = "Carries out the commands in answers: include, echo, set, if, config, block.", .once = true},
    {.name = "ssi_last_modified", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::includes, &ir::Includes::keeps_dates>, .fallback = "off", .since = "1.5.1",
     .summary = "Keeps Last-Modified of answers with commands.", .once = true},
    {.name = "ssi_silent_errors", .where = everywhere, .args = {keyword::flag()},
     .apply = set<&Settings::includes, &ir::Includes::silent>, .fallback = "off",
     .summary = "Leaves nothing in place of a command that fails.", .once = true},
    {.name = "ssi_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_include_types,
     .fallback = "text/html", .summary = "Content types with commands beside text/html.", .once = true},
    {.name = "ssi_value_length", .where = everywhere, .args = {keyword::size("length", 1, 1048576)},
     .apply = set<&Settings::includes, &ir::Includes::most_value>, .fallback = "256",
     .summary = "Longest value of a parameter of a command.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

// Said at the end of a block, when both are known.
void note_recoding(Block& block) {
    const auto& style = *block.own.style;
    if (!block.charset_at.known() || !style.charset.is_literal() || !style.source_charset.is_literal()) return;
    auto from = style.source_charset.literal(), to = style.charset.literal();
    if (!from.empty() && !to.empty() && !same_charset(from, to))
        block.run.recodings.try_emplace({std::move(from), std::move(to)}, block.charset_at);
}

void check_recodings(Run& run) {
    for (const auto& [names, span] : run.recodings) {
        const std::string &from = names.first, &to = names.second;   // clang 14 takes no binding in a lambda
        const auto& maps = run.config.charset_maps;
        if (std::any_of(maps.begin(), maps.end(), [&](const auto& map) { return is_between(map, from, to); })) continue;
        run.sink.error(span, "no-charset-map", fmt::format("no \"charset_map\" between the charsets \"{}\" and \"{}\"", from, to),
                       fmt::format("add charset_map {} {} {{ }}, or name the charset that the texts are in", from, to));
    }
}

// $secure_link, as the directives of the block say.
ir::Expr secure_link_value(Block& block, bool expires) {
    const auto& pieces = block.secure_link.pieces;
    if (pieces.size() == 1 && pieces[0].expr && pieces[0].expr->text == "secret")
        return expires ? ir::Expr{} : *pieces[0].expr;
    ir::Expr value{.op = ir::Expr::Op::convert, .converter = ir::Converter::secure_link};
    value.in.push_back(make_value(block.secure_link));
    if (expires) {
        value.text = "expires";
        return value;
    }
    value.in.push_back(make_value(block.secure_link_md5));
    return value;
}

keyword::Table reply_keywords() { return rows; }

}  // namespace weir::nginx
