// SPDX-License-Identifier: Apache-2.0
// The statistics page and stub_status over a board with known numbers.
#include <gtest/gtest.h>

#include "modules/stats/conf.hpp"
#include "modules/stats/module.hpp"
#include "modules/stats/table.hpp"
#include "modules/stub_status/module.hpp"
#include "runtime/zone/check_code.hpp"

namespace weir::modules {
namespace {

using stats::Column;

class Pages : public testing::Test {
protected:
    Pages() {
        ir::Site site;
        site.name = "front";
        site.is_nginx_style = false;
        site.span = {0, 10, 1};
        config_.add(site);
        ir::Pool pool;
        pool.name = "be";
        pool.span = {0, 20, 1};
        for (const char* name : {"s1", "s2"}) {
            ir::Server server;
            server.name = name;
            server.weight = 3;
            server.endpoints.push_back({.path = "/nowhere"});
            pool.servers.push_back(server);
        }
        pool.servers[0].check.emplace();
        pool.servers[1].backup = true;
        config_.add(pool);
        EXPECT_TRUE(board_.prepare(config_));
        live_ = pools_.adopt(config_, nullptr);
        sites_ = {board_.find(zone::Kind::site, "front")};
        around_.pools = live_;
        around_.sites = sites_;
        around_.process = board_.find(zone::Kind::process, "");
        around_.config = &config_;
        around_.board = &board_;
        subject_.arena = &arena_;
        subject_.around = &around_;
        subject_.site = &config_.sites[0];
        subject_.request = &request_;
        subject_.wall_ms = 1000000;
        request_.method = http::Method::get;
    }
    zone::ServerState& state(const char* name) {
        return *board_.find(zone::Kind::server, name).state;
    }
    filter::Answer ask(std::string_view target, filter::Verdict expected = filter::Verdict::done) {
        request_.target = request_.path = target;
        filter::Answer answer;
        auto filter = stats::module().make_filter(&conf_, library_);
        EXPECT_EQ(filter->on_request(subject_, answer), expected) << target;
        return answer;
    }

