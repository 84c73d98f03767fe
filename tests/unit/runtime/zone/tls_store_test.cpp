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

TEST_F(Store, WhatRespondersSaidIsFoundByItsPlaceUntilItIsOver) {
    std::string place(32, 'p'), response;
    EXPECT_FALSE(store.find_status(place, 100, response));
    ASSERT_TRUE(store.put_status(place, "first", 200));
    ASSERT_TRUE(store.put_status(place, "second", 300));
    TlsStore other(arena);
    ASSERT_TRUE(other.find_status(place, 299, response));
    EXPECT_EQ(response, "second");
    EXPECT_FALSE(other.find_status(place, 300, response));
    EXPECT_FALSE(store.put_status(place, std::string(TlsStore::most_status + 1, 'x'), 300));
    store.drop_status(place);
    EXPECT_FALSE(store.find_status(place, 100, response));
}

TEST_F(Store, EarlyDataIsTakenOnce) {
    std::string random(32, 'r'), other(32, 's');
    EXPECT_TRUE(store.is_first(random, 1000));
    TlsStore another(arena);
    EXPECT_FALSE(another.is_first(random, 1000));
    EXPECT_FALSE(another.is_first(random, 1000 + TlsStore::fresh - 1));
    EXPECT_TRUE(another.is_first(other, 1001));
    EXPECT_FALSE(store.is_first(other, 1002));
    EXPECT_FALSE(store.is_first("short", 1000));
}

TEST_F(Store, WithoutRoomTheStatusThatIsOverFirstGoes) {
    auto place = [](char last) {
        std::string made(32, 'q');   // all lie in the same slots
        made[31] = last;
        return made;
    };
    std::string response;
    for (char i = 0; i < 9; ++i) ASSERT_TRUE(store.put_status(place(i), "x", i == 4 ? 50 : 100 + i));
    for (char i = 0; i < 9; ++i) EXPECT_EQ(store.find_status(place(i), 10, response), i != 4) << int{i};
}

}  // namespace
}  // namespace weir::zone
