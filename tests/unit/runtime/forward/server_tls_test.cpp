// SPDX-License-Identifier: Apache-2.0
// Whom a connection over TLS is to: names sent and names checked, and what counts as one identity.
#include "runtime/forward/server_tls.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/net/tls_pair.hpp"
#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::forward {
namespace {

using Verify = ir::TlsRules::Verify;

struct ServerTls : ::testing::Test {
    ir::Config config;
    route::Library library{config};
    plan::ServerTlsTable table;
    std::vector<route::Library::Problem> problems;
    ir::Server conf;
    pool::LiveServer server;
    route::BenchSubject bench;
    std::string problem;

    ServerTls() { server.conf = &conf; }
    TlsPeerPtr find(const ir::ServerTls& source) {
        const auto* made = table.add(source, library, problems);
        if (!made) return nullptr;
        return find_peer(server, *made, bench.subject, problem);
    }
    static ir::ServerTls named(const char* name, bool verify = true) {
        ir::ServerTls tls;
        tls.name = ir::Text::of(name);
        tls.named_by_target = false;
        tls.send_name = true;
        if (verify) tls.rules.verify = Verify::required;
        return tls;
    }
};

TEST_F(ServerTls, NamesAreSentAndChecked) {
    struct {
        const char* name;
        const char* sent;
        const char* checked;
    } cases[] = {
        {"a.example", "a.example", "a.example"},
        {"a.example:8443", "a.example", "a.example"},
        {"10.0.0.1", "", "10.0.0.1"},  // RFC 6066 section 3: no address is sent
        {"10.0.0.1:443", "", "10.0.0.1"},
        {"[2001:db8::1]:443", "", "2001:db8::1"},
    };
    for (const auto& one : cases) {
        auto tls = named(one.name);
        auto peer = find(tls);
        ASSERT_TRUE(peer) << one.name;
        EXPECT_EQ(peer->server_name, one.sent) << one.name;
        EXPECT_EQ(peer->verified_name, one.checked) << one.name;
        EXPECT_FALSE(peer->nameless);
        table = {};
    }
}

TEST_F(ServerTls, NothingIsCheckedWithoutVerify) {
    auto tls = named("a.example", false);
    tls.send_name = false;
    auto peer = find(tls);
    EXPECT_EQ(peer->server_name, "");
    EXPECT_EQ(peer->verified_name, "");
}

TEST_F(ServerTls, TheTargetIsMeantWithoutAName) {
    ir::ServerTls tls;
    tls.rules.verify = Verify::required;
    bench.subject.forward_host = "app.example:8443";
    EXPECT_EQ(find(tls)->verified_name, "app.example");
}

TEST_F(ServerTls, NoNameAtAll) {
    auto tls = named("");
    EXPECT_TRUE(find(tls)->nameless);
    auto lenient = named("");
    lenient.needs_name = false;
    EXPECT_FALSE(find(lenient)->nameless);
    auto fixed = named("");
    fixed.fallback_name = "b.example";
    EXPECT_EQ(find(fixed)->verified_name, "b.example");
    EXPECT_EQ(find(fixed)->server_name, "");
}

TEST_F(ServerTls, AnIdentityIsFoundAgainAndNoOtherTakenForIt) {
    auto a = named("a.example"), again = named("a.example"), b = named("b.example");
    auto unchecked = named("a.example", false), older = named("a.example");
    older.rules.versions.reset(static_cast<std::size_t>(ir::TlsVersion::tls1_3));
    auto first = find(a);
    EXPECT_EQ(find(a), first);
    EXPECT_EQ(find(again), first);  // the same rules, said elsewhere
    EXPECT_NE(find(b), first);
    EXPECT_NE(find(unchecked), first);
    EXPECT_NE(find(older), first);
    EXPECT_EQ(find(a), first);
}

TEST_F(ServerTls, ContextsAreSharedByContent) {
    auto a = named("a.example"), b = named("b.example");
    EXPECT_EQ(find(a)->context, find(b)->context);
    plan::ServerTlsTable of_next_plan;
    const auto* next = of_next_plan.add(a, library, problems);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->context, find(a)->context);
}

TEST_F(ServerTls, NamesOfClientsHaveAnEnd) {
    ir::ServerTls tls;
    tls.send_name = true;
    for (int i = 0; i < 500; ++i) {
        auto name = "host" + std::to_string(i) + ".example";
        bench.subject.forward_host = name;
        ASSERT_EQ(find(tls)->server_name, name);
    }
}

TEST_F(ServerTls, WhatCannotBeMadeIsAProblem) {
    ir::ServerTls tls;
    tls.rules.trusted = net::test::Made::file("ca.pem", "no certificate");
    EXPECT_FALSE(find(tls));
    ASSERT_EQ(problems.size(), 1u);
    EXPECT_NE(problems[0].text.find("ca.pem"), std::string::npos);
    ir::ServerTls unread;  // --offline
    auto file = std::make_shared<ir::FileContent>();
    file->left_out = true;
    unread.rules.trusted = file;
    EXPECT_FALSE(find(unread));
    EXPECT_EQ(problems.size(), 1u);
}

}  // namespace
}  // namespace weir::forward