    zone::SharedArena shared_ = zone::SharedArena::create();
    zone::Board board_{shared_, 1};
    ir::Config config_;
    route::Library library_{config_};
    pool::LivePools pools_{0, board_};
    std::vector<pool::LivePool*> live_;
    std::vector<zone::Entry> sites_;
    route::Surroundings around_;
    Arena arena_;
    http::RequestHead request_;
    route::Subject subject_;
    stats::Conf conf_;
};

TEST_F(Pages, ColumnsStandWhereProgramsLookForThem) {
    EXPECT_EQ(stats::name_of(Column::status), "status");
    EXPECT_EQ(static_cast<int>(Column::status), 17);
    EXPECT_EQ(static_cast<int>(Column::check_status), 36);
    EXPECT_EQ(static_cast<int>(Column::hrsp_5xx), 43);
    EXPECT_EQ(static_cast<int>(Column::addr), 73);
    EXPECT_EQ(static_cast<int>(Column::agg_check_status), 102);
    auto answer = ask("/haproxy?stats;csv");
    EXPECT_EQ(answer.content_type, "text/plain");
    EXPECT_TRUE(answer.body.starts_with("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,"));
}

TEST_F(Pages, RowsComeInTheOrderOfTheFile) {
    auto rows = stats::make_rows(subject_, conf_);
    ASSERT_EQ(rows.size(), 4u);
    EXPECT_EQ(rows[0][Column::svname], "FRONTEND");
    EXPECT_EQ(rows[1][Column::svname], "s1");
    EXPECT_EQ(rows[2][Column::svname], "s2");
    EXPECT_EQ(rows[3][Column::svname], "BACKEND");
    EXPECT_EQ(rows[1][Column::iid], "3");
    EXPECT_EQ(rows[2][Column::sid], "2");
}

TEST_F(Pages, NumbersOfTheBoard) {
    sites_[0].mine(0).total.add(7);
    sites_[0].mine(0).responses[2].add(5);
    board_.find(zone::Kind::server, "be/s1").mine(0).picked.add(4);
    auto rows = stats::make_rows(subject_, conf_);
    EXPECT_EQ(rows[0][Column::stot], "7");
    EXPECT_EQ(rows[0][Column::hrsp_2xx], "5");
    EXPECT_EQ(rows[1][Column::lbtot], "4");
    EXPECT_EQ(rows[3][Column::weight], "3");
    EXPECT_EQ(rows[3][Column::act], "1");
    EXPECT_EQ(rows[3][Column::bck], "1");
}

TEST_F(Pages, StatusInHaproxysWords) {
    auto status = [&] { return stats::make_rows(subject_, conf_)[1][Column::status]; };
    auto& s1 = state("be/s1");
    s1.health = 4;
    EXPECT_EQ(status(), "UP");
    s1.health = 2;
    EXPECT_EQ(status(), "UP 1/3");
    s1.flags = zone::ServerState::check_down;
    s1.health = 0;
    s1.last_change = 940;
    s1.check_code = static_cast<std::uint32_t>(zone::CheckCode::l7_status);
    s1.check_status = 503;
    EXPECT_EQ(status(), "DOWN");
    auto rows = stats::make_rows(subject_, conf_);
    EXPECT_EQ(rows[1][Column::check_status], "L7STS");
    EXPECT_EQ(rows[1][Column::check_code], "503");
    EXPECT_EQ(rows[1][Column::check_desc], "Layer7 wrong status");
    EXPECT_EQ(rows[1][Column::lastchg], "60");
    EXPECT_EQ(rows[1][Column::downtime], "60");
    EXPECT_EQ(rows[2][Column::status], "no check");
    EXPECT_EQ(rows[3][Column::status], "UP");   // the backup is left
    s1.health = 1;
    EXPECT_EQ(status(), "DOWN 1/2");
    s1.flags = zone::ServerState::forced_down;
    EXPECT_EQ(status(), "MAINT");
}

TEST_F(Pages, OnlyItsOwnTargets) {
    ask("/other", filter::Verdict::next);
    EXPECT_EQ(ask("/haproxy?stats").content_type, "text/html");
    request_.method = http::Method::put;
    ask("/haproxy?stats", filter::Verdict::next);
    request_.method = http::Method::post;
    auto answer = ask("/haproxy?stats");
    EXPECT_EQ(answer.status, 303);
    EXPECT_EQ(answer.fields.find("location")->value, "/haproxy?stats;st=DENY");
}

TEST_F(Pages, Password) {
    conf_.credentials.push_back(stats::base64("admin:secret"));
    EXPECT_EQ(conf_.credentials[0], "YWRtaW46c2VjcmV0");
    auto answer = ask("/haproxy?stats;csv");
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.fields.find("www-authenticate")->value, "Basic realm=\"HAProxy Statistics\"");
    http::Field field{"Authorization", "Basic YWRtaW46d3Jvbmc=", http::FieldId::authorization, {}};
    request_.fields.add(arena_, field);
    EXPECT_EQ(ask("/haproxy?stats").status, 401);
    request_.fields[0].value = "basic YWRtaW46c2VjcmV0";
    EXPECT_EQ(ask("/haproxy?stats").status, 200);
}

TEST_F(Pages, RefreshAndScope) {
    conf_.refresh = 5;
    EXPECT_EQ(ask("/haproxy?stats").fields.find("refresh")->value, "5");
    EXPECT_EQ(ask("/haproxy?stats;norefresh").fields.find("refresh"), nullptr);
    conf_.scope = {"."};
    EXPECT_EQ(stats::make_rows(subject_, conf_).size(), 1u);
}

TEST_F(Pages, NamesAreEscaped) {
    std::vector<stats::Row> rows(1);
    rows[0].set(Column::pxname, "<b>&\"");
    rows[0].set(Column::svname, "a,\"b\"");
    EXPECT_NE(stats::write_csv(rows).find("<b>&\"\"\",\"a,\"\"b\"\"\","), std::string::npos)
        << stats::write_csv(rows);
    EXPECT_EQ(stats::write_html(rows, subject_, conf_, "1").find("<b>&"), std::string::npos);
    EXPECT_NE(stats::write_json(rows).find("\"value\":\"a,\\\"b\\\"\""), std::string::npos);
}

TEST_F(Pages, StubStatusByteForByte) {
    auto& process = around_.process.mine(0);
    process.connections.add(5);
    process.total.add(17);
    process.requests.add(40);
    process.reading.add(1);
    process.busy.add(2);
    auto answer = stub_status::module().service->serve(subject_, nullptr);
    EXPECT_EQ(answer.body,
              "Active connections: 5 \nserver accepts handled requests\n 17 17 42 \n"
              "Reading: 1 Writing: 2 Waiting: 2 \n");
    EXPECT_EQ(answer.content_type, "text/plain");
    request_.method = http::Method::post;
    EXPECT_EQ(stub_status::module().service->serve(subject_, nullptr).status, 405);
}

}  // namespace
}  // namespace weir::modules
