// SPDX-License-Identifier: Apache-2.0
// What one body's encoder or decoder is made of, and the pool that keeps them.
#include "modules/compression/codec.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "modules/compression/engines.hpp"

namespace weir::modules::compression {

namespace {

constexpr std::size_t block_size = 32768;
// Of a worker, where the configuration sets no other bound; and what may lie idle of it.
constexpr std::uint64_t most_memory = std::uint64_t(256) << 20;
constexpr std::uint64_t most_at_rest = std::uint64_t(32) << 20;

// Others than zlib know one window and one size of tables.
bool is_usual(const Tuning& tuning) { return tuning.window_bits == 15 && tuning.memory_level == 8; }

}  // namespace

std::string_view token_of(Coding coding) {
    switch (coding) {
        case Coding::identity: return "identity";
        case Coding::gzip: return "gzip";
        case Coding::deflate:
        case Coding::raw_deflate: return "deflate";
        case Coding::brotli: return "br";
        case Coding::zstd: return "zstd";
    }
    return {};
}

class Encoder {
public:
    explicit Encoder(const Tuning& how) : tuning(how) {
        switch (how.coding) {
            case Coding::brotli: engine_.emplace<BrotliEngine>(how); break;
            case Coding::zstd: engine_.emplace<ZstdEngine>(how); break;
            case Coding::identity: break;
            case Coding::gzip:
            case Coding::deflate:
            case Coding::raw_deflate:
                if (is_usual(how)) engine_.emplace<WholeEngine>(how);
                else engine_.emplace<ZlibEngine>(how);
        }
        count();
    }
    bool begin(std::uint64_t size, Remember remember) {
        ends_ = {};
        if (auto* whole = std::get_if<WholeEngine>(&engine_)) whole->remember(remember == Remember::yes);
        const bool begun = with([&](auto& engine) { return engine.begin(size); }, true);
        count();
        return begun;
    }
    void end() {
        with(
            [](auto& engine) {
                if constexpr (requires { engine.end(); }) engine.end();
                return true;
            },
            true);
        count();
    }
    Made run(std::string_view bytes, Flush flush) {
        Made made;
        if (std::holds_alternative<std::monostate>(engine_)) {
            made.bytes = bytes;
            return made;
        }
        if (!bytes.empty()) {
            ends_.in = bytes.data();
            ends_.in_left = bytes.size();
        }
        ends_.out = block_;
        ends_.room = block_size;
        auto did = Did::done;
        do did = with([&](auto& engine) { return engine.step(ends_, flush); }, Did::done);
        while (did == Did::full && ends_.room != 0);
        made.failed = did == Did::failed;
        made.more = did == Did::full;
        made.bytes = {block_, block_size - ends_.room};
        if (std::holds_alternative<WholeEngine>(engine_)) count();   // it may have grown
        return made;
    }

    const Tuning tuning;
    std::uint64_t memory = 0;   // that it counts for

private:
    template <class Do, class Result>
    Result with(Do act, Result otherwise) {
        return std::visit(
            [&]<class Engine>(Engine& engine) -> Result {
                if constexpr (std::is_same_v<Engine, std::monostate>) return otherwise;
                else return act(engine);
            },
            engine_);
    }
    void count() {
        memory = sizeof(Encoder) + with([](auto& engine) { return engine.memory(); }, std::uint64_t(0));
    }

    std::variant<std::monostate, ZlibEngine, WholeEngine, BrotliEngine, ZstdEngine> engine_;
    Ends ends_;
    char block_[block_size];
};

class Decoder {
public:
    Decoder() { sound_ = inflateInit2(&stream_, 15 + 16) == Z_OK; }
    ~Decoder() { inflateEnd(&stream_); }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;

