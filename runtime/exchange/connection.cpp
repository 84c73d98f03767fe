// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/connection.hpp"

namespace weir::exchange {

void ConnectionVariables::give(std::span<route::Value> slots) const {
    for (const auto& [slot, value] : values)
        if (slot < slots.size()) slots[slot] = value;
}

std::unique_ptr<ConnectionVariables> ConnectionVariables::take(
    const plan::Plan& plan, std::span<const route::Value> slots) {
    auto taken = std::make_unique<ConnectionVariables>();
    for (auto slot : plan.connection_variables) {
        if (slot >= slots.size() || !slots[slot].exists) continue;
        auto value = slots[slot];
        if (value.type == ir::Type::bytes || value.type == ir::Type::any)
            value.bytes = taken->arena.copy(value.bytes);
        taken->values.emplace_back(slot, value);
    }
    return taken->values.empty() ? nullptr : std::move(taken);
}

}  // namespace weir::exchange
