// SPDX-License-Identifier: Apache-2.0
// The index of a cache, and the upkeep of its folder.
#include "runtime/cache/store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "runtime/cache/file.hpp"
#include "runtime/warden/cache_keeper.hpp"
#include "runtime/zone/shared_arena.hpp"

namespace weir::cache {
namespace {

std::int64_t clock_now() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

class Stores : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/weir-cache-XXXXXX";
        conf_.folder = ::mkdtemp(name);
        conf_.levels = {1, 2};
        make_index(64);
    }
    void TearDown() override { std::filesystem::remove_all(conf_.folder); }
    void make_index(std::uint64_t entries) {
        ir::Zone zone;
        zone.entries = entries;
        zone.key = ir::Zone::Key::binary;
        zone.key_bytes = 16;
        zone.columns = {{ir::Zone::Column::What::record, Store::cell_count, {}}};
        auto shape = zone::Shape::of(zone);
        void* memory = arena_.allocate(zone::Table::bytes_of(shape));
        zone::Table::create(memory, shape);
        table_.emplace(memory, zone::HashKey{1, 2});
        ir::Zone purges;
        purges.entries = 4;
        purges.key_bytes = 1024;
        purges.evicts = false;
        purges.columns = {{ir::Zone::Column::What::record}};
        shape = zone::Shape::of(purges);
        memory = arena_.allocate(zone::Table::bytes_of(shape));
        zone::Table::create(memory, shape);
        purges_.emplace(memory, zone::HashKey{3, 4});
        store_.emplace(conf_, Store::Parts{.index = &*table_, .purges = &*purges_});
    }
    void put(const Digest& digest, std::size_t bytes, std::int64_t now) {
        auto path = store_->path_of(digest);
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path) << std::string(bytes, 'x');
        store_->use(digest, now, 0, true);
        store_->note_file(digest, bytes, now);
    }
    bool there(const Digest& digest) { return std::filesystem::exists(store_->path_of(digest)); }
    warden::CacheUpkeep upkeep() {
        return {*store_, [](void*, std::int64_t) { return true; }, nullptr};
    }

    ir::CacheStore conf_;
    zone::SharedArena arena_ = zone::SharedArena::create(std::uint64_t{64} << 20);
    std::optional<zone::Table> table_, purges_;
    std::optional<Store> store_;
    Arena texts_;
};

const Digest a = digest_of("a"), b = digest_of("b"), c = digest_of("c");

TEST_F(Stores, PathsAreThoseOfNginx) {
    auto name = hex_of(a);
    EXPECT_EQ(name, "0cc175b9c0f1b6a831c399e269772661");
    auto expected = conf_.folder + "/1/66/" + name;
    EXPECT_EQ(store_->path_of(a), expected);
    EXPECT_EQ(store_->path_of(a, texts_), std::string_view(expected.c_str(), expected.size() + 1));
    Digest back;
    ASSERT_TRUE(read_hex(name, back));
    EXPECT_EQ(back, a);
    EXPECT_FALSE(read_hex("0cc175b9c0f1b6a831c399e26977266", back));
    EXPECT_FALSE(read_hex("0CC175b9c0f1b6a831c399e269772661", back));
}

TEST_F(Stores, CountsUsesAndKnowsFiles) {
    store_->set_loaded(1);
    auto seen = store_->use(a, 1, 0, true);
    EXPECT_TRUE(seen.noted);
    EXPECT_FALSE(seen.has_file);
    EXPECT_EQ(seen.uses, 1u);
    store_->note_file(a, 100, 1);
    seen = store_->use(a, 2, 0, true);
    EXPECT_TRUE(seen.has_file);
    EXPECT_EQ(seen.uses, 2u);
    EXPECT_EQ(store_->use(a, 2, 0, false).uses, 2u);
    store_->forget_file(a, 2);
    EXPECT_FALSE(store_->use(a, 3, 0, true).has_file);
}

TEST_F(Stores, AsksTheDiskUntilTheFolderWasRead) {
    EXPECT_TRUE(store_->use(a, 1, 0, true).has_file);
    store_->set_loaded(1);
    EXPECT_FALSE(store_->use(b, 1, 0, true).has_file);
    // Under another folder the index knows nothing.
    conf_.folder += "x";
    store_.emplace(conf_, Store::Parts{.index = &*table_});
    EXPECT_TRUE(store_->use(c, 1, 0, true).has_file);
    conf_.folder.pop_back();
}

TEST_F(Stores, OneClaimAtATimeUntilItIsOld) {
    store_->use(a, 1, 0, true);
    EXPECT_TRUE(store_->claim(a, 1000, 5000));
    EXPECT_FALSE(store_->claim(a, 2000, 5000));
    EXPECT_TRUE(store_->is_claimed(a, 2000, 5000));
    EXPECT_TRUE(store_->claim(a, 6000, 5000));
    store_->release(a, 6001);
    EXPECT_FALSE(store_->is_claimed(a, 6001, 5000));
    EXPECT_TRUE(store_->claim(a, 6002, 5000));
}

TEST_F(Stores, KeptFailuresEnd) {
    store_->use(a, 1, 0, true);
    store_->note_error(a, 502, 100, 1);
    EXPECT_EQ(store_->use(a, 1, 100, true).error, 502);
    EXPECT_EQ(store_->use(a, 1, 101, true).error, 0);
    store_->note_error(a, 502, 100, 1);
    store_->note_file(a, 1, 1);
    EXPECT_EQ(store_->use(a, 1, 100, true).error, 0);
}

