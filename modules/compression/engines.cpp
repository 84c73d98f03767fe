// SPDX-License-Identifier: Apache-2.0
#include "modules/compression/engines.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "modules/compression/memo.hpp"

namespace weir::modules::compression {

// ---- zlib

int zlib_window(const Tuning& tuning) {
    const int bits = std::max(tuning.window_bits, 9);
    if (tuning.coding == Coding::gzip) return bits + 16;
    return tuning.coding == Coding::raw_deflate ? -bits : bits;
}

ZlibEngine::ZlibEngine(const Tuning& tuning) : tuning_(tuning) {
    sound_ = deflateInit2(&stream_, tuning.level, Z_DEFLATED, zlib_window(tuning), tuning.memory_level,
                          Z_DEFAULT_STRATEGY) == Z_OK;
}

bool ZlibEngine::begin(std::uint64_t) {
    if (!sound_) return false;
    return std::exchange(fresh_, false) || deflateReset(&stream_) == Z_OK;
}

Did ZlibEngine::step(Ends& ends, Flush flush) {
    constexpr int modes[] = {Z_NO_FLUSH, Z_SYNC_FLUSH, Z_FINISH};
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(ends.in));
    stream_.avail_in = static_cast<uInt>(ends.in_left);
    stream_.next_out = reinterpret_cast<Bytef*>(ends.out);
    stream_.avail_out = static_cast<uInt>(ends.room);
    const int result = deflate(&stream_, modes[static_cast<int>(flush)]);
    ends.in += ends.in_left - stream_.avail_in;
    ends.in_left = stream_.avail_in;
    ends.out += ends.room - stream_.avail_out;
    ends.room = stream_.avail_out;
    if (result == Z_STREAM_END) return Did::done;
    // Z_BUF_ERROR: a flush found that nothing was left to do.
    if (result != Z_OK && result != Z_BUF_ERROR) return Did::failed;
    return ends.room == 0 || flush == Flush::finish ? Did::full : Did::done;
}

// As zlib's manual counts it.
std::uint64_t ZlibEngine::memory() const {
    return (std::uint64_t(1) << (tuning_.window_bits + 2)) + (std::uint64_t(1) << (tuning_.memory_level + 9)) + 8192;
}

// ---- ISA-L

namespace {

// Its levels that do what zlib's 1 and 2 do, in less time. Its 0 is a seventh faster still, but has a table of codes of
// 100 bytes before what follows a flush.
struct IgzipLevel {
    std::uint32_t level, memory;
};
IgzipLevel igzip_level(int level) {
    return level <= 1 ? IgzipLevel{1, ISAL_DEF_LVL1_DEFAULT} : IgzipLevel{3, ISAL_DEF_LVL3_DEFAULT};
}

}  // namespace

IgzipEngine::IgzipEngine(const Tuning& tuning)
    : stream_(new isal_zstream), level_memory_(new std::uint8_t[igzip_level(tuning.level).memory]) {
    isal_deflate_init(stream_.get());
    const auto level = igzip_level(tuning.level);
    stream_->level = level.level;
    stream_->level_buf = level_memory_.get();
    stream_->level_buf_size = level.memory;
    wrapping_ = tuning.coding == Coding::gzip      ? IGZIP_GZIP
                : tuning.coding == Coding::deflate ? IGZIP_ZLIB
                                                   : IGZIP_DEFLATE;
}

bool IgzipEngine::begin(std::uint64_t) {
    isal_deflate_reset(stream_.get());
    // A header that was written leaves its mark here, which the reset does not take away.
    stream_->gzip_flag = wrapping_;
    stream_->end_of_stream = 0;
    return true;
}

Did IgzipEngine::step(Ends& ends, Flush flush) {
    auto& stream = *stream_;
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(ends.in));
    stream.avail_in = static_cast<std::uint32_t>(ends.in_left);
    stream.next_out = reinterpret_cast<std::uint8_t*>(ends.out);
    stream.avail_out = static_cast<std::uint32_t>(ends.room);
    stream.end_of_stream = flush == Flush::finish;
    stream.flush = flush == Flush::sync ? SYNC_FLUSH : NO_FLUSH;
    const int result = isal_deflate(&stream);
    ends.in += ends.in_left - stream.avail_in;
    ends.in_left = stream.avail_in;
    ends.out += ends.room - stream.avail_out;
    ends.room = stream.avail_out;
    if (result != COMP_OK) return Did::failed;
    if (flush == Flush::finish) return stream.internal_state.state == ZSTATE_END ? Did::done : Did::full;
    return ends.room == 0 || ends.in_left != 0 ? Did::full : Did::done;
}

