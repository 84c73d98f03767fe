// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/router.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

using Match = ir::Route::Match;
using Kind = ir::SiteName::Kind;

struct Paths : testing::Test {
    BenchSubject bench;
    LocationIndex index;
    std::vector<ir::RouteId> top;
    ir::RouteId add(Match match, std::string pattern, std::vector<ir::RouteId>* level = nullptr) {
        ir::Route route;
        route.match = match;
        route.pattern = std::move(pattern);
        const auto id = bench.config.add(std::move(route));
        (level ? *level : top).push_back(id);
        return id;
    }
    void build() { index.build(bench.config, top, bench.made()); }
    LocationIndex::Found look(const char* path) { return index.find(path, bench.subject); }
    ir::RouteId route(const char* path) { return look(path).route; }
};

TEST_F(Paths, Precedence) {
    const auto root = add(Match::prefix, "/");
    const auto exact = add(Match::exact, "/");
    const auto documents = add(Match::prefix, "/documents/");
    const auto images = add(Match::prefix_final, "/images/");
    const auto pictures = add(Match::regex_ignore_case, "\\.(gif|jpg)$");
    const auto later = add(Match::regex, "^/documents/x\\.jpg$");
    build();
    EXPECT_EQ(route("/"), exact);
    EXPECT_EQ(route("/index.html"), root);
    EXPECT_EQ(route("/documents/d.html"), documents);
    EXPECT_EQ(route("/images/1.gif"), images);
    EXPECT_EQ(route("/documents/1.JPG"), pictures);
    EXPECT_EQ(route("/documents/x.jpg"), pictures);  // the first regex wins
    EXPECT_NE(route("/documents/x.jpg"), later);
}

TEST_F(Paths, LongestPrefixAmongMany) {
    std::vector<ir::RouteId> ids;
    for (int i = 0; i < 200; ++i) ids.push_back(add(Match::prefix, "/r" + std::to_string(i) + "/"));
    const auto deep = add(Match::prefix, "/r7/a/b");
    const auto middle = add(Match::prefix, "/r7/a");
    build();
    EXPECT_EQ(route("/r123/x"), ids[123]);
    EXPECT_EQ(route("/r7/z"), ids[7]);
    EXPECT_EQ(route("/r7/a/bc"), deep);
    EXPECT_EQ(route("/r7/a/a"), middle);
    EXPECT_EQ(route("/r7/a/z/y"), middle);
    EXPECT_EQ(route("/r12"), ir::no_id);
    EXPECT_EQ(route("/zzz"), ir::no_id);
    EXPECT_EQ(route(""), ir::no_id);
}

TEST_F(Paths, ASlashIsAddedWhereALocationAsksForIt) {
    const auto app = add(Match::prefix, "/app/");
    bench.config.routes[app].auto_redirect = true;
    const auto own = add(Match::prefix, "/own/");
    bench.config.routes[own].auto_redirect = true;
    const auto itself = add(Match::exact, "/own");
    const auto root = add(Match::prefix, "/");
    add(Match::regex, "app");
    build();
    EXPECT_TRUE(look("/app").add_slash);
    EXPECT_EQ(route("/app"), app);
    EXPECT_EQ(route("/own"), itself);
    EXPECT_FALSE(look("/own").add_slash);
    EXPECT_EQ(route("/ow"), root);
    EXPECT_EQ(route("/own/x"), own);
}

TEST_F(Paths, NestedLocations) {
    std::vector<ir::RouteId> inner;
    const auto nested_regex = add(Match::regex, "\\.php$", &inner);
    const auto nested_prefix = add(Match::prefix, "/a/b/", &inner);
    const auto outer = add(Match::prefix, "/a/");
    bench.config.routes[outer].nested = inner;
    const auto top_regex = add(Match::regex, "\\.(php|txt)$");
    build();
    EXPECT_EQ(route("/a/x"), outer);
    EXPECT_EQ(route("/a/x.php"), nested_regex);
    EXPECT_EQ(route("/a/b/c"), nested_prefix);
    EXPECT_EQ(route("/a/b/c.txt"), top_regex);
    EXPECT_EQ(route("/z.php"), top_regex);
}

TEST_F(Paths, CapturesAndNames) {
    add(Match::regex, "^/user/(\\d+)$");
    const auto named = add(Match::named, "@fallback");
    build();
    EXPECT_NE(route("/user/42"), ir::no_id);
    EXPECT_EQ(bench.show(fetch(ir::Fetch::capture_group, {}, 1)), "42");
    EXPECT_EQ(index.find_named("@fallback"), named);
    EXPECT_EQ(index.find_named("@other"), ir::no_id);
}

struct Names : testing::Test {
    BenchSubject bench;
    std::vector<ir::SiteId> ids;
    NameIndex index;
    ir::SiteId site(std::vector<ir::SiteName> names) {
        ir::Site one;
        one.names = std::move(names);
        bench.config.sites.push_back(std::move(one));
        ids.push_back(static_cast<ir::SiteId>(bench.config.sites.size() - 1));
        return ids.back();
    }
    ir::SiteId find(const char* host) { return index.find(host, bench.subject); }
};