TEST_F(Stores, UpkeepLoadsTheFolder) {
    put(a, 10, clock_now());
    auto left_over = store_->path_of(a) + ".1.2.3" + std::string(temporary_mark);
    std::ofstream(left_over) << "x";
    std::ofstream(conf_.folder + "/1/66/other") << "x";
    auto writing = store_->path_of(a) + ".1.2.4" + std::string(temporary_mark);
    std::ofstream(writing) << "x";
    std::filesystem::last_write_time(left_over, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
    make_index(64);
    upkeep().load();
    EXPECT_TRUE(store_->is_loaded(clock_now()));
    EXPECT_TRUE(store_->use(a, clock_now(), 0, true).has_file);
    EXPECT_FALSE(store_->use(b, clock_now(), 0, true).has_file);
    EXPECT_FALSE(std::filesystem::exists(left_over));
    EXPECT_TRUE(std::filesystem::exists(writing));
    EXPECT_TRUE(std::filesystem::exists(conf_.folder + "/1/66/other"));
}

TEST_F(Stores, UpkeepRemovesWhatNobodyAsksFor) {
    const auto now = clock_now();
    put(a, 10, now - 700000);
    put(b, 10, now);
    upkeep().clean();
    EXPECT_FALSE(there(a));
    EXPECT_TRUE(there(b));
    EXPECT_FALSE(store_->index().find(bytes_of(a), now));
}

TEST_F(Stores, UpkeepRemovesTheOldestOfTooMuch) {
    const auto now = clock_now();
    put(b, 100, now - 2);
    put(a, 100, now - 3);
    put(c, 100, now - 1);
    conf_.max_size = 250;
    upkeep().clean();
    EXPECT_FALSE(there(a));
    EXPECT_TRUE(there(b));
    EXPECT_TRUE(there(c));
    conf_.max_size = 100;
    upkeep().clean();
    EXPECT_FALSE(there(b));
    EXPECT_TRUE(there(c));
}

TEST_F(Stores, UpkeepKeepsRoomInTheIndex) {
    const auto now = clock_now();
    for (int i = 0; i < 64; ++i) store_->use(digest_of(std::to_string(i)), now - 64 + i, 0, true);
    upkeep().clean();
    EXPECT_LE(store_->index().count(now), 60u);
    EXPECT_TRUE(store_->index().find(bytes_of(digest_of("63")), now));
    EXPECT_FALSE(store_->index().find(bytes_of(digest_of("0")), now));
}

TEST_F(Stores, PurgesHoldUntilTheFilesAreGone) {
    const auto now = clock_now();
    auto keep = [&](const std::string& key, std::int64_t kept_at, const char* field) {
        const auto digest = digest_of(key);
        NewFile file;
        Facts facts;
        facts.kept_at = kept_at;
        facts.until = std::int64_t{1} << 40;
        const auto path = store_->path_of(digest) + '\0';
        file.begin(path, "x", facts, {key, "", "", std::string("HTTP/1.1 200 OK\r\n") + field + "\r\n"});
        file.put("body");
        ASSERT_TRUE(file.commit());
        store_->use(digest, now, 0, true);
        store_->note_file(digest, file.size(), now);
    };
    keep("/a/1", 1000, "Cache-Tag: x, y\r\n");
    keep("/a/2", 3000, "");
    keep("/b/1", 1000, "Surrogate-Key: y z\r\n");
    keep("/b/2", 1000, "X-Tag: y\r\n");
    ASSERT_TRUE(store_->add_purge("^/a/", 2000));
    ASSERT_TRUE(store_->add_purge("#z", 2000));
    ASSERT_TRUE(store_->add_purge("=/b/3", 2000));
    auto purged = [&](const std::string& key) {
        KeptFile file;
        return file.open(store_->path_of(digest_of(key)) + '\0', key) == KeptFile::Opened::yes && store_->is_purged(file);
    };
    EXPECT_TRUE(purged("/a/1"));
    EXPECT_FALSE(purged("/a/2"));   // kept since
    EXPECT_TRUE(purged("/b/1"));
    EXPECT_FALSE(purged("/b/2"));
    upkeep().clean();
    EXPECT_FALSE(there(digest_of("/a/1")));
    EXPECT_TRUE(there(digest_of("/a/2")));
    EXPECT_FALSE(there(digest_of("/b/1")));
    EXPECT_TRUE(there(digest_of("/b/2")));
    EXPECT_TRUE(store_->purges().empty());
    EXPECT_EQ(store_->totals(now).files, 4u);   // as the pass found them
    upkeep().clean();
    EXPECT_EQ(store_->totals(now).files, 2u);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(store_->add_purge("#" + std::to_string(i), 1));
    EXPECT_FALSE(store_->add_purge("#4", 1));
    EXPECT_FALSE(store_->add_purge("#" + std::string(2000, 'x'), 1));
}

TEST_F(Stores, UpkeepLeavesSpaceOnTheDisk) {
    const auto now = clock_now();
    put(a, 10, now);
    conf_.min_free = std::uint64_t{1} << 62;   // more than any disk has
    upkeep().clean();
    EXPECT_FALSE(there(a));
}

}  // namespace
}  // namespace weir::cache
