// SPDX-License-Identifier: Apache-2.0
// The lines as HAProxy 2.6 writes them (seen from it), and nginx's.
#include "runtime/warden/news.hpp"

#include <gtest/gtest.h>

namespace weir::warden {
namespace {

class Lines : public testing::Test {
protected:
    Lines() {
        pool_.name = "be";
        server_.name = "s1";
        news_.pool = &pool_;
        news_.server = &server_;
        news_.check = &check_;
        news_.outcome = &outcome_;
        news_.address = "127.0.0.1:80";
        news_.transition = Transition::down;
        news_.count.active = 1;
        outcome_.code = zone::CheckCode::l4_failed;
        outcome_.text = "Connection refused";
    }
    ir::Pool pool_;
    ir::Server server_;
    ir::HealthCheck check_;
    Outcome outcome_;
    News news_;
};

TEST_F(Lines, Down) {
    EXPECT_EQ(describe_change(news_),
              "Server be/s1 is DOWN, reason: Layer4 connection problem, info: \"Connection "
              "refused\", check duration: 0ms. 1 active and 0 backup servers left. 0 sessions "
              "active, 0 requeued, 0 remaining in queue.");
    EXPECT_EQ(level_of(news_), 1);
}

TEST_F(Lines, Up) {
    news_.transition = Transition::up;
    outcome_ = {};
    outcome_.verdict = Verdict::passed;
    outcome_.code = zone::CheckCode::l7_ok;
    outcome_.status = 200;
    EXPECT_EQ(describe_change(news_),
              "Server be/s1 is UP, reason: Layer7 check passed, code: 200, check duration: 0ms. "
              "1 active and 0 backup servers online. 0 sessions requeued, 0 total in queue.");
}

TEST_F(Lines, StoppingBackup) {
    server_.backup = true;
    news_.transition = Transition::stopping;
    news_.count.active = 0;
    outcome_ = {};
    outcome_.code = zone::CheckCode::l7_conditional;
    outcome_.status = 404;
    outcome_.milliseconds = 1;
    EXPECT_EQ(describe_change(news_),
              "Backup Server be/s1 is stopping, reason: Layer7 check conditionally passed, code: "
              "404, check duration: 1ms. 0 active and 0 backup servers online. 0 sessions "
              "requeued, 0 total in queue.");
}

TEST_F(Lines, EachCheck) {
    pool_.log_health_checks = true;
    news_.health.rise = 2;
    news_.health.fall = 3;
    EXPECT_EQ(describe_check(news_),
              "Health check for server be/s1 failed, reason: Layer4 connection problem, info: "
              "\"Connection refused\", check duration: 0ms, status: 0/2 DOWN.");
    EXPECT_EQ(describe_change(news_),
              "Server be/s1 is DOWN. 1 active and 0 backup servers left. 0 sessions active, 0 "
              "requeued, 0 remaining in queue.");
    news_.health.level = 4;
    outcome_ = {};
    outcome_.verdict = Verdict::passed;
    outcome_.code = zone::CheckCode::l7_ok;
    outcome_.status = 200;
    EXPECT_EQ(describe_check(news_),
              "Health check for server be/s1 succeeded, reason: Layer7 check passed, code: 200, "
              "check duration: 0ms, status: 3/3 UP.");
}

TEST_F(Lines, NginxNamesThePeerAndTheTest) {
    check_.manner = ir::HealthCheck::Manner::nginx;
    check_.name = "ok";
    outcome_ = {};
    outcome_.code = zone::CheckCode::l7_status;
    outcome_.status = 503;
    outcome_.unmet = ir::HealthCheck::Step::Expect::status;
    EXPECT_EQ(describe_change(news_),
              "peer is unhealthy while checking status code (status 503), health check \"ok\" of "
              "peer 127.0.0.1:80 in upstream \"be\"");
}

}  // namespace
}  // namespace weir::warden
