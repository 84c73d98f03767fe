// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/error_log.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace weir::log {
namespace {

class ErrorLogTest : public testing::Test {
protected:
    void SetUp() override {
        setenv("TZ", "UTC0", 1);
        tzset();
        char name[] = "/tmp/weir-log-XXXXXX";
        folder = mkdtemp(name);
        sinks.wall_us = [] { return std::int64_t{1795240800000000}; };
        sinks.origin = {"box", 123};
        target.target.kind = ir::LogTarget::Kind::file;
        target.target.path = folder + "/error";
        target.level = error;
        log.set_logs({target});
    }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string text() {
        sinks.flush(1);
        std::ifstream in{target.target.path};
        std::stringstream out;
        out << in.rdbuf();
        return out.str();
    }
    std::string folder;
    LogSinks sinks;
    ErrorLog log{sinks};
    ir::ErrorLog target;
};

// The parts in the order that fail2ban and others expect.
TEST_F(ErrorLogTest, NginxForm) {
    About about;
    about.connection = 5;
    about.doing = "connecting to upstream";
    about.client = "192.0.2.1";
    about.site = "example.org";
    about.request = "GET /a HTTP/1.1";
    about.server = "http://127.0.0.1:1/a";
    about.host = "example.org";
    about.referrer = "http://q/";
    log.write(error, ErrorLog::with_error("connect() failed", 111), about);
    EXPECT_EQ(text(),
              "2026/11/21 06:00:00 [error] 123#123: *5 connect() failed (111: Connection refused) "
              "while connecting to upstream, client: 192.0.2.1, server: example.org, request: "
              "\"GET /a HTTP/1.1\", upstream: \"http://127.0.0.1:1/a\", host: \"example.org\", "
              "referrer: \"http://q/\"\n");
}

TEST_F(ErrorLogTest, EmptyParts) {
    log.write(error, "plain");
    About about;
    about.client = "192.0.2.1";
    log.write(error, "no name", about);
    EXPECT_EQ(text(),
              "2026/11/21 06:00:00 [error] 123#123: plain\n"
              "2026/11/21 06:00:00 [error] 123#123: no name, client: 192.0.2.1, server: \n");
}

TEST_F(ErrorLogTest, Levels) {
    EXPECT_TRUE(log.wants(error));
    EXPECT_FALSE(log.wants(warning));
    log.write(warning, "no");
    log.write(critical, "yes");
    EXPECT_EQ(text(), "2026/11/21 06:00:00 [crit] 123#123: yes\n");
}

TEST_F(ErrorLogTest, LogOfASite) {
    ir::ErrorLog own;
    own.target.kind = ir::LogTarget::Kind::file;
    own.target.path = folder + "/own";
    own.level = info;
    std::vector<ir::ErrorLog> logs{own};
    log.write(notice, "there", {}, &logs);
    EXPECT_EQ(text(), "");
    EXPECT_GT(std::filesystem::file_size(folder + "/own"), 0u);
}

TEST_F(ErrorLogTest, HaproxyForm) {
    log.set_style(ErrorLog::Style::haproxy);
    log.write(error, "Server b/s is DOWN");
    log.write(critical, "x");
    EXPECT_EQ(text(), "[ALERT]    (123) : Server b/s is DOWN\n[ALERT]    (123) : x\n");
}

TEST_F(ErrorLogTest, WhatAPeerSentStaysInItsPlace) {
    About about;
    about.client = "192.0.2.1";
    about.request = "GET /\"\r\n\x1b[31m HTTP/1.1";
    log.write(error, "a\nb", about);
    EXPECT_EQ(text(),
              "2026/11/21 06:00:00 [error] 123#123: a\\x0Ab, client: 192.0.2.1, server: , request: "
              "\"GET /\\x22\\x0D\\x0A\\x1B[31m HTTP/1.1\"\n");
}

TEST_F(ErrorLogTest, SevereLinesLeaveAtOnce) {
    log.write(alert, "now");
    EXPECT_GT(std::filesystem::file_size(target.target.path), 0u);
}

TEST_F(ErrorLogTest, TellsOfLostLines) {
    ir::LogTarget full;
    full.kind = ir::LogTarget::Kind::file;
    full.path = "/dev/full";
    sinks.find(full).write("gone");
    sinks.flush(1);
    EXPECT_EQ(text(),
              "2026/11/21 06:00:00 [alert] 123#123: 1 log line lost: \"/dev/full\" does not take "
              "them (28: No space left on device)\n");
}

TEST_F(ErrorLogTest, ItsOwnPlaceMayBeTheFullOne) {
    target.target.path = "/dev/full";
    log.set_logs({target});
    for (Milliseconds now = 0; now < 200000; now += 500) {
        log.write(error, "x");
        sinks.flush(now);
    }
    EXPECT_GT(sinks.lost(), 0u);
}

}  // namespace
}  // namespace weir::log
