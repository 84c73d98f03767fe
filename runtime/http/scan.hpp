// SPDX-License-Identifier: Apache-2.0
// Scanning of HTTP/1 text: classes of bytes, and the search for the next control byte, sixteen
// bytes at a time where the machine has SSE2 (every x86-64), which is where a long value spends its
// time.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace weir::http {

// Classes of a byte, as bits. A byte of a field name without any of these ends the name.
enum ByteClass : std::uint8_t {
    byte_plain = 1,       // letter, digit or '-': what every program takes in a name
    byte_underscore = 2,  // '_': a token byte that nginx takes on request only
    byte_token = 4,       // any other token byte (RFC 9110 section 5.6.2)
    byte_odd = 8,         // a separator other than the colon, or a byte over 0x7f
    byte_authority = 16,  // may stand in a host name (RFC 3986 reg-name without ',')
    byte_digit = 32,
    byte_hex = 64,
};
constexpr std::uint8_t byte_any_name = byte_plain | byte_underscore | byte_token | byte_odd;
constexpr std::uint8_t byte_any_token = byte_plain | byte_underscore | byte_token;

constexpr std::array<std::uint8_t, 256> make_byte_classes() {
    std::array<std::uint8_t, 256> table{};
    auto mark = [&](std::string_view bytes, unsigned bits) {
        for (unsigned char byte : bytes)
            table[byte] = static_cast<std::uint8_t>(table[byte] | bits);
    };
    mark("0123456789", byte_plain | byte_authority | byte_digit | byte_hex);
    mark("abcdefABCDEF", byte_plain | byte_authority | byte_hex);
    mark("ghijklmnopqrstuvwxyzGHIJKLMNOPQRSTUVWXYZ", byte_plain | byte_authority);
    mark("-", byte_plain | byte_authority);
    mark("_", byte_underscore | byte_authority);
    mark("!#$%&'*+.^`|~", byte_token);
    mark("\"(),/;<=>?@[\\]{}", byte_odd);
    mark(".~%!$&'()*+;=", byte_authority);
    for (unsigned byte = 0x80; byte < 0x100; ++byte) table[byte] = byte_odd;
    return table;
}
inline constexpr std::array<std::uint8_t, 256> byte_classes = make_byte_classes();

constexpr std::uint8_t class_of(char byte) {
    return byte_classes[static_cast<unsigned char>(byte)];
}

constexpr bool is_control(char byte) {
    auto value = static_cast<unsigned char>(byte);
    return (value < 0x20 && value != '\t') || value == 0x7f;
}

// The first control byte other than HTAB in [at, end), else end.
inline const char* find_control(const char* at, const char* end) {
#ifdef __SSE2__
    const __m128i last_control = _mm_set1_epi8(0x1f), tab = _mm_set1_epi8('\t');
    const __m128i rubout = _mm_set1_epi8(0x7f);
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        __m128i found = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(bytes, tab), low),
                                     _mm_cmpeq_epi8(bytes, rubout));
        auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (mask) return at + std::countr_zero(mask);
        at += 16;
    }
#endif
    while (at < end && !is_control(*at)) ++at;
    return at;
}

// The first byte in [at, end) that may not stand in a request target (control, space), else end.
inline const char* find_target_end(const char* at, const char* end) {
#ifdef __SSE2__
    const __m128i space = _mm_set1_epi8(0x20), rubout = _mm_set1_epi8(0x7f);
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        __m128i found = _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(bytes, space), bytes),
                                     _mm_cmpeq_epi8(bytes, rubout));
        auto mask = static_cast<unsigned>(_mm_movemask_epi8(found));
        if (mask) return at + std::countr_zero(mask);
        at += 16;
    }
#endif
    while (at<end&& static_cast<unsigned char>(*at)> 0x20 && *at != 0x7f) ++at;
    return at;
}

}  // namespace weir::http
