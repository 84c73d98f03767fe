// SPDX-License-Identifier: Apache-2.0
#include "parser/ir/config.hpp"

namespace {

using namespace weir::ir;
using weir::diag::Severity;
using weir::diag::Sink;

Sink check(const Config& config) {
    Sink sink;
    validate(config, sink);
    return sink;
}

Listener on(std::uint16_t port, SiteId site) {
    Listener listener;
    listener.endpoint.ip.family = weir::IpAddress::Family::v4;
    listener.endpoint.port = port;
    listener.sites = {site};
    return listener;
}

Expr status_of_server() {
    Expr expr;
    expr.op = Expr::Op::fetch;
    expr.fetch = Fetch::status;
    expr.needs = Phase::response;
    expr.span = {0, 40, 6};
    return expr;
}

TEST(Validate, AcceptsAPlainConfiguration) {
    Config config;
    config.add(Site{});
    config.listeners.push_back(on(80, 0));
    EXPECT_TRUE(check(config).all().empty());
}

TEST(Validate, AnAddressCannotServeBothLanguages) {
    Config config;
    config.add(Site{});
    Site other;
    other.is_nginx_style = false;
    config.add(other);
    config.listeners = {on(80, 0), on(80, 1)};
    auto sink = check(config);
    ASSERT_EQ(sink.all().size(), 1U);
    EXPECT_EQ(sink.all()[0].id, "address-clash");
    config.listeners = {on(80, 1), on(80, 1)};
    EXPECT_FALSE(check(config).failed());
    EXPECT_EQ(check(config).count(Severity::warning), 1U);
    config.listeners = {on(80, 0), on(81, 1)};
    EXPECT_TRUE(check(config).all().empty());
}

TEST(Validate, ReportsDanglingReferences) {
    Config config;
    Site site;
    Route route;
    route.action = Forward{.pool = 7};
    site.fallback = config.add(route);
    site.routes = {9};
    config.add(site);
    config.listeners.push_back(on(80, 3));
    EXPECT_EQ(check(config).count(Severity::error), 3U);
}

TEST(Validate, AValueMustExistWhereItIsUsed) {
    Config config;
    Site site;
    Rule rule;
    rule.phase = Phase::request;
    Text text;
    text.pieces.push_back({.expr = std::make_shared<Expr>(status_of_server())});
    rule.action = action::EditHeader{.name = "x", .value = text};
    site.rules.push_back(rule);
    config.add(site);
    EXPECT_EQ(check(config).count(Severity::advice), 1U);   // nginx: empty, and no complaint
    config.sites[0].is_nginx_style = false;
    EXPECT_EQ(check(config).count(Severity::error), 1U);
    config.sites[0].rules[0].phase = Phase::response;
    EXPECT_TRUE(check(config).all().empty());
    config.sites[0].rules[0] = Rule{.phase = Phase::request, .when = status_of_server(),
                                    .action = action::Allow{}};
    EXPECT_EQ(check(config).count(Severity::warning), 1U);
}

TEST(Validate, WhatAFrontEndSaidIsNotSaidAgain) {
    Config config;
    Site site;
    site.is_nginx_style = false;
    site.rules.push_back(
        Rule{.phase = Phase::request, .when = status_of_server(), .action = action::Allow{}});
    config.add(site);
    Sink sink;
    sink.error({0, 40, 6}, "x", "known already");
    validate(config, sink);
    EXPECT_EQ(sink.all().size(), 1U);
}

TEST(Validate, PoolsAreToldApartByName) {
    Config config;
    Pool pool;
    pool.name = "a";
    config.add(pool);
    config.add(pool);
    EXPECT_EQ(check(config).count(Severity::warning), 1U);
    config.pools[1].implicit = true;
    EXPECT_TRUE(check(config).all().empty());
}

TEST(Validate, SlotsMustExist) {
    Config config;
    Site site;
    site.rules.push_back(Rule{.action = action::SetVariable{.slot = 2}});
    site.rules.push_back(Rule{.action = action::Capture{.slot = 0}});
    config.add(site);
    EXPECT_EQ(check(config).count(Severity::error), 2U);
}

}  // namespace