std::uint64_t IgzipEngine::memory() const { return sizeof(isal_zstream) + stream_->level_buf_size; }

// ---- whole bodies

namespace {

struct Closer {
    void operator()(libdeflate_compressor* one) const { libdeflate_free_compressor(one); }
};

// It keeps nothing from body to body: a worker needs one for each level.
libdeflate_compressor* compressor_of(int level) {
    static thread_local std::array<std::unique_ptr<libdeflate_compressor, Closer>, 13> made;
    auto& one = made[static_cast<std::size_t>(level)];
    if (!one) one.reset(libdeflate_alloc_compressor(level));
    return one.get();
}

IgzipEngine& igzip_of(const Tuning& tuning) {
    static thread_local std::array<std::unique_ptr<IgzipEngine>, 6> made;
    const std::size_t kind = tuning.coding == Coding::gzip ? 0 : tuning.coding == Coding::deflate ? 1 : 2;
    auto& one = made[kind * 2 + (tuning.level <= 1 ? 0 : 1)];
    if (!one) one = std::make_unique<IgzipEngine>(tuning);
    return *one;
}

}  // namespace

bool WholeEngine::begin_stream() {
    streams_ = true;
    if (std::holds_alternative<std::monostate>(stream_)) {
        if (is_fast()) stream_.emplace<IgzipEngine>(tuning_);
        else stream_.emplace<ZlibEngine>(tuning_);
    }
    if (auto* igzip = std::get_if<IgzipEngine>(&stream_)) return igzip->begin(0);
    return std::get<ZlibEngine>(stream_).begin(0);
}

Did WholeEngine::stream(Ends& ends, Flush flush) {
    if (auto* igzip = std::get_if<IgzipEngine>(&stream_)) return igzip->step(ends, flush);
    return std::get<ZlibEngine>(stream_).step(ends, flush);
}

bool WholeEngine::begin(std::uint64_t size) {
    gathered_ = made_size_ = handed_ = 0;
    is_made_ = streams_ = false;
    if (size == 0 || size > most || (!is_fast() && !compressor_of(tuning_.level))) return begin_stream();
    if (room_ < size) {
        room_ = size;
        body_.reset(new char[room_]);
    }
    return true;
}

// False: it is longer than it was said to be.
bool WholeEngine::gather(Ends& ends) {
    if (ends.in_left > room_ - gathered_) return false;
    if (ends.in_left != 0) std::memcpy(body_.get() + gathered_, ends.in, ends.in_left);
    gathered_ += ends.in_left;
    ends.in += ends.in_left;
    ends.in_left = 0;
    return true;
}

void WholeEngine::have_room(std::size_t bytes) {
    if (made_room_ >= bytes) return;
    made_room_ = bytes;
    made_.reset(new char[bytes]);
}

bool WholeEngine::make_fast(std::string_view body) {
    // What does not get smaller gets some bytes for each of its blocks.
    have_room(body.size() + body.size() / 8 + 1024);
    auto& igzip = igzip_of(tuning_);
    if (!igzip.begin(0)) return false;
    Ends ends{body.data(), body.size(), made_.get(), made_room_};
    if (igzip.step(ends, Flush::finish) != Did::done) return false;
    made_size_ = made_room_ - ends.room;
    return true;
}

bool WholeEngine::make_small(std::string_view body) {
    auto* compressor = compressor_of(tuning_.level);
    auto run = [&](auto* bound, auto* compress) {
        have_room(bound(compressor, body.size()));
        made_size_ = compress(compressor, body.data(), body.size(), made_.get(), made_room_);
    };
    switch (tuning_.coding) {
        case Coding::gzip: run(libdeflate_gzip_compress_bound, libdeflate_gzip_compress); break;
        case Coding::deflate: run(libdeflate_zlib_compress_bound, libdeflate_zlib_compress); break;
        default: run(libdeflate_deflate_compress_bound, libdeflate_deflate_compress); break;
    }
    return made_size_ != 0;
}

