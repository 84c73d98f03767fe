// SPDX-License-Identifier: Apache-2.0
// What the house style asks of the text itself: ASCII, no tabs, no file that has
// outgrown its subject.
#include <filesystem>
#include <fstream>

namespace {

namespace fs = std::filesystem;

TEST(Style, LinesAndFilesKeepTheirMeasure) {
    fs::path root = WEIR_SOURCE_DIR;
    for (const char* top : {"parser", "runtime", "modules", "tests/unit", "tests/meta"}) {
        if (!fs::is_directory(root / top)) continue;
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            std::ifstream in(entry.path());
            std::size_t number = 0;
            for (std::string line; std::getline(in, line);) {
                ++number;
                bool ascii = true;
                for (char c : line) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
                EXPECT_TRUE(ascii) << entry.path() << ":" << number << " is not ASCII";
                EXPECT_FALSE(line.find('\t') != std::string::npos)
                    << entry.path() << ":" << number << " holds a tab";
            }
            EXPECT_LE(number, 800U) << entry.path() << " should be two files";
        }
    }
}

}  // namespace
