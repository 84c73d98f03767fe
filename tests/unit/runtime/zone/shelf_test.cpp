// SPDX-License-Identifier: Apache-2.0
// Items in shared memory: blocks, eviction, pins, and what is left of a worker that died.
#include "runtime/zone/shelf.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

namespace weir::zone {
namespace {

bool any(const void*, const Shelf::Note&) { return true; }

Shelf::Key key_of(unsigned char letter) {
    Shelf::Key key{};
    key[0] = letter;
    key[15] = letter;
    return key;
}

class ShelfItems : public ::testing::Test {
protected:
    void make(std::uint64_t blocks) {
        memory_ = arena_.allocate(Shelf::bytes_of(blocks));
        Shelf::create(memory_, blocks);
    }
    [[nodiscard]] Shelf of(std::uint32_t worker) const { return {memory_, worker}; }
    // False: no room.
    static bool put(Shelf& shelf, unsigned char letter, const std::string& text, std::uint64_t mark = 0,
                    std::int64_t until = 100, std::uint64_t stem = 0) {
        auto item = shelf.begin(key_of(letter));
        if (item == Shelf::none || !shelf.append(item, text)) return false;
        shelf.keep(item, {mark}, until, 1, stem);
        return true;
    }
    static std::string get(Shelf& shelf, unsigned char letter, std::int64_t now = 1, std::uint64_t most = 65536) {
        const auto item = shelf.find(key_of(letter), now, any, nullptr).item;
        if (item == Shelf::none) return "-";
        std::string all;
        Shelf::Place at;
        for (;;) {
            auto part = shelf.read(item, at, most);
            if (part.empty()) break;
            all += part;
        }
        shelf.unpin(item);
        return all;
    }