bool WholeEngine::make(std::string_view body) {
    is_made_ = true;
    const auto known = remembers_ ? Memo::own().find(tuning_, body) : std::string_view();
    if (!known.empty()) {
        have_room(known.size());
        std::memcpy(made_.get(), known.data(), known.size());
        made_size_ = known.size();
        return true;
    }
    if (!(is_fast() ? make_fast(body) : make_small(body))) return false;
    if (remembers_) Memo::own().note(tuning_, body, {made_.get(), made_size_});
    return true;
}

Did WholeEngine::hand_out(Ends& ends) {
    const auto size = std::min(ends.room, made_size_ - handed_);
    std::memcpy(ends.out, made_.get() + handed_, size);
    handed_ += size;
    ends.out += size;
    ends.room -= size;
    return handed_ == made_size_ ? Did::done : Did::full;
}

Did WholeEngine::step(Ends& ends, Flush flush) {
    if (is_made_) return hand_out(ends);
    if (!streams_ && flush == Flush::finish && gathered_ == 0) {
        std::string_view body(ends.in, ends.in_left);
        ends.in += ends.in_left;
        ends.in_left = 0;
        return make(body) ? hand_out(ends) : Did::failed;
    }
    const bool fits = !streams_ && gather(ends);
    if (fits && flush == Flush::none) return Did::done;
    if (fits && flush == Flush::finish) return make({body_.get(), gathered_}) ? hand_out(ends) : Did::failed;
    if (!streams_ && !begin_stream()) return Did::failed;
    // What was gathered goes first; `ends` holds what comes behind it.
    if (handed_ != gathered_) {
        Ends before{body_.get() + handed_, gathered_ - handed_, ends.out, ends.room};
        const auto did = stream(before, ends.in_left == 0 ? flush : Flush::none);
        handed_ = gathered_ - before.in_left;
        ends.out = before.out;
        ends.room = before.room;
        if (did != Did::done || ends.in_left == 0) return did;
    }
    return stream(ends, flush);
}

// What was large is not kept.
void WholeEngine::end() {
    constexpr std::size_t most_kept = 65536;
    if (room_ > most_kept) body_.reset(), room_ = 0;
    if (made_room_ > most_kept) made_.reset(), made_room_ = 0;
    if (std::holds_alternative<ZlibEngine>(stream_)) stream_.emplace<std::monostate>();
}

std::uint64_t WholeEngine::memory() const {
    const auto* zlib = std::get_if<ZlibEngine>(&stream_);
    const auto* igzip = std::get_if<IgzipEngine>(&stream_);
    return room_ + made_room_ + (zlib ? zlib->memory() : igzip ? igzip->memory() : 0);
}

// ---- brotli

namespace {

// Memory for brotli's states. Bodies of a kind ask for the same pieces again and again.
class Kept {
public:
    static Kept& own() {
        static thread_local Kept kept;
        return kept;
    }
    ~Kept() {
        for (auto* block : free_) std::free(block);
    }
    void* allocate(std::size_t size) {
        auto fits = [&](const Block* block) { return block->size >= size && block->size / 2 <= size; };
        auto found = std::find_if(free_.rbegin(), free_.rend(), fits);
        Block* block = nullptr;
        if (found != free_.rend()) {
            block = *found;
            *found = free_.back();
            free_.pop_back();
            resting_ -= block->size;
        } else {
            block = static_cast<Block*>(std::malloc(sizeof(Block) + size));
            if (!block) return nullptr;
            block->size = size;
        }
        working_ += block->size;
        return block + 1;
    }
    void release(void* memory) {
        if (!memory) return;
        auto* block = static_cast<Block*>(memory) - 1;
        working_ -= block->size;
        if (free_.size() == most_blocks || resting_ + block->size > most_bytes) return std::free(block);
        resting_ += block->size;
        free_.push_back(block);
    }
    [[nodiscard]] std::uint64_t working() const { return working_; }

private:
    struct alignas(std::max_align_t) Block {
        std::size_t size;
    };
    static constexpr std::size_t most_blocks = 256, most_bytes = 32 << 20;
    std::vector<Block*> free_;
    std::uint64_t resting_ = 0, working_ = 0;
};

}  // namespace

