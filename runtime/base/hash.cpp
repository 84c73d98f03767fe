// SPDX-License-Identifier: Apache-2.0
#include "runtime/base/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <bit>
#include <cstring>

namespace weir::hash {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < 256; ++i) {
        std::uint32_t sum = i;
        for (int bit = 0; bit < 8; ++bit) sum = (sum >> 1) ^ (sum & 1 ? 0xEDB88320u : 0);
        table[i] = sum;
    }
    return table;
}
constexpr auto crc_table = make_crc_table();

template <class T>
T load(const char* from) {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

constexpr std::uint32_t p32[] = {2654435761u, 2246822519u, 3266489917u, 668265263u, 374761393u};
constexpr std::uint64_t p64[] = {11400714785074694791ull, 14029467366897019727ull,
                                 1609587929392839161ull, 9650029242287828579ull,
                                 2870177450012600261ull};

std::uint32_t round32(std::uint32_t sum, std::uint32_t lane) {
    return std::rotl(sum + lane * p32[1], 13) * p32[0];
}
std::uint64_t round64(std::uint64_t sum, std::uint64_t lane) {
    return std::rotl(sum + lane * p64[1], 31) * p64[0];
}
std::uint64_t merge64(std::uint64_t hash, std::uint64_t lane) {
    return (hash ^ round64(0, lane)) * p64[0] + p64[3];
}

}  // namespace

std::uint32_t crc32(std::string_view bytes, std::uint32_t before) {
    std::uint32_t sum = ~before;
    for (unsigned char byte : bytes) sum = crc_table[(sum ^ byte) & 0xff] ^ (sum >> 8);
    return ~sum;
}

std::uint32_t sdbm(std::string_view bytes) {
    std::uint32_t hash = 0;
    for (unsigned char byte : bytes) hash = byte + (hash << 6) + (hash << 16) - hash;
    return hash;
}

std::uint32_t djb2(std::string_view bytes) {
    std::uint32_t hash = 5381;
    for (unsigned char byte : bytes) hash = (hash << 5) + hash + byte;
    return hash;
}

std::uint32_t wt6(std::string_view bytes) {
    std::uint32_t low = 0xa53c965a, high = 0x5ca6953a;
    int turn = 6, other_turn = 18;
    for (unsigned char byte : bytes) {
        low = ~(low ^ byte);
        high = ~(high + byte);
        const std::uint32_t kept = std::rotl(high, turn);
        high = std::rotl(low, other_turn);
        low = kept;
        const std::uint32_t mixed = ((low >> 16) ^ high) & 0xffff;
        turn = static_cast<int>(mixed & 31);
        other_turn = static_cast<int>(mixed >> 11);
    }
    return low ^ high;
}

std::uint32_t avalanche(std::uint32_t hash) {
    hash = (hash + 0x7ed55d16) + (hash << 12);
    hash = (hash ^ 0xc761c23c) ^ (hash >> 19);
    hash = (hash + 0x165667b1) + (hash << 5);
    hash = (hash + 0xd3a2646c) ^ (hash << 9);
    hash = (hash + 0xfd7046c5) + (hash << 3);
    hash = (hash ^ 0xb55a4f09) ^ (hash >> 16);
    return hash * 3221225473u;
}

std::uint32_t murmur2(std::string_view bytes) {
    constexpr std::uint32_t factor = 0x5bd1e995;
    auto at = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
    auto hash = static_cast<std::uint32_t>(bytes.size());
    std::size_t i = 0;
    for (; i + 4 <= bytes.size(); i += 4) {
        std::uint32_t word = at(i) | at(i + 1) << 8 | at(i + 2) << 16 | at(i + 3) << 24;
        word *= factor;
        word ^= word >> 24;
        word *= factor;
        hash = hash * factor ^ word;
    }
    auto left = bytes.size() - i;
    if (left == 3) hash ^= at(i + 2) << 16;
    if (left >= 2) hash ^= at(i + 1) << 8;
    if (left >= 1) hash = (hash ^ at(i)) * factor;
    hash ^= hash >> 13;
    hash *= factor;
    return hash ^ hash >> 15;
}

std::uint32_t xxh32(std::string_view bytes, std::uint32_t seed) {
    const char* at = bytes.data();
    const char* end = at + bytes.size();
    std::uint32_t hash = seed + p32[4];
    if (bytes.size() >= 16) {
        std::uint32_t lanes[] = {seed + p32[0] + p32[1], seed + p32[1], seed, seed - p32[0]};
        for (; end - at >= 16; at += 16) {
            for (int i = 0; i < 4; ++i)
                lanes[i] = round32(lanes[i], load<std::uint32_t>(at + i * 4));
        }
        hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
               std::rotl(lanes[3], 18);
    }
    hash += static_cast<std::uint32_t>(bytes.size());
    for (; end - at >= 4; at += 4) {
        hash = std::rotl(hash + load<std::uint32_t>(at) * p32[2], 17) * p32[3];
    }
    for (; at < end; ++at) {
        hash = std::rotl(hash + static_cast<unsigned char>(*at) * p32[4], 11) * p32[0];
    }
    hash = (hash ^ (hash >> 15)) * p32[1];
    hash = (hash ^ (hash >> 13)) * p32[2];
    return hash ^ (hash >> 16);
}

std::uint64_t xxh64(std::string_view bytes, std::uint64_t seed) {
    const char* at = bytes.data();
    const char* end = at + bytes.size();
    std::uint64_t hash = seed + p64[4];
    if (bytes.size() >= 32) {
        std::uint64_t lanes[] = {seed + p64[0] + p64[1], seed + p64[1], seed, seed - p64[0]};
        for (; end - at >= 32; at += 32) {
            for (int i = 0; i < 4; ++i)
                lanes[i] = round64(lanes[i], load<std::uint64_t>(at + i * 8));
        }
        hash = std::rotl(lanes[0], 1) + std::rotl(lanes[1], 7) + std::rotl(lanes[2], 12) +
               std::rotl(lanes[3], 18);
        for (std::uint64_t lane : lanes) hash = merge64(hash, lane);
    }
    hash += bytes.size();
    for (; end - at >= 8; at += 8) {
        hash = std::rotl(hash ^ round64(0, load<std::uint64_t>(at)), 27) * p64[0] + p64[3];
    }
    if (end - at >= 4) {
        hash = std::rotl(hash ^ load<std::uint32_t>(at) * p64[0], 23) * p64[1] + p64[2];
        at += 4;
    }
    for (; at < end; ++at) {
        hash = std::rotl(hash ^ static_cast<unsigned char>(*at) * p64[4], 11) * p64[0];
    }
    hash = (hash ^ (hash >> 33)) * p64[1];
    hash = (hash ^ (hash >> 29)) * p64[2];
    return hash ^ (hash >> 32);
}

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = [] {
        std::array<std::uint32_t, 256> made{};
        for (std::uint32_t i = 0; i < 256; ++i) {
            made[i] = i;
            for (int bit = 0; bit < 8; ++bit)
                made[i] = made[i] >> 1 ^ ((made[i] & 1) != 0 ? 0x82F63B78U : 0);
        }
        return made;
    }();
    std::uint32_t sum = 0xffffffff;
    for (unsigned char byte : bytes) sum = sum >> 8 ^ table[(sum ^ byte) & 0xff];
    return ~sum;
}

std::uint64_t xxh3(std::string_view bytes, std::uint64_t seed) {
    return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace weir::hash
