// SPDX-License-Identifier: Apache-2.0
// The scanner finds the same commands however the text is cut into pieces.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/exchange/ssi.hpp"

namespace weir::exchange {
namespace {

// What was found, as text: what is passed on, and {name key=value ...} for commands.
std::string scan(const std::vector<std::string>& pieces, std::size_t most_value = 256) {
    Arena arena;
    SsiScanner scanner(arena, most_value);
    std::string out;
    SsiScanner::Found found;
    for (const auto& piece : pieces) {
        scanner.feed(piece);
        while (scanner.next(found)) {
            out += found.text;
            if (!found.has_command) continue;
            const auto& command = found.command;
            out += "{" + std::string(command.problem.empty() ? command.name : command.problem);
            for (std::size_t at = 0; at < command.count; ++at)
                out += " " + std::string(command.parameters[at].key) + "=" + std::string(command.parameters[at].value);
            out += "}";
        }
    }
    return out;
}

TEST(SsiScanner, FindsCommandsHoweverTheTextIsCut) {
    const std::string text =
        "a<!--#echo var=\"x\"--><<!-- no --><!--#  set var='a b' value=\"c --> \\\"d\\\"\" -->z<!--#endif-->";
    const std::string expected = "a{echo var=x}<<!-- no -->{set var=a b value=c --> \"d\"}z{endif}";
    EXPECT_EQ(scan({text}), expected);
    for (std::size_t at = 0; at <= text.size(); ++at)
        EXPECT_EQ(scan({text.substr(0, at), text.substr(at)}), expected) << at;
    std::vector<std::string> letters;
    for (char c : text) letters.emplace_back(1, c);
    EXPECT_EQ(scan(letters), expected);
}

TEST(SsiScanner, WhatHasNoEndIsLeftOut) {
    EXPECT_EQ(scan({"x<!--#echo var=\"a\" "}), "x");
    EXPECT_EQ(scan({"x<!-", "-"}), "x");
    EXPECT_EQ(scan({"x<!--", ""}), "x");
    EXPECT_EQ(scan({"x<!--", "y"}), "x<!--y");
    EXPECT_EQ(scan({"<!--#echo var=\"a-->"}), "");
}

TEST(SsiScanner, WhatIsTooLongIsText) {
    const std::string endless = "<!--#echo var=\"" + std::string(100000, 'a');
    EXPECT_EQ(scan({endless, "\"--><!--#endif-->"}), endless + "\"-->{endif}");
}

TEST(SsiScanner, TellsWhatIsWrong) {
    EXPECT_EQ(scan({"<!--# -->"}), "{no name of an SSI command}");
    EXPECT_EQ(scan({"<!--#echo var-->"}), "{invalid parameter of an SSI command}");
    EXPECT_EQ(scan({"<!--#echo var=x-->"}), "{invalid parameter of an SSI command}");
    EXPECT_EQ(scan({"<!--#echo var=\"12345\"-->"}, 4), "{too long value of an SSI command parameter}");
    EXPECT_EQ(scan({"<!--#echo var=\"1234\"-->"}, 4), "{echo var=1234}");
    std::string many = "<!--#echo";
    for (int i = 0; i < 17; ++i) many += " k=\"\"";
    EXPECT_TRUE(scan({many + "-->"}).starts_with("{too many SSI command parameters"));
}

TEST(SsiPage, KeepsWhatIsSet) {
    Arena arena;
    SsiPage page{arena};
    page.set(page.variables, "a", "one");
    page.set(page.variables, "b", "two");
    page.set(page.variables, "a", std::string(1000, 'x'));
    page.set(page.variables, "a", "three");
    ASSERT_TRUE(SsiPage::find(page.variables, "a"));
    EXPECT_EQ(SsiPage::find(page.variables, "a")->text.text(), "three");
    EXPECT_EQ(SsiPage::find(page.variables, "b")->text.text(), "two");
    EXPECT_EQ(SsiPage::find(page.variables, "c"), nullptr);
    EXPECT_EQ(SsiPage::find(page.blocks, "a"), nullptr);
}

}  // namespace
}  // namespace weir::exchange
