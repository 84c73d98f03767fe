// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/message.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace weir::http {
namespace {

TEST(FieldNames, KnownInAnyCase) {
    for (unsigned i = 1; i < static_cast<unsigned>(FieldId::count_); ++i) {
        auto id = static_cast<FieldId>(i);
        std::string name{field_name(id)};
        EXPECT_EQ(field_id(name), id) << name;
        std::transform(name.begin(), name.end(), name.begin(),
                       [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        EXPECT_EQ(field_id(name), id) << name;
        // One byte off anywhere is another name; a flipped 0x20 bit counts only for letters.
        for (std::size_t at = 0; at < name.size(); ++at) {
            std::string other = name;
            other[at] = '~';
            EXPECT_EQ(field_id(other), FieldId::other) << other;
            if (name[at] == '-') {
                other[at] = '\r';
                EXPECT_EQ(field_id(other), FieldId::other);
            }
        }
        EXPECT_EQ(field_id(name + "x"), field_id("x" + name)) << name;
    }
    EXPECT_EQ(field_id(""), FieldId::other);
    EXPECT_EQ(field_id("x"), FieldId::other);
    EXPECT_EQ(field_id(std::string(1000, 'h')), FieldId::other);
}

TEST(FieldNames, Comparison) {
    EXPECT_TRUE(equal_ignoring_case("Host", "hOST"));
    EXPECT_FALSE(equal_ignoring_case("Host", "Hos"));
    EXPECT_FALSE(equal_ignoring_case("a@b", "a`b"));
    EXPECT_FALSE(equal_ignoring_case("a-b", "a\rb"));
}

std::string text_of(const FieldList& fields) {
    std::string text;
    for (const auto& field : fields)
        text += std::string{field.name} + "=" + std::string{field.value} + " ";
    return text;
}

TEST(FieldLists, AddSetRemove) {
    Arena arena;
    FieldList fields;
    fields.add(arena, "A", "1");
    fields.add(arena, "Host", "h");
    fields.add(arena, "a", "2");
    fields.add(arena, "B", "3");
    EXPECT_EQ(fields.find("HOST")->value, "h");
    EXPECT_EQ(fields.find("a")->value, "1");
    EXPECT_EQ(fields.find("c"), nullptr);
    EXPECT_TRUE(fields.has(FieldId::host));
    fields.set(arena, "a", "9");
    EXPECT_EQ(text_of(fields), "a=9 Host=h B=3 ");
    fields.set(arena, "host", "i");
    fields.set(arena, "C", "4");
    EXPECT_EQ(text_of(fields), "a=9 host=i B=3 C=4 ");
    EXPECT_EQ(fields.remove("b"), 1u);
    EXPECT_EQ(fields.remove(FieldId::host), 1u);
    EXPECT_EQ(fields.remove(FieldId::host), 0u);
    EXPECT_FALSE(fields.has(FieldId::host));
    EXPECT_FALSE(fields.seen(FieldId::host));
    EXPECT_EQ(text_of(fields), "a=9 C=4 ");
    fields.erase(0);
    EXPECT_EQ(text_of(fields), "C=4 ");
    fields.clear();
    EXPECT_TRUE(fields.empty());
}

TEST(FieldLists, GrowsAndKeepsOrder) {
    Arena arena;
    FieldList fields;
    std::vector<std::string> names;
    for (int i = 0; i < 200; ++i) names.push_back("n" + std::to_string(i));
    for (const auto& name : names) fields.add(arena, name, "v");
    fields.add(arena, fields[0]);
    ASSERT_EQ(fields.size(), 201u);
    for (std::uint32_t i = 0; i < 200; ++i) EXPECT_EQ(fields[i].name, names[i]);
    EXPECT_EQ(fields[200].name, "n0");
}

TEST(Methods, NamesAndIdempotence) {
    EXPECT_EQ(method_of("GET"), Method::get);
    EXPECT_EQ(method_of("DELETE"), Method::del);
    EXPECT_EQ(method_of("UNLOCK"), Method::unlock);
    EXPECT_EQ(method_of("get"), Method::other);
    EXPECT_EQ(method_of(""), Method::other);
    EXPECT_TRUE(is_idempotent(Method::put));
    EXPECT_FALSE(is_idempotent(Method::post));
    EXPECT_FALSE(is_idempotent(Method::other));
    EXPECT_FALSE(is_idempotent(Method::patch));
}

TEST(Reasons, KnownAndUnknown) {
    EXPECT_EQ(reason_of(404), "Not Found");
    EXPECT_EQ(reason_of(599), "");
}

}  // namespace
}  // namespace weir::http
