// SPDX-License-Identifier: Apache-2.0
// What came of bodies that come again: a short answer that is polled, or that everybody gets, is the same
// byte for byte each time, and is compressed once. Each worker has one of these, of two megabytes at most.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "modules/compression/codec.hpp"

namespace weir::modules::compression {

class Memo {
public:
    static constexpr std::size_t most_bytes = 2 << 20;

    static Memo& own();   // of this thread
    // What was made of just this body in just this way, until the next call; empty: not known.
    std::string_view find(const Tuning& tuning, std::string_view body);
    // What was made of a body that find() did not know. It is kept when it comes for the second time.
    void note(const Tuning& tuning, std::string_view body, std::string_view made);
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

private:
    struct Slot {
        std::uint64_t mark = 0;   // of the body, by samples of it
        std::string body, made;   // empty while it was seen once
        Tuning tuning;
        std::uint8_t seen = 0;
        bool used = false;        // since the hand came by
    };
    Slot& slot_of(std::uint64_t mark) { return slots_[mark % slots_.size()]; }
    void drop(Slot& slot);
    void move_hand();

    std::array<Slot, 128> slots_;
    std::size_t hand_ = 0, bytes_ = 0;
};

}  // namespace weir::modules::compression
