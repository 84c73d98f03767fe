// SPDX-License-Identifier: Apache-2.0
// Bytes as nghttp2 has them, as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::http {

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace weir::http
