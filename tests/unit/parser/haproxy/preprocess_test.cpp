// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/preprocess.hpp"

#include "tests/unit/parser/haproxy/loading.hpp"

namespace weir::haproxy {
namespace {

using namespace test;

struct Cut {
    std::string lines;  // the first word of each line, in order
    Said said;
};

Cut cut(const std::string& text, std::map<std::string, std::string> variables = {}) {
    TinyWorld world;
    world.files["t.cfg"] = text;
    world.variables = std::move(variables);
    SourceSet set(world);
    Loaded loaded;
    auto document = read_document({"t.cfg"}, set, loaded.sources, loaded.sink);
    Cut out;
    for (const auto& line : document.lines)
        out.lines += (out.lines.empty() ? "" : " ") + std::string(document.begin(line)->text);
    out.said = loaded.said();
    return out;
}

// One condition: "yes", "no", or what was said.
std::string verdict(const std::string& condition,
                    std::map<std::string, std::string> variables = {}) {
    auto out = cut("global\n.if " + condition + "\nyes\n.else\nno\n.endif\n", std::move(variables));
    return out.said.empty() ? out.lines : out.said[0];
}

TEST(Conditions, Numbers) {
    EXPECT_EQ(verdict("1"), "yes");
    EXPECT_EQ(verdict("-3"), "yes");
    EXPECT_EQ(verdict("0"), "no");
    EXPECT_EQ(verdict(""), "no");
    EXPECT_EQ(verdict("\"\""), "no");
    EXPECT_EQ(verdict("!1"), "no");
    EXPECT_EQ(verdict("!!1"), "yes");
}

TEST(Conditions, Operators) {
    EXPECT_EQ(verdict("1 && 0 || 1"), "yes");
    EXPECT_EQ(verdict("1&&0||0"), "no");
    EXPECT_EQ(verdict("(0 || 1) && !(0)"), "yes");
}

TEST(Conditions, Predicates) {
    EXPECT_EQ(verdict("defined(A)", {{"A", ""}}), "yes");
    EXPECT_EQ(verdict("defined(A)"), "no");
    EXPECT_EQ(verdict("streq(\"$A\",x)", {{"A", "x"}}), "yes");
    EXPECT_EQ(verdict("strneq(a,a)"), "no");
    EXPECT_EQ(verdict("strstr(hello,ell)"), "yes");
    EXPECT_EQ(verdict("feature(OPENSSL)"), "yes");
    EXPECT_EQ(verdict("feature(ZLIB)"), "yes");
    EXPECT_EQ(verdict("feature(LUA)"), "no");
    EXPECT_EQ(verdict("enabled(EPOLL)"), "yes");
    EXPECT_EQ(verdict("version_atleast(3.4-dev14)"), "yes");
    EXPECT_EQ(verdict("version_atleast(3.4.99)"), "no");
    EXPECT_EQ(verdict("version_before(3.4.1)"), "yes");
    EXPECT_EQ(verdict("version_before(3.4.0-dev3)"), "no");
    EXPECT_EQ(verdict("openssl_version_atleast(1.1.1)"), "yes");
    EXPECT_EQ(verdict("fips_mode()"), "no");
    EXPECT_EQ(verdict("awslc_api_atleast(35)"), "no");
}

TEST(Conditions, Mistakes) {
    EXPECT_EQ(verdict("foo"), "2:5 error bad-condition");
    EXPECT_EQ(verdict("streq(a)"), "2:5 error bad-condition");
    EXPECT_EQ(verdict("1 &&"), "2:8 error bad-condition");
    EXPECT_EQ(verdict("a b"), "2:7 error bad-condition");
}

TEST(Blocks, ElifAndNesting) {
    auto out =
        cut("global\n.if 0\na\n.elif 1\nb\n.if 0\nc\n.else\nd\n.endif\n.elif 1\ne\n.else\nf\n"
            ".endif\ng\n");
    EXPECT_EQ(out.lines, "b d g");
    EXPECT_TRUE(out.said.empty());
}

TEST(Blocks, NothingIsEvaluatedInABranchNotTaken) {
    auto out = cut("global\n.if 0\n.if nonsense(\n.endif\n.alert \"no\"\n.endif\n");
    EXPECT_TRUE(out.said.empty());
}

TEST(Blocks, Mistakes) {
    EXPECT_EQ(cut("global\n.endif\n").said, (Said{"2:1 error no-open-if"}));
    EXPECT_EQ(cut("global\n.else\n").said, (Said{"2:1 error no-open-if"}));
    EXPECT_EQ(cut("global\n .if 1\n").said, (Said{"2:2 error unclosed-if"}));
    EXPECT_EQ(cut("global\n.if 1\n.else\n.else\n.endif\n").said, (Said{"4:1 error second-else"}));
    EXPECT_EQ(cut("global\n.if 1\n.else\n.elif 1\n.endif\n").said,
              (Said{"4:1 error elif-after-else"}));
    EXPECT_EQ(cut("global\n.if 0\n.endif x\n").said, (Said{"3:8 error unexpected-argument"}));
    EXPECT_EQ(cut("global\n.xyz\n").said, (Said{"2:1 error unknown-directive"}));
}

TEST(Messages, Levels) {
    EXPECT_EQ(cut("global\n.diag d\n.notice n\n.warning w\n.alert \"a b\"\n").said,
              (Said{"2:1 advice message", "3:1 advice message", "4:1 warning message",
                    "5:1 error message"}));
    EXPECT_EQ(cut("global\n.notice a b\n").said, (Said{"2:11 error unexpected-argument"}));
}

TEST(Environment, SetenvHoldsForTheLinesAfterIt) {
    auto out = cut("global\nsetenv A one\n\"$A\"\nunsetenv A\n\"x$A\"\npresetenv B two\n\"$B\"\n",
                   {{"B", "old"}});
    EXPECT_EQ(out.lines, "setenv one unsetenv x presetenv old");
    EXPECT_EQ(cut("global\nresetenv B\n\"x$A$B\"\n", {{"A", "a"}, {"B", "b"}}).lines,
              "resetenv xb");
}

TEST(Environment, PseudoVariables) {
    auto out = cut("global\n\n\"l${.LINE}\"\nfrontend web\n\"${.SECTION}@${.FILE}\"\n");
    EXPECT_EQ(out.lines, "l3 web@t.cfg");
}

TEST(Sections, LinesBeforeTheFirst) {
    EXPECT_EQ(cut("daemon\nmaxconn 5\nglobal\n").said, (Said{"1:1 error outside-section"}));
}

TEST(Sections, AWordThatIsEmptyHidesItsLine) {
    auto out = cut("global\n\"\" bogus\ndaemon\n");
    EXPECT_EQ(out.lines, "daemon");
    EXPECT_TRUE(out.said.empty());
}

TEST(Sections, ABrokenLineDoesNotHideTheOthers) {
    auto out = cut("global\n \"a\n b 'c\n d\n");
    EXPECT_EQ(out.said, (Said{"2:2 error unmatched-quote", "3:4 error unmatched-quote"}));
    EXPECT_EQ(out.lines, "d");
}

TEST(Files, SeveralAndFolders) {
    TinyWorld world;
    world.files = {
        {"a.cfg", "global\n one\n"}, {"d/1.cfg", "defaults\n two\n"}, {"d/2.cfg", "three\n"}};
    world.folders = {{"d", {"d/1.cfg", "d/2.cfg"}}};
    SourceSet set(world);
    Loaded loaded;
    auto document = read_document({"a.cfg", "d", "none.cfg"}, set, loaded.sources, loaded.sink);
    EXPECT_EQ(document.sections.size(), 2u);
    // A section ends with its file.
    EXPECT_EQ(loaded.said(), (Said{"- error cannot-read", "1:1 error outside-section"}));
}

}  // namespace
}  // namespace weir::haproxy
