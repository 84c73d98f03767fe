// SPDX-License-Identifier: Apache-2.0
// One struct for each library: begin a body, take a step, say how much memory it holds. Only codec.cpp
// knows them.
#pragma once

#include <brotli/encode.h>
#include <isa-l/igzip_lib.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <variant>

#include "modules/compression/codec.hpp"

namespace weir::modules::compression {

// Where a step reads from and writes to; both move on.
struct Ends {
    const char* in = nullptr;
    std::size_t in_left = 0;
    char* out = nullptr;
    std::size_t room = 0;
};

// done: all bytes are taken, and are out as far as the flush asks; full: there is no room for the rest.
enum class Did : std::uint8_t { done, full, failed };

// In zlib's own words. Raw deflate and gzip have no window of 8 bits.
int zlib_window(const Tuning& tuning);

class ZlibEngine {
public:
    explicit ZlibEngine(const Tuning& tuning);
    ~ZlibEngine() { deflateEnd(&stream_); }
    ZlibEngine(const ZlibEngine&) = delete;
    ZlibEngine& operator=(const ZlibEngine&) = delete;
    bool begin(std::uint64_t size);
    Did step(Ends& ends, Flush flush);
    [[nodiscard]] std::uint64_t memory() const;

private:
    z_stream stream_{};
    Tuning tuning_;
    bool fresh_ = true;
    bool sound_ = false;
};

class IgzipEngine {
public:
    explicit IgzipEngine(const Tuning& tuning);
    IgzipEngine(const IgzipEngine&) = delete;
    IgzipEngine& operator=(const IgzipEngine&) = delete;
    bool begin(std::uint64_t size);
    Did step(Ends& ends, Flush flush);
    [[nodiscard]] std::uint64_t memory() const;

private:
    std::uint16_t wrapping_ = 0;
    std::unique_ptr<isal_zstream> stream_;
    std::unique_ptr<std::uint8_t[]> level_memory_;
};

// Bodies that are taken whole: each is gathered first. By igzip for the fast levels; by libdeflate for the
// others, which takes half of zlib's time to make less of it. What came of one that came before is known
// (Memo). Where a reader is to see some of it sooner, or it is longer than it was said to be, igzip or zlib
// take it in pieces.
class WholeEngine {
public:
    static constexpr std::uint64_t most = 128 << 10;   // bytes of a body
    explicit WholeEngine(const Tuning& tuning) : tuning_(tuning) {}
    WholeEngine(const WholeEngine&) = delete;
    WholeEngine& operator=(const WholeEngine&) = delete;
    bool begin(std::uint64_t size);
    void remember(bool on) { remembers_ = on; }   // of what begins next, too
    Did step(Ends& ends, Flush flush);
    void end();
    [[nodiscard]] std::uint64_t memory() const;

private:
    [[nodiscard]] bool is_fast() const { return tuning_.level <= 2; }
    bool gather(Ends& ends);
    void have_room(std::size_t bytes);
    bool make(std::string_view body);
    bool make_fast(std::string_view body);
    bool make_small(std::string_view body);
    Did hand_out(Ends& ends);
    bool begin_stream();
    Did stream(Ends& ends, Flush flush);

    Tuning tuning_;
    // Gathered so far; what was made of it, and how much of that went out.
    std::unique_ptr<char[]> body_, made_;
    std::size_t room_ = 0, gathered_ = 0, made_room_ = 0, made_size_ = 0, handed_ = 0;
    bool is_made_ = false, streams_ = false, remembers_ = false;
    std::variant<std::monostate, ZlibEngine, IgzipEngine> stream_;
};

// Its state cannot begin anew: it is made for each body, of memory that is kept.
class BrotliEngine {
public:
    explicit BrotliEngine(const Tuning& tuning) : tuning_(tuning) {}
    ~BrotliEngine() { end(); }
    BrotliEngine(const BrotliEngine&) = delete;
    BrotliEngine& operator=(const BrotliEngine&) = delete;
    bool begin(std::uint64_t size);
    Did step(Ends& ends, Flush flush);
    void end();
    [[nodiscard]] std::uint64_t memory() const;

private:
    BrotliEncoderState* state_ = nullptr;
    Tuning tuning_;
};

class ZstdEngine {
public:
    explicit ZstdEngine(const Tuning& tuning);
    ~ZstdEngine() { ZSTD_freeCCtx(context_); }
    ZstdEngine(const ZstdEngine&) = delete;
    ZstdEngine& operator=(const ZstdEngine&) = delete;
    bool begin(std::uint64_t size);
    Did step(Ends& ends, Flush flush);
    [[nodiscard]] std::uint64_t memory() const;   // the most that a body has needed

private:
    ZSTD_CCtx* context_ = nullptr;
};

}  // namespace weir::modules::compression
