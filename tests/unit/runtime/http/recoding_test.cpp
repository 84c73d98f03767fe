// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/recoding.hpp"

namespace weir::http {
namespace {

std::string convert(const Recoding& recoding, std::string_view text, std::size_t piece = 1000) {
    Recoding::State state;
    std::string out;
    do {
        auto part = text.substr(0, piece);
        text.remove_prefix(part.size());
        std::string room(recoding.most(part.size()), '\0');
        room.resize(recoding.convert(part, room.data(), state, text.empty()));
        out += room;
    } while (!text.empty());
    return out;
}

TEST(Recoding, SingleBytesBothWays) {
    ir::CharsetMap map{"koi8-r", "windows-1251", {{0xc1, "\xe0"}, {'X', "Y"}}, {}};
    Recoding there(map, false), back(map, true);
    EXPECT_TRUE(there.keeps_length());
    EXPECT_EQ(convert(there, "aX\xc1\xff"), "aY\xe0?") << "what is not listed stays below 0x80, and is unknown above";
    EXPECT_EQ(convert(back, "aY\xe0\xff"), "aX\xc1?");
    EXPECT_EQ(back.from(), "windows-1251");
}

TEST(Recoding, ToUtf8) {
    ir::CharsetMap map{"koi8-r", "UTF-8", {{0xc1, "\xd0\xb0"}, {0x80, "\xe2\x94\x80"}}, {}};
    Recoding there(map, false);
    EXPECT_FALSE(there.keeps_length());
    EXPECT_EQ(convert(there, "a\xc1\x80\xff"), "a\xd0\xb0\xe2\x94\x80?");
}

TEST(Recoding, FromUtf8InPieces) {
    ir::CharsetMap map{"koi8-r", "utf-8", {{0xc1, "\xd0\xb0"}, {0x80, "\xe2\x94\x80"}}, {}};
    Recoding back(map, true);
    for (std::size_t piece : {1, 2, 3, 4, 100}) {
        EXPECT_EQ(convert(back, "a\xd0\xb0z\xe2\x94\x80", piece), "a\xc1z\x80") << piece;
        EXPECT_EQ(convert(back, "\xd0\xb1\xf0\x9f\x98\x80", piece), "&#1073;&#128512;") << piece << ": no counterpart";
        EXPECT_EQ(convert(back, "a\xd0" "b\xff" "c\xe2\x94", piece).substr(0, 5), "a?b?c") << piece << ": no letters";
    }
}

}  // namespace
}  // namespace weir::http
