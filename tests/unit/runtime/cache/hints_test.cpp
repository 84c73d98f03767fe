// SPDX-License-Identifier: Apache-2.0
// Which links of an answer are told before it.
#include "runtime/cache/hints.hpp"

#include <gtest/gtest.h>

#include <initializer_list>

namespace weir::cache {
namespace {

TEST(Hints, the_first_relation_says_it) {
    for (const char* link : {"<a>; rel=preload", "<a>; REL=PreLoad", "<a>;rel=preconnect", "<a> ; rel = prefetch",
                             "<a>; rel=\"stylesheet preload\"", "<a>; crossorigin; rel=modulepreload",
                             "<a>; rel=dns-prefetch; rel=stylesheet", "<a>; title=\"a \\\"b\\\"\"; rel=preload"})
        EXPECT_TRUE(is_hint(link)) << link;
    for (const char* link : {"", "<a>", "a; rel=preload", "<a; rel=preload", "<a>; rel=stylesheet", "<a>; rel",
                             "<a>; rel=stylesheet; rel=preload", "<a>; rel=preload prefetch", "<a>; rel=\"preload",
                             "<a>; title=\"x\\\"; rel=preload; y=\\\"z\"", "<a> rel=preload", "<a>; rel=\"preload\" x",
                             "<a>; rel=preloads", "<a>; xrel=preload", "<a>;"})
        EXPECT_FALSE(is_hint(link)) << link;
}

std::string_view lines_of(std::initializer_list<std::string_view> links, Arena& arena) {
    http::FieldList answer;
    answer.add(arena, "etag", "x");
    for (auto link : links) answer.add(arena, "Link", link);
    return hints_of(answer, arena);
}

TEST(Hints, a_line_for_each_field_that_has_some) {
    Arena arena;
    EXPECT_EQ(lines_of({}, arena), "");
    EXPECT_EQ(lines_of({"<a>; rel=next"}, arena), "");
    EXPECT_EQ(lines_of({"<a>; rel=preload, <b>; rel=next ,, <c>; rel=prefetch"}, arena),
              "<a>; rel=preload, <c>; rel=prefetch");
    EXPECT_EQ(lines_of({"<a>; rel=preload", "<b>; rel=next", "<c>; rel=prefetch"}, arena),
              "<a>; rel=preload\n<c>; rel=prefetch");
    EXPECT_EQ(lines_of({"<a,b>; rel=preload"}, arena), "");
    EXPECT_EQ(lines_of({"<a>; title=\"x, y\"; rel=preload"}, arena), "<a>; title=\"x, y\"; rel=preload");
}

}  // namespace
}  // namespace weir::cache
