// SPDX-License-Identifier: Apache-2.0
// What the runtime commands about tables answer, as HAProxy 2.6 was seen to.
#include "runtime/warden/table_commands.hpp"

#include <gtest/gtest.h>

#include <regex>

#include "runtime/zone/board.hpp"

namespace weir::warden {
namespace {

using zone::What;

struct TableCommands : testing::Test {
    TableCommands() : arena(zone::SharedArena::create(std::uint64_t{512} << 20)), board(arena, 1) {
        ir::Zone t;
        t.name = "t";
        t.purpose = "stick-table";
        t.key = ir::Zone::Key::text;
        t.key_bytes = 10;
        t.entries = 3;
        t.columns = {{What::request_count, 1, {}},
                     {What::counter, 2, {}},
                     {What::counter_rate, 2, std::chrono::minutes(1)}};
        config.zones.push_back(t);
        ir::Zone i = t;
        i.name = "i";
        i.key = ir::Zone::Key::integer;
        i.columns = {{What::counter, 1, {}}};
        i.expire = std::chrono::minutes(1);
        config.zones.push_back(i);
        board.prepare(config);
    }
    std::string run(std::string_view line) {
        std::vector<std::string_view> words;
        while (!line.empty()) {
            auto end = std::min(line.find(' '), line.size());
            words.push_back(line.substr(0, end));
            line.remove_prefix(std::min(end + 1, line.size()));
        }
        std::vector<zone::Table*> zones;
        for (const auto& zone : config.zones) zones.push_back(board.tables().find(zone));
        std::span<const std::string_view> behind(words);
        auto text = run_table_command(words[0], behind.subspan(2), config, zones, 1000);
        return std::regex_replace(text, std::regex("0x[0-9a-f]+: "), "0x: ");
    }
    zone::SharedArena arena;
    zone::Board board;
    ir::Config config;
};

TEST_F(TableCommands, ListsTables) {
    EXPECT_EQ(run("show table"), "# table: t, type: string, size:3, used:0\n"
                                 "# table: i, type: integer, size:3, used:0\n");
    EXPECT_EQ(run("show table nope"), "No such table\n");
}

TEST_F(TableCommands, SetsShowsAndClears) {
    EXPECT_EQ(run("set table i key 5 data.gpc0 7"), "");
    EXPECT_EQ(run("show table i"), "# table: i, type: integer, size:3, used:1\n"
                                   "0x: key=5 use=0 exp=60000 shard=0 gpc0=7\n");
    EXPECT_EQ(run("show table i data.gpc0 gt 9"), "# table: i, type: integer, size:3, used:1\n");
    EXPECT_EQ(run("show table i data.gpc0 gt 5"), run("show table i"));
    EXPECT_EQ(run("show table i key 5"), run("show table i"));
    EXPECT_EQ(run("show table i key 6"), "");
    EXPECT_EQ(run("clear table i key 5"), "");
    EXPECT_EQ(run("show table i"), "# table: i, type: integer, size:3, used:0\n");
    EXPECT_EQ(run("set table t key zz data.http_req_cnt 9 data.gpc1 4"), "");
    EXPECT_EQ(run("show table t"),
              "# table: t, type: string, size:3, used:1\n"
              "0x: key=zz use=0 exp=0 shard=0 gpc0=0 gpc0_rate(60000)=0 http_req_cnt=9 gpc1=4 gpc1_rate(60000)=0\n");
    EXPECT_EQ(run("clear table t data.http_req_cnt lt 9"), "");
    EXPECT_EQ(board.tables().find(config.zones[0])->count(0), 1u);
    EXPECT_EQ(run("clear table t data.http_req_cnt ge 9"), "");
    EXPECT_EQ(board.tables().find(config.zones[0])->count(0), 0u);
}

TEST_F(TableCommands, FindsEntriesByPointerAndCellsByIndex) {
    EXPECT_EQ(run("set table t key zz data.gpc[1] 4"), "");
    EXPECT_EQ(run("show table t data.gpc[1] eq 4"), run("show table t"));
    EXPECT_EQ(run("show table t ptr 0x1"), run("show table t"));
    EXPECT_EQ(run("set table t ptr 0x1 data.gpc0 8"), "");
    EXPECT_EQ(run("show table t data.gpc0 eq 8"), run("show table t"));
    EXPECT_EQ(run("show table t ptr 0x2"), "No such entry\n");
    EXPECT_EQ(run("show table t ptr here"), "Pointer expected (0xffff notation)\n");
    EXPECT_EQ(run("clear table t ptr 0x1"), "");
    EXPECT_EQ(run("show table t ptr 0x1"), "No such entry\n");
}

TEST_F(TableCommands, SaysWhatIsWrong) {
    EXPECT_EQ(run("set table i key 5 data.foo 1"), "Unknown data type\n");
    EXPECT_EQ(run("set table i key 5 data.conn_cur 1"), "Data type not stored in this table\n");
    EXPECT_EQ(run("set table i key five data.gpc0 1"), "Invalid key\n");
    EXPECT_EQ(run("show table i data.gpc0 above 1"),
              "Require and operator among \"eq\", \"ne\", \"le\", \"ge\", \"lt\", \"gt\"\n");
}

}  // namespace
}  // namespace weir::warden
