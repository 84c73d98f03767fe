// SPDX-License-Identifier: Apache-2.0
#include "runtime/gateway/fastcgi_codec.hpp"

namespace weir::gateway {
namespace {

using What = FastcgiDecoder::Step::What;

std::string record(RecordType type, std::string_view content, std::uint8_t padding = 0) {
    std::string out(record_header, '\0');
    write_record_header(out.data(), type, content.size(), padding);
    out.append(content);
    return out.append(padding, 'p');
}

std::string end_request(char protocol_status = 0) {
    return record(RecordType::end_request, {"\0\0\0\1" "\0\0\0\0", 8}).replace(record_header + 4, 1, 1, protocol_status);
}

struct Decoded {
    std::string output, errors;
    bool output_ended = false;
    What what = What::more;
    std::string why;
    std::size_t used = 0;
};

Decoded decode(std::string_view bytes, std::size_t piece) {
    FastcgiDecoder decoder;
    Decoded out;
    while (out.what == What::more && out.used < bytes.size()) {
        auto window = bytes.substr(out.used, piece);
        for (;;) {
            auto step = decoder.feed(window);
            auto content = window.substr(step.consumed, step.content);
            window.remove_prefix(step.consumed + step.content);
            out.used += step.consumed + step.content;
            decoder.take(step.content);
            if (step.what == What::output) out.output += content;
            if (step.what == What::errors) out.errors += content;
            if (step.what == What::output_end) out.output_ended = true;
            if (step.what == What::more) break;
            if (step.what != What::end && step.what != What::bad) continue;
            out.what = step.what;
            out.why = step.why;
            return out;
        }
    }
    return out;
}

TEST(FastcgiDecoder, TakesAnAnswerApartInAnyPieces) {
    auto bytes = record(RecordType::output, "hello ", 3) + record(RecordType::errors, "oops") +
                 record(RecordType::output, "world", 255) + record(RecordType::errors, "") +
                 record(RecordType::output, "", 8) + end_request();
    for (std::size_t piece : {1, 2, 7, 8, 9, 64, 1000}) {
        auto out = decode(bytes + "next", piece);
        EXPECT_EQ(out.what, What::end) << piece;
        EXPECT_EQ(out.output, "hello world") << piece;
        EXPECT_EQ(out.errors, "oops") << piece;
        EXPECT_TRUE(out.output_ended) << piece;
        EXPECT_EQ(out.used, bytes.size()) << piece << ": what follows is not of it";
    }
}

TEST(FastcgiDecoder, AnswersNeedNoEmptyRecordOfOutput) {
    auto out = decode(record(RecordType::output, "a") + end_request(), 100);
    EXPECT_EQ(out.what, What::end);
    EXPECT_FALSE(out.output_ended);
}

TEST(FastcgiDecoder, SaysWhatTheEndOfTheRequestSays) {
    for (int status = 0; status < 4; ++status) {
        FastcgiDecoder decoder;
        EXPECT_EQ(decoder.feed(end_request(static_cast<char>(status))).what, What::end);
        EXPECT_EQ(static_cast<int>(decoder.outcome()), status);
        EXPECT_EQ(decoder.refused(), status == 1 || status == 2);
    }
}

TEST(FastcgiDecoder, RefusesBrokenFraming) {
    auto broken = [](std::size_t at, char byte) {
        auto bytes = record(RecordType::output, "abc");
        bytes[at] = byte;
        return decode(bytes, 100);
    };
    EXPECT_EQ(broken(0, 2).why, "a record that is not of FastCGI 1");
    EXPECT_EQ(broken(2, 1).why, "a record of another request");
    EXPECT_EQ(broken(3, 2).why, "a record of another request");
    EXPECT_EQ(broken(3, 0).why, "a record of another request") << "management records were not asked for";
    for (char type : {0, 1, 2, 4, 5, 8, 9, 10, 11, 12})
        EXPECT_EQ(broken(1, type).why, "a record of a type that nobody asked for") << int(type);
    EXPECT_EQ(decode(record(RecordType::output, "") + record(RecordType::output, "a"), 100).why, "output behind its end");
    EXPECT_EQ(decode(record(RecordType::end_request, "1234567"), 100).why, "a malformed end of a request");
    EXPECT_EQ(decode(record(RecordType::end_request, "123456789"), 100).why, "a malformed end of a request");
}

TEST(FastcgiDecoder, ErrorsWithoutEndAreNoAnswer) {
    std::string bytes;
    for (int i = 0; i < 10001; ++i) bytes += record(RecordType::errors, "");
    EXPECT_EQ(decode(bytes, 4096).why, "too many records without output");
}

TEST(FastcgiParams, ShortAndLongLengths) {
    net::Buffer out;
    out.acquire();
    FastcgiParams params(out, true);
    std::string value(300, 'v');
    params.begin(1, value.size());
    params.put("n");
    params.put(value);
    params.finish();
    auto bytes = std::string(out.view());
    EXPECT_EQ(bytes.substr(0, 16), std::string("\1\1\0\1\0\10\0\0\0\1\1\0\0\0\0\0", 16));
    // Content: 1 + 4 bytes of lengths, the name, the value; padded to a multiple of 8.
    EXPECT_EQ(bytes.substr(16, 8), std::string("\1\4\0\1\1\62\6\0", 8));
    EXPECT_EQ(bytes.substr(24, 6), std::string("\1\200\0\1\54n", 6));
    EXPECT_EQ(bytes.substr(bytes.size() - 8), std::string("\1\4\0\1\0\0\0\0", 8)) << "an empty record ends the stream";
    EXPECT_EQ(bytes.size() % 8, 0U);
}

TEST(FastcgiParams, NoPairs) {
    net::Buffer out;
    out.acquire();
    FastcgiParams params(out, false);
    params.finish();
    EXPECT_EQ(out.view(), std::string_view("\1\1\0\1\0\10\0\0\0\1\0\0\0\0\0\0\1\4\0\1\0\0\0\0", 24));
}

TEST(FastcgiParams, MoreThanARecordHolds) {
    net::Buffer out;
    out.acquire();
    FastcgiParams params(out, false);
    std::string value(200000, 'v');
    params.begin(4, value.size());
    params.put("NAME");
    params.put(value);
    params.finish();
    std::string content;
    auto rest = std::string(out.view()).substr(16);
    std::size_t records = 0;
    for (; !rest.empty(); ++records) {
        auto number = [&](int at) { return static_cast<std::size_t>(static_cast<unsigned char>(rest[at])); };
        EXPECT_EQ(rest[1], 4);
        auto size = number(4) << 8 | number(5);
        content += rest.substr(8, size);
        rest = rest.substr(8 + size + number(6));
    }
    EXPECT_EQ(records, 5U);
    EXPECT_EQ(content.size(), 1 + 4 + 4 + value.size());
    EXPECT_EQ(content.substr(5, 4), "NAME");
    EXPECT_EQ(content.substr(9), value);
}

}  // namespace
}  // namespace weir::gateway
