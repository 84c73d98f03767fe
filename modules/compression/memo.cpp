// SPDX-License-Identifier: Apache-2.0
#include "modules/compression/memo.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace weir::modules::compression {

namespace {

// A whole hash would cost every body that never comes again; the bytes themselves are compared anyway.
std::uint64_t mark_of(const Tuning& tuning, std::string_view body) {
    constexpr std::size_t pieces = 32, piece = 16;
    char samples[pieces * piece + sizeof(std::uint64_t)];
    const auto size = std::min(body.size(), pieces * piece);
    if (body.size() > size) {
        // The first and the last piece are the body's.
        for (std::size_t i = 0; i < pieces; ++i)
            std::memcpy(samples + i * piece, body.data() + (body.size() - piece) * i / (pieces - 1), piece);
    } else {
        std::copy_n(body.data(), size, samples);
    }
    const std::uint64_t kind = body.size() << 16 | static_cast<std::uint64_t>(tuning.coding) << 8 |
                               static_cast<std::uint8_t>(tuning.level);
    std::memcpy(samples + size, &kind, sizeof kind);
    return std::hash<std::string_view>{}({samples, size + sizeof kind});
}

}  // namespace

Memo& Memo::own() {
    static thread_local Memo memo;
    return memo;
}

std::string_view Memo::find(const Tuning& tuning, std::string_view body) {
    auto& slot = slot_of(mark_of(tuning, body));
    if (slot.made.empty() || slot.tuning != tuning) return {};
    if (slot.body == body) {
        slot.used = true;
        return slot.made;
    }
    // Another one of the same mark differs where no sample was taken: nothing was gained by keeping this.
    if (slot.mark == mark_of(tuning, body)) drop(slot);
    return {};
}

void Memo::note(const Tuning& tuning, std::string_view body, std::string_view made) {
    move_hand();
    const auto mark = mark_of(tuning, body);
    auto& slot = slot_of(mark);
    if (slot.mark != mark) {
        if (std::exchange(slot.used, false)) return;
        drop(slot);
        slot.mark = mark;
    }
    if (++slot.seen < 2 || bytes_ + body.size() + made.size() > most_bytes) return;
    bytes_ += body.size() + made.size();
    slot.body = body;
    slot.made = made;
    slot.tuning = tuning;
    slot.used = true;
}

void Memo::drop(Slot& slot) {
    bytes_ -= slot.body.size() + slot.made.size();
    slot = {};
}

// With each new body one of the others is looked at: who was not asked for in a whole round goes.
void Memo::move_hand() {
    auto& slot = slots_[hand_++ % slots_.size()];
    if (!slot.made.empty() && !std::exchange(slot.used, false)) drop(slot);
}

}  // namespace weir::modules::compression
