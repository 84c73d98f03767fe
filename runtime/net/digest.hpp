// SPDX-License-Identifier: Apache-2.0
// Message digests and unpredictable bytes, for whoever may not see OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::net {

enum class Digest : std::uint8_t { md5, sha1, sha224, sha256, sha384, sha512 };
inline constexpr std::size_t most_digest_bytes = 64;
// Writes the digest to `out` (most_digest_bytes of room); returns its length, 0 when the library
// refuses the algorithm (FIPS).
std::size_t digest(Digest kind, std::string_view bytes, unsigned char* out);
// The same by the library's name of the algorithm (sha256, blake2s256): 0 as well when it is not known.
std::size_t digest(std::string_view name, std::string_view bytes, unsigned char* out);
std::size_t hmac(std::string_view name, std::string_view key, std::string_view bytes, unsigned char* out);
bool knows_digest(std::string_view name);
void random_bytes(unsigned char* out, std::size_t count);

}  // namespace weir::net
