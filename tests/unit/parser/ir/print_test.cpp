// SPDX-License-Identifier: Apache-2.0
#include "parser/ir/config.hpp"

namespace {

using namespace weir::ir;
using weir::IpAddress;

Endpoint local(std::uint16_t port) {
    Endpoint endpoint;
    endpoint.ip.family = IpAddress::Family::v4;
    endpoint.ip.bytes[0] = 127;
    endpoint.ip.bytes[3] = 1;
    endpoint.port = port;
    return endpoint;
}

Expr fetch(Fetch what, std::string text = {}) {
    Expr expr;
    expr.op = Expr::Op::fetch;
    expr.fetch = what;
    expr.text = std::move(text);
    return expr;
}

Text piece(Expr expr, Text::Escape escape = Text::Escape::none) {
    Text text;
    text.pieces.push_back({.expr = std::make_shared<Expr>(std::move(expr)), .escape = escape});
    return text;
}

TEST(Print, AnEmptyConfigurationIsOneLine) { EXPECT_EQ(print(Config{}), "process\n"); }

TEST(Print, ListenersSitesPoolsAndRoutes) {
    Config config;
    Pool pool;
    pool.name = "app";
    pool.balance.how = Balance::How::least_connections;
    Server server;
    server.name = "a";
    server.endpoints = {local(8080)};
    server.weight = 3;
    server.check.emplace();
    server.check->rise = 5;
    pool.servers.push_back(server);
    auto id = config.add(pool);

    Site site;
    site.name = "example.com";
    site.names.push_back({SiteName::Kind::leading_wildcard, "example.com", true});
    site.settings.timeouts.edit().connect = Milliseconds{1500};
    Route route;
    route.match = Route::Match::prefix;
    route.pattern = "/a";
    route.settings = site.settings;
    route.settings.limits.edit().max_body = 0;
    route.action = Forward{.pool = id, .uri = Text::of("/b"), .replaced_prefix = 2};
    site.routes.push_back(config.add(route));
    site.fallback = site.routes[0];
    config.add(site);

    Listener listener;
    listener.endpoint = local(80);
    listener.name = "127.0.0.1:80";
    listener.sites = {0};
    listener.default_site = 0;
    config.listeners.push_back(listener);

    EXPECT_EQ(print(config),
              "process\n"
              "pool \"app\"\n"
              "  balance least_connections\n"
              "  server \"a\"\n"
              "    address 127.0.0.1:8080\n"
              "    weight 3\n"
              "    check connect\n"
              "      rise 5\n"
              "listener 127.0.0.1:80\n"
              "  site 0 \"example.com\" default\n"
              "site 0 \"example.com\"\n"
              "  name suffix \"example.com\" and the bare name\n"
              "  timeouts\n"
              "    connect 1500ms\n"
              "  route prefix \"/a\"\n"
              "    limits\n"
              "      max_body 0\n"
              "    forward pool \"app\"\n"
              "      uri \"/b\"\n"
              "      replaced_prefix 2\n"
              "  otherwise\n"
              "    route prefix \"/a\" (above)\n");
}

TEST(Print, AGroupSetBackToItsDefaultSaysSo) {
    Config config;
    Site site;
    site.settings.timeouts.edit().connect = Milliseconds{1};
    Route route;
    site.fallback = config.add(route);
    config.add(site);
    EXPECT_NE(print(config).find("    timeouts built-in\n"), std::string::npos) << print(config);
}

TEST(Print, ExpressionsAndTemplates) {
    Config config;
    config.variables.push_back({"x", true});
    Site site;
    Expr lowered;
    lowered.op = Expr::Op::convert;
    lowered.converter = Converter::lower;
    lowered.in.push_back(fetch(Fetch::request_header, "host"));
    auto patterns = std::make_shared<PatternSet>();
    patterns->how = PatternSet::How::suffix;
    patterns->ignore_case = true;
    patterns->texts = {".org", "a\"b\n"};
    Expr match;
    match.op = Expr::Op::match;
    match.type = Type::boolean;
    match.in.push_back(lowered);
    match.patterns = patterns;
    Expr nope;
    nope.op = Expr::Op::negate;
    nope.in.push_back(match);
    Rule rule;
    rule.when = nope;
    Text value = Text::of("cost $5 ");
    value.pieces.push_back(piece(fetch(Fetch::client_address), Text::Escape::json).pieces[0]);
    rule.action = action::SetVariable{.slot = 0, .value = value};
    site.rules.push_back(rule);
    config.add(site);
    EXPECT_NE(print(config).find(
                  "  at request set_variable $x \"cost \\$5 ${client_address |json}\" if not "
                  "(lower(request_header(\"host\")) matches suffix any_case \".org\" "
                  "\"a\\\"b\\n\")\n"),
              std::string::npos)
        << print(config);
}

TEST(Print, ARouteThatLeadsToItselfEnds) {
    Config config;
    Site site;
    Route route;
    Rule loop;
    loop.action = action::UseRoute{.route = 0};
    route.rules.push_back(loop);
    site.fallback = config.add(route);
    config.add(site);
    EXPECT_NE(print(config).find("route always (above)"), std::string::npos);
}

TEST(Print, EndpointsAsText) {
    Endpoint six;
    six.ip.family = IpAddress::Family::v6;
    six.ip.bytes[15] = 1;
    six.port = 443;
    EXPECT_EQ(to_string(six), "[::1]:443");
    Endpoint path;
    path.path = "/run/x.sock";
    EXPECT_EQ(to_string(path), "unix:/run/x.sock");
}

}  // namespace
