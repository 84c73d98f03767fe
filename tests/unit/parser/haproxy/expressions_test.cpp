// SPDX-License-Identifier: Apache-2.0
// Sample expressions, converters, ACLs, conditions and log formats as they reach the IR.
#include "tests/unit/parser/haproxy/loading.hpp"

namespace weir::haproxy {
namespace {

using namespace test;
using Op = ir::Expr::Op;
using How = ir::PatternSet::How;

// The condition of "http-request deny if ..." in a frontend.
struct Condition {
    std::unique_ptr<Loaded> loaded;
    const ir::Condition& operator*() const { return *loaded->config.sites.at(0).rules.at(0).when; }
    const ir::Condition* operator->() const { return &**this; }
};
Condition condition(const std::string& text, const std::string& before = "") {
    Condition out{load_frontend(before + " http-request deny if " + text + "\n")};
    EXPECT_TRUE(out.loaded->said().empty()) << text << ": " << out.loaded->message(0);
    return out;
}

Said said_by(const std::string& lines) { return load_frontend(lines)->said(); }

TEST(Acl, TypesChooseTheMatch) {
    EXPECT_EQ(condition("{ src 10.0.0.0/8 }")->patterns->how, How::network);
    EXPECT_EQ(condition("{ path /a }")->patterns->how, How::equal);
    EXPECT_EQ(condition("{ dst_port 80 }")->patterns->how, How::integer);
    EXPECT_EQ(condition("{ ssl_fc }")->op, Op::fetch);  // a boolean is a test by itself
    EXPECT_EQ(condition("{ path -m beg /a }")->patterns->how, How::prefix);
    EXPECT_EQ(condition("{ path_beg /a }")->patterns->how, How::prefix);
    EXPECT_EQ(condition("{ path_reg -i ^/A }")->patterns->how, How::regex);
    EXPECT_EQ(condition("{ hdr_dom(host) example.com }")->patterns->how, How::domain);
    EXPECT_EQ(condition("{ req.hdr(x) -m found }")->patterns->how, How::found);
    EXPECT_EQ(condition("{ path_len gt 10 }")->patterns->how, How::length);
}

TEST(Acl, FlagsAndPatterns) {
    auto made = condition("{ path_end -i .JPG .png }");
    EXPECT_TRUE(made->patterns->ignore_case);
    EXPECT_EQ(made->patterns->texts, (std::vector<std::string>{".JPG", ".png"}));
    EXPECT_EQ(condition("{ path -- -i }")->patterns->texts, (std::vector<std::string>{"-i"}));
    EXPECT_EQ(condition("{ req.hdr(x) -m bin 4142 }")->patterns->texts,
              (std::vector<std::string>{"AB"}));
}

TEST(Acl, IntegerRangesAndOperators) {
    auto made = condition("{ dst_port 5 10:20 :3 gt 100 le -1 }");
    const auto& ranges = made->patterns->ranges;
    ASSERT_EQ(ranges.size(), 5u);
    EXPECT_EQ(ranges[0].low, 5);
    EXPECT_EQ(ranges[0].high, 5);
    EXPECT_EQ(ranges[1].high, 20);
    EXPECT_EQ(ranges[2].low, INT64_MIN);
    EXPECT_EQ(ranges[3].low, 101);
    EXPECT_EQ(ranges[3].high, INT64_MAX);
    EXPECT_EQ(ranges[4].high, -1);
}

TEST(Acl, HeadersTryEveryValueUnlessOneIsChosen) {
    EXPECT_EQ(condition("{ hdr(host) a }")->in[0].number, ir::occurrence::every);
    EXPECT_EQ(condition("{ hdr(host,2) a }")->in[0].number, 2);
    EXPECT_EQ(condition("{ hdr(host),lower a }")->in[0].in[0].number, ir::occurrence::every);
}

TEST(Acl, LinesOfOneNameAreAlternatives) {
    auto made = condition("a", " acl a path /x\n acl a src 10.0.0.1\n");
    EXPECT_EQ(made->op, Op::any_of);
    EXPECT_EQ(made->in.size(), 2u);
}

TEST(Acl, PatternFiles) {
    TinyWorld world;
    world.files = {{"list", "# names\n a.test \n\nb.test\n"},
                   {"t.cfg",
                    "frontend f\n mode http\n timeout client 1s\n bind :1\n"
                    " http-request deny if { hdr(host) -f list c.test }\n"}};
    Loaded loaded;
    load_into(loaded, world, {"t.cfg"});
    EXPECT_TRUE(loaded.said().empty());
    const auto& patterns = *loaded.config.sites[0].rules[0].when->patterns;
    EXPECT_EQ(patterns.texts, (std::vector<std::string>{"a.test", "b.test", "c.test"}));
    EXPECT_EQ(patterns.name, "list");
}

TEST(Acl, Mistakes) {
    EXPECT_EQ(said_by(" acl a\n"), (Said{"11:2 error argument-count"}));
    EXPECT_EQ(said_by(" acl a% src 1.2.3.4\n"), (Said{"11:6 error invalid-name"}));
    EXPECT_EQ(said_by(" acl or src 1.2.3.4\n"), (Said{"11:6 error invalid-name"}));
    EXPECT_EQ(said_by(" acl a srcc 1.2.3.4\n"), (Said{"11:8 error unknown-keyword"}));
    EXPECT_EQ(said_by(" acl a src 1.2.3.400/8\n"), (Said{"11:12 error invalid-pattern"}));
    EXPECT_EQ(said_by(" acl a dst_port x\n"), (Said{"11:17 error invalid-pattern"}));
    EXPECT_EQ(said_by(" acl a path -m foo x\n"), (Said{"11:16 error unknown-keyword"}));
    EXPECT_EQ(said_by(" acl a path_reg [\n"), (Said{"11:17 error invalid-pattern"}));
    EXPECT_EQ(said_by(" acl a path -f none\n"), (Said{"11:16 error cannot-read"}));
    EXPECT_EQ(said_by(" acl a path\n"), (Said{"11:8 warning no-pattern"}));
    EXPECT_EQ(said_by(" acl a path --\n"), Said{});
}

TEST(Conditions, Tree) {
    auto made = condition("!a b or c || !{ src 1.2.3.4 }",
                          " acl a path /a\n acl b path /b\n acl c path /c\n");
    EXPECT_EQ(made->op, Op::any_of);
    ASSERT_EQ(made->in.size(), 3u);
    EXPECT_EQ(made->in[0].op, Op::all_of);
    EXPECT_EQ(made->in[0].in[0].op, Op::negate);
    EXPECT_EQ(made->in[1].op, Op::match);
    EXPECT_EQ(made->in[2].op, Op::negate);
}

TEST(Conditions, UnlessNegates) {
    auto loaded = load_frontend(" http-request deny unless METH_GET\n");
    EXPECT_EQ(loaded->config.sites[0].rules[0].when->op, Op::negate);
}

TEST(Conditions, Predefined) {
    EXPECT_EQ(condition("METH_GET")->patterns->texts, (std::vector<std::string>{"GET", "HEAD"}));
    EXPECT_EQ(condition("LOCALHOST")->patterns->networks.size(), 2u);
    EXPECT_EQ(condition("TRUE")->fetch, ir::Fetch::always_true);
}

TEST(Conditions, Mistakes) {
    EXPECT_EQ(said_by(" http-request deny if\n"), (Said{"11:20 error bad-condition"}));
    EXPECT_EQ(said_by(" http-request deny if nope\n"), (Said{"11:23 error unknown-acl"}));
    EXPECT_EQ(said_by(" http-request deny if or TRUE\n"), (Said{"11:23 error bad-condition"}));
    EXPECT_EQ(said_by(" http-request deny if TRUE or\n"), (Said{"11:28 error bad-condition"}));
    EXPECT_EQ(said_by(" http-request deny if !\n"), (Said{"11:23 error bad-condition"}));
    EXPECT_EQ(said_by(" http-request deny if { src 1.2.3.4\n"),
              (Said{"11:23 error bad-condition"}));
    EXPECT_EQ(said_by(" http-request deny if { }\n"), (Said{"11:23 error bad-condition"}));
}

TEST(Conditions, ValuesThatAreNotThereNeverMatch) {
    // HAProxy warns, too, and goes on.
    EXPECT_EQ(said_by(" acl a res.hdr(x) b\n http-request deny if a\n"),
              (Said{"12:23 warning never-matches"}));
    EXPECT_EQ(said_by(" http-response deny if { req.hdr(x) b }\n"),
              (Said{"11:26 warning never-matches"}));
    auto loaded = load_frontend(" http-request deny if { status 200 }\n");
    EXPECT_EQ(loaded->config.sites[0].rules[0].when->op, Op::literal);
}

TEST(Samples, Arguments) {
    auto loaded = load_frontend(" http-request set-var(txn.x) req.hdr(Host,1),field(2,.),lower\n");
    ASSERT_TRUE(loaded->said().empty());
    const auto& set = std::get<ir::action::SetVariable>(loaded->config.sites[0].rules[0].action);
    const auto& lower = std::get<ir::Expr>(set.value);
    EXPECT_EQ(lower.converter, ir::Converter::lower);
    EXPECT_EQ(lower.in[0].number, 2);
    EXPECT_EQ(lower.in[0].text, ".");
    EXPECT_EQ(lower.in[0].in[0].text, "Host");
    EXPECT_EQ(lower.in[0].in[0].number, 1);
    EXPECT_EQ(loaded->config.variables.at(set.slot).name, "txn.x");
}

TEST(Samples, ConvertersMayGoOnInWordsOfTheirOwn) {
    auto loaded = load_frontend(" http-request set-var(txn.x) src ipmask(24) if TRUE\n");
    ASSERT_TRUE(loaded->said().empty());
    const auto& set = std::get<ir::action::SetVariable>(loaded->config.sites[0].rules[0].action);
    EXPECT_EQ(std::get<ir::Expr>(set.value).converter, ir::Converter::ip_mask);
    EXPECT_EQ(std::get<ir::Expr>(set.value).number, 24);
}

TEST(Samples, Mistakes) {
    auto set = [](const std::string& expr) {
        return said_by(" http-request set-var(txn.x) " + expr + "\n");
    };
    EXPECT_EQ(set("srcc"), (Said{"11:30 error unknown-keyword"}));
    EXPECT_EQ(set("src,lowr"), (Said{"11:34 error unknown-keyword"}));
    EXPECT_EQ(set("req.hdr(a,b)"), (Said{"11:40 error invalid-value"}));
    EXPECT_EQ(set("rand(1,2)"), (Said{"11:37 error argument-count"}));
    EXPECT_EQ(set("src)"), (Said{"11:33 error bad-sample"}));
    EXPECT_EQ(set("res.hdr(x)"), (Said{"11:30 error value-not-available"}));
    EXPECT_EQ(set("src extra"), (Said{"11:34 error unexpected-argument"}));
    EXPECT_EQ(set("var(nope)"), (Said{"11:34 error bad-variable"}));
    EXPECT_EQ(set("nbsrv(nope)"), (Said{"11:36 error unknown-backend"}));
    EXPECT_EQ(set("srv_is_up(b/s)"), Said{});
    EXPECT_EQ(set("srv_is_up(b/t)"), (Said{"11:40 error unknown-server"}));
    EXPECT_EQ(said_by(" http-response set-header X %[path]\n"),
              (Said{"11:31 error value-not-available"}));
}

ir::Text header_text(const std::string& format) {
    auto loaded = load_frontend(" http-request set-header X " + format + "\n");
    EXPECT_TRUE(loaded->said().empty()) << format;
    return std::get<ir::action::EditHeader>(loaded->config.sites[0].rules[0].action).value;
}

TEST(Formats, LiteralsAndValues) {
    auto text = header_text("\"a %[src] b %ci\"");
    ASSERT_EQ(text.pieces.size(), 4u);
    EXPECT_EQ(text.pieces[0].literal, "a ");
    EXPECT_EQ(text.pieces[1].expr->fetch, ir::Fetch::client_address);
    EXPECT_EQ(text.pieces[1].escape, ir::Text::Escape::header);
    EXPECT_EQ(text.pieces[2].literal, " b ");
}

ir::Text unique_id(const std::string& format) {
    auto loaded = load_frontend(" unique-id-format " + format + "\n");
    EXPECT_TRUE(loaded->said().empty()) << format;
    return loaded->config.sites[0].unique_id_format.value();
}

TEST(Formats, BlanksAreJoinedInLogsAndIds) {
    EXPECT_EQ(unique_id("\"  a   b\"").literal(), "a b");
    EXPECT_EQ(unique_id("\"a\\t b\\n\"").literal(), "a\t b\n");
    EXPECT_TRUE(unique_id("\"a %[src] b\"").joins_blanks);
    EXPECT_FALSE(unique_id("\"a=%[src] b\"").joins_blanks);
}

TEST(Formats, OtherTextsStayAsWritten) {
    EXPECT_EQ(header_text("\"  a   b\"").literal(), "  a   b");
    EXPECT_EQ(header_text("100%%").literal(), "100%");
    EXPECT_FALSE(header_text("\"a %[src] b\"").joins_blanks);
}

TEST(Formats, Flags) {
    auto text = header_text("\"%{+Q}r %{+X}o %ci %{-X}cp\"");
    EXPECT_TRUE(text.pieces[0].quoted);
    EXPECT_TRUE(text.pieces[2].hex);
    EXPECT_FALSE(text.pieces[4].hex);
}

TEST(Formats, NamesOfWhatIsNotChosenYet) { EXPECT_EQ(header_text("%b/%s").literal(), "f/<NOSRV>"); }

TEST(Formats, Mistakes) {
    auto set = [](const std::string& format) {
        return said_by(" http-request set-header X " + format + "\n");
    };
    EXPECT_EQ(set("%nope"), (Said{"11:28 error unknown-keyword"}));
    EXPECT_EQ(set("%{+Z}ci"), (Said{"11:28 error bad-format"}));
    EXPECT_EQ(set("%[src"), (Said{"11:28 error bad-format"}));
    EXPECT_EQ(set("'a % b'"), (Said{"11:32 error bad-format"}));
    EXPECT_EQ(set("%[nope]"), (Said{"11:30 error unknown-keyword"}));
}

}  // namespace
}  // namespace weir::haproxy
