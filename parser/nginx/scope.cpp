// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "parser/nginx/template.hpp"

namespace weir::nginx {

std::string Run::full_path(std::string_view path) const {
    if (path.starts_with('/')) return std::string(path);
    return prefix + std::string(path);
}

std::string Run::at_line(Span span) {
    if (!span.known() || lines_told++ >= 100) return {};
    return fmt::format(" of {}:{}", sources.file(span.file).name,
                       sources.position(span.file, span.begin).line);
}

Block::Block(Run& shared, Contexts place, Block* outer)
    : keyword::Scope(shared.config, shared.sink, shared.set),
      run(shared),
      here(place),
      parent(outer) {
    if (!outer) return;
    names = outer->names;
    own = outer->own;
    other_families = outer->other_families;
    for (auto& words : other_families) words.header_list.clear();
    if (in(context::if_in_location | context::limit_except)) passes = outer->passes;
    server = outer->server;
    site = outer->site;
    route = outer->route;
    stapling = outer->stapling;
    fields.how = outer->fields.how;
    referers = outer->referers;
    secure_link = outer->secure_link;
    secure_link_md5 = outer->secure_link_md5;
    trailers.how = outer->trailers.how;
}

ir::Text Block::text(const keyword::Argument& argument) {
    return make_text(*this, argument.text, argument.span);
}

bool Block::first_use(const keyword::Keyword& row) const {
    return std::none_of(uses_.begin(), uses_.end(), [&](const Use& use) { return use.row == &row; });
}

const Span* Block::note_use(const keyword::Keyword& row, Span span) {
    for (const auto& use : uses_)
        if (use.row == &row) return &use.span;
    uses_.push_back({&row, span});
    return nullptr;
}

namespace {

bool same_field(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

}  // namespace

std::vector<ir::FieldEdit> default_forward_fields() {
    ir::Expr host{.op = ir::Expr::Op::fetch, .fetch = ir::Fetch::forward_host};
    ir::Text proxy_host;
    proxy_host.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(host));
    // Connection: kept open to servers since nginx 1.29.7. The others belong to one connection.
    return {{"Host", std::move(proxy_host)}, {"Connection", {}}, {"TE", {}},
            {"Keep-Alive", {}},              {"Expect", {}},     {"Upgrade", {}}};
}

ir::ForwardSettings::Param default_host_param() {
    ir::ForwardSettings::Param param{.name = "HTTP_HOST"};
    for (auto what : {ir::Fetch::host, ir::Fetch::authority_has_port, ir::Fetch::authority_port}) {
        ir::Expr part{.op = ir::Expr::Op::fetch, .fetch = what};
        param.value.pieces.emplace_back().expr = std::make_shared<const ir::Expr>(std::move(part));
    }
    return param;
}

void Block::settle_fields(const FieldInheritance& inheritance,
                          std::vector<ir::ReplyField> ir::ReplyFields::*list) {
    using How = FieldInheritance::How;
    if (!parent || inheritance.how == How::on) return;
    const auto& outer = (*parent->own.reply_fields).*list;
    if (outer.empty()) return;
    if (inheritance.how == How::off && !inheritance.given) (own.reply_fields.edit().*list).clear();
    if (inheritance.how == How::merge && inheritance.given) {
        auto& mine = own.reply_fields.edit().*list;
        mine.insert(mine.begin(), outer.begin(), outer.end());
    }
}

void Block::settle() {
    note_recoding(*this);
    settle_fields(fields, &ir::ReplyFields::list);
    settle_fields(trailers, &ir::ReplyFields::trailers);
    if (!header_list.empty()) {
        static const auto defaults = default_forward_fields();
        for (const auto& field : defaults) {
            bool given = std::any_of(header_list.begin(), header_list.end(), [&](const auto& mine) {
                return same_field(mine.name, field.name);
            });
            if (!given) header_list.push_back(field);
        }
        own.forward.edit().set_fields = std::move(header_list);
        header_list.clear();
    }
    for (std::size_t i = 0; parent && i < other_families.size(); ++i)
        settle_family(other_families[i], parent->other_families[i]);
    if (!forward_lines.empty()) share_forward();
}

void Block::settle_family(FamilyWords& words, const FamilyWords& outer) {
    if (!words.header_list.empty()) {
        words.forward.edit().set_fields = std::move(words.header_list);
        words.header_list.clear();
    }
    if (words.forward.identity() == outer.forward.identity()) return;
    if (words.forward->protocol == ir::ForwardSettings::Protocol::http) return;
    const auto& params = words.forward->params;
    bool has_host = std::any_of(params.begin(), params.end(), [](const auto& param) { return param.name == "HTTP_HOST"; });
    if (!has_host) words.forward.edit().params.push_back(default_host_param());
}

void Block::note_forward_line(const keyword::Call& call) {
    forward_lines += call.name;
    for (const auto& argument : call.args) {
        // The length keeps "a b" and "a", "b" apart.
        forward_lines += fmt::format(" {}:", argument.text.size());
        forward_lines += argument.text;
    }
    forward_lines += ';';
}

// 10,000 servers that include the same proxy lines get one group, which the plan compiles once.
void Block::share_forward() {
    forward_lines += fmt::format("{}", static_cast<const void*>(parent->own.forward.identity()));
    auto [slot, is_new] = run.same_forward.try_emplace(std::move(forward_lines), own.forward);
    if (!is_new) own.forward = slot->second;
}

void refuse_parameter(Block& block, const keyword::Call& call, const keyword::Argument& argument) {
    block.error(argument.span, "not-supported",
                fmt::format("\"{}\" of \"{}\" is known to nginx, not yet in weir", argument.text,
                            call.name));
}

void invalid_parameter(Block& block, const keyword::Call& call, const keyword::Argument& argument,
                       std::string hint) {
    if (hint.empty()) hint = "syntax: " + keyword::syntax_line(*call.row);
    block.error(argument.span, "invalid-parameter",
                fmt::format("invalid parameter \"{}\" of \"{}\"", argument.text, call.name),
                std::move(hint));
}

}  // namespace weir::nginx
