// SPDX-License-Identifier: Apache-2.0
#include "runtime/zone/tls_store.hpp"

#include <cstring>

namespace weir::zone {
namespace {

struct Store : ::testing::Test {
    SharedArena arena = SharedArena::create(std::uint64_t{1} << 28);
    TlsStore store{arena};
};

TEST_F(Store, OneKeyServesAPeriodAndTwoMore) {
    TlsStore::Key first, same, found;
    std::int64_t start = 100 * TlsStore::period;
    ASSERT_TRUE(store.newest_key(start, first));
    ASSERT_TRUE(store.newest_key(start + TlsStore::period - 1, same));
    EXPECT_EQ(std::memcmp(&first, &same, sizeof first), 0);
    bool newest = false;
    ASSERT_TRUE(store.find_key(first.name, found, newest));
    EXPECT_TRUE(newest);
    for (int later = 1; later <= 2; ++later) {
        ASSERT_TRUE(store.newest_key(start + later * TlsStore::period, same));
        EXPECT_NE(std::memcmp(first.aes, same.aes, sizeof first.aes), 0);
        ASSERT_TRUE(store.find_key(first.name, found, newest));
        EXPECT_FALSE(newest);
    }
    ASSERT_TRUE(store.newest_key(start + 3 * TlsStore::period, same));
    EXPECT_FALSE(store.find_key(first.name, found, newest));
}

TEST_F(Store, AnotherWorkerFindsTheSameKeys) {
    TlsStore::Key mine, theirs;
    ASSERT_TRUE(store.newest_key(1000000, mine));
    TlsStore other(arena);
    ASSERT_TRUE(other.newest_key(1000000, theirs));
    EXPECT_EQ(std::memcmp(&mine, &theirs, sizeof mine), 0);
}

TEST_F(Store, SessionsAreFoundByTheirId) {
    std::string id(32, 'i'), session;
    EXPECT_FALSE(store.find(id, session));
    store.put(id, "first");
    ASSERT_TRUE(store.find(id, session));
    EXPECT_EQ(session, "first");
    store.put(id, std::string(1500, 'x'));
    ASSERT_TRUE(store.find(id, session));
    EXPECT_EQ(session.size(), 1500u);
    EXPECT_FALSE(store.find(std::string(32, 'j'), session));
    EXPECT_FALSE(store.find("short", session));
}

TEST_F(Store, WhatIsTooLargeIsNotKept) {
    std::string id(32, 'k'), session;
    store.put(id, std::string(5000, 'x'));
    EXPECT_FALSE(store.find(id, session));
}

}  // namespace
}  // namespace weir::zone
