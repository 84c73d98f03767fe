// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/conditional.hpp"

#include <gtest/gtest.h>

namespace weir::http {
namespace {

constexpr std::int64_t date = 1577934245;   // Thu, 02 Jan 2020 03:04:05 GMT

TEST(Conditional, DatesInThreeForms) {
    EXPECT_EQ(parse_date("Thu, 02 Jan 2020 03:04:05 GMT"), date);
    EXPECT_EQ(parse_date("Thursday, 02-Jan-20 03:04:05 GMT"), date);
    EXPECT_EQ(parse_date("Thu Jan  2 03:04:05 2020"), date);
    EXPECT_EQ(parse_date("Saturday, 02-Jan-99 03:04:05 GMT"), 915246245);
    Arena arena;
    EXPECT_EQ(format_date(date, arena), "Thu, 02 Jan 2020 03:04:05 GMT");
    EXPECT_EQ(format_date(0, arena), "Thu, 01 Jan 1970 00:00:00 GMT");
    for (const char* bad : {"", "junk", "Thu, 2 Jan 2020 03:04:05 GMT", "Thu, 32 Jan 2020 03:04:05 GMT",
                            "Thu, 29 Feb 2021 03:04:05 GMT", "Thu, 02 Jan 2020 24:04:05 GMT", "Thu, ", "Thu",
                            "Thu, 02 Jax 2020 03:04:05 GMT", "Thu Jan", "Thu, 02-Jan-"})
        EXPECT_EQ(parse_date(bad), -1) << bad;
}

struct Case {
    const char* name;
    const char* value;
    Precondition outcome;
};

TEST(Conditional, Preconditions) {
    const Case cases[] = {
        {"if-none-match", "\"a\"", Precondition::not_modified},
        {"if-none-match", "W/\"a\"", Precondition::not_modified},
        {"if-none-match", "\"b\" , \"a\"", Precondition::not_modified},
        {"if-none-match", "\"b, \"", Precondition::holds},
        {"if-none-match", "*", Precondition::not_modified},
        {"if-none-match", "\"ab\"", Precondition::holds},
        {"if-none-match", "", Precondition::holds},
        {"if-match", "\"a\"", Precondition::holds},
        {"if-match", "W/\"a\"", Precondition::failed},
        {"if-match", "\"b\"", Precondition::failed},
        {"if-modified-since", "Thu, 02 Jan 2020 03:04:05 GMT", Precondition::not_modified},
        {"if-modified-since", "Thu, 02 Jan 2020 03:04:06 GMT", Precondition::holds},
        {"if-unmodified-since", "Thu, 02 Jan 2020 03:04:05 GMT", Precondition::holds},
        {"if-unmodified-since", "Thu, 02 Jan 2020 03:04:04 GMT", Precondition::failed},
    };
    for (const auto& one : cases) {
        Arena arena;
        FieldList fields;
        fields.add(arena, one.name, one.value);
        EXPECT_EQ(check_preconditions(fields, {"\"a\"", date}, SinceRule::exact), one.outcome)
            << one.name << ": " << one.value;
    }
    Arena arena;
    FieldList later;
    later.add(arena, "if-modified-since", "Thu, 02 Jan 2020 03:04:06 GMT");
    EXPECT_EQ(check_preconditions(later, {"", date}, SinceRule::before), Precondition::not_modified);
    EXPECT_EQ(check_preconditions(later, {"", date}, SinceRule::off), Precondition::holds);
    EXPECT_EQ(check_preconditions(later, {}, SinceRule::before), Precondition::holds);
}

std::string ranges(const char* value, std::uint64_t length = 26, std::uint32_t most = 0xffffffff,
                   const char* same = nullptr) {
    Arena arena;
    FieldList fields;
    fields.add(arena, "Range", value);
    if (same) fields.add(arena, "If-Range", same);
    auto read = read_ranges(fields, {"\"a\"", date}, length, most, arena);
    if (read.state == Ranges::State::whole) return "whole";
    if (read.state == Ranges::State::unsatisfiable) return "none";
    std::string out;
    for (const auto& one : read.list)
        out += (out.empty() ? "" : ",") + std::to_string(one.first) + "-" + std::to_string(one.end - 1);
    return out;
}

TEST(Conditional, Ranges) {
    EXPECT_EQ(ranges("bytes=0-0"), "0-0");
    EXPECT_EQ(ranges("bytes=10-"), "10-25");
    EXPECT_EQ(ranges("bytes=-5"), "21-25");
    EXPECT_EQ(ranges("bytes=-100"), "0-25");
    EXPECT_EQ(ranges("bytes=20-99"), "20-25");
    EXPECT_EQ(ranges("Bytes=0-1, 3-4 ,-2"), "0-1,3-4,24-25");
    EXPECT_EQ(ranges("bytes=26-"), "none");
    EXPECT_EQ(ranges("bytes=x"), "none");
    EXPECT_EQ(ranges("bytes=1"), "none");
    EXPECT_EQ(ranges("bytes=0-1,x"), "none");
    EXPECT_EQ(ranges("bytes=5-4"), "none");
    EXPECT_EQ(ranges("bytes=99999999999999999999-"), "none");
    EXPECT_EQ(ranges("bytes=0-18446744073709551615"), "none");
    EXPECT_EQ(ranges("bytes=0-9223372036854775807"), "0-25");
    EXPECT_EQ(ranges("items=0-1"), "whole");
    EXPECT_EQ(ranges("bytes="), "whole");
    EXPECT_EQ(ranges("bytes=0-1,100-"), "0-1");
}

// A few bytes of request must not become many of answer (CVE-2011-3192 and its kin).
TEST(Conditional, ManyOrOverlappingRangesAreTheWhole) {
    EXPECT_EQ(ranges("bytes=0-25,0-1"), "whole");
    EXPECT_EQ(ranges("bytes=0-12,13-25"), "0-12,13-25");
    EXPECT_EQ(ranges("bytes=0-1,3-4,6-7", 26, 2), "whole");
    EXPECT_EQ(ranges("bytes=0-1,3-4", 26, 2), "0-1,3-4");
    EXPECT_EQ(ranges("bytes=0-1", 26, 0), "whole");
    std::string many = "bytes=0-0";
    for (int i = 0; i < 5000; ++i) many += ",0-0";
    EXPECT_EQ(ranges(many.c_str()), "whole");
}

TEST(Conditional, RangesOfAnotherVersionAreTheWhole) {
    EXPECT_EQ(ranges("bytes=0-1", 26, 9, "\"a\""), "0-1");
    EXPECT_EQ(ranges("bytes=0-1", 26, 9, "\"b\""), "whole");
    EXPECT_EQ(ranges("bytes=0-1", 26, 9, "Thu, 02 Jan 2020 03:04:05 GMT"), "0-1");
    EXPECT_EQ(ranges("bytes=0-1", 26, 9, "Thu, 02 Jan 2020 03:04:06 GMT"), "whole");
    EXPECT_EQ(ranges("bytes=0-1", 26, 9, "junk"), "whole");
}

}  // namespace
}  // namespace weir::http