bool BrotliEngine::begin(std::uint64_t size) {
    end();
    state_ = BrotliEncoderCreateInstance([](void*, std::size_t bytes) { return Kept::own().allocate(bytes); },
                                         [](void*, void* memory) { Kept::own().release(memory); }, nullptr);
    if (!state_) return false;
    auto set = [&](BrotliEncoderParameter what, std::uint64_t value) {
        BrotliEncoderSetParameter(state_, what, static_cast<std::uint32_t>(value));
    };
    set(BROTLI_PARAM_QUALITY, static_cast<std::uint64_t>(tuning_.level));
    set(BROTLI_PARAM_LGWIN, static_cast<std::uint64_t>(tuning_.window_bits));
    set(BROTLI_PARAM_SIZE_HINT, std::min<std::uint64_t>(size, 1 << 30));
    return true;
}

void BrotliEngine::end() {
    if (state_) BrotliEncoderDestroyInstance(std::exchange(state_, nullptr));
}

Did BrotliEngine::step(Ends& ends, Flush flush) {
    constexpr BrotliEncoderOperation modes[] = {BROTLI_OPERATION_PROCESS, BROTLI_OPERATION_FLUSH,
                                                BROTLI_OPERATION_FINISH};
    auto* in = reinterpret_cast<const std::uint8_t*>(ends.in);
    auto* out = reinterpret_cast<std::uint8_t*>(ends.out);
    if (!BrotliEncoderCompressStream(state_, modes[static_cast<int>(flush)], &ends.in_left, &in, &ends.room,
                                     &out, nullptr))
        return Did::failed;
    ends.in = reinterpret_cast<const char*>(in);
    ends.out = reinterpret_cast<char*>(out);
    if (flush == Flush::finish) return BrotliEncoderIsFinished(state_) ? Did::done : Did::full;
    return ends.in_left != 0 || BrotliEncoderHasMoreOutput(state_) ? Did::full : Did::done;
}

// About what a state comes to: the window twice over, and its tables.
std::uint64_t BrotliEngine::memory() const {
    return (std::uint64_t(3) << std::min(tuning_.window_bits, 22)) + (1 << 20);
}

// ---- zstd

namespace {

// Farther back than that no level looks: what a higher one would like to hold grows to 100 MB. (RFC 9659:
// clients need not take more than 23.)
constexpr int most_window = 21;

}  // namespace

ZstdEngine::ZstdEngine(const Tuning& tuning) : context_(ZSTD_createCCtx()) {
    if (!context_) return;
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, tuning.level);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, most_window);
    // Memory is taken with the first step; it is to be counted before.
    Ends nothing;
    step(nothing, Flush::none);
}

bool ZstdEngine::begin(std::uint64_t size) {
    if (!context_ || ZSTD_isError(ZSTD_CCtx_reset(context_, ZSTD_reset_session_only))) return false;
    const int needed = size == 0 ? most_window : std::bit_width(size);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_windowLog, std::clamp(needed, 12, most_window));
    return true;
}

Did ZstdEngine::step(Ends& ends, Flush flush) {
    constexpr ZSTD_EndDirective modes[] = {ZSTD_e_continue, ZSTD_e_flush, ZSTD_e_end};
    ZSTD_inBuffer in{ends.in, ends.in_left, 0};
    ZSTD_outBuffer out{ends.out, ends.room, 0};
    const auto left = ZSTD_compressStream2(context_, &out, &in, modes[static_cast<int>(flush)]);
    if (ZSTD_isError(left)) return Did::failed;
    ends.in += in.pos;
    ends.in_left -= in.pos;
    ends.out += out.pos;
    ends.room -= out.pos;
    if (flush == Flush::none) return ends.in_left == 0 ? Did::done : Did::full;
    return left == 0 ? Did::done : Did::full;
}

std::uint64_t ZstdEngine::memory() const { return context_ ? ZSTD_sizeof_CCtx(context_) : 0; }

}  // namespace weir::modules::compression