    bool begin() {
        ended_ = false;
        stream_.avail_in = 0;
        return sound_ && inflateReset(&stream_) == Z_OK;
    }
    Made run(std::string_view bytes, bool last) {
        Made made;
        if (!bytes.empty()) {
            stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
            stream_.avail_in = static_cast<uInt>(bytes.size());
        }
        stream_.next_out = reinterpret_cast<Bytef*>(block_);
        stream_.avail_out = block_size;
        while (!made.failed && stream_.avail_out != 0) {
            if (ended_ && stream_.avail_in == 0) break;
            if (std::exchange(ended_, false)) inflateReset(&stream_);   // another member
            const int result = inflate(&stream_, Z_NO_FLUSH);
            ended_ = result == Z_STREAM_END;
            if (result == Z_BUF_ERROR || (result == Z_OK && stream_.avail_in == 0 && stream_.avail_out != 0)) break;
            made.failed = result != Z_OK && result != Z_STREAM_END;
        }
        made.bytes = {block_, block_size - stream_.avail_out};
        made.more = stream_.avail_out == 0;
        // What ends within a member was cut off.
        if (last && !made.more && !ended_) made.failed = true;
        return made;
    }
    static constexpr std::uint64_t memory = 32768 + 7168 + block_size;

private:
    z_stream stream_{};
    bool sound_ = false, ended_ = false;
    char block_[block_size];
};

namespace {

// Of this worker (a process has one thread that carries traffic).
struct Pool {
    std::vector<std::unique_ptr<Encoder>> encoders;   // at rest
    std::vector<std::unique_ptr<Decoder>> decoders;
    std::uint64_t used = 0;      // of all
    std::uint64_t at_rest = 0;
    // Those at rest make room for what is needed. False: there is not enough.
    bool make_room(std::uint64_t bytes, std::uint64_t most) {
        if (most == 0) most = most_memory;
        while (used + bytes > most && !encoders.empty()) {
            used -= encoders.front()->memory;
            at_rest -= encoders.front()->memory;
            encoders.erase(encoders.begin());
        }
        return used + bytes <= most;
    }
};

Pool& pool() {
    static thread_local Pool own;
    return own;
}

}  // namespace

Encoder* take_encoder(const Tuning& tuning, std::uint64_t size, std::uint64_t most, Remember remember) {
    auto& own = pool();
    auto fits = [&](const auto& one) { return one->tuning == tuning; };
    auto found = std::find_if(own.encoders.rbegin(), own.encoders.rend(), fits);
    std::unique_ptr<Encoder> encoder;
    if (found != own.encoders.rend()) {
        encoder = std::move(*found);
        own.encoders.erase(std::next(found).base());
        own.at_rest -= encoder->memory;
    } else {
        encoder = std::make_unique<Encoder>(tuning);
        own.used += encoder->memory;
    }
    const auto before = encoder->memory;
    const bool begun = encoder->begin(size, remember);
    own.used += encoder->memory - before;
    if (begun && own.make_room(0, most)) return encoder.release();
    own.used -= encoder->memory;
    return nullptr;
}

void give_back(Encoder* encoder) {
    if (!encoder) return;
    auto& own = pool();
    own.used -= encoder->memory;
    encoder->end();
    std::unique_ptr<Encoder> done(encoder);
    if (own.at_rest + done->memory > most_at_rest) return;
    own.used += done->memory;
    own.at_rest += done->memory;
    own.encoders.push_back(std::move(done));
}

Decoder* take_decoder(std::uint64_t most) {
    auto& own = pool();
    std::unique_ptr<Decoder> decoder;
    if (!own.decoders.empty()) {
        decoder = std::move(own.decoders.back());
        own.decoders.pop_back();
        own.at_rest -= Decoder::memory;
    } else {
        if (!own.make_room(Decoder::memory, most)) return nullptr;
        decoder = std::make_unique<Decoder>();
        own.used += Decoder::memory;
    }
    if (decoder->begin()) return decoder.release();
    own.used -= Decoder::memory;
    return nullptr;
}

void give_back(Decoder* decoder) {
    if (!decoder) return;
    auto& own = pool();
    std::unique_ptr<Decoder> done(decoder);
    own.used -= Decoder::memory;
    if (own.at_rest + Decoder::memory > most_at_rest) return;
    own.used += Decoder::memory;
    own.at_rest += Decoder::memory;
    own.decoders.push_back(std::move(done));
}

Made run(Encoder& encoder, std::string_view bytes, Flush flush) {
    const auto before = encoder.memory;
    auto made = encoder.run(bytes, flush);
    pool().used += encoder.memory - before;
    return made;
}
Made run(Decoder& decoder, std::string_view bytes, bool last) { return decoder.run(bytes, last); }

std::uint64_t memory_in_use() { return pool().used; }

}  // namespace weir::modules::compression
