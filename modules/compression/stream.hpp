// SPDX-License-Identifier: Apache-2.0
// The state of a body that is compressed, as filters keep it in the arena.
#pragma once

#include "modules/compression/accept.hpp"
#include "modules/compression/codec.hpp"
#include "runtime/filter/filter.hpp"

namespace weir::modules::compression {

struct Stream : filter::State {
    Encoder* encoder = nullptr;   // null: nothing is compressed (identity)
};

// Of the compressors, in this process.
inline std::uint64_t memory_bound(const route::Subject& subject) {
    const auto* config = subject.around->config;
    const auto all = config ? config->process.compression.memory : 0;
    return all / std::max(1u, subject.around->workers);
}

// A stream with its encoder; null when memory is short. Given back by end().
inline Stream* begin(route::Subject& subject, const Tuning& tuning, std::uint64_t size,
                     Remember remember = Remember::no) {
    auto* encoder = take_encoder(tuning, size, memory_bound(subject), remember);
    if (!encoder) return nullptr;
    auto* stream = subject.arena->make<Stream>();
    stream->encoder = encoder;
    return stream;
}

// Nobody is to keep what is not to be stored (RFC 9111 section 5.2.2.5).
inline Remember may_remember(const http::ResponseHead& reply) {
    return lists_word(reply.fields, http::FieldId::cache_control, "no-store") ? Remember::no : Remember::yes;
}

inline void end(filter::State* state) {
    if (state) give_back(std::exchange(static_cast<Stream*>(state)->encoder, nullptr));
}

// What goes on in place of the piece.
inline void pass(filter::State* state, filter::Passing& piece) {
    auto& stream = *static_cast<Stream*>(state);
    if (!stream.encoder) return;
    auto made = run(*stream.encoder, piece.bytes,
                    piece.last ? Flush::finish : piece.flush ? Flush::sync : Flush::none);
    piece.bytes = made.bytes;
    piece.more = made.more;
    piece.failed = made.failed;
}

// The body has no length and not the same bytes any more.
inline void change_head(route::Subject& subject, http::ResponseHead& reply) {
    reply.fields.remove(http::FieldId::content_length);
    const auto* tag = reply.fields.find(http::FieldId::etag);
    if (tag && !tag->value.starts_with("W/"))
        reply.fields.set(*subject.arena, tag->name, subject.arena->join({"W/", tag->value}));
}

}  // namespace weir::modules::compression
