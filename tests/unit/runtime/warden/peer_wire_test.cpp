// SPDX-License-Identifier: Apache-2.0
// What peers tell each other, there and back.
#include "runtime/warden/peer_wire.hpp"

#include <gtest/gtest.h>

#include "runtime/zone/board.hpp"

namespace weir::warden::wire {
namespace {

using zone::What;
constexpr std::int64_t now = 100000;

class PeerWire : public ::testing::Test {
protected:
    PeerWire() : arena(zone::SharedArena::create(std::uint64_t{1} << 26)), board(arena, 1) {}

    // The same table here and there.
    void make(ir::Zone::Key key, std::vector<ir::Zone::Column> columns, bool receives_only = false) {
        for (const char* name : {"here", "there", "other"}) {
            ir::Zone zone;
            zone.name = name;
            zone.shared_name = "t";
            zone.purpose = "stick-table";
            zone.key = key;
            zone.key_bytes = 32;
            zone.entries = 10;
            zone.expire = std::chrono::seconds(10);
            zone.columns = columns;
            zone.receives_only = receives_only;
            config.zones.push_back(zone);
        }
        ASSERT_TRUE(board.prepare(config));
        for (const auto& zone : config.zones) tables.push_back(board.tables().find(zone));
        shared.push_back(*share(config, config.zones[0], tables[0], nullptr));
        shared.push_back(*share(config, config.zones[1], tables[1], tables[2]));
    }
    // Tells the entry of a key to the table there.
    bool tell(std::string_view key) {
        const auto defined = define();
        if (!defined) return false;
        auto entry = tables[0]->find(key, now);
        if (!entry) return false;
        const auto text = update_of(shared[0], entry, 7, true, now);
        std::uint32_t id = 0;
        Texts texts;
        return apply_update(text, timed_update, *defined, texts, id, now) && id == 7;
    }
    std::optional<Defined> define() {
        std::uint64_t id = 0;
        const std::vector<SharedTable>& known = theirs = {shared[1]};
        auto defined = read_definition(definition_of(shared[0], 3), known, id);
        EXPECT_EQ(id, 3u);
        return defined;
    }
    std::uint64_t cell(int table, std::string_view key, What what, std::uint32_t index = 0) {
        auto& from = *tables[static_cast<std::size_t>(table)];
        auto entry = from.find(key, now);
        return entry ? entry.cell(from.column(what).first + index) : 12345;
    }

