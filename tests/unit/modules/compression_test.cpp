// SPDX-License-Identifier: Apache-2.0
// Codecs of bodies against the libraries' own decoders, and what Accept-Encoding means.
#include <gtest/gtest.h>

#include "modules/compression/accept.hpp"
#include "modules/compression/codec.hpp"
#include "modules/compression/memo.hpp"
#include "modules/compression/module.hpp"
#include "modules/compression/nginx_conf.hpp"

// zlib, brotli and zstd decode; the codecs' own headers name none of them.
#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

namespace weir::modules::compression {
namespace {

std::string text_of(std::size_t size) {
    std::string text;
    for (unsigned i = 0; text.size() < size; ++i)
        text += "{\"id\": " + std::to_string(i * 7919 % 1000) + ", \"name\": \"one of many\"},";
    text.resize(size);
    return text;
}

std::string unzip(const std::string& packed, int window) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, window), Z_OK);
    std::string plain;
    char block[5000];
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    int result = Z_OK;
    while (result == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(block);
        stream.avail_out = sizeof block;
        result = inflate(&stream, Z_NO_FLUSH);
        plain.append(block, sizeof block - stream.avail_out);
        if (stream.avail_in == 0 && stream.avail_out == sizeof block) break;
    }
    inflateEnd(&stream);
    return plain;
}

std::string unpack(const std::string& packed, Coding coding) {
    switch (coding) {
        case Coding::gzip: return unzip(packed, 31);
        case Coding::deflate: return unzip(packed, 15);
        case Coding::raw_deflate: return unzip(packed, -15);
        case Coding::brotli: {
            std::string plain(1 << 22, ' ');
            auto size = plain.size();
            EXPECT_EQ(BrotliDecoderDecompress(packed.size(), reinterpret_cast<const std::uint8_t*>(packed.data()),
                                              &size, reinterpret_cast<std::uint8_t*>(plain.data())),
                      BROTLI_DECODER_RESULT_SUCCESS);
            return plain.substr(0, size);
        }
        case Coding::zstd: {
            std::string plain(1 << 22, ' ');
            auto size = ZSTD_decompress(plain.data(), plain.size(), packed.data(), packed.size());
            EXPECT_FALSE(ZSTD_isError(size));
            return plain.substr(0, size);
        }
        case Coding::identity: break;
    }
    return packed;
}

// Everything that comes of these bytes.
std::string all_of(Encoder& encoder, std::string_view bytes, Flush flush) {
    auto made = run(encoder, bytes, flush);
    std::string out(made.bytes);
    while (made.more) {
        made = run(encoder, {}, flush);
        out += made.bytes;
    }
    EXPECT_FALSE(made.failed);
    return out;
}

struct Kind {
    Tuning tuning;
};
class Codec : public testing::TestWithParam<Kind> {};

