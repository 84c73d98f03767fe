// SPDX-License-Identifier: Apache-2.0
// Converters of numbers and booleans, and those that touch variables. The operand is the node's
// number, or in[1] when it is a variable; sums saturate, division by zero gives the largest number
// (HAProxy).
#include <algorithm>
#include <climits>

#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

std::int64_t operand(const Conversion& c) { return c.number(1, c.node.number); }

Value saturated(bool overflow, std::int64_t result, bool negative) {
    if (!overflow) return Value::of_number(result);
    return Value::of_number(negative ? INT64_MIN : INT64_MAX);
}

bool truth(const Value& value) {
    if (value.type != ir::Type::bytes) return to_number(value) != 0;
    return !value.bytes.empty() && value.bytes != "0";
}

}  // namespace

Value convert_add(const Conversion& c, const Value& input) {
    std::int64_t result = 0;
    const auto other = operand(c);
    const bool overflow = __builtin_add_overflow(to_number(input), other, &result);
    return saturated(overflow, result, other < 0);
}
Value convert_sub(const Conversion& c, const Value& input) {
    std::int64_t result = 0;
    const auto other = operand(c);
    const bool overflow = __builtin_sub_overflow(to_number(input), other, &result);
    return saturated(overflow, result, other > 0);
}
Value convert_mul(const Conversion& c, const Value& input) {
    std::int64_t result = 0;
    const auto number = to_number(input), other = operand(c);
    const bool overflow = __builtin_mul_overflow(number, other, &result);
    return saturated(overflow, result, (number < 0) != (other < 0));
}
Value convert_div(const Conversion& c, const Value& input) {
    const auto number = to_number(input), other = operand(c);
    if (other == 0 || (number == INT64_MIN && other == -1)) return Value::of_number(INT64_MAX);
    return Value::of_number(number / other);
}
Value convert_mod(const Conversion& c, const Value& input) {
    const auto other = operand(c);
    if (other == 0 || other == -1) return Value::of_number(0);
    return Value::of_number(to_number(input) % other);
}
Value convert_neg(const Conversion&, const Value& input) {
    const auto number = to_number(input);
    return Value::of_number(number == INT64_MIN ? INT64_MAX : -number);
}
Value convert_bit_and(const Conversion& c, const Value& input) {
    return Value::of_number(to_number(input) & operand(c));
}
Value convert_bit_or(const Conversion& c, const Value& input) {
    return Value::of_number(to_number(input) | operand(c));
}
Value convert_bit_xor(const Conversion& c, const Value& input) {
    return Value::of_number(to_number(input) ^ operand(c));
}
Value convert_bit_complement(const Conversion&, const Value& input) {
    return Value::of_number(~to_number(input));
}
Value convert_odd(const Conversion&, const Value& input) {
    return Value::of_boolean(to_number(input) & 1);
}
Value convert_even(const Conversion&, const Value& input) {
    return Value::of_boolean(!(to_number(input) & 1));
}
Value convert_truth(const Conversion&, const Value& input) {
    return Value::of_boolean(to_number(input) != 0);
}
Value convert_not_truth(const Conversion&, const Value& input) {
    return Value::of_boolean(to_number(input) == 0);
}
Value convert_boolean_and(const Conversion& c, const Value& input) {
    const Value other = c.argument(1);
    return Value::of_boolean(truth(input) && (!other.exists || truth(other)));
}
Value convert_to_integer(const Conversion&, const Value& input) {
    return Value::of_number(to_number(input));
}
Value convert_iif(const Conversion& c, const Value& input) {
    return Value::of(truth(input) ? c.node.text : c.text(1));
}

// --- variables ---

// The value outlives the message it came from: its bytes are copied.
Value convert_set_variable(const Conversion& c, const Value& input) {
    const auto slot = static_cast<std::size_t>(c.node.number);
    if (slot >= c.subject.variables.size()) return input;
    Value kept = input;
    if (kept.type == ir::Type::bytes) kept.bytes = c.subject.arena->copy(input.bytes);
    c.subject.variables[slot] = kept;
    return input;
}
Value convert_compare_string(const Conversion& c, const Value& input) {
    const auto slot = static_cast<std::size_t>(c.node.number);
    if (slot >= c.subject.variables.size() || !c.subject.variables[slot].exists) {
        return Value::missing();
    }
    Arena& arena = *c.subject.arena;
    const auto one = to_text(input, arena), other = to_text(c.subject.variables[slot], arena);
    // HAProxy shows how far apart the first bytes that differ are; a text goes before what begins
    // with it.
    const auto differ = std::mismatch(one.begin(), one.end(), other.begin(), other.end());
    if (differ.first != one.end() && differ.second != other.end())
        return Value::of_number(static_cast<unsigned char>(*differ.first) -
                                static_cast<unsigned char>(*differ.second));
    return Value::of_number(one.size() < other.size() ? -1 : one.size() > other.size());
}

}  // namespace weir::route
