// SPDX-License-Identifier: Apache-2.0
#include "runtime/forward/connect.hpp"

#include <gtest/gtest.h>

namespace weir::forward {
namespace {

std::string read(std::string_view text) {
    ir::Endpoint source;
    return parse_source(text, source) ? ir::to_string(source.ip) + " " + std::to_string(source.port) : "none";
}

TEST(Connect, ReadsAddressesToConnectFrom) {
    EXPECT_EQ(read("192.0.2.1"), "192.0.2.1 0");
    EXPECT_EQ(read("192.0.2.1:8080"), "192.0.2.1 8080");
    EXPECT_EQ(read("[2001:db8::1]:80"), ir::to_string([] {
                  ir::Endpoint source;
                  parse_source("2001:db8::1", source);
                  return source.ip;
              }()) + " 80");
}

TEST(Connect, ReadsNothingElse) {
    for (auto text : {"", "host", "192.0.2.1:", "192.0.2.1:x", "192.0.2.1:99999", "[2001:db8::1", "[::1]x",
                      "unix:/run/x", "192.0.2.1 "})
        EXPECT_EQ(read(text), "none") << text;
}

}  // namespace
}  // namespace weir::forward
