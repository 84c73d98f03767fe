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

// What a decoder's step over `window` said must fit together. `content`: bytes behind those it consumed,
// which only some steps have.
template <class Step>
void check_step(const Step& step, std::string_view window, std::size_t content, bool has_content) {
    using What = typename Step::What;
    FUZZ_CHECK(step.consumed + content <= window.size());
    FUZZ_CHECK(step.what != What::more || step.consumed == window.size());
    FUZZ_CHECK(has_content == (content != 0));
    FUZZ_CHECK((step.what == What::bad) == (*step.why != '\0'));
}

// Gives `text` to a decoder in windows of next() bytes: take(window) says how many of them it used, and
// whether it goes on in the rest of the window, wants more, or has come to its end. Returns the bytes used.
enum class Then : std::uint8_t { goes_on, wants_more, is_over };
struct Took {
    std::size_t bytes = 0;
    Then then = Then::goes_on;
};
template <class Next, class Take>
std::size_t feed(std::string_view text, Next& next, Take take) {
    std::size_t used = 0;
    while (used < text.size()) {
        auto window = text.substr(used, next());
        Took took;
        while (took.then == Then::goes_on) {
            took = take(window);
            used += took.bytes;
            window.remove_prefix(took.bytes);
        }
        if (took.then == Then::is_over) break;
    }
    return used;
}

}  // namespace weir::fuzz
