// SPDX-License-Identifier: Apache-2.0
// Sections and lines as they reach the IR: defaults, switching, servers, rules and HAProxy's
// checks.
#include "parser/haproxy/lower.hpp"

#include "tests/unit/parser/haproxy/loading.hpp"

namespace weir::haproxy {
namespace {

using namespace test;
using namespace std::chrono_literals;

const std::string times = " timeout client 1s\n timeout connect 2s\n timeout server 3s\n";

TEST(Defaults, TheLastOnesBeforeASectionHold) {
    auto loaded = load_text("defaults\n mode http\n" + times +
                            "frontend a\n bind :1\n"
                            "defaults\n mode tcp\n timeout client 9s\n"
                            "frontend b\n bind :2\n");
    ASSERT_TRUE(loaded->said().empty());
    EXPECT_EQ(loaded->config.sites[0].kind, ir::Site::Kind::http);
    EXPECT_EQ(loaded->config.sites[1].kind, ir::Site::Kind::stream);
    EXPECT_EQ(loaded->config.sites[1].settings.timeouts->client_read, 9s);
    EXPECT_EQ(loaded->config.sites[1].settings.timeouts->server_read, ir::no_limit);
}

TEST(Defaults, NamedOnesByFrom) {
    auto loaded = load_text("defaults one\n mode http\n" + times +
                            "defaults two from one\n timeout client 7s\n"
                            "defaults three\n mode http\n timeout client 1s\n"
                            " http-request set-header A 1\n acl x src 1.2.3.4\n"
                            "frontend a from two\n bind :1\n"
                            "frontend b from three\n bind :2\n http-request deny if x\n");
    EXPECT_TRUE(loaded->said().empty());
    EXPECT_EQ(loaded->config.sites[0].settings.timeouts->client_read, 7s);
    EXPECT_TRUE(loaded->config.sites[0].rules.empty());
    EXPECT_EQ(loaded->config.sites[1].rules.size(), 2u);
}

TEST(Defaults, GroupsAreShared) {
    auto loaded = load_text("defaults\n" + times +
                            "backend a\n server s 1.1.1.1:1\nbackend b\n server s 1.1.1.1:1\n");
    const auto& routes = loaded->config.routes;
    EXPECT_EQ(routes[0].settings.timeouts.identity(), routes[1].settings.timeouts.identity());
    EXPECT_EQ(routes[0].settings.limits.identity(), routes[1].settings.limits.identity());
    EXPECT_EQ(routes[0].settings.forward.identity(), routes[1].settings.forward.identity());
}

TEST(Defaults, Mistakes) {
    EXPECT_EQ(load_text("defaults a from b\n")->said(), (Said{"1:17 error unknown-defaults"}));
    EXPECT_EQ(load_text("defaults a\n acl x src 1.2.3.4\ndefaults b from a\n")->said(),
              (Said{"3:17 error defaults-with-rules"}));
    EXPECT_EQ(load_text("defaults\n acl a src 1.2.3.4\n")->said(),
              (Said{"2:2 error misplaced-keyword"}));
    EXPECT_EQ(load_text("defaults\n bind :80\n")->said(), (Said{"2:2 error misplaced-keyword"}));
}

TEST(Timeouts, WhatIsMissingFollowsAnother) {
    auto loaded = load_text("defaults\n" + times +
                            "frontend a\n bind :1\n timeout http-request 4s\n"
                            "frontend b\n bind :2\n");
    const auto& a = *loaded->config.sites[0].settings.timeouts;
    EXPECT_EQ(a.request_head, 4s);
    EXPECT_EQ(a.keepalive, 4s);
    EXPECT_EQ(a.queue, 2s);
    EXPECT_EQ(a.tarpit, 2s);
    const auto& b = *loaded->config.sites[1].settings.timeouts;
    EXPECT_EQ(b.request_head, 1s);
    EXPECT_EQ(b.keepalive, 1s);
}

TEST(Meaning, WhatHaproxyLeavesUnsaid) {
    auto loaded = load_frontend("");
    ASSERT_TRUE(loaded->said().empty());
    const auto& site = loaded->config.sites[0];
    EXPECT_FALSE(site.is_nginx_style);
    EXPECT_FALSE(site.settings.style->server_field.has_value());
    EXPECT_FALSE(site.settings.style->date_field);
    EXPECT_EQ(site.settings.limits->max_head, 15360u);
    EXPECT_EQ(site.settings.limits->max_fields, 101u);
    EXPECT_EQ(site.settings.limits->max_body, 0u);
    const auto& forward = *loaded->route("b").settings.forward;
    EXPECT_TRUE(forward.preserve_host);
    EXPECT_TRUE(forward.pass_upgrade);
    EXPECT_TRUE(forward.half_close);
    EXPECT_EQ(forward.reuse, ir::ForwardSettings::Reuse::safe);
    EXPECT_EQ(forward.retry.tries, 4u);
    EXPECT_TRUE(forward.retry.connect);
    const auto& pool = loaded->pool("b");
    EXPECT_FALSE(pool.use_all_backups);
    EXPECT_FALSE(pool.single_server_stays);
    EXPECT_EQ(pool.servers[0].max_fails, 0u);
    EXPECT_EQ(pool.balance.ring, ir::Balance::Ring::haproxy_map);
}

TEST(Switching, PicksInOrderAndTheDefault) {
    auto loaded = load_text("defaults\n mode http\n" + times +
                            "frontend f\n bind :1\n use_backend a if { path /a }\n"
                            " use_backend %[req.hdr(host)]\n use_backend l\n default_backend b\n"
                            "backend a\n http-request deny\nbackend b\n"
                            "listen l\n bind :2\n http-request set-header X 1\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& site = loaded->config.sites[0];
    ASSERT_EQ(site.picks.size(), 3u);
    EXPECT_EQ(loaded->config.routes[site.picks[0].route].pool_name, "a");
    EXPECT_EQ(loaded->config.routes[site.picks[0].route].rules.size(), 1u);
    EXPECT_EQ(site.picks[1].route, ir::no_id);
    EXPECT_FALSE(site.picks[1].dynamic_name.empty());
    // Another section's requests run a listen's rules with its route, its own have run them before.
    const auto& shared = loaded->config.routes[site.picks[2].route];
    EXPECT_EQ(shared.rules.size(), 1u);
    EXPECT_FALSE(shared.internal);
    const auto& own = loaded->config.routes[loaded->config.sites[1].fallback];
    EXPECT_EQ(own.pool_name, "l");
    EXPECT_TRUE(own.internal);
    EXPECT_TRUE(own.rules.empty());
    EXPECT_EQ(loaded->config.routes[site.fallback].pool_name, "b");
}

TEST(Switching, Mistakes) {
    EXPECT_EQ(load_frontend(" use_backend nope if TRUE\n")->said(),
              (Said{"11:14 error unknown-backend"}));
    EXPECT_EQ(load_frontend(" use_backend b when TRUE\n")->said(),
              (Said{"11:16 error unexpected-argument"}));
    EXPECT_EQ(load_text("frontend f\n mode http\n timeout client 1s\n bind :1\n default_backend t\n"
                        "backend t\n mode tcp\n")
                  ->said(),
              (Said{"5:18 error mode-mismatch"}));
}

TEST(Names, Duplicates) {
    EXPECT_EQ(
        load_text("frontend f\n" + times + " bind :1\nfrontend f\n" + times + " bind :2\n")->said(),
        (Said{"3:2 warning no-effect", "4:2 warning no-effect", "6:10 error duplicate-name",
              "8:2 warning no-effect", "9:2 warning no-effect"}));
    // A frontend and a backend may share a name, two backends may not.
    EXPECT_TRUE(
        load_text("defaults\n" + times + "frontend x\n bind :1\nbackend x\n")->said().empty());
    EXPECT_EQ(load_text("backend x\nlisten x\n timeout client 1s\n")->said(),
              (Said{"2:8 error duplicate-name"}));
    EXPECT_EQ(
        load_text("defaults\n" + times + "backend b\n server s 1.1.1.1:1\n server s 1.1.1.1:2\n")
            ->said(),
        (Said{"7:9 error duplicate-name"}));
}

TEST(Servers, OptionsAndDefaults) {
    auto loaded = load_text("defaults\n" + times +
                            "backend b\n default-server inter 5s weight 7 maxconn 9\n"
                            " option httpchk GET /up\n"
                            " server a 10.0.0.1:80 check fall 4 backup\n"
                            " default-server weight 8\n"
                            " server b known.test:81 no-check disabled cookie x\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& a = loaded->pool("b").servers[0];
    EXPECT_EQ(a.weight, 7u);
    EXPECT_EQ(a.max_connections, 9u);
    EXPECT_TRUE(a.backup);
    ASSERT_TRUE(a.check);
    EXPECT_EQ(a.check->interval, 5s);
    EXPECT_EQ(a.check->fall, 4u);
    EXPECT_EQ(a.check->kind, ir::HealthCheck::Kind::http);
    ASSERT_EQ(a.check->steps.size(), 2u);
    EXPECT_EQ(a.check->steps[0].uri, "/up");
    const auto& b = loaded->pool("b").servers[1];
    EXPECT_EQ(b.weight, 8u);
    EXPECT_EQ(b.host, "known.test");
    EXPECT_EQ(ir::to_string(b.endpoints.at(0)), "192.0.0.7:81");
    EXPECT_TRUE(b.down);
    EXPECT_FALSE(b.check);
}

TEST(Servers, Templates) {
    auto loaded = load_text("defaults\n" + times +
                            "backend b\n server-template w 2-4 10.0.0.1:80 weight 5\n");
    ASSERT_TRUE(loaded->said().empty());
    const auto& servers = loaded->pool("b").servers;
    ASSERT_EQ(servers.size(), 3u);
    EXPECT_EQ(servers[0].name, "w2");
    EXPECT_EQ(servers[2].name, "w4");
    EXPECT_EQ(servers[2].weight, 5u);
}

TEST(Servers, Mistakes) {
    auto said = [](const std::string& line) {
        return load_text("defaults\n" + times + "backend b\n " + line + "\n")->said();
    };
    EXPECT_EQ(said("server a"), (Said{"6:2 error argument-count"}));
    EXPECT_EQ(said("server a 1.2.3.4:foo"), (Said{"6:11 error invalid-address"}));
    EXPECT_EQ(said("server a 1.1.1.1:80 weight 300"), (Said{"6:29 error invalid-value"}));
    EXPECT_EQ(said("server a 1.1.1.1:80 inter 0"), (Said{"6:28 error invalid-value"}));
    EXPECT_EQ(said("server a 1.1.1.1:80 foo"), (Said{"6:22 error unknown-keyword"}));
    EXPECT_EQ(said("server a 1.1.1.1 check"), (Said{"6:9 error no-check-port"}));
    EXPECT_EQ(said("server a nope.test:80"), (Said{"6:11 error unknown-host"}));
    EXPECT_EQ(said("server a nope.test:80 init-addr none"), Said{});
    EXPECT_EQ(said("server a$ 1.1.1.1:80"), (Said{"6:9 error invalid-name"}));
    EXPECT_EQ(said("use-server x if TRUE"), (Said{"6:13 error unknown-server"}));
}

TEST(Balance, Algorithms) {
    auto balance = [](const std::string& line) {
        auto loaded = load_text("defaults\n mode http\nbackend b\n balance " + line + "\n");
        EXPECT_TRUE(loaded->said().empty()) << line;
        return loaded->pool("b").balance;
    };
    using How = ir::Balance::How;
    EXPECT_EQ(balance("leastconn").how, How::least_connections);
    EXPECT_EQ(balance("static-rr").how, How::static_round_robin);
    EXPECT_EQ(balance("first").how, How::first);
    EXPECT_EQ(balance("source").how, How::client_hash);
    EXPECT_EQ(balance("random(3)").draws, 3u);
    auto uri = balance("uri len 20");
    EXPECT_EQ(uri.how, How::hash);
    EXPECT_EQ(uri.key.pieces[0].expr->fetch, ir::Fetch::path);
    EXPECT_EQ(uri.key.pieces[0].limit, 20u);
    EXPECT_EQ(balance("uri whole").key.pieces[0].expr->fetch, ir::Fetch::request_target);
    EXPECT_EQ(balance("hdr(X-Id)").key.pieces[0].expr->text, "X-Id");
    EXPECT_EQ(balance("url_param id").key.pieces[0].expr->fetch, ir::Fetch::query_argument);
    auto ring = balance("source\n hash-type consistent djb2 avalanche\n hash-balance-factor 150");
    EXPECT_TRUE(ring.consistent);
    EXPECT_TRUE(ring.avalanche);
    EXPECT_EQ(ring.function, ir::Balance::Function::djb2);
    EXPECT_EQ(ring.balance_factor, 150u);
}

TEST(Binds, AddressesAndOptions) {
    auto loaded = load_text(
        "frontend f\n timeout client 1s\n"
        " bind :80,127.0.0.1:81-82 name x maxconn 5 accept-proxy\n"
        " bind /run/s mode 660 user u group g\n bind [::1]:90 v6only backlog 9\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& listeners = loaded->config.listeners;
    ASSERT_EQ(listeners.size(), 5u);
    EXPECT_EQ(ir::to_string(listeners[2].endpoint), "127.0.0.1:82");
    EXPECT_EQ(listeners[2].name, "x");
    EXPECT_EQ(listeners[2].max_connections, 5u);
    EXPECT_TRUE(listeners[2].accepts_proxy_header);
    EXPECT_EQ(listeners[3].permissions.mode, 0660u);
    EXPECT_EQ(listeners[3].permissions.user, "u");
    EXPECT_EQ(listeners[4].ipv6_only, true);
    EXPECT_EQ(listeners[4].backlog, 9);
    EXPECT_EQ(listeners[0].default_site, 0u);
}

TEST(Binds, Mistakes) {
    auto said = [](const std::string& line) {
        return load_text("frontend f\n timeout client 1s\n bind :1\n bind " + line + "\n")->said();
    };
    EXPECT_EQ(said("127.0.0.1"), (Said{"4:7 error invalid-address"}));
    EXPECT_EQ(said(":99999"), (Said{"4:7 error invalid-address"}));
    EXPECT_EQ(said(":80,:x foo"),
              (Said{"4:11 error invalid-address", "4:14 error unknown-keyword"}));
    EXPECT_EQ(said("/x mode 999"), (Said{"4:15 error invalid-value"}));
}

TEST(Rules, ListsAndPhases) {
    auto loaded = load_frontend(
        " tcp-request connection reject if { src 1.2.3.4 }\n"
        " tcp-request session accept\n tcp-request inspect-delay 5s\n"
        " tcp-request content accept\n http-request allow if TRUE\n"
        " redirect location /x if FALSE\n http-response del-header Y\n"
        " http-after-response set-status 201\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& site = loaded->config.sites[0];
    std::vector<ir::Phase> phases;
    for (const auto& rule : site.rules) phases.push_back(rule.phase);
    using P = ir::Phase;
    EXPECT_EQ(phases, (std::vector<P>{P::connect, P::handshake, P::request, P::request, P::request,
                                      P::response, P::reply}));
    EXPECT_EQ(site.rules[2].list, ir::Rule::List::content);
    EXPECT_EQ(site.rules[3].list, ir::Rule::List::main);
    EXPECT_TRUE(site.tcp_content_rules);
    EXPECT_EQ(site.settings.timeouts->inspect, 5s);
}

TEST(Rules, OrderAndReach) {
    EXPECT_EQ(load_frontend(" use_backend b if FALSE\n http-request deny if FALSE\n")->said(),
              (Said{"12:2 warning rule-order"}));
    EXPECT_EQ(load_frontend(" http-request deny\n http-request set-header A b\n")->said(),
              (Said{"12:2 warning unreachable"}));
}

TEST(Rules, AnswersAndRedirects) {
    auto loaded = load_frontend(
        " http-request return status 418 content-type text/plain string \"no  tea\" hdr X %ci\n"
        " http-request deny deny_status 429\n"
        " http-request redirect scheme https code 301 unless { ssl_fc }\n");
    EXPECT_EQ(loaded->said(), (Said{"12:2 warning unreachable", "13:2 warning unreachable"}));
    const auto& rules = loaded->config.sites[0].rules;
    const auto& answer = std::get<ir::action::Respond>(rules[0].action);
    EXPECT_EQ(answer.status, 418);
    EXPECT_EQ(answer.body->literal(), "no  tea");
    EXPECT_EQ(answer.headers.size(), 1u);
    const auto& deny = std::get<ir::action::Respond>(rules[1].action);
    EXPECT_EQ(deny.status, 429);
    EXPECT_FALSE(deny.body);
    const auto& redirect = std::get<ir::action::Redirect>(rules[2].action);
    EXPECT_EQ(redirect.how, ir::action::Redirect::How::scheme);
    EXPECT_EQ(redirect.status, 301);
}

TEST(Rules, HttpRulesNeedHttp) {
    auto loaded = load_frontend(" http-request deny\n", "tcp");
    EXPECT_EQ(loaded->said(), (Said{"11:2 warning needs-http"}));
    EXPECT_TRUE(loaded->config.sites[0].rules.empty());
}

TEST(Logs, GlobalOnesAndFormats) {
    auto loaded = load_text(
        "global\n log 127.0.0.1 local0 notice\n log /dev/log local1\n"
        "defaults\n mode http\n log global\n option httplog\n" +
        times + "frontend f\n bind :1\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& access = loaded->config.sites[0].settings.logs->access;
    ASSERT_EQ(access.size(), 2u);
    EXPECT_EQ(access[0].target.path, "127.0.0.1:514");
    EXPECT_EQ(access[0].target.facility, 16);
    EXPECT_EQ(access[0].min_level, 5);
    EXPECT_EQ(access[1].target.path, "/dev/log");
    // Nothing is captured, so the places of captures are left out.
    std::string line;
    for (const auto& piece : access[0].format.pieces) line += piece.expr ? "?" : piece.literal;
    EXPECT_EQ(line, "?:? [?] ? ?/? ?/?/?/?/? ? ? ? ? ? ?/?/?/?/? ?/? ?");
}

TEST(Sections, SidesThatDoNotFit) {
    EXPECT_EQ(load_text("defaults\n" + times + "backend b\n bind :80\n option httplog\n")->said(),
              (Said{"6:2 warning no-effect", "7:2 warning no-effect"}));
    EXPECT_EQ(
        load_text("defaults\n" + times + "frontend f\n bind :1\n server s 1.1.1.1:1\n")->said(),
        (Said{"7:2 error misplaced-keyword"}));
}

TEST(Sections, WhatIsMissing) {
    EXPECT_EQ(load_text("frontend f\n timeout client 1s\n")->said(),
              (Said{"1:10 warning no-bind"}));
    EXPECT_EQ(load_text("listen l\n bind :1\n server s 1.1.1.1:1\n")->said(),
              (Said{"1:8 warning missing-timeout"}));
}

TEST(Global, Process) {
    auto loaded = load_text(
        "global\n nbthread 3\n maxconn 100\n user u\n group g\n chroot /c\n"
        " daemon\n pidfile /p\n hard-stop-after 5s\n ulimit-n 9\n"
        " stats socket /s mode 600 level admin\n stats timeout 7s\n");
    ASSERT_TRUE(loaded->said().empty()) << loaded->message(0);
    const auto& process = loaded->config.process;
    EXPECT_EQ(process.workers, 3u);
    EXPECT_EQ(process.max_connections, 100u);
    EXPECT_TRUE(process.daemon);
    EXPECT_EQ(process.shutdown_timeout, 5s);
    ASSERT_EQ(process.control_sockets.size(), 1u);
    EXPECT_EQ(process.control_sockets[0].level, ir::ControlSocket::Level::admin);
    EXPECT_EQ(process.control_sockets[0].timeout, 7s);
    EXPECT_EQ(load_text("global\n daemon\n")->config.process.workers, 0u);
}

TEST(Options, Negation) {
    auto on = load_frontend(" option dontlognull\n");
    EXPECT_TRUE(on->config.sites[0].settings.logs->dont_log_null);
    auto off = load_frontend(" option dontlognull\n no option dontlognull\n");
    EXPECT_FALSE(off->config.sites[0].settings.logs->dont_log_null);
    EXPECT_EQ(load_frontend(" no option httplog\n")->said(), (Said{"11:5 error no-negation"}));
    EXPECT_EQ(load_frontend(" no mode\n")->said(), (Said{"11:5 error no-negation"}));
    EXPECT_EQ(load_frontend(" option dontlognul\n")->said(), (Said{"11:2 error unknown-keyword"}));
}

}  // namespace
}  // namespace weir::haproxy
