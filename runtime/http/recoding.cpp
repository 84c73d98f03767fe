// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/recoding.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "runtime/http/message.hpp"

namespace weir::http {

namespace {

constexpr std::string_view utf8 = "utf-8";

unsigned char code(char byte) { return static_cast<unsigned char>(byte); }

// Bytes of the letter that begins with this one; 0: none does.
std::size_t letter_size(char first) {
    auto byte = code(first);
    if (byte < 0x80) return 1;
    if (byte < 0xc2) return 0;
    return byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf5 ? 4 : 0;
}

// How much of the text is a letter, so far as it goes; 0: it is none.
std::size_t letter_in(std::string_view text) {
    auto size = letter_size(text.front());
    for (std::size_t at = 1; at < std::min(size, text.size()); ++at)
        if ((code(text[at]) & 0xc0) != 0x80) return 0;
    return size;
}

std::uint32_t number_of(std::string_view letter) {
    auto first = code(letter[0]);
    std::uint32_t number = letter.size() == 2 ? first & 0x1fU : letter.size() == 3 ? first & 0x0fU : first & 0x07U;
    for (char byte : letter.substr(1)) number = number << 6 | (code(byte) & 0x3fU);
    return number;
}

}  // namespace

Recoding::Recoding(const ir::CharsetMap& map, bool backwards)
    : from_(backwards ? map.to : map.from), to_(backwards ? map.from : map.to) {
    if (equal_ignoring_case(map.to, utf8)) kind_ = backwards ? Kind::from_utf8 : Kind::to_utf8;
    for (unsigned byte = 0; byte < 256; ++byte) {
        bytes_[byte] = byte < 0x80 ? static_cast<char>(byte) : '?';
        letters_[byte] = bytes_[byte];
    }
    for (const auto& [byte, letter] : map.pairs) {
        if (kind_ == Kind::bytes && backwards) {
            bytes_[code(letter[0])] = static_cast<char>(byte);
        } else {
            letters_[byte] = letter;
            bytes_[byte] = letter[0];
        }
    }
    if (kind_ != Kind::from_utf8) return;
    for (const auto& [byte, letter] : map.pairs) known_[letters_[byte]] = static_cast<char>(byte);
}

// What has no counterpart becomes a reference by number, as HTML knows it.
char* Recoding::from_letter(std::string_view letter, char* out) const {
    if (auto found = known_.find(letter); found != known_.end()) {
        *out++ = found->second;
        return out;
    }
    if (letter.size() == 1) {
        *out++ = letter[0];
        return out;
    }
    *out++ = '&';
    *out++ = '#';
    out = std::to_chars(out, out + 8, number_of(letter)).ptr;
    *out++ = ';';
    return out;
}

std::size_t Recoding::convert(std::string_view text, char* out, State& state, bool last) const {
    char* at = out;
    if (kind_ == Kind::bytes) {
        for (char byte : text) *at++ = bytes_[code(byte)];
        return text.size();
    }
    if (kind_ == Kind::to_utf8) {
        for (char byte : text) {
            const auto& letter = letters_[code(byte)];
            at = std::copy(letter.begin(), letter.end(), at);
        }
        return static_cast<std::size_t>(at - out);
    }
    // The letter under way, with as much as it lacks.
    while (state.count != 0 && !text.empty()) {
        state.held[state.count++] = text.front();
        auto size = letter_in({state.held, state.count});
        if (size == 0) {
            --state.count;   // what came is not of it
            break;
        }
        text.remove_prefix(1);
        if (size > state.count) continue;
        at = from_letter({state.held, size}, at);
        state.count = 0;
    }
    if (state.count != 0 && (last || !text.empty())) {
        *at++ = '?';
        state.count = 0;
    }
    while (!text.empty()) {
        auto size = letter_in(text);
        if (size > text.size() && !last) {
            std::memcpy(state.held, text.data(), text.size());
            state.count = static_cast<std::uint8_t>(text.size());
            break;
        }
        if (size == 0 || size > text.size()) {
            *at++ = '?';
            text.remove_prefix(1);
            continue;
        }
        at = from_letter(text.substr(0, size), at);
        text.remove_prefix(size);
    }
    return static_cast<std::size_t>(at - out);
}

void RecodingBody::convert(Piece& piece) {
    if (piece.state != BodyState::ok || piece.between_parts) return;
    auto most = recoding_.most(piece.bytes.size());
    if (out_.capacity() < most) out_.release();
    out_.acquire(most);
    out_.clear();
    auto size = recoding_.convert(piece.bytes, out_.room(), state_, piece.last);
    piece.bytes = {out_.room(), size};
}

}  // namespace weir::http
