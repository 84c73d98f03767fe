// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/params.hpp"

namespace weir::gateway {
namespace {

template <class Writer>
void add(Writer& to, std::string_view name, std::string_view value) {
    to.begin(name.size(), value.size());
    to.put(name);
    to.between();
    to.put(value);
    to.end();
}

TEST(Params, FieldsAndTheirNames) {
    EXPECT_TRUE(same_param("X-Real-Ip", "x_real_ip"));
    EXPECT_FALSE(same_param("X-Real-Ip", "X-Real-I"));
    EXPECT_EQ(field_of("HTTP_IF_RANGE"), "IF_RANGE");
    EXPECT_EQ(field_of("REQUEST_URI"), "");
}

TEST(ScgiParams, ANetstringBehindWhatWasThere) {
    net::Buffer out;
    out.acquire();
    out.append("PROXY");
    ScgiParams params(out);
    add(params, "CONTENT_LENGTH", "5");
    add(params, "SCGI", "1");
    params.finish();
    EXPECT_EQ(out.view(), std::string_view("PROXY24:CONTENT_LENGTH\0" "5\0SCGI\0" "1\0,", 33));
}

TEST(UwsgiParams, LengthsComeLowByteFirst) {
    net::Buffer out;
    out.acquire();
    out.append("P");
    UwsgiParams params(out, 5, 30);
    add(params, "NAME", std::string(300, 'v'));
    EXPECT_TRUE(params.finish());
    EXPECT_EQ(out.view().substr(0, 13), std::string_view("P\5\64\1\36\4\0NAME\54\1", 13));
    EXPECT_EQ(out.size(), 1U + 4 + 308);
}

TEST(UwsgiParams, APacketHasAnEnd) {
    std::string large(40000, 'v');
    for (int pairs : {1, 2}) {
        net::Buffer out;
        out.acquire();
        UwsgiParams params(out, 0, 0);
        for (int i = 0; i < pairs; ++i) add(params, "A", large);
        EXPECT_EQ(params.finish(), pairs == 1);
    }
    net::Buffer out;
    out.acquire();
    UwsgiParams params(out, 0, 0);
    add(params, "A", std::string(65536, 'v'));
    EXPECT_FALSE(params.finish());
}

}  // namespace
}  // namespace weir::gateway
