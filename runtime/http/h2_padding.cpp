// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h2_padding.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <memory>

namespace weir::http {

namespace {

constexpr std::size_t frame_head = 9;
// The largest head that is looked at, and in how many frames; what is larger is refused by nghttp2 or is an
// attack.
constexpr std::size_t most_looked_at = 16384, most_frames = 64;

std::uint32_t byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

std::size_t length_of(std::string_view frame) {
    return byte_at(frame, 0) << 16 | byte_at(frame, 1) << 8 | byte_at(frame, 2);
}

// RFC 7541 section 5.1; false: it does not end here, or is larger than any length.
bool read_integer(std::string_view& text, unsigned prefix, std::size_t& value) {
    if (text.empty()) return false;
    const std::uint32_t most = (1u << prefix) - 1;
    value = byte_at(text, 0) & most;
    text.remove_prefix(1);
    if (value < most) return true;
    for (unsigned shift = 0; shift < 21; shift += 7) {
        if (text.empty()) return false;
        auto byte = byte_at(text, 0);
        text.remove_prefix(1);
        value += static_cast<std::size_t>(byte & 127) << shift;
        if (byte < 128) return true;
    }
    return false;
}

void write_integer(std::string& out, unsigned char first, unsigned prefix, std::size_t value) {
    const std::size_t most = (1u << prefix) - 1;
    if (value < most) {
        out += static_cast<char>(first | value);
        return;
    }
    out += static_cast<char>(first | most);
    for (value -= most; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
    out += static_cast<char>(value);
}

struct Free {
    void operator()(nghttp2_hd_inflater* inflater) const { nghttp2_hd_inflate_del(inflater); }
};

// Bits of the code of each byte (RFC 7541 appendix B).
constexpr std::uint8_t code_bits[256] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7,
    7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26};

// Whether the text is Huffman code that ends with its last bit, without padding. The library decodes it, as
// the value of a field that is in no table.
bool fills_its_bytes(std::string_view text) {
    static thread_local std::unique_ptr<nghttp2_hd_inflater, Free> inflater;
    if (!inflater) {
        nghttp2_hd_inflater* made = nullptr;
        if (nghttp2_hd_inflate_new(&made) != 0) return false;
        inflater.reset(made);
    }
    std::string field("\x10\x01x", 3);
    write_integer(field, 0x80, 7, text.size());
    field += text;
    const auto* at = reinterpret_cast<const std::uint8_t*>(field.data());
    std::size_t left = field.size();
    std::size_t bits = 0;
    for (;;) {
        nghttp2_nv found;
        int flags = 0;
        auto used = nghttp2_hd_inflate_hd2(inflater.get(), &found, &flags, at, left, 1);
        if (used < 0) {
            inflater.reset();   // it is of no use after an error
            return false;
        }
        at += used;
        left -= static_cast<std::size_t>(used);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            for (std::size_t i = 0; i < found.valuelen; ++i) bits += code_bits[found.value[i]];
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(inflater.get());
    return bits == text.size() * 8;
}

// One text of a field, as it is or without the byte too many. More than these eight bits stay an error, and
// eight where fewer would have filled the byte.
bool copy_text(std::string_view& block, std::string& out, bool& changed) {
    if (block.empty()) return false;
    const bool coded = byte_at(block, 0) & 0x80;
    std::size_t size = 0;
    auto start = block;
    if (!read_integer(block, 7, size) || size > block.size()) return false;
    auto text = block.substr(0, size);
    block.remove_prefix(size);
    if (coded && text.ends_with('\xff') && fills_its_bytes(text.substr(0, size - 1))) {
        changed = true;
        write_integer(out, 0x80, 7, size - 1);
        out += text.substr(0, size - 1);
    } else {
        out += start.substr(0, start.size() - block.size());
    }
    return true;
}

// The fields of a head (RFC 7541 section 6). False: it is none that can be read.
bool copy_block(std::string_view block, std::string& out, bool& changed) {
    while (!block.empty()) {
        auto start = block;
        auto first = byte_at(block, 0);
        unsigned prefix = first & 0x80 ? 7 : first & 0x40 ? 6 : first & 0x20 ? 5 : 4;
        std::size_t index = 0;
        if (!read_integer(block, prefix, index)) return false;
        out += start.substr(0, start.size() - block.size());
        if ((first & 0x80) || (first & 0xe0) == 0x20) continue;
        if (index == 0 && !copy_text(block, out, changed)) return false;
        if (!copy_text(block, out, changed)) return false;
    }
    return true;
}

// The frames of a head that begin here: HEADERS and the CONTINUATIONs behind it.
struct Head {
    enum class State : std::uint8_t { none, begun, whole } state = State::none;   // none: not looked at
    std::size_t size = 0;
};

Head head_at(std::string_view frames) {
    using State = Head::State;
    std::size_t at = 0, blocks = 0;
    for (std::size_t count = 0; count < most_frames; ++count) {
        auto frame = frames.substr(at);
        if (frame.size() < frame_head) return {State::begun};
        auto length = length_of(frame);
        blocks += length;
        bool fits = frame[3] == (count == 0 ? NGHTTP2_HEADERS : NGHTTP2_CONTINUATION) && blocks <= most_looked_at &&
                    frame.substr(5, 4) == frames.substr(5, 4);
        if (!fits) return {};
        if (frame.size() < frame_head + length) return {State::begun};
        at += frame_head + length;
        if (frame[4] & NGHTTP2_FLAG_END_HEADERS) return {State::whole, at};
    }
    return {};
}

}  // namespace

void H2Padding::next(std::string_view bytes) {
    rest_ = bytes;
    if (held_.empty()) return;
    joined_ = std::move(held_);
    held_.clear();
    joined_ += bytes;
    rest_ = joined_;
}

bool H2Padding::take(std::string_view& part) {
    if (rest_.empty()) return false;
    // Frames that are none of ours go on together with what is before them.
    std::size_t size = 0;
    while (size < rest_.size()) {
        if (skip_ != 0) {
            auto here = std::min<std::size_t>(skip_, rest_.size() - size);
            skip_ -= static_cast<std::uint32_t>(here);
            size += here;
            continue;
        }
        auto frame = rest_.substr(size);
        if (frame.size() < frame_head) {
            // Nine bytes that come one by one are not worth a copy unless a head may follow.
            if (size != 0) break;
            held_ = frame;
            rest_ = {};
            return false;
        }
        auto head = head_at(frame);
        if (head.state == Head::State::none) {
            skip_ = static_cast<std::uint32_t>(frame_head + length_of(frame));
            continue;
        }
        if (size != 0) break;   // what is before it first
        if (head.state == Head::State::begun) {
            held_ = frame;
            rest_ = {};
            return false;
        }
        if (mend(frame.substr(0, head.size))) {
            rest_.remove_prefix(head.size);
            part = mended_;
            return true;
        }
        size = head.size;
    }
    part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
}

// True: `mended_` is to be read in its place, a head in one frame.
bool H2Padding::mend(std::string_view frames) {
    // Most heads have nothing that looks like it.
    if (frames.find('\xff', frame_head) == std::string_view::npos) return false;
    auto first = frames.substr(frame_head, length_of(frames));
    std::size_t before = 0, behind = 0;
    if (frames[4] & NGHTTP2_FLAG_PADDED) {
        if (first.empty()) return false;
        behind = byte_at(first, 0);
        before = 1;
    }
    if (frames[4] & NGHTTP2_FLAG_PRIORITY) before += 5;
    if (before + behind > first.size()) return false;
    mended_.assign(frames.substr(0, frame_head + before));
    auto block = first.substr(before, first.size() - before - behind);
    if (auto rest = frames.substr(frame_head + first.size()); !rest.empty()) {
        block_ = block;
        for (; !rest.empty(); rest.remove_prefix(frame_head + length_of(rest)))
            block_ += rest.substr(frame_head, length_of(rest));
        block = block_;
    }
    bool changed = false;
    if (!copy_block(block, mended_, changed) || !changed) return false;
    mended_ += first.substr(first.size() - behind);
    auto length = mended_.size() - frame_head;
    mended_[0] = static_cast<char>(length >> 16);
    mended_[1] = static_cast<char>(length >> 8);
    mended_[2] = static_cast<char>(length);
    mended_[4] = static_cast<char>(mended_[4] | NGHTTP2_FLAG_END_HEADERS);
    return true;
}

}  // namespace weir::http
