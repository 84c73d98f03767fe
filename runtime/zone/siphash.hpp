// SPDX-License-Identifier: Apache-2.0
// SipHash-1-3, the keyed hash of everything in shared memory that strangers can choose names for
// (J.-P. Aumasson, D. J. Bernstein, 2012). The key is drawn once per start.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace weir::zone {

struct HashKey {
    std::uint64_t low = 0, high = 0;
};

inline std::uint64_t siphash(HashKey key, std::string_view bytes) {
    std::uint64_t a = key.low ^ 0x736f6d6570736575, b = key.high ^ 0x646f72616e646f6d;
    std::uint64_t c = key.low ^ 0x6c7967656e657261, d = key.high ^ 0x7465646279746573;
    auto round = [&] {
        a += b, b = std::rotl(b, 13) ^ a, a = std::rotl(a, 32);
        c += d, d = std::rotl(d, 16) ^ c;
        a += d, d = std::rotl(d, 21) ^ a;
        c += b, b = std::rotl(b, 17) ^ c, c = std::rotl(c, 32);
    };
    std::uint64_t word = 0;
    const std::uint64_t length = bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
        std::memcpy(&word, bytes.data(), 8);
        d ^= word;
        round();
        a ^= word;
    }
    word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    word |= length << 56;
    d ^= word;
    round();
    a ^= word;
    c ^= 0xff;
    round(), round(), round();
    return a ^ b ^ c ^ d;
}

}  // namespace weir::zone
