// SPDX-License-Identifier: Apache-2.0
// What the front-end makes of whole configurations where a golden case would hide the point:
// includes, what comes from the command line, order and sharing.
#include "parser/nginx/load.hpp"

#include <map>

#include "parser/nginx/contexts.hpp"
#include "parser/nginx/tables.hpp"

namespace weir::nginx {
namespace {

// Files by name, glob patterns by hand; nothing else exists.
struct FakeWorld : World {
    std::map<std::string, std::string> files;
    std::map<std::string, std::vector<std::string>> globs;
    int reads = 0;

    Expected<std::string, SourceError> read(const std::string& path, Purpose) override {
        ++reads;
        auto found = files.find(path);
        if (found == files.end()) return Unexpected{SourceError{2, "No such file or directory"}};
        return found->second;
    }
    Expected<std::vector<std::string>, SourceError> glob(const std::string& pattern) override {
        auto found = globs.find(pattern);
        if (found != globs.end()) return found->second;
        if (pattern.find('*') != pattern.npos) return std::vector<std::string>{};
        return std::vector<std::string>{pattern};
    }
    Expected<std::vector<std::string>, SourceError> list(const std::string&) override {
        return Unexpected{SourceError{2, "No such file or directory"}};
    }
    Expected<std::vector<IpAddress>, SourceError> resolve(const std::string&) override {
        return Unexpected{SourceError{2, "Name or service not known"}};
    }
    std::optional<std::string> environment(const std::string&) override { return std::nullopt; }
};

struct Loaded {
    FakeWorld world;
    SourceMap sources;
    ir::Config config;
    diag::Sink sink;
    Options options;

