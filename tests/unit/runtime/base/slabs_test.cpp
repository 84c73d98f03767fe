// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/slabs.hpp"

#include <cstring>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

namespace weir {
namespace {

char* take(Slabs& slabs, std::size_t bytes) { return static_cast<char*>(slabs.allocate(bytes)); }

TEST(Slabs, PiecesAreAlignedAndApart) {
    Slabs slabs;
    std::vector<std::pair<char*, std::size_t>> pieces;
    for (std::size_t i = 1; i < 3000; ++i) {
        const auto size = i * 37 % (i % 9 == 0 ? Slabs::block_bytes + 500 : Slabs::largest + 500) + 1;
        auto* piece = take(slabs, size);
        ASSERT_NE(piece, nullptr);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(piece) % 16, 0u);
        std::memset(piece, static_cast<int>(i), size);
        pieces.emplace_back(piece, size);
    }
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        for (std::size_t at = 0; at < pieces[i].second; ++at)
            ASSERT_EQ(pieces[i].first[at], static_cast<char>(i + 1));
        slabs.release(pieces[i].first);
    }
}

TEST(Slabs, NothingAsksForNothing) {
    Slabs slabs;
    EXPECT_EQ(slabs.allocate(0), nullptr);
    slabs.release(nullptr);
    EXPECT_EQ(slabs.bytes(), 0u);
}

TEST(Slabs, WhatIsGivenBackIsUsedAgain) {
    Slabs slabs;
    auto* first = take(slabs, 100);
    slabs.release(first);
    EXPECT_EQ(take(slabs, 110), first);      // of the same kind
    EXPECT_NE(take(slabs, 110), first);
    slabs.release(first);
}

TEST(Slabs, EmptyOnesGoBack) {
    Slabs slabs;
    std::vector<char*> pieces;
    for (int i = 0; i < 1000; ++i) {
        pieces.push_back(take(slabs, 7608));
        std::memset(pieces.back(), 'x', 7608);
    }
    const auto most = slabs.bytes();
    EXPECT_GE(most, 7608u * 1000);
    EXPECT_LT(most, 7608u * 1100);   // what they lie in is not much more than they are
    for (auto* piece : pieces) slabs.release(piece);
    EXPECT_LE(slabs.bytes(), 3 * 65536u);   // one of its kind, and a few for any
    // The same addresses serve another kind; what was there is gone.
    for (auto& piece : pieces) {
        piece = take(slabs, 6000);
        std::memset(piece, 'y', 6000);
    }
    EXPECT_LE(slabs.bytes(), most + 65536);
    for (auto* piece : pieces) slabs.release(piece);
}

TEST(Slabs, BlocksLeaveNothingBehind) {
    Slabs slabs;
    std::vector<char*> blocks;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 100; ++i) {
            blocks.push_back(take(slabs, 17000));
            std::memset(blocks.back(), 'x', 17000);
        }
        EXPECT_EQ(slabs.bytes_of_blocks(), 100 * Slabs::block_bytes);
        for (auto* block : blocks) slabs.release(block);
        blocks.clear();
        EXPECT_EQ(slabs.bytes_of_blocks(), 16 * Slabs::block_bytes);   // those are kept for the next ones
    }
    EXPECT_EQ(slabs.bytes(), 0u);
}

TEST(Slabs, GrowsAsReallocDoes) {
    Slabs slabs;
    auto* piece = static_cast<char*>(slabs.resize(nullptr, 10));
    std::memcpy(piece, "0123456789", 10);
    for (std::size_t size : {11, 100, 1000, 8000, 9000, 20000, 40000, 90000}) {
        piece = static_cast<char*>(slabs.resize(piece, size));
        ASSERT_EQ(std::string_view(piece, 10), "0123456789") << size;
    }
    EXPECT_EQ(slabs.resize(piece, 0), nullptr);
    piece = static_cast<char*>(slabs.resize(nullptr, 500));
    EXPECT_EQ(slabs.resize(piece, 20), piece);
    slabs.release(piece);
}

TEST(Slabs, AnyThreadMayAskAndGiveBack) {
    Slabs slabs;
    std::vector<char*> mine, others;
    for (int i = 0; i < 200; ++i) mine.push_back(take(slabs, i % 2 ? 7000 : 17000));
    const auto most = slabs.bytes();
    std::thread([&] {
        for (auto* piece : mine) slabs.release(piece);
        for (int i = 0; i < 200; ++i) others.push_back(take(slabs, 7000));
    }).join();
    EXPECT_EQ(slabs.bytes(), most);   // nobody looked yet
    // All of those are found again before there is a new slab.
    std::vector<char*> again;
    for (int i = 0; i < 100; ++i) again.push_back(take(slabs, 7000));
    EXPECT_LE(slabs.bytes(), most);
    for (auto* piece : others) slabs.release(piece);
    for (auto* piece : again) slabs.release(piece);
}

TEST(Slabs, ALongMixHolds) {
    Slabs slabs;
    std::mt19937 random(7);
    std::vector<std::pair<char*, std::size_t>> pieces;
    for (int i = 0; i < 100000; ++i) {
        if (pieces.empty() || random() % 100 < (i / 20000 % 2 == 0 ? 60u : 40u)) {
            const auto size = random() % (random() % 4 == 0 ? 40000 : 300) + 1;
            auto* piece = take(slabs, size);
            piece[0] = piece[size - 1] = static_cast<char>(size);
            pieces.emplace_back(piece, size);
        } else {
            auto& one = pieces[random() % pieces.size()];
            ASSERT_EQ(one.first[0], static_cast<char>(one.second));
            ASSERT_EQ(one.first[one.second - 1], static_cast<char>(one.second));
            slabs.release(one.first);
            one = pieces.back();
            pieces.pop_back();
        }
    }
    for (const auto& one : pieces) slabs.release(one.first);
}

}  // namespace
}  // namespace weir
