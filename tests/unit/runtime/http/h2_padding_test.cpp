// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h2_padding.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

using namespace std::string_literals;

// A HEADERS frame of stream 1 that is a whole head.
std::string head_frame(const std::string& block, unsigned char flags = 4) {
    std::string frame;
    frame += '\0';
    frame += static_cast<char>(block.size() >> 8);
    frame += static_cast<char>(block.size());
    return frame + '\x01' + static_cast<char>(flags) + "\0\0\0\x01"s + block;
}

// x: VALUE, in Huffman's code.
std::string field(const std::string& code) {
    return "\0\x01x"s + static_cast<char>(0x80 | code.size()) + code;
}

const std::string eight_a = "\x18\xc6\x31\x8c\x63";   // "aaaaaaaa": 40 bits, nothing to fill up
const std::string example = "\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";   // RFC 7541 C.4.1

std::string passed(H2Padding& padding, std::string_view bytes) {
    std::string all;
    EXPECT_TRUE(padding.pass(bytes, [&](std::string_view part) {
        all += part;
        return true;
    }));
    return all;
}

TEST(H2Padding, takes_out_a_byte_of_ones_too_many) {
    H2Padding padding(0);
    EXPECT_EQ(passed(padding, head_frame(field(eight_a + '\xff'))), head_frame(field(eight_a)));
    // A name and an empty value.
    EXPECT_EQ(passed(padding, head_frame("\x40\x86"s + eight_a + "\xff\x81\xff"s)),
              head_frame("\x40\x85"s + eight_a + "\x80"s));
}

std::string continuation(const std::string& block, unsigned char flags) {
    auto frame = head_frame(block, flags);
    frame[3] = '\x09';
    return frame;
}

TEST(H2Padding, finds_it_in_heads_of_several_frames) {
    auto wrong = field(eight_a + '\xff');
    for (std::size_t cut = 0; cut <= wrong.size(); ++cut) {
        auto frames = head_frame("\x88" + wrong.substr(0, cut), 1) + continuation(wrong.substr(cut), 0) + continuation("", 4);
        auto mended = head_frame("\x88" + field(eight_a), 5);
        for (std::size_t first = 0; first <= frames.size(); first += 7) {
            H2Padding padding(0);
            auto all = passed(padding, std::string_view(frames).substr(0, first));
            EXPECT_EQ(all + passed(padding, std::string_view(frames).substr(first)), mended) << cut << ' ' << first;
            EXPECT_FALSE(padding.holds());
        }
    }
    // What is right stays as it is, and so do frames in between that have no place there.
    H2Padding padding(0);
    auto right = head_frame("\x88", 0) + continuation(field(eight_a), 4);
    EXPECT_EQ(passed(padding, right), right);
    auto ping = "\0\0\x08\x06\0\0\0\0\0xxxxxxxx"s;
    auto broken = head_frame("\x88", 0) + ping + continuation(wrong, 4);
    EXPECT_EQ(passed(padding, broken), broken);
}

TEST(H2Padding, leaves_what_is_right) {
    H2Padding padding(0);
    for (const auto& block : {field(eight_a), field(example), "\0\x01x\x01\xff"s, "\x82\x86"s, field("\xff\xff\xff\xff")})
        EXPECT_EQ(passed(padding, head_frame(block)), head_frame(block));
}

// Twelve bits where four fill the byte: RFC 7541 section 5.2 has it refused, and nghttp2 does.
TEST(H2Padding, leaves_longer_padding_to_the_library) {
    H2Padding padding(0);
    for (const auto& block : {field("\x1f\xff"), field(example + '\xff'), field(eight_a + "\xff\xff")})
        EXPECT_EQ(passed(padding, head_frame(block)), head_frame(block));
}

TEST(H2Padding, keeps_padding_and_priority_of_the_frame) {
    H2Padding padding(0);
    auto with = [](const std::string& text) { return "\x02\0\0\0\0\x10"s + field(text) + "\0\0"s; };
    EXPECT_EQ(passed(padding, head_frame(with(eight_a + '\xff'), 0x2c)), head_frame(with(eight_a), 0x2c));
}

TEST(H2Padding, takes_bytes_as_they_come) {
    const auto before = "\0\0\x02\0\0\0\0\0\x03\xff\xff"s;   // DATA
    const auto sent = "PRI"s + before + head_frame(field(eight_a + '\xff')) + before;
    const auto wanted = "PRI"s + before + head_frame(field(eight_a)) + before;
    for (std::size_t step : {1, 2, 7, 13, 100}) {
        H2Padding padding(3);
        std::string all;
        for (std::size_t at = 0; at < sent.size(); at += step) all += passed(padding, std::string_view(sent).substr(at, step));
        EXPECT_EQ(all, wanted) << step;
        EXPECT_FALSE(padding.holds());
    }
}

TEST(H2Padding, a_head_that_has_begun_is_held) {
    H2Padding padding(0);
    auto frame = head_frame(field(eight_a));
    EXPECT_EQ(passed(padding, std::string_view(frame).substr(0, 12)), "");
    EXPECT_TRUE(padding.holds());
    EXPECT_EQ(passed(padding, std::string_view(frame).substr(12)), frame);
}

TEST(H2Padding, broken_fields_go_on_as_they_are) {
    H2Padding padding(0);
    for (const auto& block : {"\0\x01x\x8f\xff"s, "\x7f\xff\xff\xff\xff\xff"s, "\xff"s, "\0"s})
        EXPECT_EQ(passed(padding, head_frame(block)), head_frame(block));
    EXPECT_EQ(passed(padding, head_frame("\xff"s, 0x0c)), head_frame("\xff"s, 0x0c));
}

}  // namespace
}  // namespace weir::http