    zone::SharedArena arena;
    zone::Board board;
    ir::Config config;
    std::vector<zone::Table*> tables;
    std::vector<SharedTable> shared, theirs;
};

TEST(PeerNumbers, there_and_back) {
    for (std::uint64_t value : {0ull, 1ull, 239ull, 240ull, 241ull, 2287ull, 2288ull, 264431ull, 264432ull, 33818863ull,
                                33818864ull, 4294967295ull, 1099511627776ull}) {
        std::string out;
        put_number(out, value);
        EXPECT_EQ(out.size(), value < 240 ? 1u : value < 2288 ? 2u : value < 264432 ? 3u : value < 33818864 ? 4u : out.size());
        std::string_view in = out;
        std::uint64_t back = 0;
        EXPECT_TRUE(take_number(in, back));
        EXPECT_EQ(back, value);
        EXPECT_TRUE(in.empty());
        in = std::string_view(out).substr(0, out.size() - 1);
        EXPECT_FALSE(take_number(in, back));
    }
}

TEST(PeerMessages, come_whole_or_not) {
    std::string out;
    put_message(out, update, std::string(300, 'x'));
    bool broken = false;
    for (std::size_t size = 0; size < out.size(); ++size) {
        std::string_view part = std::string_view(out).substr(0, size);
        EXPECT_FALSE(take_message(part, broken));
        EXPECT_FALSE(broken);
    }
    out += std::string("\0\1", 2);
    std::string_view in = out;
    auto first = take_message(in, broken);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->data, std::string(300, 'x'));
    auto second = take_message(in, broken);
    ASSERT_TRUE(second);
    EXPECT_EQ(second->of_class, control);
    EXPECT_EQ(second->type, resync_finished);
    out.clear();
    out += static_cast<char>(updates);
    out += static_cast<char>(update);
    put_number(out, longest_message + 1);
    in = out;
    EXPECT_FALSE(take_message(in, broken));
    EXPECT_TRUE(broken);
}

TEST_F(PeerWire, an_entry_with_its_numbers) {
    make(ir::Zone::Key::text, {{.what = What::counter, .count = 2},
                               {.what = What::request_rate, .period = std::chrono::seconds(10)},
                               {.what = What::connections}, {.what = What::server}});
    {
        auto entry = tables[0]->make("key", now - 1000);
        entry.cell(tables[0]->column(What::counter).first) = 5;
        entry.cell(tables[0]->column(What::counter).first + 1) = 300;
        entry.cell(tables[0]->column(What::connections).first) = 4;
        entry.cell(tables[0]->column(What::server).first) = 2;
        zone::count_rate(&entry.cell(tables[0]->column(What::request_rate).first), 10000, now - 500, 9);
    }
    ASSERT_TRUE(tell("key"));
    EXPECT_EQ(cell(1, "key", What::counter), 5u);
    EXPECT_EQ(cell(1, "key", What::counter, 1), 300u);
    EXPECT_EQ(cell(1, "key", What::connections), 0u);   // each side counts its own
    EXPECT_EQ(cell(1, "key", What::server), 2u);
    auto entry = tables[1]->find("key", now);
    EXPECT_TRUE(entry.learned());
    EXPECT_EQ(zone::read_rate(&entry.cell(tables[1]->column(What::request_rate).first), 10000, now), 9u);
    EXPECT_EQ(entry.expires(), now + 9000);
    entry.touch(now);
    EXPECT_FALSE(entry.learned());
}

TEST_F(PeerWire, another_table_gets_servers_and_tags) {
    make(ir::Zone::Key::integer, {{.what = What::tag, .count = 3, .array = true}, {.what = What::request_count}}, true);
    const std::string key("\1\2\3\4", 4);
    {
        auto entry = tables[0]->make(key, now);
        entry.cell(tables[0]->column(What::tag).first + 2) = 77;
        entry.cell(tables[0]->column(What::request_count).first) = 9;
    }
    ASSERT_TRUE(tell(key));
    EXPECT_EQ(cell(1, key, What::tag, 2), 77u);
    EXPECT_EQ(cell(2, key, What::tag, 2), 77u);
    EXPECT_EQ(cell(1, key, What::request_count), 9u);
    EXPECT_EQ(cell(2, key, What::request_count), 0u);
}

TEST_F(PeerWire, connections_where_nobody_counts_them_here) {
    make(ir::Zone::Key::ipv4, {{.what = What::connections}}, true);
    const std::string key("\x7f\0\0\1", 4);
    tables[0]->make(key, now).cell(0) = 3;
    ASSERT_TRUE(tell(key));
    EXPECT_EQ(cell(1, key, What::connections), 3u);
}

TEST_F(PeerWire, servers_go_by_their_names) {
    ir::Pool pool;
    pool.name = "app";
    for (const char* name : {"a", "b"}) pool.servers.emplace_back().name = name;
    ir::Pool::Stick stick;
    stick.table = "here";
    pool.sticks.push_back(std::move(stick));
    config.add(std::move(pool));
    make(ir::Zone::Key::text, {{.what = What::server}});
    shared[1].servers = {{1, "b"}, {2, "c"}};
    shared[1].data = shared[0].data;
    tables[0]->make("k", now).cell(0) = 2;
    ASSERT_TRUE(tell("k"));
    EXPECT_EQ(cell(1, "k", What::server), 1u);
}

// Whatever comes in: nothing is read behind its end, and nothing is believed.
TEST_F(PeerWire, pieces_of_messages) {
    make(ir::Zone::Key::text, {{.what = What::counter, .count = 2}, {.what = What::server}});
    const auto whole = definition_of(shared[0], 1);
    std::uint64_t id = 0;
    theirs = {shared[1]};
    for (std::size_t size = 0; size < whole.size(); ++size)
        (void)read_definition(std::string_view(whole).substr(0, size), theirs, id);
    const auto defined = define();
    ASSERT_TRUE(defined);
    std::string text;
    {
        auto entry = tables[0]->make("key", now);
        text = update_of(shared[0], entry, 1, true, now);
    }
    std::uint32_t number = 0;
    Texts texts;
    for (std::size_t size = 0; size < text.size(); ++size)
        EXPECT_FALSE(apply_update(std::string_view(text).substr(0, size), timed_update, *defined, texts, number, now));
}

}  // namespace
}  // namespace weir::warden::wire
