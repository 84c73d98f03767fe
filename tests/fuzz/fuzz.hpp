// SPDX-License-Identifier: Apache-2.0
// What the fuzzers share: an input of two option bytes and text, cutting text into pieces, and a
// check that ends the run with its place when a property does not hold.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#define FUZZ_CHECK(condition)                                                                   \
    do {                                                                                        \
        if (!(condition)) {                                                                     \
            std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                       \
        }                                                                                       \
    } while (false)

namespace weir::fuzz {

struct Input {
    std::uint8_t options = 0;
    std::uint8_t seed = 0;
    std::string_view text;
};

inline Input split(const std::uint8_t* data, std::size_t size) {
    Input input;
    if (size < 2) return input;
    input.options = data[0];
    input.seed = data[1];
    input.text = {reinterpret_cast<const char*>(data) + 2, size - 2};
    return input;
}

// Sizes of pieces, 1 to 16 bytes and now and then many, always the same for a seed.
class Pieces {
public:
    explicit Pieces(std::uint8_t seed) : state_(seed * 2654435761U + 1) {}
    std::size_t next() {
        state_ = state_ * 1664525U + 1013904223U;
        std::uint32_t draw = state_ >> 16;
        return draw % 8 == 0 ? 1 + draw % 700 : 1 + draw % 16;
    }

private:
    std::uint32_t state_;
};

}  // namespace weir::fuzz
