// SPDX-License-Identifier: Apache-2.0
// What `weir keywords` prints is taken in by the programs it is for.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "parser/load.hpp"

namespace {

using weir::keyword::DumpFormat;

// Exit status of a shell command with the text on its standard input; -1 without the program.
int taken_by(const std::string& program, const std::string& arguments, DumpFormat format) {
    if (std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) != 0) return -1;
    auto path = std::filesystem::path(testing::TempDir()) / ("keywords." + program);
    std::ofstream(path) << weir::dump_keywords(format, {});
    auto command = program + " " + arguments + " " + path.string() + " >/dev/null 2>&1";
    int status = std::system(command.c_str());
    std::filesystem::remove(path);
    return status;
}

TEST(Keywords, JsonIsJson) {
    int status = taken_by("python3", "-m json.tool", DumpFormat::json);
    if (status < 0) GTEST_SKIP() << "python3 is not installed";
    EXPECT_EQ(status, 0);
}

TEST(Keywords, CompletionIsBash) {
    int status = taken_by("bash", "-n", DumpFormat::bash);
    if (status < 0) GTEST_SKIP() << "bash is not installed";
    EXPECT_EQ(status, 0);
}

TEST(Keywords, TheManualHoldsEveryName) {
    auto text = weir::dump_keywords(DumpFormat::man, {});
    for (const char* word : {"Directives of nginx", ".B \"proxy_pass URL\"", "http\\-request",
                             "option httplog", "%ci"})
        EXPECT_NE(text.find(word), std::string::npos) << word;
    EXPECT_GT(std::count(text.begin(), text.end(), '\n'), 10000);
}

}  // namespace
