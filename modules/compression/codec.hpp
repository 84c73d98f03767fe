// SPDX-License-Identifier: Apache-2.0
// Encoders and decoders of bodies: ISA-L's igzip for the fast levels of gzip and deflate, libdeflate for the
// others where the body is short, else zlib; brotli, zstd. Each worker keeps those it has made and uses them
// again; together they have a bound of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::modules::compression {

// raw_deflate: without the frame of zlib that RFC 9110 asks for; what old browsers take for deflate.
enum class Coding : std::uint8_t { identity, gzip, deflate, raw_deflate, brotli, zstd };
// As Content-Encoding and Accept-Encoding have it.
std::string_view token_of(Coding coding);

// How a body is compressed.
struct Tuning {
    Coding coding = Coding::gzip;
    int level = 1;
    int window_bits = 15;   // gzip and deflate 8 to 15, brotli 10 to 24
    int memory_level = 8;   // gzip and deflate, 1 to 9
    bool operator==(const Tuning&) const = default;
};

enum class Flush : std::uint8_t {
    none,
    sync,     // all that came can be read by whoever has the bytes given so far
    finish,   // nothing follows
};

// What came out; `more`: there is more of it, to be had by another run without bytes.
struct Made {
    std::string_view bytes;   // until the next run
    bool more = false;
    bool failed = false;
};

// Whether what comes of a body may be kept for when the same one comes again (a worker, two megabytes).
enum class Remember : std::uint8_t { no, yes };

class Encoder;   // of one body, from take_encoder() to give_back()
class Decoder;   // unpacks gzip, also several members behind each other

// Null: the memory that this worker may use for it is taken (`most` bytes; 0: weir's own bound).
// `size`: how long the body may be, 0 = not known; a hint.
Encoder* take_encoder(const Tuning& tuning, std::uint64_t size, std::uint64_t most, Remember remember = Remember::no);
Decoder* take_decoder(std::uint64_t most);
// `bytes` stay where they are until all of them are taken (Made::more is false).
Made run(Encoder& encoder, std::string_view bytes, Flush flush);
Made run(Decoder& decoder, std::string_view bytes, bool last);
void give_back(Encoder* encoder);
void give_back(Decoder* decoder);

// Bytes that this worker's hold, those at rest included.
std::uint64_t memory_in_use();

}  // namespace weir::modules::compression
