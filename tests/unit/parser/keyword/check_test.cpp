// SPDX-License-Identifier: Apache-2.0
#include "parser/keyword/keyword.hpp"

namespace {

using namespace weir::keyword;
using weir::Span;

constexpr Contexts http = 1, server = 2, pools = 4;
constexpr ContextName places[] = {{http, "http"}, {server, "server"}, {pools, "upstream"}};
constexpr Language nginx{"nginx", "directive", Units::nginx, places};
constexpr Language haproxy{"HAProxy", "keyword", Units::haproxy, places};

constexpr Keyword rows[] = {
    {.name = "arg_", .where = http, .summary = "A family."},
    {.name = "limit_conn", .where = http, .args = {zone("zone"), number("number", 1)},
     .support = not_yet(), .summary = "Limits."},
    {.name = "mode", .where = http, .args = {choice("tcp|http")}, .summary = "Mode."},
    {.name = "proxy_pass", .where = server, .args = {word("URL")}, .summary = "Passes."},
    {.name = "sendfile", .where = http, .args = {flag()},
     .support = ignored("bodies go by splice"), .summary = "Sends files."},
    {.name = "timeout", .where = http | server, .args = {duration("time", 1)},
     .summary = "Limits time."},
    {.name = "upstream_http_", .where = http, .summary = "A longer family."},
    {.name = "zone_size", .where = http,
     .args = {size("size", 8192), opt(flag()), opt(number("n", INT64_MIN, 20)), opt(key("valid="))},
     .summary = "Sizes."},
};
static_assert(well_formed(rows));

Registry registry() {
    Registry all;
    all.add(rows);
    return all;
}

struct Outcome {
    bool ok = false;
    std::vector<Argument> args;
    weir::diag::Sink sink;
    [[nodiscard]] std::string message() const {
        return sink.all().empty() ? "" : sink.all()[0].message;
    }
};

Outcome check(const char* name, std::vector<std::string_view> words, Units units = Units::nginx) {
    Outcome outcome;
    std::uint32_t at = 100;
    for (auto word : words) {
        outcome.args.push_back(
            {.text = word, .span = {0, at, static_cast<std::uint32_t>(word.size())}});
        at += 10;
    }
    static const Registry all = registry();
    const Keyword* row = all.find(name, ~Contexts{0});
    Call call{.name = row->name, .span = {0, 1, 5}};
    outcome.ok = check_arguments(*row, call, outcome.args, units, outcome.sink);
    return outcome;
}

TEST(Registry, FindsByNameContextAndFamily) {
    auto all = registry();
    EXPECT_EQ(all.find("timeout", server)->name, "timeout");
    EXPECT_EQ(all.find("timeout", pools), nullptr);
    EXPECT_EQ(all.find("arg_name", http)->name, "arg_");
    EXPECT_EQ(all.find("upstream_http_x_y", http)->name, "upstream_http_");
    EXPECT_TRUE(all.find("nothing").empty());
    EXPECT_TRUE(all.find("").empty());
    EXPECT_TRUE(all.find("_").empty());
}

TEST(Registry, TheSameNameMayStandInTwoTables) {
    constexpr Keyword more[] = {{.name = "timeout", .where = pools, .summary = "Another."}};
    auto all = registry();
    all.add(more);
    EXPECT_EQ(all.find("timeout").size(), 2U);
    EXPECT_EQ(all.find("timeout", pools)->summary, "Another.");
    EXPECT_EQ(all.find("timeout", http)->summary, "Limits time.");
}

TEST(Registry, GuessesWhatWasMeant) {
    auto all = registry();
    EXPECT_EQ(all.nearest("timeuot", http), "timeout");
    EXPECT_EQ(all.nearest("TimeOut", http), "timeout");
    EXPECT_EQ(all.nearest("proxy-pass", http), "proxy_pass");
    EXPECT_EQ(all.nearest("proxypas", server), "proxy_pass");
    EXPECT_EQ(all.nearest("moed", http), "mode");
    EXPECT_EQ(all.nearest("xyzzy", http), "");
    EXPECT_EQ(all.nearest("", http), "");
}

TEST(CheckKeyword, NamesTheWordAndTheNextStep) {
    auto all = registry();
    weir::diag::Sink sink;
    EXPECT_EQ(check_keyword(all, "sendfiel", {}, http, nginx, sink), nullptr);
    EXPECT_EQ(check_keyword(all, "proxy_pass", {}, http, nginx, sink), nullptr);
    EXPECT_NE(check_keyword(all, "sendfile", {}, http, nginx, sink), nullptr);
    ASSERT_EQ(sink.all().size(), 2U);
    EXPECT_EQ(sink.all()[0].message, "unknown directive \"sendfiel\"");
    EXPECT_EQ(sink.all()[0].hint, "did you mean \"sendfile\"?");
    EXPECT_EQ(sink.all()[1].message,
              "\"proxy_pass\" is not allowed in \"http\"; allowed in server");
}

TEST(CheckSupport, TellsIgnoredFromRefused) {
    auto all = registry();
    weir::diag::Sink sink;
    EXPECT_TRUE(check_support(*all.find("mode", http), "mode", {}, nginx, sink));
    EXPECT_FALSE(check_support(*all.find("sendfile", http), "sendfile", {}, nginx, sink));
    EXPECT_FALSE(sink.failed());
    EXPECT_FALSE(check_support(*all.find("limit_conn", http), "limit_conn", {}, haproxy, sink));
    ASSERT_EQ(sink.all().size(), 2U);
    EXPECT_EQ(sink.all()[0].message, "\"sendfile\" has no effect: bodies go by splice");
    EXPECT_EQ(sink.all()[1].message, "\"limit_conn\" is known to HAProxy, not yet in weir");
}

TEST(CheckArguments, Counts) {
    auto few = check("limit_conn", {"one"});
    EXPECT_FALSE(few.ok);
    EXPECT_EQ(few.message(), "\"limit_conn\" takes 2 arguments, not 1");
    EXPECT_EQ(few.sink.all()[0].hint, "syntax: limit_conn zone number");
    EXPECT_EQ(few.sink.all()[0].span.begin, 1U);
    auto many = check("mode", {"tcp", "http"});
    EXPECT_EQ(many.message(), "\"mode\" takes 1 argument, not 2");
    EXPECT_EQ(many.sink.all()[0].span.begin, 110U);
}

TEST(CheckArguments, ConvertsEveryKind) {
    EXPECT_EQ(check("sendfile", {"On"}).args[0].number, 1);
    EXPECT_EQ(check("sendfile", {"off"}).args[0].number, 0);
    EXPECT_EQ(check("mode", {"http"}).args[0].number, 1);
    EXPECT_EQ(check("timeout", {"2s"}).args[0].number, 2000);
    EXPECT_EQ(check("timeout", {"2"}).args[0].number, 2000);
    EXPECT_EQ(check("timeout", {"2"}, Units::haproxy).args[0].number, 2);
    EXPECT_EQ(check("limit_conn", {"z", "7"}).args[1].number, 7);
    EXPECT_EQ(check("zone_size", {"8k"}).args[0].number, 8192);
}

TEST(CheckArguments, SaysWhatWasExpected) {
    EXPECT_EQ(check("sendfile", {"yes"}).message(),
              "\"yes\" of \"sendfile\" is not valid; expected \"on\" or \"off\"");
    EXPECT_EQ(check("mode", {"udp"}).message(),
              "\"udp\" of \"mode\" is not valid; expected \"tcp\" or \"http\"");
    EXPECT_EQ(check("timeout", {"0"}).message(),
              "\"0\" of \"timeout\" is not valid; expected at least 1ms");
    EXPECT_EQ(check("limit_conn", {"z", "0"}).message(),
              "\"0\" of \"limit_conn\" is not valid; expected at least 1");
    EXPECT_EQ(check("limit_conn", {"z", "many"}).message(),
              "\"many\" of \"limit_conn\" is not valid; expected a whole number");
}

TEST(CheckArguments, CaseCountsInHaproxyOnly) {
    EXPECT_TRUE(check("mode", {"HTTP"}).ok);
    EXPECT_FALSE(check("mode", {"HTTP"}, Units::haproxy).ok);
}

TEST(CheckArguments, OptionalAndKeyArguments) {
    auto all = check("zone_size", {"valid=x", "8k", "on", "3"});
    EXPECT_TRUE(all.ok) << all.message();
    EXPECT_EQ(all.args[2].number, 1);
    EXPECT_EQ(all.args[3].number, 3);
    auto skipped = check("zone_size", {"8k", "3"});
    EXPECT_TRUE(skipped.ok) << skipped.message();
    EXPECT_EQ(skipped.args[1].number, 3);
    EXPECT_FALSE(check("zone_size", {"8k", "21"}).ok);
    EXPECT_FALSE(check("zone_size", {"8k", "-1"}).ok);
}

TEST(CheckArguments, HaproxyReadsTheDigitsOnly) {
    auto outcome = check("limit_conn", {"z", "5x"}, Units::haproxy);
    EXPECT_TRUE(outcome.ok);
    EXPECT_EQ(outcome.args[1].number, 5);
    EXPECT_EQ(outcome.sink.count(weir::diag::Severity::warning), 1U);
    EXPECT_FALSE(check("limit_conn", {"z", "x"}, Units::haproxy).ok);
    auto time = check("timeout", {"1h30m"}, Units::haproxy);
    EXPECT_TRUE(time.ok);
    EXPECT_EQ(time.message(),
              "only \"1h\" of \"1h30m\" counts: HAProxy reads one number and one unit");
}

TEST(SyntaxLine, ComesFromTheRow) {
    EXPECT_EQ(syntax_line(rows[7]), "zone_size size [on|off] [n] [valid=value]");
    Keyword counted{.name = "x", .args = Signature::count(1, 3), .body = Body::block};
    EXPECT_EQ(syntax_line(counted), "x value [value] [value] { ... }");
    Keyword open{.name = "x", .args = Signature::count(2, unbounded)};
    EXPECT_EQ(syntax_line(open), "x value value [value ...]");
}

}  // namespace
