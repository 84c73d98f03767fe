// SPDX-License-Identifier: Apache-2.0
// Rows of what is done to answers and beside them: charset, addition, mirror; and secure_link, whose
// variable says whether a link is valid.
#include <fmt/format.h>

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
    if (has_variables(call[0].text)) return refuse_parameter(block, call, call[0]);
    block.own.style.edit().charset = call[0].text == "off" ? std::string() : std::string(call[0].text);
}

// weir does not convert: the texts of servers and files have to be in the charset that is told.
void lower_source_charset(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    if (call[0].text != "off") block.source_charset = call[0];
}

void lower_override_charset(Scope& scope, const Call& call) {
    if (call[0].text == "on") refuse_parameter(block_of(scope), call, call[0]);
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
    {.name = "charset", .where = everywhere | if_in_location, .args = {keyword::word("charset|off")}, .apply = lower_charset, .fallback = "off",
     .summary = "Adds the charset to Content-Type where it tells none.", .once = true},
    {.name = "charset_types", .where = everywhere, .args = {keyword::many(keyword::word("type"))}, .apply = lower_charset_types,
     .fallback = "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml", .since = "0.7.9",
     .summary = "Content types that get a charset beside text/html.", .once = true},
    {.name = "log_subrequest", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::inner, &ir::InnerRequests::logged>,
     .fallback = "off", .summary = "Logs inner requests, too.", .once = true},
    {.name = "mirror", .where = everywhere, .args = {keyword::word("uri|off")}, .apply = lower_mirror, .inherit = Inherit::replace_list, .fallback = "off", .since = "1.13.4",
     .summary = "Makes an inner request for each request and drops its answer."},
    {.name = "mirror_request_body", .where = everywhere, .args = {keyword::flag()}, .apply = set<&Settings::inner, &ir::InnerRequests::mirror_body>,
     .fallback = "on", .since = "1.13.4", .summary = "Sends the body to mirrors, too.", .once = true},
    {.name = "override_charset", .where = everywhere | if_in_location, .args = {keyword::word("on|off")}, .apply = lower_override_charset,
     .fallback = "off", .summary = "Converts what servers send in another charset; weir does not.", .once = true},
    {.name = "post_action", .where = everywhere | if_in_location, .args = {keyword::word("uri|off")}, .apply = lower_post_action,
     .fallback = "off", .summary = "Makes an inner request when the answer is out.", .once = true},
    {.name = "secure_link", .where = everywhere, .args = {keyword::text("expression")}, .apply = lower_secure_link, .since = "0.7.18",
     .summary = "Text that holds the hash of a link, and perhaps when it ends, behind a comma.", .once = true},
    {.name = "secure_link_md5", .where = everywhere, .args = {keyword::text("expression")}, .apply = lower_secure_link_md5, .since = "0.7.18",
     .summary = "Text whose MD5 a valid link has; $secure_link is 1 then, 0 when its time is over, else empty.", .once = true},
    {.name = "secure_link_secret", .where = everywhere, .args = {keyword::word("word")}, .apply = lower_secure_link_secret,
     .summary = "Secret word of links with a hash in their path; $secure_link is the link where it is valid.", .once = true},
    {.name = "source_charset", .where = everywhere | if_in_location, .args = {keyword::word("charset")}, .apply = lower_source_charset,
     .summary = "The charset of what servers and files hold; weir converts nothing, so it has to be that of charset.", .once = true},
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
void check_charsets(Block& block) {
    if (!block.source_charset) return;
    const auto& target = block.own.style->charset;
    const auto& source = *block.source_charset;
    if (target.empty() || target == source.text) return;
    block.error(source.span, "not-supported",
                fmt::format("converting \"{}\" to \"{}\" is known to nginx, not yet in weir", source.text, target),
                "name the charset that the texts are in");
    block.source_charset.reset();
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
