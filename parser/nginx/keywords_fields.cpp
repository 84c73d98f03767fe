// SPDX-License-Identifier: Apache-2.0
// Rows of the fields that are added to every answer: add_header, add_trailer, expires.
#include <fmt/format.h>

#include <algorithm>

#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;
using keyword::Scope;

constexpr Contexts everywhere = http | server | location | if_in_location;

// name value [always], onto a list that replaces the parent's.
void add_field(Block& block, const Call& call, std::vector<ir::ReplyField>& list) {
    if (block.first_use(*call.row)) list.clear();
    ir::ReplyField field{.name = std::string(call[0].text), .value = block.text(call[1])};
    if (call.size() > 2) {
        if (call[2].text != "always") return invalid_parameter(block, call, call[2]);
        field.always = true;
    }
    // There is but one of these; others are added beside what the server sent.
    auto is = [&](std::string_view name) {
        return std::equal(name.begin(), name.end(), call[0].text.begin(), call[0].text.end(),
                          [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
    };
    field.replace = is("etag") || is("last-modified");
    // nginx writes no field when the value is empty.
    if (!field.value.empty()) list.push_back(std::move(field));
}

void lower_add_header(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.fields.given = true;
    add_field(block, call, block.own.reply_fields.edit().list);
}

void lower_add_trailer(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    block.trailers.given = true;
    add_field(block, call, block.own.reply_fields.edit().trailers);
}

void set_how(FieldInheritance& inheritance, const Call& call) {
    inheritance.how = static_cast<FieldInheritance::How>(call[0].number);
}
void lower_add_header_inherit(Scope& scope, const Call& call) { set_how(block_of(scope).fields, call); }
void lower_add_trailer_inherit(Scope& scope, const Call& call) { set_how(block_of(scope).trailers, call); }

void lower_expires(Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& expiry = block.own.reply_fields.edit().expiry;
    bool modified = call.size() == 2;
    if (modified && call[0].text != "modified") return invalid_parameter(block, call, call[0], "modified");
    const auto& when = call[call.size() - 1];
    auto text = modified ? fmt::format("modified {}", when.text) : std::string(when.text);
    if (has_variables(when.text)) {
        expiry = {.how = ir::ReplyFields::Expiry::How::computed, .time = {}, .value = make_text(block, text, when.span)};
        return;
    }
    auto read = ir::read_expiry(text);
    if (!read) return invalid_parameter(block, call, when, "a time such as 30d or -1, @12h, epoch, max or off");
    expiry = std::move(*read);
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "add_header", .where = everywhere,
     .args = {keyword::word("name"), keyword::text("value"), keyword::opt(keyword::word("always"))},
     .apply = lower_add_header, .inherit = Inherit::replace_list,
     .summary = "Adds a field to answers with status 200, 201, 204, 206, 301, 302, 303, 304, 307 or 308, or to all."},
    {.name = "add_header_inherit", .where = everywhere, .args = {keyword::choice("on|off|merge")}, .apply = lower_add_header_inherit,
     .fallback = "on", .since = "1.29.3", .summary = "Says what becomes of the fields of outer levels: kept where none is added here, dropped, or added to.", .once = true},
    {.name = "add_trailer", .where = everywhere,
     .args = {keyword::word("name"), keyword::text("value"), keyword::opt(keyword::word("always"))},
     .apply = lower_add_trailer, .inherit = Inherit::replace_list, .since = "1.13.2",
     .summary = "Adds a field behind the body of answers, which then come in chunks."},
    {.name = "add_trailer_inherit", .where = everywhere, .args = {keyword::choice("on|off|merge")}, .apply = lower_add_trailer_inherit,
     .fallback = "on", .since = "1.29.3", .summary = "The same as add_header_inherit for trailers.", .once = true},
    {.name = "expires", .where = everywhere, .args = {keyword::text("[modified] time|@time|epoch|max|off"), keyword::opt(keyword::text("time"))},
     .apply = lower_expires, .fallback = "off", .summary = "Tells until when answers may be kept: Expires and Cache-Control.", .once = true},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table field_keywords() { return rows; }

}  // namespace weir::nginx
