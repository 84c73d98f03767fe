// SPDX-License-Identifier: Apache-2.0
// Hash functions whose results are part of an interface: the choice of server by hash and the
// converters of both dialects. Not for hash tables.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::hash {

// CRC-32 of IEEE 802.3 (reflected, 0xEDB88320). `before` continues a finished sum.
std::uint32_t crc32(std::string_view bytes, std::uint32_t before = 0);
// CRC-32C (Castagnoli, reflected, 0x82F63B78).
std::uint32_t crc32c(std::string_view bytes);
std::uint32_t sdbm(std::string_view bytes);
std::uint32_t djb2(std::string_view bytes);
std::uint32_t wt6(std::string_view bytes);
std::uint32_t murmur2(std::string_view bytes);   // seed 0
std::uint32_t xxh32(std::string_view bytes, std::uint32_t seed);
std::uint64_t xxh64(std::string_view bytes, std::uint64_t seed);
std::uint64_t xxh3(std::string_view bytes, std::uint64_t seed);
// Spreads the bits of a 32-bit hash (HAProxy's "avalanche" modifier).
std::uint32_t avalanche(std::uint32_t hash);

}  // namespace weir::hash