TEST_F(Names, Precedence) {
    const auto fallback = site({{Kind::exact, "default"}});
    const auto exact = site({{Kind::exact, "www.example.com"}});
    const auto leading = site({{Kind::leading_wildcard, "example.com"}});
    const auto longer = site({{Kind::leading_wildcard, "sub.example.com"}});
    const auto bare = site({{Kind::leading_wildcard, "example.org", true}});
    const auto trailing = site({{Kind::trailing_wildcard, "www.example"}});
    const auto regex = site({{Kind::regex, "^(?<n>w+)\\d\\.net$"}});
    const auto second = site({{Kind::regex, "net$"}, {Kind::exact, "example.org"}});
    index.build(bench.config, ids, fallback, bench.made());
    EXPECT_EQ(find("www.example.com"), exact);
    EXPECT_EQ(find("a.example.com"), leading);
    EXPECT_EQ(find("a.sub.example.com"), longer);
    EXPECT_EQ(find("sub.example.com"), leading);
    EXPECT_EQ(find("example.com"), fallback);
    EXPECT_EQ(find("x.example.org"), bare);
    EXPECT_EQ(find("example.org"), second);  // written out by another one
    EXPECT_EQ(find("www.example.net"), trailing);
    EXPECT_EQ(find("www1.net"), regex);
    EXPECT_EQ(find("x.net"), second);
    EXPECT_EQ(find(""), fallback);
    EXPECT_EQ(find("unknown"), fallback);
}

TEST(SiteRouter, ConditionsInOrder) {
    BenchSubject bench(false);
    bench.receive("GET /api/x HTTP/1.1\r\nHost: named\r\n\r\n");
    for (const char* name : {"api", "named", "rest"}) {
        ir::Route route;
        route.pool_name = name;
        bench.config.add(std::move(route));
    }
    ir::Site site;
    site.is_nginx_style = false;
    ir::RoutePick api;
    api.when = match(fetch(ir::Fetch::path), texts(ir::PatternSet::How::prefix, {"/api"}));
    api.route = 0;
    ir::RoutePick dynamic;
    dynamic.dynamic_name.pieces.push_back(
        {.expr = std::make_shared<ir::Expr>(fetch(ir::Fetch::request_header, "host", -1))});
    site.picks = {api, dynamic};
    site.fallback = 2;
    bench.config.sites.push_back(site);
    SiteRouter router;
    router.build(bench.config, 0, bench.made());
    EXPECT_EQ(router.pick(bench.subject).route, 0u);
    bench.receive("GET /other HTTP/1.1\r\nHost: named\r\n\r\n");
    EXPECT_EQ(router.pick(bench.subject).route, 1u);
    bench.receive("GET /other HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(router.pick(bench.subject).route, 2u);
}

struct Case {
    const char* raw;
    const char* path;  // null: refused
};

TEST(NormalizePath, AsNginx) {
    Arena arena;
    const Case cases[] = {
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a%20b//c/../d", "/a b/d"},
        {"//a///b", "/a/b"},
        {"/a/./b/.", "/a/b/"},
        {"/a/..", "/"},
        {"/a/../", "/"},
        {"/a/b/../../c", "/c"},
        {"/..", nullptr},
        {"/a/../../b", nullptr},
        {"/%2e%2e/x", nullptr},
        {"/a/%2E%2e/b", "/b"},
        {"/a%2Fb/%2e./c", "/a/c"},
        {"/...", "/..."},
        {"/.a/..b", "/.a/..b"},
        {"/a%00", nullptr},
        {"/a%0", nullptr},
        {"/a%zz", nullptr},
        {"/%3Fq%23%25", "/?q#%"},
        {"/a#frag/../x", "/a"},
        {"/%41", "/A"},
    };
    for (const auto& one : cases) {
        const auto result = normalize_path(one.raw, true, arena);
        EXPECT_EQ(result.valid, one.path != nullptr) << one.raw;
        EXPECT_EQ(result.path, one.path ? one.path : "") << one.raw;
    }
    EXPECT_EQ(normalize_path("//a//b", false, arena).path, "//a//b");
    const std::string_view plain = "/plain";
    EXPECT_EQ(normalize_path(plain, true, arena).path.data(), plain.data());
}

TEST(NormalizeHost, AsNginx) {
    Arena arena;
    const Case cases[] = {
        {"ExAmple.com.:80", "example.com"},
        {"a", "a"},
        {"[::1]:80", "[::1]"},
        {"[2001:DB8::1]", "[2001:db8::1]"},
        {"a:", "a"},
        {"a..b", nullptr},
        {"a/b", nullptr},
        {"a b", nullptr},
        {":80", nullptr},
        {"[::1", nullptr},
        {"[::1]x", nullptr},
        {"a:8x", nullptr},
        {".", nullptr},
        {"", ""},
    };
    for (const auto& one : cases) {
        const auto result = normalize_host(one.raw, arena);
        EXPECT_EQ(result.valid, one.path != nullptr) << one.raw;
        EXPECT_EQ(result.host, one.path ? one.path : "") << one.raw;
    }
}

}  // namespace
}  // namespace weir::route
