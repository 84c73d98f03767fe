// SPDX-License-Identifier: Apache-2.0
#include "runtime/zone/shared_arena.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <system_error>

namespace weir::zone {
namespace {

constexpr std::uint64_t small = std::uint64_t{8} << 20;

bool all_zero(const void* piece, std::size_t bytes) {
    const auto* at = static_cast<const unsigned char*>(piece);
    for (std::size_t i = 0; i < bytes; ++i)
        if (at[i] != 0) return false;
    return true;
}

TEST(SharedArena, PiecesAreZeroedAlignedAndApart) {
    auto arena = SharedArena::create(small);
    std::set<std::uint64_t> begins;
    for (std::size_t bytes : {1u, 63u, 64u, 65u, 4096u, 4097u, 70000u}) {
        void* piece = arena.allocate(bytes);
        ASSERT_NE(piece, nullptr);
        EXPECT_EQ(arena.offset_of(piece) % 64, 0u);
        EXPECT_TRUE(all_zero(piece, bytes));
        std::memset(piece, 0xaa, bytes);
        EXPECT_TRUE(begins.insert(arena.offset_of(piece)).second);
        EXPECT_EQ(arena.at(arena.offset_of(piece)), piece);
    }
    EXPECT_TRUE(all_zero(arena.root(), SharedArena::root_bytes));
}

TEST(SharedArena, ReleasedPiecesComeBackZeroed) {
    auto arena = SharedArena::create(small);
    for (std::size_t bytes : {40u, 5000u, 100000u}) {
        void* piece = arena.allocate(bytes);
        std::memset(piece, 0xff, bytes);
        arena.release(piece, bytes);
        EXPECT_EQ(arena.allocate(bytes), piece) << bytes;
        EXPECT_TRUE(all_zero(piece, bytes)) << bytes;
    }
}

TEST(SharedArena, SaysWhenItIsFull) {
    auto arena = SharedArena::create(small);
    EXPECT_EQ(arena.allocate(small), nullptr);
    EXPECT_EQ(arena.allocate(~std::uint64_t{0}), nullptr);
    std::size_t pieces = 0;
    while (arena.allocate(1 << 20)) ++pieces;
    EXPECT_EQ(pieces, 7u);
    EXPECT_NE(arena.allocate(64), nullptr);
}

TEST(SharedArena, IsSparseAndCanBeAdopted) {
    auto arena = SharedArena::create();
    struct stat about {};
    ASSERT_EQ(::fstat(arena.fd(), &about), 0);
    EXPECT_LT(about.st_blocks * 512, 64 * 1024);
    auto* word = static_cast<std::uint64_t*>(arena.allocate(8));
    *word = 42;
    auto second = SharedArena::adopt(::dup(arena.fd()));
    EXPECT_EQ(*static_cast<std::uint64_t*>(second.at(arena.offset_of(word))), 42u);
    EXPECT_NE(second.offset_of(second.allocate(8)), arena.offset_of(word));
}

TEST(SharedArena, RefusesWhatIsNotAnArena) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    EXPECT_THROW((void)SharedArena::adopt(pipes[0]), std::system_error);
    ::close(pipes[0]);
    ::close(pipes[1]);
}

}  // namespace
}  // namespace weir::zone
