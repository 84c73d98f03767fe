// SPDX-License-Identifier: Apache-2.0
// Evaluation of programs and their compilation. A program is a flat array of nodes; evaluating is
// one switch, the fetches and converters come through tables of functions.
#include "runtime/route/eval.hpp"

#include <utility>

#include "runtime/route/fetch.hpp"
#include "runtime/route/map.hpp"
#include "runtime/route/match.hpp"

namespace weir::route {
namespace {

constexpr FetchFunction fetch_table[] = {
#define X(name, type, phase) fetch_##name,
    WEIR_FETCHES(X)
#undef X
};
constexpr ConvertFunction convert_table[] = {
#define X(name, input, output) convert_##name,
    WEIR_CONVERTERS(X)
#undef X
};

bool is_true(const Value& value) {
    if (!value.exists) return false;
    if (value.type != ir::Type::bytes) return to_number(value) != 0;
    return !value.bytes.empty() && value.bytes != "0";
}

Value literal(const Node& node) {
    if (node.type == ir::Type::boolean) return Value::of_boolean(node.number != 0);
    if (node.type == ir::Type::integer) return Value::of_number(node.number);
    if (node.type == ir::Type::address) return to_address(Value::of(node.text));
    return Value::of(node.text);
}

bool eval_each(const Node* nodes, const Node& node, Subject& subject) {
    const Node* leaf = &nodes[node.first];
    while (leaf->op == ir::Expr::Op::convert) leaf = &nodes[leaf->first];
    Cursor cursor;
    for (;;) {
        const Value one = next_value(*leaf, subject, cursor);
        if (!one.exists) return false;
        const Value value = eval_node(nodes, nodes[node.first], subject, &one);
        if (node.patterns->matches(value, subject)) return true;
    }
}

bool eval_match(const Node* nodes, const Node& node, Subject& subject, const Value* each) {
    if (node.each) return eval_each(nodes, node, subject);
    Value value = eval_node(nodes, nodes[node.first], subject, each);
    // nginx compares an absent variable as an empty text.
    if (!value.exists && is_nginx(subject)) value = Value::of("");
    if (node.patterns) return node.patterns->matches(value, subject);
    const Value other = eval_node(nodes, nodes[node.first + 1], subject, each);
    return to_text(value, *subject.arena) == to_text(other, *subject.arena);
}

std::string_view eval_concat(const Node* nodes, const Node& node, Subject& subject) {
    std::string_view all;
    for (std::uint32_t i = 0; i < node.count; ++i) {
        const auto next = to_text(eval_node(nodes, nodes[node.first + i], subject), *subject.arena);
        all = all.empty() ? next : next.empty() ? all : subject.arena->join({all, next});
    }
    return all.data() ? all : std::string_view("");
}

// all_of and any_of: a part that is decided against (for) the whole decides it; parts that more
// bytes may change leave it undecided.
Value eval_list(const Node* nodes, const Node& node, Subject& subject, bool all) {
    const bool before = std::exchange(subject.undecided, false);
    bool open = false, result = all;
    for (std::uint32_t i = 0; i < node.count; ++i) {
        const bool holds = is_true(eval_node(nodes, nodes[node.first + i], subject));
        const bool undecided = std::exchange(subject.undecided, false);
        open |= undecided;
        if (undecided || holds == all) continue;
        result = !all;
        open = false;
        break;
    }
    if (open) result = false;
    subject.undecided = before || open;
    return Value::of_boolean(result);
}

}  // namespace

Value eval_node(const Node* nodes, const Node& node, Subject& subject, const Value* each) {
    using Op = ir::Expr::Op;
    switch (node.op) {
        case Op::literal: return literal(node);
        case Op::fetch: {
            if (each && node.each) return *each;
            Value value = fetch_table[static_cast<std::size_t>(node.fetch)](node, subject);
            // var(name,default)
            if (!value.exists && node.count) return eval_node(nodes, nodes[node.first], subject);
            return value;
        }
        case Op::convert: {
            const Value input = eval_node(nodes, nodes[node.first], subject, each);
            if (!input.exists) return input;
            return convert_table[static_cast<std::size_t>(node.converter)]({node, nodes, subject},
                                                                           input);
        }
        case Op::match: {
            // What matches now is decided, whatever else may come.
            const bool before = subject.undecided;
            const bool hit = eval_match(nodes, node, subject, each);
            if (hit) subject.undecided = before;
            return Value::of_boolean(hit);
        }
        case Op::all_of: return eval_list(nodes, node, subject, true);
        case Op::any_of: return eval_list(nodes, node, subject, false);
        case Op::negate:
            return Value::of_boolean(!is_true(eval_node(nodes, nodes[node.first], subject)));
        case Op::concat: return Value::of(eval_concat(nodes, node, subject));
        case Op::map: {
            if (!node.count) return node.map->find(subject, nullptr);
            if (const auto* map = node.map->file_map()) {
                const auto key = eval_node(nodes, nodes[node.first], subject, each);
                return key.exists ? map->find(key, subject) : Value::missing();
            }
            const auto key = to_text(eval_node(nodes, nodes[node.first], subject), *subject.arena);
            return node.map->find(subject, &key);
        }
    }
    return Value::missing();
}

std::string_view to_text(const Value& value, Arena& arena) {
    if (!value.exists) return "";
    switch (value.type) {
        case ir::Type::any:
        case ir::Type::bytes: return value.bytes;
        case ir::Type::boolean: return value.number ? "1" : "0";
        case ir::Type::integer: return decimal(value.number, arena);
        case ir::Type::address: {
            Address address;
            address.ip = value.ip;
            return arena.copy(address.text());
        }
    }
    return "";
}

Value Program::eval(Subject& subject) const {
    if (nodes_.empty()) return Value::missing();
    return eval_node(nodes_.data(), nodes_[0], subject);
}

bool Program::holds(Subject& subject) const { return is_true(eval(subject)); }

std::string_view Program::text(Subject& subject) const {
    return to_text(eval(subject), *subject.arena);
}

}  // namespace weir::route
