// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/arena.hpp"

namespace weir {
namespace {

TEST(Arena, PiecesAreAlignedAndApart) {
    Arena arena;
    std::vector<std::pair<char*, std::size_t>> pieces;
    for (std::size_t i = 1; i < 300; ++i) {
        auto* piece = static_cast<char*>(arena.allocate(i * 13 % 700 + 1, 16));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 16, 0u);
        std::memset(piece, static_cast<int>(i), i * 13 % 700 + 1);
        pieces.emplace_back(piece, i * 13 % 700 + 1);
    }
    for (std::size_t i = 0; i < pieces.size(); ++i)
        for (std::size_t at = 0; at < pieces[i].second; ++at)
            ASSERT_EQ(pieces[i].first[at], static_cast<char>(i + 1));
}

TEST(Arena, LargePiecesAndJoins) {
    Arena arena;
    std::string large(100000, 'x');
    auto copy = arena.copy(large);
    auto joined = arena.join({"a", "", "bc"});
    EXPECT_EQ(copy, large);
    EXPECT_EQ(joined, "abc");
    arena.clear();
    EXPECT_EQ(arena.copy("again"), "again");
}

}  // namespace
}  // namespace weir