    Loaded& run(const std::string& path = "/etc/nginx/nginx.conf") {
        SourceSet set(world);
        load(path, options, set, sources, {}, config, sink);
        sink.sort(sources);
        return *this;
    }
    Loaded& text(std::string main) {
        world.files["/etc/nginx/nginx.conf"] = std::move(main);
        return run();
    }
    // "file:line:column severity id" of each diagnostic.
    std::vector<std::string> problems() const {
        std::vector<std::string> all;
        for (const auto& entry : sink.all()) {
            auto at = sources.position(entry.span.file, entry.span.begin);
            all.push_back(sources.file(entry.span.file).name + ":" + std::to_string(at.line) + ":" +
                          std::to_string(at.column) + " " + entry.id);
        }
        return all;
    }
};

using Strings = std::vector<std::string>;

TEST(Load, IncludesStartAtTheFolderOfTheMainFile) {
    Loaded loaded;
    loaded.options.prefix = "/usr/share/nginx";
    loaded.world.globs["/etc/nginx/sites/*"] = {"/etc/nginx/sites/a", "/etc/nginx/sites/b"};
    loaded.world.files["/etc/nginx/sites/a"] = "server { server_name a; listen 1; }";
    loaded.world.files["/etc/nginx/sites/b"] = "server { server_name b; listen 1; }";
    loaded.text("pid run/w.pid; events {} http { include sites/*; include none/*.conf; }");
    EXPECT_EQ(loaded.problems(), Strings{});
    ASSERT_EQ(loaded.config.sites.size(), 2u);
    EXPECT_EQ(loaded.config.sites[0].name, "a");
    EXPECT_EQ(loaded.config.sites[1].name, "b");
    EXPECT_EQ(loaded.config.process.pid_file, "/usr/share/nginx/run/w.pid");
}

TEST(Load, ProblemsOfAnIncludedFileAreNamedByIt) {
    Loaded loaded;
    loaded.world.files["/etc/nginx/a.conf"] = "\n  bogus 1;\n";
    loaded.text("events {}\nhttp {\n include a.conf;\n other 2;\n}");
    EXPECT_EQ(loaded.problems(), (Strings{"/etc/nginx/a.conf:2:3 unknown-keyword",
                                          "/etc/nginx/nginx.conf:4:2 unknown-keyword"}));
}

TEST(Load, SnippetIncludedOftenIsReadAndReportedOnce) {
    Loaded loaded;
    loaded.world.files["/etc/nginx/p"] = "bogus 1;";
    std::string text = "events {} http {";
    for (int i = 0; i < 100; ++i) text += "server { listen 1; location / { include p; } }";
    loaded.text(text + "}");
    EXPECT_EQ(loaded.sink.count(diag::Severity::error), 1u);
    EXPECT_EQ(loaded.world.reads, 2);
}

TEST(Load, IncludeCycleOverTwoFiles) {
    Loaded loaded;
    loaded.world.files["/etc/nginx/a"] = "include b;";
    loaded.world.files["/etc/nginx/b"] = "include a;";
    loaded.text("events {} include a;");
    EXPECT_EQ(loaded.problems(), Strings{"/etc/nginx/b:1:9 include-cycle"});
}

TEST(Load, EndlessChainOfIncludesIsStopped) {
    Loaded loaded;
    for (int i = 0; i < 100; ++i)
        loaded.world.files["/etc/nginx/" + std::to_string(i)] = "include " + std::to_string(i + 1) + ";";
    loaded.text("events {} include 0;");
    EXPECT_EQ(loaded.problems(), Strings{"/etc/nginx/63:1:9 too-many-includes"});
}

TEST(Load, ListenRange) {
    Loaded loaded;
    loaded.text("events {} http { server { listen 1-9999; } }");
    EXPECT_EQ(loaded.problems(), Strings{});
    EXPECT_EQ(loaded.config.listeners.size(), 9999u);
}

TEST(Load, ByteOrderMark) {
    EXPECT_EQ(Loaded().text("\xef\xbb\xbf" "events {}\n").problems().back(),
              "/etc/nginx/nginx.conf:1:1 byte-order-mark");
}

TEST(Load, MainFileThatCannotBeRead) {
    Loaded loaded;
    loaded.run("/nowhere/nginx.conf");
    ASSERT_EQ(loaded.sink.all().size(), 1u);
    EXPECT_EQ(loaded.sink.all()[0].message,
              "open() \"/nowhere/nginx.conf\" failed (2: No such file or directory)");
}

TEST(Load, GlobalDirectivesComeFirst) {
    Loaded loaded;
    loaded.options.global_directives = "daemon off; worker_processes 3;";
    loaded.text("events {}");
    EXPECT_EQ(loaded.problems(), Strings{});
    EXPECT_EQ(loaded.config.process.daemon, false);
    EXPECT_EQ(loaded.config.process.workers, 3u);

    Loaded twice;
    twice.options.global_directives = "daemon off;";
    twice.text("daemon on; events {}");
    EXPECT_EQ(twice.problems(), Strings{"/etc/nginx/nginx.conf:1:1 duplicate-directive"});

    Loaded broken;
    broken.options.global_directives = "daemon off";
    broken.text("events {}");
    EXPECT_EQ(broken.problems(), Strings{"-g:1:11 unexpected-end"});
}

TEST(Load, ErrorLogOfTheCommandLineIsTheDefault) {
    Loaded loaded;
    loaded.options.error_log = "stderr";
    loaded.text("events {}");
    ASSERT_EQ(loaded.config.process.error_logs.size(), 1u);
    EXPECT_EQ(loaded.config.process.error_logs[0].target.kind,
              ir::LogTarget::Kind::standard_error);

    Loaded named;
    named.options.error_log = "stderr";
    named.text("error_log /var/log/x; events {}");
    ASSERT_EQ(named.config.process.error_logs.size(), 1u);
    EXPECT_EQ(named.config.process.error_logs[0].target.path, "/var/log/x");
}

TEST(Load, ServersThatChangeNothingShareTheirSettings) {
    Loaded loaded;
    loaded.text("events {} http { send_timeout 5s; server { listen 1; } server { listen 2; "
                "location / { client_max_body_size 1; } } }");
    const auto& sites = loaded.config.sites;
    ASSERT_EQ(sites.size(), 2u);
    EXPECT_EQ(sites[0].settings.timeouts.identity(), sites[1].settings.timeouts.identity());
    EXPECT_EQ(sites[0].settings.forward.identity(), sites[1].settings.forward.identity());
    const auto& inner = loaded.config.routes[sites[1].routes[0]].settings;
    EXPECT_EQ(inner.timeouts.identity(), sites[0].settings.timeouts.identity());
    EXPECT_NE(inner.limits.identity(), sites[0].settings.limits.identity());
    EXPECT_EQ(inner.limits->max_body, 1u);
}

TEST(Load, LocationsWithTheSameProxyLinesShareThem) {
    Loaded loaded;
    loaded.text("events {} http { server { listen 1; "
                "location /a { proxy_pass http://127.0.0.1; proxy_set_header A $host; proxy_http_version 1.0; } "
                "location /b { proxy_set_header A $host; proxy_http_version 1.0; proxy_pass http://127.0.0.2; } "
                "location /c { proxy_set_header A $uri; proxy_http_version 1.0; } "
                "location /d { proxy_set_header A $host; proxy_http_version 1.0; proxy_buffering off; } } }");
    const auto& routes = loaded.config.sites.at(0).routes;
    auto forward = [&](std::size_t i) { return loaded.config.routes[routes[i]].settings.forward.identity(); };
    EXPECT_EQ(forward(0), forward(1));
    EXPECT_NE(forward(0), forward(2));
    EXPECT_NE(forward(0), forward(3));
}

TEST(Load, RulesKeepTheirOrderAroundIf) {
    Loaded loaded;
    loaded.text("events {} http { server { listen 1; set $a 1; if ($a) { return 200; } set $b 2; "
                "if ($b) { return 201; } set $c 3; } }");
    ASSERT_EQ(loaded.config.sites.size(), 1u);
    const auto& rules = loaded.config.sites[0].rules;
    ASSERT_EQ(rules.size(), 5u);
    EXPECT_TRUE(std::holds_alternative<ir::action::SetVariable>(rules[0].action));
    EXPECT_TRUE(std::holds_alternative<ir::action::Group>(rules[1].action));
    EXPECT_TRUE(std::holds_alternative<ir::action::SetVariable>(rules[2].action));
    EXPECT_TRUE(std::holds_alternative<ir::action::Group>(rules[3].action));
    EXPECT_TRUE(std::holds_alternative<ir::action::SetVariable>(rules[4].action));
    EXPECT_EQ(std::get<ir::action::SetVariable>(rules[4].action).slot, 2u);
}

TEST(Load, VariableMayBeUsedAboveItsDefinition) {
    Loaded loaded;
    loaded.text("events {} http { log_format a $later; server { listen 1; return 200 $later; } "
                "map $host $later { default 1; } }");
    EXPECT_EQ(loaded.problems(), Strings{});
}

TEST(Load, IgnoredKeywordIsSaidOnce) {
    Loaded loaded;
    loaded.text("events {} http { sendfile on; server { listen 1; sendfile off; } }");
    EXPECT_EQ(loaded.problems(), Strings{"/etc/nginx/nginx.conf:1:18 ignored-keyword"});
}

TEST(Load, UnresolvedServerStartsDown) {
    Loaded loaded;
    loaded.text("events {} http { upstream a { server gone:81; server 127.0.0.1; } }");
    EXPECT_EQ(loaded.sink.count(diag::Severity::error), 0u);
    ASSERT_EQ(loaded.config.pools.size(), 1u);
    const auto& server = loaded.config.pools[0].servers[0];
    EXPECT_TRUE(server.down);
    EXPECT_EQ(server.host, "gone");
    EXPECT_EQ(server.port, 81);
    EXPECT_TRUE(server.endpoints.empty());
}

TEST(Load, BytesOfAnySortDoNotHurt) {
    for (const char* text : {"\xff\xfe", "events {} http { server { listen \0; } }", "a\\", "\"", "'\\",
                             "events {} http { map $host $x { \"\" ${", "if", "events {} http { if ( ) {} }",
                             "events {} http { server { if () { } if (\"$\") { } location { } } }",
                             "events {} http { server { set $ x; return; rewrite; } }",
                             "events {} stream { server { listen ; proxy_pass ; } }"}) {
        Loaded loaded;
        loaded.text(text);
        EXPECT_TRUE(loaded.sink.failed()) << text;
    }
}

TEST(Tables, NoNameTwiceInOneContext) {
    for (auto tables : {directive_tables(), variable_tables()}) {
        std::map<std::string_view, keyword::Contexts> seen;
        for (auto table : tables)
            for (const auto& row : table) {
                EXPECT_EQ(seen[row.name] & row.where, 0u) << row.name;
                seen[row.name] |= row.where;
            }
    }
}

TEST(Tables, RowsThatRunHaveApply) {
    for (auto table : directive_tables())
        for (const auto& row : table) {
            bool runs = row.support.level == keyword::Support::Level::full;
            constexpr auto read_by_block = context::map_block | context::stream_map_block | context::geo_block |
                                           context::stream_geo_block;
            bool read_by_its_block = (row.where & read_by_block) != 0;
            if (runs && !read_by_its_block) EXPECT_NE(row.apply, nullptr) << row.name;
        }
}

}  // namespace
}  // namespace weir::nginx
