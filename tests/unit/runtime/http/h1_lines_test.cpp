// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h1_lines.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weir::http {
namespace {

Field line_of(std::string_view head, std::string_view name) {
    Field field;
    auto at = head.find(name);
    field.name = name;
    field.line = head.substr(at, head.find("\r\n", at) + 2 - at);
    return field;
}

TEST(PassedLines, KeepTheirBytesAndTheirOrder) {
    // One that is left out, and one that was made here, stand between runs.
    const std::string head = "A: 1\r\nb :2\r\nC: 3\r\nD: 4\r\nE: 5\r\n";
    net::Buffer out;
    out.acquire();
    PassedLines lines(out);
    lines.pass(line_of(head, "A"));
    lines.pass(line_of(head, "b"));
    lines.pass(line_of(head, "D"));
    Field made;
    made.name = "Made";
    made.value = "here";
    lines.pass(made);
    lines.pass(line_of(head, "E"));
    lines.finish();
    EXPECT_EQ(out.view(), "A: 1\r\nb :2\r\nD: 4\r\nMade: here\r\nE: 5\r\n");
}

TEST(PassedLines, NoneAreNothing) {
    net::Buffer out;
    out.acquire();
    PassedLines(out).finish();
    EXPECT_TRUE(out.empty());
}

TEST(HeadLines, TheBufferGrowsWithThem) {
    net::Buffer out;
    out.acquire();
    const std::string value(3 * net::Buffer::standard, 'v');
    put_field(out, "N", value);
    put_number(out, 18446744073709551615u);
    EXPECT_EQ(out.view(), "N: " + value + "\r\n18446744073709551615");
}

}  // namespace
}  // namespace weir::http
