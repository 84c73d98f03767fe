// SPDX-License-Identifier: Apache-2.0
// Compilation of expressions and texts. What programs share is found by the identity of the IR
// object (pattern sets), by its words (regexes) or by its index (maps).
#include "runtime/route/eval.hpp"

#include <algorithm>

#include "runtime/route/fetch.hpp"
#include "runtime/route/map.hpp"
#include "runtime/route/match.hpp"

namespace weir::route {

using F = ir::Fetch;

Library::Library(const ir::Config& config) : config_(config) {
    for (std::size_t i = 0; i < config.sites.size(); ++i) {
        sites_.emplace(config.sites[i].name, static_cast<std::uint32_t>(i));
    }
    for (std::size_t i = 0; i < config.routes.size(); ++i) {
        const auto& name = config.routes[i].pool_name;
        if (!name.empty()) routes_.emplace(name, static_cast<ir::RouteId>(i));
    }
    for (std::size_t i = 0; i < config.named_captures.size(); ++i) {
        named_.emplace(config.named_captures[i], static_cast<std::uint32_t>(i));
    }
    maps_.resize(config.maps.size());
    for (const auto& [name, value] : config.asked_by_name) asked_by_name_.emplace(name, compile(value));
}

Library::~Library() = default;

const Regex* Library::regex(std::string_view pattern, bool ignore_case, const Span& span) {
    std::string key = (ignore_case ? "i" : "c") + std::string(pattern);
    const auto found = regexes_.find(key);
    if (found != regexes_.end()) return found->second.get();
    auto made = Regex::compile(pattern, ignore_case);
    if (!made) {
        problems_.push_back({span, "regex \"" + std::string(pattern) + "\": " + made.error()});
        return nullptr;
    }
    auto kept = std::make_unique<Regex>(std::move(made).value());
    const Regex* regex = kept.get();
    Slots slots;
    for (const auto& name : regex->names()) {
        const auto slot = named_.find(name.name);
        if (slot != named_.end() && name.group < Regex::most_groups) {
            slots.emplace_back(name.group, slot->second);
        }
    }
    if (!slots.empty()) slots_.emplace(regex, std::move(slots));
    regexes_.emplace(std::move(key), std::move(kept));
    return regex;
}

bool Library::match_and_capture(const Regex& regex, std::string_view text, Subject& subject) const {
    Regex::Match match;
    if (!regex.match(text, match)) return false;
    const std::uint32_t kept = std::min(match.count, Captures::most);
    // A regex without groups leaves none of an earlier one behind.
    for (std::uint32_t i = 0; i < kept; ++i) subject.captures.group[i] = match.group[i];
    subject.captures.count = kept;
    const auto slots = slots_.empty() ? slots_.end() : slots_.find(&regex);
    if (slots == slots_.end()) return true;
    for (const auto& [group, slot] : slots->second) {
        if (slot >= subject.named_captures.size()) continue;
        subject.named_captures[slot] =
            group < match.count ? match.group[group] : std::string_view();
    }
    return true;
}

const Patterns* Library::patterns(const std::shared_ptr<const ir::PatternSet>& set,
                                  const Span& span) {
    if (!set) return nullptr;
    auto& kept = patterns_[set.get()];
    if (!kept) kept = std::make_unique<Patterns>(*set, span, *this);
    return kept.get();
}

const CompiledMap* Library::map(std::size_t index) {
    if (!maps_[index]) {
        maps_[index] = std::make_unique<CompiledMap>(config_.maps[index]);
        maps_[index]->compile(*this);
    }
    return maps_[index].get();
}

void Library::fill_fetch(Node& node, const ir::Expr& expr) {
    switch (expr.fetch) {
        case F::request_header:
        case F::request_header_full:
        case F::request_header_count:
        case F::request_header_full_count:
        case F::request_header_address:
        case F::response_header:
        case F::response_header_full:
        case F::response_header_count:
        case F::response_header_full_count:
        case F::response_trailer:
        case F::sent_header:
        case F::sent_trailer: node.field = http::field_id(expr.text); return;
        case F::servers_up:
        case F::pool_connections:
        case F::pool_free_connections:
        case F::pool_session_rate:
        case F::pool_average_queue:
        case F::pool_queue:
        case F::pool_slots:
        case F::server_connections:
        case F::server_queue:
        case F::server_is_up:
        case F::server_weight:
            node.id = config_.find_pool(expr.text.substr(0, expr.text.find('/')));
            return;
        case F::site_connections:
        case F::site_request_rate:
        case F::site_session_rate: {
            const auto found = sites_.find(expr.text);
            if (found != sites_.end()) node.id = found->second;
            return;
        }
        case F::followed_entry:
        case F::followed_exists:
        case F::followed_key:
        case F::source_entry:
        case F::table_used:
        case F::table_free: node.id = config_.find_zone(expr.text, "stick-table"); return;
        default: return;  // the others take their arguments as they are
    }
}

void Library::fill(std::vector<Node>& nodes, std::uint32_t at, const ir::Expr& expr) {
    const auto first = static_cast<std::uint32_t>(nodes.size());
    nodes.resize(nodes.size() + expr.in.size());
    for (std::size_t i = 0; i < expr.in.size(); ++i) {
        fill(nodes, first + static_cast<std::uint32_t>(i), expr.in[i]);
    }
    Node& node = nodes[at];
    node.op = expr.op;
    node.type = expr.type;
    node.converter = expr.converter;
    node.fetch = expr.fetch;
    node.first = first;
    node.count = static_cast<std::uint32_t>(expr.in.size());
    node.text = expr.text;
    node.number = expr.number;
    using Op = ir::Expr::Op;
    if (expr.op == Op::fetch) fill_fetch(node, expr);
    if (expr.op == Op::map) node.map = map(static_cast<std::size_t>(expr.number));
    if (expr.op == Op::convert && (expr.converter == ir::Converter::table_entry ||
                                   expr.converter == ir::Converter::in_table))
        node.id = config_.find_zone(expr.text, "stick-table");
    if (expr.op == Op::convert && expr.converter == ir::Converter::regsub) {
        const bool ignore_case =
            expr.in.size() > 2 && expr.in[2].text.find('i') != std::string::npos;
        node.regex = regex(expr.text, ignore_case, expr.span);
    }
    if (expr.op != Op::match) return;
    node.patterns = patterns(expr.patterns, expr.span);
    // The leaf that yields several values: this match tries them all.
    std::uint32_t leaf = first;
    while (nodes[leaf].op == Op::convert || (nodes[leaf].op == Op::map && nodes[leaf].count != 0))
        leaf = nodes[leaf].first;
    if (node.patterns && nodes[leaf].op == Op::fetch && has_several(nodes[leaf].fetch) &&
        nodes[leaf].number == ir::occurrence::every) {
        node.each = nodes[leaf].each = true;
    }
}

Program Library::compile(const ir::Expr& expr) {
    Program program;
    program.nodes_.resize(1);
    fill(program.nodes_, 0, expr);
    return program;
}

Value Library::value_named(std::string_view name, Subject& subject) const {
    if (!name.empty() && name.find_first_not_of("0123456789") == name.npos) {
        const auto group = name.size() == 1 ? static_cast<std::uint32_t>(name[0] - '0') : Captures::most;
        if (group >= subject.captures.count) return Value::missing();
        return Value::of(subject.captures.group[group]);
    }
    if (const auto found = asked_by_name_.find(name); found != asked_by_name_.end())
        return found->second.eval(subject);
    // "http_x_y": the longest family that it may be of, with the rest put in.
    for (auto at = name.rfind('_'); at != name.npos && at != 0; at = name.rfind('_', at - 1)) {
        const auto family = asked_by_name_.find(name.substr(0, at + 1));
        if (family == asked_by_name_.end()) continue;
        Node node = family->second.root();
        char* rest = subject.arena->bytes(name.size() - at);
        const auto size = name.copy(rest, name.npos, at + 1);
        switch (node.fetch) {
            case F::request_header:
            case F::response_header:
            case F::response_trailer:
            case F::sent_header:
            case F::sent_trailer:
                std::replace(rest, rest + size, '_', '-');
                node.field = http::field_id({rest, size});
                break;
            default: break;
        }
        node.text = {rest, size};
        return eval_node(&node, node, subject);
    }
    return Value::missing();
}

Template Library::compile(const ir::Text& text) {
    Template made;
    made.joins_blanks_ = text.joins_blanks;
    made.pieces_.reserve(text.pieces.size());
    for (const auto& piece : text.pieces) {
        Template::Piece one;
        if (piece.expr) {
            one.program = compile(*piece.expr);
            one.how = &piece;
        } else {
            one.literal = piece.literal;
        }
        made.pieces_.push_back(std::move(one));
    }
    return made;
}

}  // namespace weir::route