    SharedArena arena_ = SharedArena::create(std::uint64_t{1} << 26);
    void* memory_ = nullptr;
};

std::string text_of(std::size_t size, char first) {
    std::string text(size, ' ');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(first + i % 23);
    return text;
}

TEST_F(ShelfItems, keeps_items_of_any_length) {
    make(64);
    auto shelf = of(0);
    for (std::size_t size : {0u, 1u, 1023u, 1024u, 1025u, 2048u, 5000u}) {
        ASSERT_TRUE(put(shelf, 'a', text_of(size, 'A')));
        for (std::uint64_t most : {65536u, 1024u, 1000u, 7u}) EXPECT_EQ(get(shelf, 'a', 1, most), text_of(size, 'A'));
        EXPECT_EQ(shelf.remove(key_of('a'), nullptr, nullptr), 1u);
        EXPECT_EQ(get(shelf, 'a'), "-");
        EXPECT_EQ(shelf.free_blocks(), 64u);
    }
}

TEST_F(ShelfItems, reads_blocks_that_lie_apart) {
    make(8);
    auto shelf = of(0);
    for (unsigned char letter : {'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}) ASSERT_TRUE(put(shelf, letter, "x"));
    for (unsigned char letter : {'b', 'd', 'f'}) shelf.remove(key_of(letter), nullptr, nullptr);
    ASSERT_TRUE(put(shelf, 'z', text_of(3000, 'a')));
    EXPECT_EQ(get(shelf, 'z'), text_of(3000, 'a'));
    EXPECT_EQ(get(shelf, 'a'), "x");
}

TEST_F(ShelfItems, the_one_that_was_not_used_goes_first) {
    make(4);
    auto shelf = of(0);
    for (unsigned char letter : {'a', 'b', 'c', 'd'}) ASSERT_TRUE(put(shelf, letter, {static_cast<char>(letter)}));
    EXPECT_EQ(get(shelf, 'a'), "a");
    ASSERT_TRUE(put(shelf, 'e', text_of(2000, 'e')));
    EXPECT_EQ(get(shelf, 'b'), "-");
    EXPECT_EQ(get(shelf, 'c'), "-");
    EXPECT_EQ(get(shelf, 'a'), "a");
    EXPECT_EQ(get(shelf, 'd'), "d");
}

TEST_F(ShelfItems, what_is_read_stays) {
    make(2);
    auto shelf = of(0), other = of(1);
    ASSERT_TRUE(put(shelf, 'a', text_of(2000, 'a')));
    const auto item = shelf.find(key_of('a'), 1, any, nullptr).item;
    EXPECT_FALSE(put(other, 'b', "b"));
    shelf.remove(key_of('a'), nullptr, nullptr);
    EXPECT_EQ(get(other, 'a'), "-");
    Shelf::Place at;
    EXPECT_EQ(shelf.read(item, at, 4096), text_of(2000, 'a'));
    EXPECT_EQ(shelf.free_blocks(), 0u);
    shelf.unpin(item);
    EXPECT_EQ(shelf.free_blocks(), 2u);
    EXPECT_TRUE(put(other, 'b', "b"));
}

TEST_F(ShelfItems, an_item_that_is_too_large_goes_alone) {
    make(4);
    auto shelf = of(0);
    ASSERT_TRUE(put(shelf, 'a', "a"));
    EXPECT_FALSE(put(shelf, 'b', text_of(5000, 'b')));
    EXPECT_EQ(shelf.free_blocks(), 4u);
}

TEST_F(ShelfItems, expired_items_are_gone) {
    make(4);
    auto shelf = of(0);
    ASSERT_TRUE(put(shelf, 'a', "a", 0, 10));
    EXPECT_EQ(shelf.count(key_of('a'), 9), 1u);
    EXPECT_EQ(get(shelf, 'a', 9), "a");
    EXPECT_EQ(shelf.count(key_of('a'), 10), 0u);
    EXPECT_EQ(get(shelf, 'a', 10), "-");
    EXPECT_EQ(shelf.free_blocks(), 4u);
}

TEST_F(ShelfItems, variants_of_a_key) {
    make(8);
    auto shelf = of(0);
    for (std::uint64_t mark : {1u, 2u, 3u}) ASSERT_TRUE(put(shelf, 'a', std::to_string(mark), mark));
    const std::uint64_t wanted = 2;
    auto is_wanted = [](const void* self, const Shelf::Note& note) {
        return note[0] == *static_cast<const std::uint64_t*>(self);
    };
    const auto found = shelf.find(key_of('a'), 1, is_wanted, &wanted);
    ASSERT_NE(found.item, Shelf::none);
    EXPECT_EQ(found.note[0], 2u);
    shelf.unpin(found.item);
    EXPECT_EQ(shelf.count(key_of('a'), 1), 3u);
    EXPECT_EQ(shelf.remove(key_of('a'), is_wanted, &wanted), 1u);
    EXPECT_EQ(shelf.find(key_of('a'), 1, is_wanted, &wanted).item, Shelf::none);
    EXPECT_EQ(shelf.remove_all([](const Shelf::Note&) { return std::uint64_t{5}; },
                               [](const void*, const Shelf::Note&, std::string_view front) { return front == "3"; },
                               nullptr),
              1u);
    EXPECT_EQ(get(shelf, 'a'), "1");
}

TEST_F(ShelfItems, a_dead_worker_holds_nothing) {
    make(8);
    auto shelf = of(0), dead = of(3);
    ASSERT_TRUE(put(shelf, 'a', "a"));
    dead.find(key_of('a'), 1, any, nullptr);
    auto half = dead.begin(key_of('b'));
    ASSERT_TRUE(dead.append(half, text_of(3000, 'b')));
    shelf.remove(key_of('a'), nullptr, nullptr);
    EXPECT_EQ(shelf.free_blocks(), 4u);
    shelf.release(3);
    EXPECT_EQ(shelf.free_blocks(), 8u);
}

// Nobody waits for the lock longer than a few items take, however many there are.
TEST_F(ShelfItems, a_purge_of_all_goes_in_steps) {
    make(8192);
    auto shelf = of(0), other = of(1);
    constexpr std::uint32_t items = 4000;
    auto key_of_number = [](std::uint32_t number) {
        Shelf::Key key{};
        for (unsigned i = 0; i < 4; ++i) key[i] = static_cast<unsigned char>(number * 2654435761u >> i * 8);
        key[15] = static_cast<unsigned char>(number);
        return key;
    };
    auto put_number = [&](std::uint32_t number) {
        auto item = shelf.begin(key_of_number(number));
        ASSERT_TRUE(item != Shelf::none && shelf.append(item, "front"));
        shelf.keep(item, {number}, 100, 1);
    };
    for (std::uint32_t number = 0; number < items; ++number) put_number(number);
    static std::uint32_t seen;
    auto front = [](const Shelf::Note&) { return std::uint64_t{5}; };
    auto odd = [](const void*, const Shelf::Note& note, std::string_view text) {
        ++seen;
        EXPECT_EQ(text, "front");
        return note[0] % 2 == 1;
    };
    Shelf::Sweep sweep;
    std::uint32_t longest = 0, steps = 0, all = 0;
    for (bool more = true; more; ++steps) {
        seen = 0;
        more = shelf.remove_some(sweep, front, odd, nullptr);
        longest = std::max(longest, seen);
        all += seen;
        // Others find, and use, what is there between two steps: nothing is passed by for that.
        auto found = other.find(key_of_number(steps * 2 % items), 1, any, nullptr).item;
        EXPECT_NE(found, Shelf::none);
        other.unpin(found);
    }
    EXPECT_LE(longest, Shelf::items_per_step + 16);   // and a chain
    EXPECT_GE(steps, items / (Shelf::items_per_step + 16));
    EXPECT_EQ(all, items);
    EXPECT_EQ(sweep.removed, items / 2);
    for (std::uint32_t number = 0; number < items; ++number)
        EXPECT_EQ(shelf.count(key_of_number(number), 1), number % 2 == 0 ? 1u : 0u);
    EXPECT_EQ(shelf.remove_all(front, [](const void*, const Shelf::Note&, std::string_view) { return true; }, nullptr),
              items / 2);
}

TEST_F(ShelfItems, stems_outlive_their_items) {
    make(8);
    auto shelf = of(0);
    shelf.limit_stems(2);
    for (unsigned char letter : {'a', 'b', 'c', 'd', 'e'})
        ASSERT_TRUE(put(shelf, letter, text_of(3000, static_cast<char>(letter)), 0, 100, 10));
    // Two whole ones fit beside two stems; the stems of older ones went.
    EXPECT_EQ(get(shelf, 'a'), "-");
    EXPECT_EQ(get(shelf, 'b'), text_of(10, 'b'));
    EXPECT_EQ(get(shelf, 'c'), text_of(10, 'c'));
    EXPECT_EQ(get(shelf, 'd'), text_of(3000, 'd'));
    EXPECT_EQ(get(shelf, 'e'), text_of(3000, 'e'));
    EXPECT_EQ(shelf.free_blocks(), 0u);
    EXPECT_EQ(shelf.count(key_of('b'), 1), 0u);
    std::vector<bool> whole;
    for (const auto& one : shelf.shown()) whole.push_back(one.whole);
    EXPECT_EQ(whole, (std::vector<bool>{true, true, false, false}));
}

TEST_F(ShelfItems, what_expired_is_found_by_its_stem) {
    make(8);
    auto shelf = of(0);
    shelf.limit_stems(2);
    ASSERT_TRUE(put(shelf, 'a', text_of(3000, 'a'), 7, 10, 20));
    ASSERT_TRUE(put(shelf, 'b', "b", 8, 10));
    EXPECT_TRUE(shelf.find(key_of('a'), 1, any, nullptr).whole);
    const auto found = shelf.find(key_of('a'), 10, any, nullptr);
    EXPECT_FALSE(found.whole);
    EXPECT_EQ(found.note[0], 7u);
    EXPECT_EQ(shelf.find(key_of('b'), 10, any, nullptr).item, Shelf::none);
    auto strict = of(1);   // a view without stems
    EXPECT_EQ(strict.find(key_of('a'), 10, any, nullptr).item, Shelf::none);
}

TEST_F(ShelfItems, an_item_that_is_nothing_but_a_stem) {
    make(4);
    auto shelf = of(0);
    shelf.limit_stems(4);
    for (unsigned char letter : {'a', 'b', 'c', 'd', 'e'})
        ASSERT_TRUE(put(shelf, letter, std::string(5, static_cast<char>(letter)), 0, 10, 5));
    const auto found = shelf.find(key_of('b'), 20, any, nullptr);
    EXPECT_FALSE(found.whole);
    shelf.unpin(found.item);
    EXPECT_EQ(get(shelf, 'a', 20), "-");
    ASSERT_TRUE(put(shelf, 'x', text_of(4000, 'x')));
    EXPECT_EQ(get(shelf, 'b', 20), "-");
    EXPECT_EQ(get(shelf, 'x'), text_of(4000, 'x'));
}

// Children die while they put and remove: whoever comes next finds whole items, and all blocks.
TEST_F(ShelfItems, a_death_under_the_lock_breaks_nothing) {
    make(32);
    auto shelf = of(0);
    shelf.limit_stems(6);
    for (int round = 0; round < 40; ++round) {
        int pipe[2];
        ASSERT_EQ(::pipe(pipe), 0);
        auto child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto mine = of(1);
            mine.limit_stems(6);
            for (unsigned i = 0;; ++i) {
                auto letter = static_cast<unsigned char>('a' + i % 7);
                put(mine, letter, text_of(100 + i % 5000, 'a'), 0, 100, i % 3 == 0 ? 90 : 0);
                get(mine, static_cast<unsigned char>('a' + (i + 3) % 7));
                if (i % 5 == 0) mine.remove(key_of('c'), nullptr, nullptr);
                (void)!::write(pipe[1], "x", 1);
            }
        }
        char byte = 0;
        for (int i = 0; i < 20 + round * 3; ++i) ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(pipe[0]);
        ::close(pipe[1]);
        shelf.release(1);
        std::uint64_t used = 0;
        for (const auto& one : shelf.shown()) {
            used += one.blocks;
            EXPECT_EQ(one.pins, 0u);
            EXPECT_EQ(one.blocks, std::max<std::uint64_t>((one.length + 1023) / 1024, 1));
            EXPECT_EQ(get(shelf, one.key[0]).substr(0, 23), text_of(23, 'a'));
        }
        EXPECT_EQ(shelf.free_blocks(), 32 - used);
    }
}

}  // namespace
}  // namespace weir::zone