TEST_P(Codec, PacksWhatComesInPieces) {
    const auto& tuning = GetParam().tuning;
    for (std::size_t size : {0, 1, 1000, 100'000, 1'000'000}) {
        const auto text = text_of(size);
        for (std::size_t piece : {size_t(1 + size / 3), size_t(16384), size + 1}) {
            // As it is, not known, and wrong.
            for (std::size_t said : {size, size_t(0), size / 2 + 1, 2 * size}) {
                auto* encoder = take_encoder(tuning, said, 0);
                ASSERT_NE(encoder, nullptr);
                std::string packed;
                for (std::size_t at = 0; at < size; at += piece)
                    packed += all_of(*encoder, std::string_view(text).substr(at, piece), Flush::none);
                packed += all_of(*encoder, {}, Flush::finish);
                give_back(encoder);
                EXPECT_EQ(unpack(packed, tuning.coding), text) << size << " said to be " << said << " in pieces of " << piece;
                if (size > 1000) EXPECT_LT(packed.size(), size / 3);
            }
        }
    }
}

TEST_P(Codec, AFlushGivesAllThatCame) {
    const auto& tuning = GetParam().tuning;
    if (tuning.coding == Coding::brotli || tuning.coding == Coding::zstd) GTEST_SKIP() << "decoded whole here";
    for (std::size_t said : {0, 100'000, 10'000'000}) {
        auto* encoder = take_encoder(tuning, said, 0);
        ASSERT_NE(encoder, nullptr);
        std::string packed;
        std::string plain;
        for (int i = 0; i < 5; ++i) {
            auto text = text_of(100 + static_cast<std::size_t>(i) * 20'000);
            plain += text;
            packed += all_of(*encoder, text, Flush::none);
            packed += all_of(*encoder, {}, Flush::sync);
            EXPECT_EQ(unpack(packed, tuning.coding), plain) << i << ", said to be " << said;
        }
        EXPECT_TRUE(all_of(*encoder, {}, Flush::sync).size() < 16) << "nothing came in between";
        packed += all_of(*encoder, {}, Flush::finish);
        EXPECT_EQ(unpack(packed, tuning.coding), plain);
        give_back(encoder);
    }
}

// Bytes that wait for a flush come before those that come with it, and with the end.
TEST_P(Codec, AFlushMayComeWithBytes) {
    const auto& tuning = GetParam().tuning;
    const auto text = text_of(90'000);
    for (auto last : {Flush::sync, Flush::finish}) {
        auto* encoder = take_encoder(tuning, 90'000, 0);
        ASSERT_NE(encoder, nullptr);
        auto packed = all_of(*encoder, std::string_view(text).substr(0, 40'000), Flush::none);
        packed += all_of(*encoder, std::string_view(text).substr(40'000, 50'000), last);
        if (last != Flush::finish) packed += all_of(*encoder, {}, Flush::finish);
        EXPECT_EQ(unpack(packed, tuning.coding), text);
        give_back(encoder);
    }
}

TEST_P(Codec, WhatIsTakenIsCounted) {
    const auto& tuning = GetParam().tuning;
    auto use_some = [&](int times) {
        for (int i = 0; i < times; ++i) {
            auto* encoder = take_encoder(tuning, 100'000, 0);
            ASSERT_NE(encoder, nullptr);
            all_of(*encoder, text_of(50'000), Flush::none);
            if (i % 2) all_of(*encoder, text_of(50'000), i % 4 == 1 ? Flush::finish : Flush::sync);
            give_back(encoder);
        }
    };
    use_some(4);
    const auto before = memory_in_use();
    use_some(20);
    EXPECT_EQ(memory_in_use(), before);
}

TEST_P(Codec, AnEncoderBeginsAnewAfterOneThatBrokeOff) {
    const auto& tuning = GetParam().tuning;
    auto* first = take_encoder(tuning, 0, 0);
    ASSERT_NE(first, nullptr);
    all_of(*first, text_of(50'000), Flush::none);
    give_back(first);
    auto* second = take_encoder(tuning, 0, 0);
    EXPECT_EQ(second, first) << "used again";
    EXPECT_EQ(unpack(all_of(*second, "abc", Flush::finish), tuning.coding), "abc");
    give_back(second);
}

TEST_P(Codec, MemoryIsBounded) {
    const auto& tuning = GetParam().tuning;
    std::vector<Encoder*> taken;
    constexpr std::uint64_t most = std::uint64_t(64) << 20;
    while (auto* one = take_encoder(tuning, 0, most)) {
        taken.push_back(one);
        ASSERT_LT(taken.size(), 4000u);
    }
    EXPECT_GE(taken.size(), 2u);
    EXPECT_LE(memory_in_use(), most);
    for (auto* one : taken) give_back(one);
    EXPECT_LE(memory_in_use(), most);
    auto* again = take_encoder(tuning, 0, most);
    EXPECT_NE(again, nullptr);
    give_back(again);
}

INSTANTIATE_TEST_SUITE_P(
    All, Codec,
    testing::Values(Kind{{.coding = Coding::gzip, .level = 1}}, Kind{{.coding = Coding::gzip, .level = 2}},
                    Kind{{.coding = Coding::gzip, .level = 6}}, Kind{{.coding = Coding::gzip, .window_bits = 9}},
                    Kind{{.coding = Coding::deflate, .level = 1}}, Kind{{.coding = Coding::deflate, .level = 4}},
                    Kind{{.coding = Coding::raw_deflate, .level = 1}},
                    Kind{{.coding = Coding::raw_deflate, .level = 9, .window_bits = 8, .memory_level = 1}},
                    Kind{{.coding = Coding::brotli, .level = 0, .window_bits = 16}},
                    Kind{{.coding = Coding::brotli, .level = 5, .window_bits = 19}},
                    Kind{{.coding = Coding::zstd, .level = 1}}, Kind{{.coding = Coding::zstd, .level = -5}},
                    Kind{{.coding = Coding::zstd, .level = 9}}),
    [](const auto& info) {
        const auto& tuning = info.param.tuning;
        return std::string(token_of(tuning.coding)) + "_" + std::to_string(info.index);
    });

// ---- bodies that come again

constexpr Tuning fast{.coding = Coding::gzip, .level = 1};

std::string pack(const Tuning& tuning, std::string_view body, std::size_t piece, Remember remember) {
    auto* encoder = take_encoder(tuning, body.size(), 0, remember);
    std::string packed;
    for (std::size_t at = 0; at < body.size(); at += piece)
        packed += all_of(*encoder, body.substr(at, piece), at + piece < body.size() ? Flush::none : Flush::finish);
    give_back(encoder);
    return packed;
}

TEST(Memo, KeepsWhatCameTwice) {
    Memo memo;
    const auto body = text_of(5000);
    EXPECT_TRUE(memo.find(fast, body).empty());
    memo.note(fast, body, "made");
    EXPECT_TRUE(memo.find(fast, body).empty());
    EXPECT_EQ(memo.bytes(), 0u);
    memo.note(fast, body, "made");
    EXPECT_EQ(memo.find(fast, body), "made");
    EXPECT_EQ(memo.bytes(), 5004u);
    EXPECT_TRUE(memo.find({.coding = Coding::gzip, .level = 2}, body).empty());
    EXPECT_TRUE(memo.find(fast, body.substr(1)).empty());
    EXPECT_EQ(memo.find(fast, body), "made");
}

TEST(Memo, EveryByteCounts) {
    for (std::size_t at : {0u, 1u, 2500u, 4998u, 4999u}) {
        Memo memo;
        auto body = text_of(5000);
        for (int i = 0; i < 2; ++i) memo.note(fast, body, "made");
        auto other = body;
        other[at] ^= 1;
        EXPECT_TRUE(memo.find(fast, other).empty()) << at;
        memo.note(fast, other, "other");
        EXPECT_NE(memo.find(fast, other), "made") << at;
        EXPECT_NE(memo.find(fast, body), "other") << at;
    }
}

TEST(Memo, IsBoundedAndForgets) {
    Memo memo;
    const auto first = text_of(100'000);
    for (int i = 0; i < 2; ++i) memo.note(fast, first, "first");
    for (int i = 0; i < 3000; ++i) {
        auto body = std::to_string(i) + first;
        for (int k = 0; k < 2; ++k) memo.note(fast, body, body);
        ASSERT_LE(memo.bytes(), Memo::most_bytes);
    }
    EXPECT_TRUE(memo.find(fast, first).empty());
    // What is asked for all the time stays.
    for (int i = 0; i < 1000 && memo.find(fast, first).empty(); ++i) memo.note(fast, first, "first");
    ASSERT_EQ(memo.find(fast, first), "first");
    for (int i = 0; i < 3000; ++i) {
        memo.note(fast, std::to_string(i) + first, "another");
        ASSERT_EQ(memo.find(fast, first), "first") << i;
    }
}

TEST(Memo, AnEncoderUsesItWhereItMay) {
    for (const Tuning& tuning : {fast, Tuning{.coding = Coding::deflate, .level = 6}}) {
        const auto body = text_of(40'000) + std::to_string(tuning.level);
        for (int i = 0; i < 3; ++i) EXPECT_EQ(unpack(pack(tuning, body, 16384, Remember::no), tuning.coding), body);
        EXPECT_TRUE(Memo::own().find(tuning, body).empty());
        for (std::size_t piece : {16384u, 1000u, 50'000u, 7u})
            EXPECT_EQ(unpack(pack(tuning, body, piece, Remember::yes), tuning.coding), body);
        const std::string known(Memo::own().find(tuning, body));
        EXPECT_EQ(unpack(known, tuning.coding), body);
        EXPECT_EQ(pack(tuning, body, 16384, Remember::yes), known);
    }
}

// ---- gunzip

std::string zip(const std::string& text) {
    auto* encoder = take_encoder({.coding = Coding::gzip, .level = 6}, 0, 0);
    auto packed = all_of(*encoder, text, Flush::finish);
    give_back(encoder);
    return packed;
}

struct Unpacked {
    std::string text;
    bool failed = false;
    std::size_t largest = 0;
};
Unpacked gunzip(std::string_view packed, std::size_t piece) {
    Unpacked result;
    auto* decoder = take_decoder(0);
    for (std::size_t at = 0; at < packed.size() && !result.failed; at += piece) {
        auto bytes = packed.substr(at, piece);
        bool more = true;
        while (more && !result.failed) {
            auto made = run(*decoder, bytes, at + piece >= packed.size());
            bytes = {};
            result.text += made.bytes;
            result.largest = std::max(result.largest, made.bytes.size());
            result.failed = made.failed;
            more = made.more;
        }
    }
    give_back(decoder);
    return result;
}

TEST(Gunzip, GivesBackWhatWasPacked) {
    const auto text = text_of(200'000);
    const auto packed = zip(text);
    for (std::size_t piece : {1, 7, 4096, 1 << 20}) {
        auto result = gunzip(packed, piece);
        EXPECT_FALSE(result.failed);
        EXPECT_EQ(result.text, text);
    }
}

TEST(Gunzip, TakesSeveralMembers) {
    const auto packed = zip("one ") + zip("") + zip("two");
    for (std::size_t piece : {1, 10, 1000}) {
        auto result = gunzip(packed, piece);
        EXPECT_FALSE(result.failed);
        EXPECT_EQ(result.text, "one two");
    }
}

TEST(Gunzip, KnowsWhatIsBroken) {
    const auto packed = zip(text_of(10'000));
    EXPECT_TRUE(gunzip(packed.substr(0, packed.size() - 1), 100).failed) << "cut short";
    EXPECT_TRUE(gunzip(packed.substr(0, 5), 100).failed) << "cut within its head";
    EXPECT_TRUE(gunzip("not packed at all", 100).failed);
    EXPECT_TRUE(gunzip(packed + "behind", 1000).failed);
    auto changed = packed;
    changed[packed.size() - 6] = static_cast<char>(changed[packed.size() - 6] ^ 1);
    EXPECT_TRUE(gunzip(changed, 1000).failed) << "its checksum is another";
}

TEST(Gunzip, ABombComesOutByBlocks) {
    const auto packed = zip(std::string(50'000'000, 'a'));
    EXPECT_LT(packed.size(), 60'000u);
    auto result = gunzip(packed, packed.size());
    EXPECT_FALSE(result.failed);
    EXPECT_EQ(result.text.size(), 50'000'000u);
    EXPECT_LE(result.largest, 32768u);
}

// ---- Accept-Encoding

int weight(const char* value, std::string_view coding) {
    Arena arena;
    http::FieldList fields;
    fields.add(arena, "Accept-Encoding", value);
    return weight_of(fields, coding);
}

TEST(Accept, Weights) {
    EXPECT_EQ(weight("gzip", "gzip"), 1000);
    EXPECT_EQ(weight("br;q=1.0, GZIP;q=0.8 , *;q=0.1", "gzip"), 800);
    EXPECT_EQ(weight("gzip ; q=0.125", "gzip"), 125);
    EXPECT_EQ(weight("gzip;Q=1", "gzip"), 1000);
    EXPECT_EQ(weight("gzip;q=0", "gzip"), 0);
    EXPECT_EQ(weight("gzip;q=0.000", "gzip"), 0);
    EXPECT_EQ(weight("*", "gzip"), 0);
    EXPECT_EQ(weight("xgzip, gzipx, x-gzip", "gzip"), 0);
    EXPECT_EQ(weight("", "gzip"), 0);
    EXPECT_EQ(weight(",, ,gzip", "gzip"), 1000);
    for (const char* wrong : {"gzip;q=", "gzip;q=2", "gzip;q=1.5", "gzip;q=0.1234", "gzip;q=abc", "gzip;q=-1"})
        EXPECT_EQ(weight(wrong, "gzip"), 0) << wrong;
}

// Which coding an answer gets, by what is on and what the client wants.
class Choice : public testing::Test {
protected:
    std::string choose(const char* accepted) {
        auto filter = gzip_module().make_filter(&conf_, library_);
        Arena arena;
        http::RequestHead request;
        request.method = http::Method::get;
        if (accepted) request.fields.add(arena, "Accept-Encoding", accepted);
        route::Surroundings around;
        route::Subject subject;
        subject.arena = &arena;
        subject.around = &around;
        subject.request = &request;
        http::ResponseHead reply;
        reply.status = 200;
        reply.framing = http::Framing::length;
        reply.length = length_;
        reply.fields.add(arena, "Content-Type", "text/html; charset=utf-8");
        filter::State* state = nullptr;
        bool wants = filter->on_reply(subject, reply, state);
        if (state) filter->on_body_end(state);
        const auto* coded = reply.fields.find(http::FieldId::content_encoding);
        EXPECT_EQ(wants, coded != nullptr);
        return coded ? std::string(coded->value) : "";
    }
    ir::Config config_;
    route::Library library_{config_};
    GzipConf conf_;
    std::uint64_t length_ = 1000;
};

TEST_F(Choice, ByWeight) {
    for (auto& kind : conf_.kinds) kind.on = true;
    EXPECT_EQ(choose("gzip, deflate, br, zstd"), "br");
    EXPECT_EQ(choose("gzip, zstd"), "zstd");
    EXPECT_EQ(choose("br;q=0.5, gzip;q=0.6"), "gzip");
    EXPECT_EQ(choose("br;q=0, zstd;q=0.1"), "zstd");
    EXPECT_EQ(choose("deflate"), "");
    EXPECT_EQ(choose(nullptr), "");
}

TEST_F(Choice, OfWhatIsOnAndLongEnough) {
    conf_.kinds[GzipConf::gzip].on = true;
    EXPECT_EQ(choose("br, gzip;q=0.1"), "gzip");
    conf_.kinds[GzipConf::brotli].on = true;
    conf_.kinds[GzipConf::brotli].min_length = 1001;
    EXPECT_EQ(choose("br, gzip;q=0.1"), "gzip");
    length_ = 1001;
    EXPECT_EQ(choose("br, gzip;q=0.1"), "br");
    length_ = 19;
    EXPECT_EQ(choose("br, gzip;q=0.1"), "");
}

}  // namespace
}  // namespace weir::modules::compression
