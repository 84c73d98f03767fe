// SPDX-License-Identifier: Apache-2.0
// Tables in shared memory: what is kept, what goes first, what another process sees, and that a death in
// the middle of an update neither leaves a lock nor a broken entry.
#include "runtime/zone/table.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <set>
#include <string>

#include "runtime/zone/board.hpp"

namespace weir::zone {
namespace {

using Column = ir::Zone::Column;

ir::Zone zone_of(std::uint64_t entries, std::vector<Column> columns = {{What::counter, 1, {}}}) {
    ir::Zone zone;
    zone.name = "t";
    zone.purpose = "stick-table";
    zone.entries = entries;
    zone.key = ir::Zone::Key::text;
    zone.key_bytes = 16;
    zone.columns = std::move(columns);
    return zone;
}

// A table in an arena of its own.
struct Made {
    explicit Made(const ir::Zone& zone)
        : arena(SharedArena::create(std::uint64_t{256} << 20)),
          shape(Shape::of(zone)),
          memory(arena.allocate(Table::bytes_of(shape))) {
        Table::create(memory, shape);
        table.emplace(memory, HashKey{1, 2});
    }
    SharedArena arena;
    Shape shape;
    void* memory;
    std::optional<Table> table;
};

void put(Table& table, std::string_view key, std::uint64_t value, std::int64_t now = 0) {
    if (auto entry = table.make(key, now)) entry.cell(0) = value;
}
std::int64_t get(Table& table, std::string_view key, std::int64_t now = 0) {
    auto entry = table.find(key, now);
    return entry ? static_cast<std::int64_t>(entry.cell(0)) : -1;
}

std::int64_t thread_us() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

TEST(Table, KeepsWhatIsPut) {
    Made made(zone_of(100));
    auto& table = *made.table;
    EXPECT_EQ(get(table, "a"), -1);
    put(table, "a", 7);
    put(table, "b", 8);
    put(table, "", 9);
    EXPECT_EQ(get(table, "a"), 7);
    EXPECT_EQ(get(table, "b"), 8);
    EXPECT_EQ(get(table, ""), 9);
    EXPECT_EQ(table.count(0), 3u);
    table.find("a", 0).remove();
    EXPECT_EQ(get(table, "a"), -1);
    EXPECT_EQ(table.count(0), 2u);
    table.clear();
    EXPECT_EQ(table.count(0), 0u);
    EXPECT_EQ(get(table, "b"), -1);
}

TEST(Table, ATwiceMadeEntryIsFreshOnce) {
    Made made(zone_of(10));
    EXPECT_TRUE(made.table->make("a", 0).fresh());
    EXPECT_FALSE(made.table->make("a", 0).fresh());
}

TEST(Table, LongKeysAreCutOrHashed) {
    Made made(zone_of(10));
    put(*made.table, "0123456789abcdef-one", 1);
    EXPECT_EQ(get(*made.table, "0123456789abcdef-two"), 1);
    auto zone = zone_of(10);
    zone.key_bytes = 0;
    Made hashing(zone);
    put(*hashing.table, "0123456789abcdef-one", 1);
    EXPECT_EQ(get(*hashing.table, "0123456789abcdef-two"), -1);
    EXPECT_EQ(get(*hashing.table, "0123456789abcdef-one"), 1);
}

TEST(Table, TheOldestGoesWhenItIsFull) {
    Made made(zone_of(3));
    auto& table = *made.table;
    put(table, "a", 1, 1);
    put(table, "b", 2, 2);
    put(table, "c", 3, 3);
    table.make("a", 4).touch(4);
    put(table, "d", 4, 5);
    EXPECT_EQ(get(table, "b"), -1);
    EXPECT_EQ(get(table, "a"), 1);
    EXPECT_EQ(get(table, "d"), 4);
    EXPECT_EQ(table.count(5), 3u);
}

TEST(Table, WhatIsHeldStays) {
    Made made(zone_of(2));
    auto& table = *made.table;
    table.make("a", 1).hold();
    put(table, "b", 2, 2);
    put(table, "c", 3, 3);
    EXPECT_EQ(get(table, "a"), 0);
    EXPECT_EQ(get(table, "b"), -1);
    table.make("c", 4).hold();
    EXPECT_FALSE(table.make("d", 5));
    table.find("a", 6).release(6);
    EXPECT_TRUE(table.make("d", 7));
}

TEST(Table, NothingNewGetsIntoAFullOneThatDoesNotEvict) {
    auto zone = zone_of(2);
    zone.evicts = false;
    Made made(zone);
    put(*made.table, "a", 1);
    put(*made.table, "b", 2);
    EXPECT_FALSE(made.table->make("c", 0));
    EXPECT_EQ(get(*made.table, "a"), 1);
}

TEST(Table, EntriesExpireAfterTheirLastUse) {
    auto zone = zone_of(10);
    zone.expire = std::chrono::seconds(10);
    Made made(zone);
    auto& table = *made.table;
    put(table, "a", 1, 0);
    EXPECT_EQ(get(table, "a", 9999), 1);
    EXPECT_EQ(get(table, "a", 10000), -1);
    put(table, "b", 1, 0);
    put(table, "b", 2, 9000);
    EXPECT_EQ(get(table, "b", 18000), 2);
    EXPECT_EQ(table.count(20000), 0u);
    table.make("c", 0).hold();
    EXPECT_EQ(get(table, "c", 50000), 0);
    table.find("c", 50000).release(50000);
    EXPECT_EQ(get(table, "c", 50000), -1);
}

TEST(Table, PositionsOutliveTheirEntryOnlyAsMisses) {
    Made made(zone_of(1));
    auto position = made.table->make("a", 0).position();
    EXPECT_TRUE(made.table->at(position));
    put(*made.table, "b", 2);
    EXPECT_FALSE(made.table->at(position));
}

TEST(Table, AMillionKeysPassThroughALargeOne) {
    Made made(zone_of(50000));
    auto& table = *made.table;
    for (int i = 0; i < 300000; ++i) put(table, std::to_string(i), static_cast<std::uint64_t>(i), i);
    EXPECT_LE(table.count(0), 50000u);
    EXPECT_GE(table.count(0), 49000u);
    EXPECT_EQ(get(table, "299999"), 299999);
    EXPECT_EQ(get(table, "0"), -1);
    int kept = 0;
    for (int i = 250000; i < 300000; ++i) kept += get(table, std::to_string(i)) == i;
    EXPECT_GE(kept, 47000);
}

// Ten million with WEIR_LONG_TESTS=1.
TEST(Table, ManyKeysPassThroughOneOfLargeEntries) {
    auto zone = zone_of(20000);
    zone.columns = {{.what = What::counter, .count = 100}, {.what = What::tag, .count = 17}};
    Made made(zone);
    auto& table = *made.table;
    EXPECT_GE(Table::bytes_of(table.shape()) / table.capacity(), 1024u);
    const bool all = std::getenv("WEIR_LONG_TESTS") != nullptr;
    const std::int64_t keys = all ? 10'000'000 : 200'000;
    std::int64_t slowest = 0;   // us of this thread's time: nobody waits for room
    for (std::int64_t n = 0; n < keys; ++n) {
        const auto key = "key" + std::to_string(n);
        const auto begin = thread_us();
        auto entry = table.make(key, n);
        slowest = std::max(slowest, thread_us() - begin);
        ASSERT_TRUE(entry && entry.fresh());
        for (std::uint32_t cell = 0; cell < 117; ++cell) {
            ASSERT_EQ(entry.cell(cell), 0u);
            entry.cell(cell) = static_cast<std::uint64_t>(n);
        }
    }
    EXPECT_LE(table.count(keys), table.capacity());
    EXPECT_GE(table.count(keys), table.capacity() * 9 / 10);
    if (auto newest = table.find("key" + std::to_string(keys - 1), keys))
        EXPECT_EQ(newest.cell(116), static_cast<std::uint64_t>(keys - 1));
    else
        ADD_FAILURE() << "the newest went";
    EXPECT_FALSE(table.find("key0", keys));
    EXPECT_LT(slowest, 10'000);
}

TEST(Table, WhatChangedIsFoundByTime) {
    auto zone = zone_of(100);
    Made made(zone);
    auto& table = *made.table;
    for (std::int64_t n = 0; n < 50; ++n) table.make(std::to_string(n), n);
    table.make("3", 60);
    if (auto entry = table.find("49", 61)) entry.mark_learned();
    std::set<std::string> seen;
    auto note = [&](Access& entry) { seen.insert(std::string(entry.key())); };
    EXPECT_TRUE(table.each_since(47, 100, note));
    EXPECT_EQ(seen, (std::set<std::string>{"3", "47", "48"}));
    seen.clear();
    EXPECT_FALSE(table.each_since(0, 10, note));
    EXPECT_EQ(seen.size(), 9u);   // the learned one was looked at, too
    seen.clear();
    std::uint64_t place = 0;
    while (table.each_from(place, 7, note)) {}
    EXPECT_EQ(seen.size(), 50u);
}

TEST(Table, OtherProcessesSeeTheSame) {
    Made made(zone_of(1000));
    constexpr int children = 4, rounds = 5000;
    for (int i = 0; i < children; ++i) {
        if (fork() != 0) continue;
        Table mine(made.memory, HashKey{1, 2});
        for (int n = 0; n < rounds; ++n)
            if (auto entry = mine.make("k" + std::to_string(n % 10), n)) ++entry.cell(0);
        _exit(0);
    }
    for (int i = 0; i < children; ++i) wait(nullptr);
    std::int64_t all = 0;
    for (int i = 0; i < 10; ++i) all += get(*made.table, "k" + std::to_string(i), rounds);
    EXPECT_EQ(all, children * rounds);
}

TEST(Table, ADeathInsideAnUpdateLeavesNoLockAndNoBrokenEntry) {
    Made made(zone_of(1000));
    auto& table = *made.table;
    for (int i = 0; i < 20; ++i) put(table, "old" + std::to_string(i), 5, i);
    for (bool fresh : {true, false}) {
        const std::string key = fresh ? "new" : "old3";
        if (fork() == 0) {
            auto entry = table.make(key, 100);
            entry.cell(0) = 12345;   // half of a change
            kill(getpid(), SIGKILL);
        }
        int status = 0;
        wait(&status);
        ASSERT_TRUE(WIFSIGNALED(status));
        EXPECT_EQ(get(table, key), -1) << "the entry under change is dropped";
        EXPECT_EQ(get(table, "old7"), 5);
    }
    EXPECT_EQ(table.count(0), 19u);
    std::set<std::string> seen;
    table.each([&](Access& entry) { seen.insert(std::string(entry.key())); });
    EXPECT_EQ(seen.size(), 19u);
    put(table, "more", 1, 200);
    EXPECT_EQ(get(table, "more", 200), 1);
}

TEST(Table, DeathsAtAnyMomentLeaveItWhole) {
    Made made(zone_of(64));
    for (int round = 0; round < 30; ++round) {
        const auto child = fork();
        if (child == 0) {
            Table mine(made.memory, HashKey{1, 2});
            for (std::int64_t n = 0;; ++n)
                if (auto entry = mine.make(std::to_string(n % 200), n)) entry.cell(0) = entry.cell(0) + 1;
        }
        // As long as it takes until it has made some.
        while (made.table->count(0) < 60) {}
        for (int i = 0; i < 50 * round; ++i) get(*made.table, "1");
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        std::size_t seen = 0;
        made.table->each([&](Access&) { ++seen; });
        ASSERT_LE(seen, 64u);
        ASSERT_EQ(seen, made.table->count(0));
        made.table->clear();
        ASSERT_EQ(made.table->count(0), 0u);
    }
}

TEST(Rate, WeighsThePeriodBefore) {
    std::uint64_t cells[3] = {};
    count_rate(cells, 1000, 100000, 10);
    EXPECT_EQ(read_rate(cells, 1000, 100000), 10u);
    EXPECT_EQ(read_rate(cells, 1000, 100999), 10u);
    EXPECT_EQ(read_rate(cells, 1000, 101500), 5u);
    EXPECT_EQ(read_rate(cells, 1000, 102000), 0u);
    count_rate(cells, 1000, 101500, 4);
    EXPECT_EQ(read_rate(cells, 1000, 101500), 9u);
    EXPECT_EQ(read_rate(cells, 1000, 110000), 0u);
}

ir::Config config_with(ir::Zone zone) {
    ir::Config config;
    config.zones.push_back(std::move(zone));
    return config;
}

TEST(Tables, AReloadKeepsThemAndAChangeKeepsWhatFits) {
    auto arena = SharedArena::create(std::uint64_t{512} << 20);
    Board board(arena, 1);
    auto& tables = board.tables();
    const auto first = config_with(zone_of(100, {{What::counter, 2, {}}, {What::request_count, 1, {}}}));
    ASSERT_TRUE(board.prepare(first));
    board.apply(first);
    auto* table = tables.find(first.zones[0]);
    ASSERT_NE(table, nullptr);
    if (auto entry = table->make("a", 1)) {
        entry.cell(0) = 1;
        entry.cell(2) = 3;
    }
    ASSERT_TRUE(board.prepare(first));
    EXPECT_EQ(tables.find(first.zones[0]), table);
    // Larger, fewer columns.
    const auto second = config_with(zone_of(200, {{What::request_count, 1, {}}}));
    ASSERT_TRUE(board.prepare(second));
    EXPECT_TRUE(tables.emptied().empty());
    auto* changed = tables.find(second.zones[0]);
    ASSERT_NE(changed, table);
    EXPECT_EQ(get(*changed, "a", 1), 3);
    EXPECT_EQ(get(*table, "a", 1), 1);
    board.apply(second);
    // Keys of another type: nothing fits.
    auto other = second;
    other.zones[0].key = ir::Zone::Key::integer;
    ASSERT_TRUE(board.prepare(other));
    EXPECT_EQ(tables.emptied().size(), 1u);
    // Another process (or generation) finds the same.
    Board again(arena, 1);
    auto* found = again.tables().find(second.zones[0]);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(get(*found, "a", 1), 3);
    // Back to the first: not the entries of then, but those of now.
    if (auto entry = changed->make("a", 2)) entry.cell(0) = 4;
    ASSERT_TRUE(board.prepare(first));
    auto entry = tables.find(first.zones[0])->find("a", 2);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry.cell(2), 4u);
    EXPECT_EQ(entry.cell(0), 0u);
}

TEST(Tables, WhatADeadWorkerHeldIsGivenBack) {
    auto arena = SharedArena::create(std::uint64_t{512} << 20);
    Board board(arena, 2);
    const auto config = config_with(zone_of(100, {{What::connections, 1, {}}}));
    ASSERT_TRUE(board.prepare(config));
    auto* table = board.tables().find(config.zones[0]);
    Holds own(board.tables(), 0);
    std::uint32_t mine = Holds::none;
    if (auto entry = table->make("a", 0)) mine = own.take(*table, entry, 0);
    EXPECT_EQ(get(*table, "a"), 1);
    if (fork() == 0) {
        Holds theirs(board.tables(), 1);
        for (int i = 0; i < 3; ++i)
            if (auto entry = table->make("a", 0)) theirs.take(*table, entry, 0);
        if (auto entry = table->make("b", 0)) theirs.take(*table, entry, 0);
        kill(getpid(), SIGKILL);
    }
    wait(nullptr);
    EXPECT_EQ(table->find("a", 0).holds(), 4u);
    board.clear_gauges(1);
    EXPECT_EQ(get(*table, "a"), 1);
    EXPECT_EQ(table->find("a", 0).holds(), 1u);
    own.give_back(mine);
    EXPECT_EQ(get(*table, "a"), 0);
    EXPECT_EQ(table->find("a", 0).holds(), 0u);
}

TEST(HoldList, GivesBackWhenItEnds) {
    auto arena = SharedArena::create(std::uint64_t{512} << 20);
    Board board(arena, 1);
    const auto config = config_with(zone_of(100, {{What::connections, 1, {}}}));
    ASSERT_TRUE(board.prepare(config));
    auto* table = board.tables().find(config.zones[0]);
    Holds holds(board.tables(), 0);
    HoldNode nodes[2];
    {
        HoldList list;
        for (auto& node : nodes) {
            auto entry = table->make("a", 0);
            node.holds = &holds;
            node.hold = holds.take(*table, entry, 0);
            list.add(node);
        }
        EXPECT_EQ(get(*table, "a"), 2);
    }
    EXPECT_EQ(get(*table, "a"), 0);
}

}  // namespace
}  // namespace weir::zone
